"""
The life of one Pod, and the plain facts that a learner or a check asks it for.

The longer questions, each with an answer and its evidence, are in ``questions``; they are methods here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from podlab.errors import TimelineError
from podlab.pods.raw import RawObject
from podlab.timeline import questions
from podlab.timeline.build import CUT_SHORT, build
from podlab.timeline.clocks import Offset
from podlab.timeline.facts import heard, pod_names
from podlab.timeline.model import Instant, Lane, Marker, Run, Stretch
from podlab.timeline.questions import Answer
from podlab.timeline.words import unrepeated


@dataclass(frozen=True)
class Timeline:
    """
    What is known of one Pod's life. Times are seconds since ``creationTimestamp`` as the API prints it.

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

    @classmethod
    def from_observations(
        cls,
        header: Mapping[str, Any] | None,
        observations: Iterable[Mapping[str, Any]],
        pod: str | None = None,
        *,
        clocks: Collection[str] | None = None,
        live: bool = False,
    ) -> Timeline:
        """
        The timeline of one Pod of a recording.

        Args:
            header: The recording's first line, or None.
            observations: In order of arrival.
            pod: Name of the Pod; None takes the one that was applied, else the first one seen.
            clocks: Which clocks to believe, of ``status``, ``arrival``, ``events``, ``logs``, ``node``; None: all.
                ``{"status"}`` shows what whole seconds alone can tell.
            live: The recording goes on; a missing end is then not a fault.

        Raises:
            TimelineError: No observation is about that Pod, or a clock has another name.
        """
        found = cls(**build(header, heard(observations, clocks), pod))
        if not live:
            return found
        return replace(found, live=True, notes=tuple(n for n in found.notes if n != CUT_SHORT))

    def __repr__(self) -> str:
        """One line: a notebook shows pictures, and every attribute can be asked for."""
        whole = "still recorded" if self.live else "whole" if self.complete else "not whole"
        phase = self.phase or "no phase"
        return (
            f"Timeline({self.namespace}/{self.name}: {phase}, starts: {self.start_order() or '-'}, {whole})"
        )

    @staticmethod
    def pods(observations: Iterable[Mapping[str, Any]]) -> list[str]:
        """Names of the Pods that the observations speak of."""
        return pod_names(observations)

    # ---------------------------------------------------------------------------------------------- plain fac

    def lane(self, name: str) -> Lane:
        """The lane of one container. Raises TimelineError for a name that is not there."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        names = [lane.name for lane in self.lanes]
        near = difflib.get_close_matches(name, names, 1, 0.4) or names[:1]
        raise TimelineError(
            f"Pod {self.name} has no container {name}",
            cause="its containers are: " + ", ".join(names),
            hint=f"the same with {near[0]!r}" if near else None,
        )

    def starts(self, name: str) -> int:
        """How often a process of that container started."""
        return self.lane(name).starts

    def restarts(self, name: str) -> int:
        """How often the container was run again."""
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
        """The phases in order."""
        return unrepeated(stretch.word for stretch in self.phases)

    def status_sequence(self) -> list[str]:
        """The words that kubectl's STATUS column went through."""
        return unrepeated(stretch.word for stretch in self.status_words)

    def ready_after(self) -> Instant | None:
        """When the Pod was first Ready; None if it never was."""
        values = self.conditions.get("Ready", ())
        return next((v.start for v in values if v.word == "True"), None)

    def runs(self, name: str) -> tuple[Run, ...]:
        """The runs of one container."""
        return self.lane(name).runs

    def moment(self, name: str) -> Instant | None:
        """
        A moment by name, with its evidence: ``shop.start``, ``fetch.end``, ``proxy.ready``, ``shop.start[2]``
        (third start), ``pod.ready``, ``pod.deletion``; None if it did not happen.
        """
        return questions.moment(self, name)[0]

    # ---------------------------------------------------------------------------------------------- questions

    def start_order(self) -> str:
        """The order of first starts, as ``fetch | proxy | (shop shipper)``; see ``questions.start_order``."""
        return questions.start_order(self)

    def stop_order(self) -> str:
        """The order of last ends, as ``(shop extra) | s2 | s1``; see ``questions.stop_order``."""
        return questions.stop_order(self)

    def before(self, first: str, second: str) -> Answer:
        """
        Did *first* come before *second*? Names of containers, or moments as ``proxy.start``, ``fetch.end``.
        """
        return questions.before(self, first, second)

    def overlapped(self, first: str, second: str) -> Answer:
        """Did both run at the same time at some moment?"""
        return questions.overlapped(self, first, second)

    def outlived(self, first: str, second: str) -> Answer:
        """Did *first* run on after *second* had ended for the last time?"""
        return questions.outlived(self, first, second)

    def waited_for(self) -> Answer:
        """What kept the Pod from being Ready, step by step."""
        return questions.waited_for(self)

    def why_not_running(self) -> Answer:
        """Why the Pod is not running (or not Ready) at the last look."""
        return questions.why_not_running(self)

    def next_try(self, name: str | None = None) -> Answer:
        """When the kubelet will start a container again that is in back-off."""
        return questions.next_try(self, name)
