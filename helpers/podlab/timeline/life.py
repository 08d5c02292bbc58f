"""
The record of one Pod's life, and the plain facts that follow from it.

``questions`` ask it longer questions; ``timeline.Timeline`` has both, facts and questions, as methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from podlab.errors import TimelineError
from podlab.nearest import POSSIBLE, nearest
from podlab.pods.raw import RawObject
from podlab.timeline.clocks import Offset
from podlab.timeline.model import Instant, Lane, Marker, Run, Stretch
from podlab.timeline.words import unrepeated


@dataclass(frozen=True)
class PodLife:
    """
    The record of one Pod's life. Times are seconds since ``creationTimestamp`` as the API prints it.

    Attributes:
        lanes: One row per container: initContainers, then containers, then ephemeral containers, as listed.
        markers: Single moments (Events, probes, conditions, deletion, signals, gaps), in order of time.
        phases, status_words: Strips of ``status.phase`` and of kubectl's STATUS column.
        conditions: Condition type -> its values over time.
        created, deletion, gone: When the Pod was made, first asked to go, and had vanished.
        until: The last moment the recording looked at, seconds.
        complete: False when the recording was cut short or has gaps.
        live: Whether it is still being recorded: it is then neither whole nor cut short.
        notes: What a reader must know before trusting it: gaps, contradictions, damaged lines.
    """

    name: str
    namespace: str
    lanes: tuple[Lane, ...]
    markers: tuple[Marker, ...] = ()
    phases: tuple[Stretch, ...] = ()
    status_words: tuple[Stretch, ...] = ()
    conditions: Mapping[str, tuple[Stretch, ...]] = field(default_factory=dict)
    created: Instant = field(default_factory=lambda: Instant(0.0, 1.0))
    deletion: Instant | None = None
    gone: Instant | None = None
    until: float = 0.0
    complete: bool = True
    end_reason: str = ""
    notes: tuple[str, ...] = ()
    orders: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    uid: str = ""
    zero: float = 0.0
    pod: RawObject = field(default_factory=dict, repr=False)
    clock: Offset = field(default_factory=Offset, repr=False)
    predicted: bool = False
    live: bool = False

    def lane(self, name: str) -> Lane:
        """Return the lane of one container. Raises TimelineError for a name that is not there."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        names = [lane.name for lane in self.lanes]
        near = nearest(name, names, POSSIBLE) or next(iter(names), None)
        raise TimelineError(
            f"Pod {self.name} has no container {name}",
            cause="its containers are: " + ", ".join(names),
            hint=f"did you mean {near!r}?" if near else None,
        )

    def starts(self, name: str) -> int:
        """Return how often a process of that container started."""
        return self.lane(name).starts

    def restarts(self, name: str) -> int:
        """Return how often the container was run again."""
        return max((run.restart + run.count - 1 for run in self.lane(name).runs), default=0)

    def exit_codes(self, name: str) -> list[int | None]:
        """Exit code of each run that ended, oldest first; None for a run that nobody saw."""
        return [
            run.exit_code for run in self.lane(name).runs if run.end is not None for _ in range(run.count)
        ]

    def reasons(self, name: str) -> list[str]:
        """Reasons for waiting and for ending, in order, without immediate repetition."""
        return list(self.lane(name).reasons)

    @property
    def phase(self) -> str:
        """The last phase seen."""
        return self.phases[-1].word if self.phases else ""

    def phase_sequence(self) -> list[str]:
        """Return the phases in order."""
        return unrepeated(stretch.word for stretch in self.phases)

    def status_sequence(self) -> list[str]:
        """Return the words that kubectl's STATUS column went through."""
        return unrepeated(stretch.word for stretch in self.status_words)

    def ready_after(self) -> Instant | None:
        """When the Pod was first Ready; None if it never was."""
        return self.first_true("Ready")

    def first_true(self, condition: str) -> Instant | None:
        """Return when a condition, such as ``Initialized``, was first True; None if it never was."""
        return next((v.start for v in self.conditions.get(condition, ()) if v.word == "True"), None)

    def runs(self, name: str) -> tuple[Run, ...]:
        """Return the runs of one container."""
        return self.lane(name).runs
