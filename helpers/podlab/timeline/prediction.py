"""
Predictions: a small notation for how a Pod will live, scored against how it did, and drawn.

    fetch | proxy | (shop shipper)
    stop: shop | proxy
    phase: Pending Running Succeeded
    restarts: fetch 3+, shop 0
    never: admin

A bar: what stands right starts only after what stands left has ended (regular init container) or started
(sidecar).
Brackets: no order is promised. ``stop:`` is the order of ends, ``restarts:`` takes ``3``, ``3+`` or ``1-3``,
``never:`` names containers that never start. Everything may be left out; ``#`` begins a comment.

An arrow (``->``) is a bar, commas are blanks, and capitals do not count.

Scoring is by statement. Each order that held and that Kubernetes promises is one, whether claimed or not, and
so is each order that was claimed: claiming what is not promised costs that statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from podlab import orders
from podlab.errors import TimelineError
from podlab.orders import Steps
from podlab.timeline.model import Instant, Lane, Run, Span, Stretch
from podlab.timeline.timeline import Timeline
from podlab.timeline.words import unrepeated

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a prediction says (or should have said): *right* is None when the recording does not tell."""

    text: str
    right: bool | None
    why: str

    def __str__(self) -> str:
        return f"{ {True: '+', False: '-', None: '?'}[self.right] } {self.text}: {self.why}"


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a prediction, statement by statement."""

    statements: tuple[Statement, ...]

    @property
    def value(self) -> float:
        """Share of right statements among those that could be decided; 0 for none."""
        decided = [s for s in self.statements if s.right is not None]
        return sum(bool(s.right) for s in decided) / len(decided) if decided else 0.0

    def __str__(self) -> str:
        right = sum(s.right is True for s in self.statements)
        unknown = sum(s.right is None for s in self.statements)
        more = f", {unknown} cannot be told" if unknown else ""
        return "\n".join(
            [f"{right} of {len(self.statements) - unknown} right{more}", *map(str, self.statements)]
        )

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Prediction:
    """A parsed prediction; an empty part makes no statement."""

    start: Steps = ()
    stop: Steps = ()
    phases: tuple[str, ...] = ()
    restarts: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    never: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.start or self.stop or self.phases or self.restarts or self.never)

    def names(self) -> list[str]:
        """Return every container that it speaks of, in order of appearance."""
        listed = [n for steps in (self.start, self.stop) for step in steps for n in step]
        return list(dict.fromkeys([*listed, *self.restarts, *self.never]))

    def __str__(self) -> str:
        lines = [orders.show(self.start)] if self.start else []
        lines += [f"stop: {orders.show(self.stop)}"] if self.stop else []
        lines += [f"phase: {' '.join(self.phases)}"] if self.phases else []
        if self.restarts:
            lines.append("restarts: " + ", ".join(f"{n} {_range_text(*r)}" for n, r in self.restarts.items()))
        lines += [f"never: {' '.join(self.never)}"] if self.never else []
        return "\n".join(lines)

    def score(self, timeline: Timeline) -> Score:
        """
        Hold it against a recorded life. Raises TimelineError when it names a container that is not there.
        """
        return score(self, timeline)

    def timeline(self, real: Timeline | None = None) -> Timeline:
        """Draw it: a Timeline of unit steps; *real* lends roles and the lanes that were not mentioned."""
        return draw(self, real)


# -- parsing -------------------------------------------------------------------------------------------------


def parse(text: str, containers: Iterable[str] | None = None) -> Prediction:
    """
    Read a prediction.

    Args:
        text: The notation, one part a line; parts may come in any order, each once.
        containers: Names that exist; others are then refused.

    Raises:
        TimelineError: Names the line and the place that cannot be read.
    """
    parts: dict[str, object] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].strip()
        if not line:
            continue
        key, colon, rest = line.partition(":")
        key = key.strip().lower() if colon else "start"
        rest = rest.strip() if colon else line
        if key not in _PARTS:
            raise _fault(number, f"a prediction has no part {key!r}", f"parts are {', '.join(_PARTS)}")
        if key in parts:
            raise _fault(number, f"{key} is given twice", "put all of it on one line")
        parts[key] = _PARTS[key](rest, number)
    found = Prediction(**{_FIELDS.get(key, key): value for key, value in parts.items()})  # type: ignore[arg-type]
    _check_names(found, containers)
    return found


def _fault(line: int, what: str, hint: str) -> TimelineError:
    return TimelineError(f"prediction, line {line}: {what}", hint=hint)


def _steps(text: str, line: int) -> Steps:
    try:
        return orders.parse(text)
    except orders.OrderError as error:
        raise _fault(line, error.summary, error.hint or orders.EXAMPLE) from None


def _phases(text: str, line: int) -> tuple[str, ...]:
    words = [word.capitalize() for word in re.sub(r"[|,]", " ", orders.ARROW.sub(" ", text)).split()]
    for word in words:
        if word not in PHASES:
            raise _fault(line, f"{word} is not a phase", f"phases are {', '.join(PHASES)}")
    if not words:
        raise _fault(line, "phase is empty", "write: phase: Pending Running")
    return tuple(unrepeated(words))


_RANGE = re.compile(r"(\d{1,6})(\+|-(\d{1,6}))?")


def _restarts(text: str, line: int) -> dict[str, tuple[int, float]]:
    words = text.lower().replace(",", " ").split()
    if not words or len(words) % 2:
        raise _fault(line, "restarts takes pairs of a name and a number", "write: restarts: fetch 3+, shop 0")
    found: dict[str, tuple[int, float]] = {}
    for name, number in zip(words[::2], words[1::2], strict=True):
        match = _RANGE.fullmatch(number)
        if match is None:
            raise _fault(line, f"{number!r} cannot be a number of restarts", "write 3, 3+ or 1-3")
        low = int(match[1])
        found[name] = (low, inf if match[2] == "+" else int(match[3]) if match[3] else low)
    return found


def _never(text: str, line: int) -> tuple[str, ...]:
    names = tuple(text.lower().replace(",", " ").split())
    if not names:
        raise _fault(line, "never is empty", "write: never: shop")
    return names


_PARTS = {"start": _steps, "stop": _steps, "phase": _phases, "restarts": _restarts, "never": _never}
_FIELDS = {"phase": "phases"}


def _check_names(found: Prediction, containers: Iterable[str] | None) -> None:
    if containers is None:
        return
    known = list(containers)
    for name in found.names():
        if name not in known:
            hint = f"there are: {', '.join(known)}"
            raise TimelineError(f"prediction: unknown container {name}", hint=hint)


def _range_text(low: int, high: float) -> str:
    return f"{low}+" if high == inf else f"{low}" if low == high else f"{low}-{high:.0f}"


# -- scoring -------------------------------------------------------------------------------------------------


def score(prediction: Prediction, timeline: Timeline) -> Score:
    """Hold a prediction against a recorded life, statement by statement."""
    _check_names(prediction, [lane.name for lane in timeline.lanes])
    found: list[Statement] = []
    if prediction.start:
        found += _order_statements(prediction.start, _read(timeline.start_order()), "starts", timeline)
    if prediction.stop:
        found += _order_statements(prediction.stop, _read(timeline.stop_order()), "ends", timeline)
    if prediction.phases:
        found.append(_phase_statement(prediction.phases, timeline))
    found += [_restart_statement(n, low, high, timeline) for n, (low, high) in prediction.restarts.items()]
    found += [_never_statement(name, timeline) for name in prediction.never]
    return Score(tuple(found))


def _read(order: str) -> Steps:
    return _steps(order, 1) if order else ()


def _order_statements(claimed: Steps, real: Steps, verb: str, timeline: Timeline) -> list[Statement]:
    held, said = orders.pairs(real), orders.pairs(claimed)
    present = {name for step in real for name in step}
    found = []
    for a, b in dict.fromkeys([*held, *said]):
        if (a, b) in held and (b, a) in said:
            continue  # counted once, as the claim that is wrong
        text = f"{a} {verb} before {b}"
        if (a, b) in held:
            found.append(
                Statement(text, (a, b) in said, "it did" if (a, b) in said else "it did, and was not said")
            )
        elif (b, a) in held:
            found.append(Statement(text, False, "it was the other way round"))
        elif a in present and b in present:
            found.append(Statement(text, False, "no such order is promised"))
        else:
            missing = next(name for name in (a, b) if name not in present)
            never = "never started" if verb == "starts" else "did not end"
            found.append(Statement(text, False if timeline.complete else None, f"{missing} {never}"))
    if not found:  # one step only: what must be said is who starts at all
        same = {n for step in claimed for n in step} == present
        found.append(
            Statement(f"{orders.show(claimed)} {verb}", same, f"seen: {orders.show(real) or 'nothing'}")
        )
    return found


def _phase_statement(claimed: tuple[str, ...], timeline: Timeline) -> Statement:
    real = timeline.phase_sequence()
    text = f"phases {' '.join(claimed)}"
    ran = any(lane.starts for lane in timeline.lanes if lane.role == "app")
    unseen = [p for p in claimed if p != "Running"] == real and ran  # Running was too brief to be seen
    if list(claimed) == real or unseen:
        return Statement(text, True, "they were")
    if not timeline.complete and list(claimed[: len(real)]) == real:
        return Statement(text, None, "the recording stopped before the end")
    return Statement(text, False, f"they were {' '.join(real)}")


def _restart_statement(name: str, low: int, high: float, timeline: Timeline) -> Statement:
    real = timeline.restarts(name)
    text = f"{name} restarts {_range_text(low, high)} times"
    if real < low and not timeline.complete:
        return Statement(text, None, "the recording stopped before the end")
    return Statement(text, low <= real <= high, "it did" if low <= real <= high else f"it did {real} times")


def _never_statement(name: str, timeline: Timeline) -> Statement:
    started = timeline.starts(name) > 0
    if not started and not timeline.complete:
        return Statement(f"{name} never starts", None, "the recording stopped before the end")
    return Statement(f"{name} never starts", not started, "it started" if started else "it did not")


# -- drawing -------------------------------------------------------------------------------------------------


def draw(prediction: Prediction, real: Timeline | None = None) -> Timeline:
    """Return a Timeline of unit steps that shows what the prediction says."""
    roles = {lane.name: lane.role for lane in real.lanes} if real else _guess(prediction)
    order = {lane.name: i for i, lane in enumerate(real.lanes)} if real else {}
    names = sorted(prediction.names(), key=lambda n: order.get(n, 0))
    begin = {name: 1.0 + i for i, step in enumerate(prediction.start) for name in step}
    last = 2.0 + len(prediction.start)
    ends = {name: last + i for i, step in enumerate(prediction.stop) for name in step}
    until = max([last, *(e + 0.5 for e in ends.values())]) + (0.5 if ends else 0.0)
    lanes = []
    for name in names:
        start, role = begin.get(name), roles.get(name, "app")
        if name in prediction.never:
            start = None
        end = start + 0.8 if start is not None and role == "init" else ends.get(name)
        again = int(prediction.restarts.get(name, (0, 0))[0])
        lanes.append(_lane((name, role), (start, end), min(again, 9), until))
    return Timeline(
        name=real.name if real else "prediction", namespace="", lanes=tuple(lanes), until=until, predicted=True,
        phases=_phase_stretches(prediction.phases, until), pod=real.pod if real else {}, created=_at(0.0),
    )  # fmt: skip


def _guess(prediction: Prediction) -> dict[str, str]:
    """Roles when no Pod is at hand: what stands before the last bar is set-up, unless it is said to stop."""
    stops = {name for step in prediction.stop for name in step}
    found = {}
    for index, step in enumerate(prediction.start):
        for name in step:
            early = index < len(prediction.start) - 1
            found[name] = "app" if not early else "sidecar" if name in stops else "init"
    return found


def _at(t: float) -> Instant:
    return Instant(t, t)


def _lane(who: tuple[str, str], times: tuple[float | None, float | None], again: int, until: float) -> Lane:
    (name, role), (start, end) = who, times
    if start is None:
        return Lane(name, role, "", (Span("waiting", "never starts", _at(0.0), None),), ())
    stop = end if end is not None else until
    part = (stop - start) / (2 * again + 1)
    spans = [Span("waiting", "", _at(0.0), _at(start))]
    runs: list[Run] = []
    for number in range(again + 1):
        a = start + 2 * number * part
        b = None if number == again and end is None else _at(a + part)
        runs.append(Run(number, _at(a), b))
        spans.append(Span("running", "started" if role == "init" else "ready", _at(a), b, number))
        if b is not None:
            after = None if number == again else _at(a + 2 * part)
            spans.append(Span("terminated" if number == again else "back-off", "", b, after, number))
    return Lane(name, role, "", tuple(spans), tuple(runs))


def _phase_stretches(phases: tuple[str, ...], until: float) -> tuple[Stretch, ...]:
    if not phases:
        return ()
    part = until / len(phases)
    edges = [_at(i * part) for i in range(len(phases))]
    ends = [*edges[1:], None]
    return tuple(Stretch(p, a, b) for p, a, b in zip(phases, edges, ends, strict=True))
