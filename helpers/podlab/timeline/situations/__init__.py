"""
Faults of a Pod, a Job or a Deployment, as tables: the situation, how to recognise it, its cause, the advice.

The reading order is the course's: was it deleted? is it over? is there a node? are the volumes there? which init
container, which container, which reason? which probe?

    observed    what a situation is looked for in
    table       a row, and how the first that holds is found
    deleting, finished, scheduling, podsetup, starting, images, creating, running, unready, owners, standing    the rows
    warnings    Warnings that no row used
"""

from __future__ import annotations

from typing import Any

from podlab.timeline.situations import (
    creating,
    deleting,
    finished,
    images,
    podsetup,
    running,
    scheduling,
    starting,
    unready,
)
from podlab.timeline.situations.observed import Observed, observe
from podlab.timeline.situations.table import MatchedSituation, Situation, first
from podlab.timeline.situations.warnings import unused

__all__ = ["MatchedSituation", "Observed", "Situation", "find", "names", "observe", "unused"]

_BROKEN = (*images.TABLE, *creating.TABLE, *running.TABLE)
_HOLDING = (*_BROKEN[:-1], *starting.BEFORE, _BROKEN[-1], *starting.NOT_YET)


def find(o: Observed) -> MatchedSituation | None:
    """Return the situation that a Pod is in, from the first table on; None where all is well."""
    pod, whole = str(o.meta.get("name") or "?"), [o]
    found = first(deleting.TABLE, whole, pod)
    if found is None and o.phase == "Failed":
        found = (
            first(finished.BY_REASON, whole, pod)
            or first(finished.BY_CONTAINER, o.containers, pod)
            or first(finished.OTHERS, whole, pod)
        )
    if found is not None or o.phase == "Succeeded":
        return found
    apps = [c for c in o.containers if c.role != "init"]
    return (
        first(finished.ENDING, whole, pod)
        or first(scheduling.TABLE, whole, pod)
        or first(podsetup.TABLE, whole, pod)
        or first(unready.NODE, whole, pod)
        or first(_HOLDING, starting.holding(o), pod)
        or first(_BROKEN, apps, pod)
        or first(starting.APPS_NOT_YET, apps, pod)
        or first(unready.PROBES, apps, pod)
        or first(unready.OTHERS, whole, pod)
    )


def names() -> list[str]:
    """Return all situations of a Pod, in the order in which they are looked for."""
    rows: list[Situation[Any]] = [
        *deleting.TABLE, *finished.BY_REASON, *finished.BY_CONTAINER, *finished.OTHERS, *finished.ENDING,
        *scheduling.TABLE, *podsetup.TABLE, *unready.NODE, *_HOLDING, *starting.APPS_NOT_YET,
        *unready.PROBES, *unready.OTHERS,
    ]  # fmt: skip
    return list(dict.fromkeys(row.name for row in rows))
