"""
The notation of orders: ``fetch | proxy | (shop shipper)``.

A bar means that the right side starts only after the left side has ended (a regular init container) or started (a
sidecar). Brackets hold containers among which no order is promised. Blanks and commas separate names; an arrow
(``->``) is a bar, and capitals do not count.

Predictions of the course, checks of exercises and timelines all read and write orders by this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from podlab.errors import PodlabError

EXAMPLE = "write it like  fetch | proxy | (shop shipper)"
ARROW = re.compile(r"->|=>|→")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
Steps = tuple[tuple[str, ...], ...]


class OrderError(PodlabError):
    """A text that cannot be read as an order; the summary names the part."""


def parse(text: str) -> Steps:
    """
    Return the steps of *text*, each the names that start in it, as they were written.

    Raises:
        OrderError: A step is empty, brackets do not match or are missing, a name is invalid or comes twice.
    """
    steps: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for part in ARROW.sub("|", text.lower()).split("|"):
        step = _step(part.strip())
        for name in step:
            if name in seen:
                raise OrderError(f"{name} appears twice", hint="name each container once: its first start")
            seen.add(name)
        steps.append(step)
    return tuple(steps)


def _step(part: str) -> tuple[str, ...]:
    bracketed = part.startswith("(") and part.endswith(")")
    names = (part[1:-1] if bracketed else part).replace(",", " ").split()
    if not names:
        raise OrderError("a name is missing beside a bar", hint=EXAMPLE)
    if re.search(r"[()]", "".join(names)):
        raise OrderError(f"brackets do not match in {part!r}", hint=EXAMPLE)
    if len(names) > 1 and not bracketed:
        wrong = " ".join(names)
        hint = f"write ({wrong}) if no order is promised, or put bars"
        raise OrderError(f"{wrong!r} has neither bars nor brackets", hint=hint)
    for name in names:
        if not _NAME.fullmatch(name):
            raise OrderError(
                f"{name!r} is not a valid name for a container",
                hint="names have lower-case letters, digits and -",
            )
    return tuple(names)


def show(steps: Iterable[Iterable[str]]) -> str:
    """Return *steps* in the notation, the names of a step in the order given."""
    listed = [tuple(step) for step in steps]
    return " | ".join(f"({' '.join(step)})" if len(step) > 1 else step[0] for step in listed)


def pairs(steps: Iterable[Iterable[str]]) -> list[tuple[str, str]]:
    """Return every claim of *steps*, ``(a, b)`` for "a before b", in the order of the steps."""
    listed = [tuple(step) for step in steps]
    return [
        (earlier, later)
        for at, step in enumerate(listed)
        for after in listed[at + 1 :]
        for earlier in step
        for later in after
    ]
