"""Names of images: whether one is a name at all, with the texts of the parser that every container tool uses."""

from __future__ import annotations

import re

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_NAME = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


def fault(name: str) -> str | None:
    """Return why *name* is not an image name; None for a valid one."""
    domain, slash, rest = name.partition("/")
    own_domain = slash and (
        "." in domain or ":" in domain or domain == "localhost" or domain != domain.lower()
    )
    remote = re.split(r"[:@]", rest if own_domain else name)[0]
    if remote != remote.lower():
        return f"invalid reference format: repository name ({remote}) must be lowercase"
    if not _NAME.fullmatch(name):
        return "invalid reference format"
    return None
