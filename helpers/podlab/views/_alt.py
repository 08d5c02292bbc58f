"""The text of a picture, for those who do not see it: order, restarts, ends, in this sequence."""

from __future__ import annotations

from podlab.timeline import Lane, Timeline
from podlab.views.style import ROLE_LONG


def alt_text(timeline: Timeline) -> str:
    """
    Describe a timeline in a few sentences.

    The sentences hold no times but that of Ready, so two runs of one Pod give nearly the same text.
    """
    order, stops = timeline.start_order(), timeline.stop_order()
    kind = "Prediction for" if timeline.predicted else "Timeline of"
    parts = [f"{kind} Pod {timeline.name}: {_counted(timeline.lanes)}."]
    parts.append(f"Starts in the order {_spoken(order)}." if order else "No container started.")
    idle = [lane.name for lane in timeline.lanes if not lane.starts]
    if idle and order:
        parts.append(f"Never started: {', '.join(idle)}.")
    again = [_restarted(lane) for lane in timeline.lanes if lane.starts > 1]
    parts.append(f"Restarts: {'; '.join(again)}." if again else "No restarts.")
    ended = _ends([lane for lane in timeline.lanes if lane.starts])
    if ended:
        parts.append(f"Ends: {'; '.join(ended)}.")
    if " | " in stops:
        parts.append(f"Stops in the order {_spoken(stops)}.")
    parts.append(_pod(timeline))
    return " ".join(parts + [f"Note: {note}." for note in timeline.notes[:3]])


def _counted(lanes: tuple[Lane, ...]) -> str:
    counts: dict[str, int] = {}
    for lane in lanes:
        counts[lane.role] = counts.get(lane.role, 0) + 1
    words = [f"{n} {ROLE_LONG[role]}{'s' if n > 1 else ''}" for role, n in counts.items()]
    return ", ".join(words) or "no containers"


def _spoken(order: str) -> str:
    steps = [step.strip("()").split() for step in order.split(" | ")]
    return ", then ".join(" and ".join(step) for step in steps)


def _restarted(lane: Lane) -> str:
    times = lane.starts - 1
    return f"{lane.name} {times} time{'s' if times > 1 else ''}"


def _ends(lanes: list[Lane]) -> list[str]:
    """Return what became of them, those with the same fate together."""
    fates: dict[str, list[str]] = {}
    for lane in lanes:
        fates.setdefault(_end(lane), []).append(lane.name)
    return [f"{_listed(names)} {fate}" for fate, names in fates.items()]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _end(lane: Lane) -> str:
    last = [run for run in lane.runs if run.ran][-1]
    if last.end is None:
        return "still running"
    return "with an unknown exit code" if last.exit_code is None else f"with exit code {last.exit_code}"


def _pod(timeline: Timeline) -> str:
    ready = timeline.ready_after()
    if ready is not None and not timeline.predicted:
        first = f"Ready after about {ready.mid:.1f} seconds"
    else:
        first = "Never Ready"
    if timeline.predicted:
        return f"Phases: {', '.join(timeline.phase_sequence())}." if timeline.phases else ""
    gone = ", then gone" if timeline.gone else ""
    return f"{first}; last phase {timeline.phase}{gone}."
