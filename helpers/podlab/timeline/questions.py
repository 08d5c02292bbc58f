"""
Questions to a timeline, in the words a learner would use, each with an answer and its evidence.

An answer is True, False or None: None means that the evidence does not force either. The sentences hold no
times, so they are the same on every run; the times are in the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from podlab.errors import TimelineError
from podlab.timeline.life import PodLife
from podlab.timeline.model import Evidence, Instant, Lane, Run


@dataclass(frozen=True, slots=True)
class Inference:
    """
    An inference and what it rests on. True in a condition only when the evidence forces a yes.

    Attributes:
        value: True, False, or None when the evidence does not tell.
        text: The inference as a sentence, the same on every run.
        evidence: What decided it, with times.
    """

    value: bool | None
    text: str
    evidence: tuple[Evidence, ...] = ()

    def __bool__(self) -> bool:
        return self.value is True

    def __str__(self) -> str:
        word = {True: "yes", False: "no", None: "cannot tell"}[self.value]
        return f"{word}: {self.text}"

    __repr__ = __str__

    def why(self) -> str:
        """Return the evidence, one line each."""
        return (
            "\n".join(f"{e.source}: {e.text} {Instant(e.lo, e.hi)}" for e in self.evidence) or "no evidence"
        )


def moment(timeline: PodLife, text: str) -> tuple[Instant | None, str]:
    """
    Return a moment by name: ``shop.start``, ``fetch.end``, ``proxy.ready``, ``shop.start[2]`` (third start),
    ``pod.initialized``, ``pod.ready``.

    Returns:
        The instant (None when it did not happen) and its words.

    Raises:
        TimelineError: The name means nothing here.
    """
    name, _, what = text.rpartition(".")
    what, _, index = what.partition("[")
    if name == "pod":
        known = {"created": timeline.created, "initialized": timeline.first_true("Initialized"),
                 "ready": timeline.ready_after(), "deletion": timeline.deletion, "gone": timeline.gone}  # fmt: skip
        if what in known:
            return known[what], f"the Pod was {'asked to go' if what == 'deletion' else what}"
    runs = [run for run in timeline.lane(name).runs if run.ran]
    if what == "ready":
        at = next(
            (s.start for s in timeline.lane(name).spans if s.state == "running" and s.reason == "ready"), None
        )
        return at, f"{name} was ready"
    if what not in ("start", "end"):
        raise TimelineError(
            f"unknown moment {text}",
            hint="use NAME.start, NAME.end, NAME.ready, NAME.start[2], pod.initialized, pod.ready, pod.deletion",
        )
    number = int(index.rstrip("]")) if index.rstrip("]").isdigit() else (0 if what == "start" else -1)
    if not runs or number >= len(runs):
        return None, f"{name} {what}ed"
    return (runs[number].start if what == "start" else runs[number].end), f"{name} {what}ed"


def _named(timeline: PodLife, text: str) -> bool:
    return any(lane.name == text for lane in timeline.lanes)


def before(timeline: PodLife, first: str, second: str) -> Inference:
    """
    Did *first* come before *second*?

    For containers: a regular init container comes before what starts after it has *ended* with success; any
    other container comes before what starts after it has *started*.
    """
    if _named(timeline, first) and _named(timeline, second):
        lane = timeline.lane(first)
        gate = gate_of(lane)
        words = f"{first} {'ended' if lane.role == 'init' else 'started'}"
        other, other_words = timeline.lane(second).first_start, f"{second} started"
        never = f"{second} never started"
    else:
        (gate, words), (other, other_words) = moment(timeline, first), moment(timeline, second)
        never = f"it is not known that {other_words}"
    if gate is None:
        return Inference(False if other is not None else None, f"{words} was not seen", evidence_of(other))
    if other is None:
        return Inference(None, never, evidence_of(gate))
    return _ordered(timeline, gate, other, words, other_words)


def gate_of(lane: Lane) -> Instant | None:
    """Return when a lane lets the next container start: an init at its first success, others at their first start."""
    if lane.role != "init":
        return lane.first_start
    return next((r.end for r in lane.runs if r.ran and r.end is not None and r.exit_code == 0), None)


def evidence_of(*instants: Instant | None) -> tuple[Evidence, ...]:
    """Return the first two pieces of evidence of each instant that is known."""
    return tuple(e for instant in instants if instant is not None for e in instant.evidence[:2])


def _ordered(timeline: PodLife, one: Instant, two: Instant, one_words: str, two_words: str) -> Inference:
    verdict, evidence = one.order(two), evidence_of(one, two)
    if verdict is True:
        return Inference(True, f"{one_words} before {two_words}", evidence)
    if verdict is False:
        return Inference(False, f"{two_words} before {one_words}", evidence)
    rules = _rule(timeline, one_words, two_words)
    if rules:
        return Inference(True, f"{one_words} before {two_words}", (*evidence, *rules))
    return Inference(None, f"{one_words} and {two_words} too close together to be told apart", evidence)


def _rule(timeline: PodLife, one: str, two: str) -> tuple[Evidence, ...]:
    """Return an order that the kubelet's ways force although the clocks cannot tell."""
    names = {f"{m} of {lane.name} run {r.restart + 1}": f"{lane.name} {m}ed"
             for lane in timeline.lanes for r in lane.runs for m in ("start", "end")}  # fmt: skip
    edges = [(names.get(a), names.get(b), text) for a, b, text in timeline.orders]
    return tuple(Evidence("rule", text) for a, b, text in edges if a == one and b == two)[:1]


