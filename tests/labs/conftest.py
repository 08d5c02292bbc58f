"""The pages of the labs on the session's cluster, and what `tests/notebooks` knows of pages."""

from __future__ import annotations

import sys
from pathlib import Path

from clusters import cluster  # noqa: F401  (a fixture)

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))
