"""Facts about a helper's form from a recorded life: when it ran beside the app, and how a printed sentence fared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podlab.checks import notation

if TYPE_CHECKING:
    from podlab.timeline import Timeline

INIT, SIDECAR, OLDER = "regular init container", "sidecar", "second app container"


def when(timeline: Timeline, helper: str, app: str) -> list[str]:
    """
    Return when *helper* ran, seen from *app*: some of ``before``, ``with`` and ``after``, in this order.

    ``before`` and ``after`` need an order of starts or ends that the evidence or the kubelet's rule forces; two app
    containers, whose order is by chance, are ``with`` each other only.
    """
    before = _later(timeline.start_order(), helper, app)
    beside = timeline.overlapped(helper, app).value is True
    after = _later(timeline.stop_order(), app, helper)
    found = (("before", before), ("with", beside), ("after", after))
    return [word for word, holds in found if holds]


def purpose(timeline: Timeline, helper: str, app: str) -> str:
    """Return ``serve`` for a helper that ran while the app did, ``prepare`` for any other."""
    return "serve" if "with" in when(timeline, helper, app) else "prepare"


def verdict(*claims: bool) -> str:
    """Return ``true``, ``half true`` or ``false``, by how many of the claims of one printed sentence held."""
    if all(claims):
        return "true"
    return "half true" if any(claims) else "false"


def _later(order: str, first: str, second: str) -> bool:
    """Return whether *second* stands in a later step of *order* than *first*."""
    at = {name: number for number, step in enumerate(notation.parse(order)) for name in step} if order else {}
    return first in at and second in at and at[first] < at[second]
