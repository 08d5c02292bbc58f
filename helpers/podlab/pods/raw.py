"""
The one type of API objects: ``raw`` means as the API returns them, or as a manifest writes them.

Keys and values are those of the Kubernetes API reference; podlab adds none and converts none (times stay RFC 3339
text, quantities stay as written). The same name serves parts of an object, such as one container or one status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RawObject = dict[str, Any]
RawView = Mapping[str, Any]  # for functions that promise only to read
