"""
Reads the text of an answer cell. Nothing of it is ever run as Python, or opened as a file.

Manifests are read by ``podlab.manifests`` (bounded in bytes, depth and aliases). Choices are lines
``name: value``; ``->``, ``=`` and a YAML map or list are understood too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from podlab import manifests
from podlab.checks import Answer
from podlab.errors import ManifestError

MAX_BYTES = 64 * 1024
_ASIDE = re.compile(r"^[ \t]*#[ \t]*([A-Za-z][\w .-]*?)[ \t]*(?::|=|->)[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_PAIR = re.compile(r"^\s*(?:[-*]\s+)?(.+?)\s*(?:->|→|=>|=|:)\s*(.*?)\s*$")
_ITEM = re.compile(r"^\s*(?:[-*]|\d+[.)])\s+")


def empty(text: str) -> bool:
    """Return whether nothing stands in the cell but comments and blanks."""
    return not bare(text).strip()


def bare(text: str) -> str:
    """Return *text* without comments and empty lines."""
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip())


def manifest(text: str, asks: Iterable[str] = ()) -> Answer:
    """
    Return the answer of a manifest cell; *asks* names the choices that stand in its comments.

    Raises:
        ManifestError: Names the line and the field of each fault.
    """
    too_large(text)
    # a text without a line break could be taken for the name of a file
    loaded = manifests.load(text + "\n", source="answer")
    wanted = {name.lower() for name in asks}
    beside = {name: value for name, value in _ASIDE.findall(text) if name.strip().lower() in wanted}
    return Answer(text, loaded, beside)


def choices(text: str) -> Answer:
    """
    Return the answer of a prediction or a choice.

    Raises:
        ManifestError: The text is too large.
    """
    too_large(text)
    body = bare(text)
    return Answer(body, (), dict(_structured(body) or _lines(body)))


def too_large(text: str) -> None:
    """Refuse a text that no answer needs."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise ManifestError(
            f"the answer has {size} bytes, at most {MAX_BYTES} are read",
            hint="keep only the answer in the cell",
        )


def _structured(text: str) -> dict[str, str] | None:
    """A YAML map (nested or not) as dotted names; None where it is not one."""
    try:
        loaded, _ = manifests.document(text + "\n", source="answer")
    except ManifestError:
        return None
    return dict(_flat("", loaded)) if isinstance(loaded, Mapping | list) else None


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            pair = _PAIR.match(item) if isinstance(item, str) and not prefix else None
            if pair:
                yield pair[1], pair[2]
            elif isinstance(item, Mapping) and len(item) == 1:
                yield from _flat(prefix, item)
            else:
                yield from _flat(f"{prefix}.{number}" if prefix else str(number), item)
    elif value is not None:
        yield (
            prefix,
            {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value),
        )


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        match = _PAIR.match(line)
        if match:
            yield match[1], match[2]
        elif _ITEM.match(line):
            yield str(number), _ITEM.sub("", line).strip()
        else:
            yield str(number), line.strip()
