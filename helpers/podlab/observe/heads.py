"""
Reads the three words of a WatchEvent that a recorder needs (type, uid, resourceVersion) without decoding it.

An API server writes ``{"type":…,"object":{"kind":…,"apiVersion":…,"metadata":{"name":…,"uid":…,"resourceVersion":…``
in this order, so one anchored pattern finds them; whatever looks otherwise is decoded in full. A line that was cut
off has more opening than closing braces. Braces inside of strings would spoil that count, so lines that hold any
(an annotation with JSON in it) are decoded too.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_HEAD = re.compile(
    rb'\{"type":"(ADDED|MODIFIED|DELETED)","object":\{(?:"kind":"\w+","apiVersion":"[\w./]+",)?'
    rb'"metadata":\{[^{}\[\]\\]*?"uid":"([^"\\]+)","resourceVersion":"([0-9]+)"'
)


class Head(NamedTuple):
    """The head of one line of a watch; ``uid`` is empty for BOOKMARK and ERROR."""

    type: str
    uid: bytes
    version: int
    status: dict[str, Any] | None = None  # of an ERROR


_FLESH = bytes(byte for byte in range(256) if byte not in b'"\\{}')
_WORDS = {b"ADDED": "ADDED", b"MODIFIED": "MODIFIED", b"DELETED": "DELETED"}


def read_head(line: bytes) -> Head | None:
    """Return the head of a watch line; None for a line that is not whole or no WatchEvent."""
    match = _HEAD.match(line)
    if match and _is_whole(line):
        word, uid, version = match.groups()
        return Head(_WORDS[word], uid, int(version))
    return _decoded(line)


def _is_whole(line: bytes) -> bool:
    """
    Return whether *line*, known to begin as a JSON object, also ends as one; False where that is not certain.

    Of the line only quotes, backslashes and braces are kept, and each "" is a string without braces. If a quote or
    backslash is left, some string holds a brace or an escape.
    """
    bones = line.translate(None, _FLESH).replace(b'""', b"")
    return b'"' not in bones and b"\\" not in bones and bones.count(b"{") * 2 == len(bones)


def _decoded(line: bytes) -> Head | None:
    try:
        event = json.loads(line)
        word, body = event["type"], event["object"]
        if word == "ERROR":
            return Head(word, b"", 0, dict(body))
        metadata = body["metadata"]
        version = int(metadata["resourceVersion"])
        return Head(str(word), str(metadata.get("uid", "")).encode(), version)
    except (ValueError, KeyError, TypeError):
        return None
