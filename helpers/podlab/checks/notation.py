"""
The small language in which orders are predicted: ``fetch | proxy | (shop shipper)``.

A bar says that the right side starts only after the left side has ended (a regular init container) or
started (a sidecar). Round brackets hold containers among which no order is promised. Spaces and commas
separate names; an arrow (``->``) is a bar, and capitals do not count.
"""

from __future__ import annotations

import re

from podlab.errors import CheckError

Steps = tuple[frozenset[str], ...]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")


def parse(text: str) -> Steps:
    """
    Return the steps of *text*, each the set of names that start in it.

    Raises:
        CheckError: A step is empty, a bracket is not closed, a name is no container name or comes twice.
    """
    bars = re.sub(r"->|=>|→", "|", text.lower())
    steps = tuple(_step(part.strip(), text) for part in bars.split("|"))
    names = [name for step in steps for name in step]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refuse(text, f"{', '.join(twice)} is there more than once")
    return steps


def show(steps: Steps) -> str:
    """Return *steps* in the notation, names of a bracket sorted."""
    return " | ".join(next(iter(step)) if len(step) == 1 else f"({' '.join(sorted(step))})" for step in steps)


def same(left: str, right: str) -> bool:
    """Return whether two texts say the same, whatever the order inside of brackets."""
    return parse(left) == parse(right)


def pairs(steps: Steps) -> set[tuple[str, str]]:
    """Return every claim of *steps*: ``(a, b)`` for "a before b"."""
    return {
        (earlier, later)
        for at, step in enumerate(steps)
        for earlier in step
        for after in steps[at + 1 :]
        for later in after
    }


def _step(part: str, text: str) -> frozenset[str]:
    inner = part[1:-1] if part.startswith("(") and part.endswith(")") else part
    names = [name for name in re.split(r"[\s,]+", inner.strip()) if name]
    if not names:
        raise _refuse(text, "a step between two bars is empty")
    for name in names:
        if not _NAME.match(name):
            raise _refuse(text, f"{name!r} cannot be the name of a container")
    if len(names) > 1 and inner == part:
        raise _refuse(text, f"several names in one step need brackets: ({' '.join(names)})")
    return frozenset(names)


def _refuse(text: str, why: str) -> CheckError:
    return CheckError(
        f"cannot read this order: {text.strip()}",
        cause=why,
        hint="write it like  fetch | proxy | (shop shipper)",
    )
