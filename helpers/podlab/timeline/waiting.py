"""Causes of a wait: the steps until it is Ready, the cause of a Pod that does not run, the next try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from podlab.pods.restarts import restarts_after
from podlab.timeline.life import PodLife
from podlab.timeline.model import Evidence, Instant, Lane, Run
from podlab.timeline.questions import Inference, evidence_of, gate_of

BACK_OFF_S = (10, 20, 40, 80, 160, 300)
"""Waits of the kubelet between the end of a run and the next start, from the second restart on."""


def waited_for(timeline: PodLife) -> Inference:
    """Return what kept the Pod from being Ready, in order, each with how long it took."""
    ready = timeline.ready_after()
    steps = list(_steps(timeline))
    names = ", ".join(text for text, _ in steps) or "nothing"
    if ready is None:
        return Inference(False, f"the Pod was never Ready; it waited for {names}", tuple(e for _, e in steps))
    return Inference(
        True,
        f"the Pod was Ready after it had waited for {names}",
        (*(e for _, e in steps), *evidence_of(ready)),
    )


def _steps(timeline: PodLife) -> Iterator[tuple[str, Evidence]]:
    scheduled = next((v.start for v in timeline.conditions.get("PodScheduled", ()) if v.word == "True"), None)
    if scheduled is None:
        yield "a node", Evidence("status", "never scheduled")
        return
    mounts = [m for m in timeline.markers if m.label in ("FailedMount", "FailedAttachVolume")]
    if mounts:
        yield "a volume", Evidence("event", mounts[-1].message)
    for lane in timeline.lanes:
        for span in [s for s in lane.spans if s.state == "pulling" or s.reason in _NO_IMAGE][:1]:
            end = span.end or Instant(timeline.until, timeline.until)
            yield f"the image of {lane.name}", _took(span.start, end, f"pull for {lane.name}")
        if lane.role == "init":
            ends = gate_of(lane)
            if lane.first_start is not None:
                word = f"{lane.name} to end" if ends else f"{lane.name}, which has not succeeded"
                yield (
                    word,
                    _took(lane.first_start, ends or Instant(timeline.until, timeline.until), lane.name),
                )
            elif lane.spans:
                yield f"{lane.name} to start", Evidence("status", lane.spans[-1].reason or "waiting")
        elif lane.role in ("sidecar", "app"):
            at = next((s.start for s in lane.spans if s.state == "running" and s.reason == "ready"), None)
            word = f"{lane.name} to be ready" if lane.starts else f"{lane.name} to start"
            if lane.first_start and at:
                yield word, _took(lane.first_start, at, lane.name)
            else:
                yield word, Evidence("status", lane.spans[-1].reason if lane.spans else "waiting")

    for gate in timeline.pod.get("spec", {}).get("readinessGates") or []:
        kind = str(gate.get("conditionType"))
        since = next(
            (v.start for v in timeline.conditions.get("ContainersReady", ()) if v.word == "True"), None
        )
        at = next((v.start for v in timeline.conditions.get(kind, ()) if v.word == "True"), None)
        known = (
            Evidence("status", f"{kind} is not True")
            if at is None or since is None
            else _took(since, at, kind)
        )
        yield f"readiness gate {kind}", known


_NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})


def _took(start: Instant, end: Instant, text: str) -> Evidence:
    return Evidence("status", f"{text} took", max(0.0, end.lo - start.hi), max(0.0, end.hi - start.lo))


def why_not_running(timeline: PodLife) -> Inference:
    """
    Return why the Pod is not running at the last look, by the reading order of the course.

    True: there is a reason (it is in the text); False: it runs and is Ready.
    """
    from podlab.timeline.explain import explain

    found = explain(timeline.pod, _events(timeline))
    lines = tuple(Evidence("status", line) for line in (found.why, found.hint) if line)
    return Inference(not found.well, found.what, lines)


def _events(timeline: PodLife) -> list[dict[str, Any]]:
    """
    Return the Events that the recording holds, as the API would list them: a probe's failure is told by nothing else.
    """
    found = []
    for mark in timeline.markers:
        if mark.kind in ("event", "probe", "hook"):
            at = datetime.fromtimestamp(timeline.zero + mark.at.mid, UTC)
            path = f"spec.containers{{{mark.container}}}" if mark.container else ""
            found.append(
                {
                    "reason": mark.label,
                    "message": mark.message,
                    "type": "Warning" if mark.warning else "Normal",
                    "involvedObject": {"uid": timeline.uid, "fieldPath": path},
                    "lastTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            )
    return found


def next_try(timeline: PodLife, name: str | None = None) -> Inference:
    """
    When the kubelet starts a container in back-off again.

    The wait counts from the end of the last run: none for the first restart, then 10, 20, 40, 80, 160, 300 s;
    the start comes with the first sync after that, up to 15 s later.
    """
    lanes = [timeline.lane(name)] if name else list(timeline.lanes)
    for lane in lanes:
        last = next((run for run in reversed(lane.runs)), None)
        waiting = bool(lane.spans) and lane.spans[-1].state in ("back-off", "waiting", "terminated")
        if last is None or last.end is None or not waiting or timeline.phase in ("Succeeded", "Failed"):
            continue
        if not _comes_back(lane, last):
            continue
        number = last.restart + last.count
        wait = 0 if number <= 1 else BACK_OFF_S[min(number - 2, len(BACK_OFF_S) - 1)]
        at = Instant(last.end.lo + wait, last.end.hi + wait + (15 if wait else 1))
        text = f"{lane.name} is started again ({_ordinal(number)} restart)"
        rule = Evidence("rule", f"back-off of {wait} s, counted from the end of its last run", at.lo, at.hi)
        return Inference(True, text, (rule, *evidence_of(last.end)))
    return Inference(False, f"{name or 'no container'} is waiting to be started again")


def _comes_back(lane: Lane, last: Run) -> bool:
    if lane.role == "sidecar":
        return True
    if lane.role == "init" and last.exit_code == 0:
        return False
    return restarts_after(lane.restart_policy, last.exit_code)


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
