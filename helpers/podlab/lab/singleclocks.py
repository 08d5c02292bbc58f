"""The view of single clocks: timelines made from a part of a recording, and what an edge rests on."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from podlab.errors import PodlabError

if TYPE_CHECKING:
    from podlab.observe import Recording
    from podlab.timeline import Timeline


def status_alone(recording: Recording, pod: str | None = None) -> Timeline:
    """Return the timeline that the last state of the Pod proves by itself: what ``kubectl get -o yaml`` shows."""
    from podlab.timeline import Timeline

    name = pod or recording.pods()[0]
    states: list[Mapping[str, Any]] = [
        each["object"]
        for each in recording.observations
        if each.get("resource") == "pods" and each["object"]["metadata"]["name"] == name
    ]
    if not states:
        raise PodlabError(
            f"the recording contains no Pod {name}", hint=f"it holds {', '.join(recording.pods())}"
        )
    last = {"t": 0.0, "source": "list", "resource": "pods", "type": "ADDED", "object": states[-1]}
    return Timeline.from_observations({}, [last], pod=name)


def order_of_starts(timeline: Timeline, first: str, second: str) -> str:
    """Return ``first``, ``second`` or ``unknown``: which one the evidence forces to have started earlier."""
    answer = timeline.before(f"{first}.start", f"{second}.start").value
    return {True: first, False: second, None: "unknown"}[answer]


def edges(timeline: Timeline) -> dict[str, Any]:
    """Return every known start and end of a run, as ``shop started`` -> Instant."""
    found = {}
    for lane in timeline.lanes:
        for run in lane.runs:
            number = f" (run {run.restart + 1})" if run.restart else ""
            for word, at in (("started", run.start), ("ended", run.end)):
                if at is not None:
                    found[f"{lane.name} {word}{number}"] = at
    return found


def what_clocks_say(timeline: Timeline, container: str) -> dict[str, str]:
    """
    Return what each source says by itself about the first start of a container, by the source's name.

    ``a moment``, ``a second`` (from when to when), ``at the latest``, ``at the earliest``; of a source that says
    several things the sharpest.
    """
    start = timeline.lane(container).first_start
    ranks = ("a moment", "a second", "at the latest", "at the earliest")
    found: dict[str, str] = {}
    for each in start.evidence if start is not None else ():
        words = _kind(each.lo, each.hi)
        found[each.source] = min(words, found.get(each.source, words), key=ranks.index)
    return found


def _kind(lo: float, hi: float) -> str:
    if lo == -inf:
        return "at the latest"
    if hi == inf:
        return "at the earliest"
    return "a moment" if lo == hi else "a second"