def overlapped(timeline: PodLife, first: str, second: str) -> Inference:
    """Was there a moment at which both ran?"""
    one, two = timeline.lane(first), timeline.lane(second)
    pairs = [(a, b) for a in one.runs if a.ran for b in two.runs if b.ran]
    verdicts = [(_overlap(timeline, a, b), a, b) for a, b in pairs]
    for verdict, a, b in verdicts:
        if verdict is True:
            return Inference(
                True,
                f"{first} and {second} ran at the same time",
                evidence_of(a.start, a.end, b.start, b.end),
            )
    if all(verdict is False for verdict, _, _ in verdicts):
        return Inference(
            False,
            f"{first} and {second} never ran at the same time",
            evidence_of(one.last_end, two.first_start),
        )
    return Inference(None, f"whether {first} and {second} ran at the same time is not forced by the evidence")


def _overlap(timeline: PodLife, a: Run, b: Run) -> bool | None:
    assert a.start and b.start
    one = _starts_before_end(timeline, a.start, b.end)
    two = _starts_before_end(timeline, b.start, a.end)
    if one is False or two is False:
        return False
    return True if one and two else None


def _starts_before_end(timeline: PodLife, start: Instant, end: Instant | None) -> bool | None:
    """An end that was never seen lies behind everything that was seen, if the Pod was watched to the end."""
    if end is not None:
        return start.order(end) if start.order(end) is not False else False
    return True if start.hi <= timeline.until else None


def outlived(timeline: PodLife, first: str, second: str) -> Inference:
    """Did *first* run on after *second* had ended for the last time?"""
    one, two = timeline.lane(first), timeline.lane(second)
    if not one.starts or not two.starts:
        idle = first if not one.starts else second
        return Inference(False if idle == first else None, f"{idle} never started")
    if one.last_end is None and two.last_end is None:
        return Inference(None, f"{first} and {second} were both running at the last look")
    if one.last_end is None:
        return Inference(
            True, f"{first} was still running when {second} had ended", evidence_of(two.last_end)
        )
    if two.last_end is None:
        return Inference(
            False, f"{second} was still running when {first} had ended", evidence_of(one.last_end)
        )
    return _ordered(timeline, two.last_end, one.last_end, f"{second} ended", f"{first} ended")


def start_order(timeline: PodLife) -> str:
    """
    First starts in the notation of predictions: ``fetch | proxy | (shop shipper)``.

    A bar is put only where the evidence or the kubelet's rule forces it: what stands left had ended (regular
    init) or started (sidecar) before. App containers share brackets, because no order among them is promised.
    """
    started = [lane for lane in timeline.lanes if lane.starts and lane.role != "ephemeral"]
    steps: list[list[Lane]] = []
    for lane in started:
        same = bool(steps) and lane.role == "app" and steps[-1][0].role == "app"
        if steps and (same or not _all_before(timeline, steps[-1], lane)):
            steps[-1].append(lane)
        else:
            steps.append([lane])
    return _notation(steps)


def _all_before(timeline: PodLife, step: list[Lane], lane: Lane) -> bool:
    return all(before(timeline, other.name, lane.name).value is not None for other in step)


def stop_order(timeline: PodLife) -> str:
    """
    Last ends in the notation of predictions: ``(shop extra) | s2 | s1``; regular init containers are left
    out.

    A bar is put where the ends force it, or where the kubelet's rule orders the SIGTERMs (apps together, then
    sidecars from last to first), nothing contradicts it, and the grace period was not used up. Killing Events
    are announcements in no fixed order and are not used.
    """
    ended = [lane for lane in timeline.lanes if lane.role in ("sidecar", "app") and lane.last_end is not None]
    apps = [lane for lane in ended if lane.role == "app"]
    rest = [lane for lane in reversed(ended) if lane.role == "sidecar"]
    by_turn = [[*apps], *([lane] for lane in rest)]
    by_turn = [step for step in by_turn if step]
    if all(_may_follow(timeline, a, b) for a, b in pairwise(by_turn)):
        return _notation(by_turn)
    return _notation(_by_ends(ended))


def _may_follow(timeline: PodLife, earlier: list[Lane], later: list[Lane]) -> bool:
    """
    Return whether every end in *later* is forced, or promised and not contradicted, to come after those in *earlier*.
    """
    for one in earlier:
        for two in later:
            assert one.last_end and two.last_end
            order = one.last_end.order(two.last_end)
            if order is False or (order is None and not _in_turn(timeline, two)):
                return False
    return True


def _in_turn(timeline: PodLife, lane: Lane) -> bool:
    """
    Return whether a sidecar can be taken to have ended by the SIGTERM of its turn, and not by itself or by SIGKILL.
    """
    listed = timeline.pod.get("spec", {}).get("initContainers") or []
    spec: dict[str, Any] = next((c for c in listed if c.get("name") == lane.name), {})
    hook = (spec.get("lifecycle") or {}).get("preStop")
    last = [run for run in lane.runs if run.ran][-1]
    killed = any(
        run.exit_code == 137 for other in timeline.lanes for run in other.runs if other.role != "init"
    )
    told = any(m.container == lane.name and m.label == "Killing" for m in timeline.markers)
    return told and not hook and not killed and last.exit_code is not None


def _by_ends(lanes: list[Lane]) -> list[list[Lane]]:
    """Groups in order of their ends; lanes that cannot be told apart share one."""

    def key(lane: Lane) -> float:
        return lane.last_end.lo if lane.last_end else 0.0

    steps: list[list[Lane]] = []
    for lane in sorted(lanes, key=key):
        end = lane.last_end
        if (
            steps
            and end
            and not all(other.last_end and other.last_end.order(end) is True for other in steps[-1])
        ):
            steps[-1].append(lane)
        else:
            steps.append([lane])
    return steps


def _notation(steps: list[list[Lane]]) -> str:
    names = [[lane.name for lane in step] for step in steps]
    return " | ".join(f"({' '.join(step)})" if len(step) > 1 else step[0] for step in names)
