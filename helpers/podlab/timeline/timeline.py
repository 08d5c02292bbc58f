"""
The timeline of one Pod: its life, and the questions that a learner or a check asks.

The plain facts are in ``life``, the longer questions, each with an answer and its evidence, in ``questions``; here
both are methods.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from podlab.timeline import questions, waiting
from podlab.timeline.build import CUT_SHORT, build
from podlab.timeline.facts import heard, pod_names
from podlab.timeline.life import PodLife
from podlab.timeline.model import Instant
from podlab.timeline.questions import Inference


@dataclass(frozen=True)
class Timeline(PodLife):
    """One Pod's life, with the questions to it; see ``PodLife`` for what it holds."""

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
        Return the timeline of one Pod of a recording.

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
        whole = "still recorded" if self.live else "whole" if self.complete else "incomplete"
        phase = self.phase or "no phase"
        return (
            f"Timeline({self.namespace}/{self.name}: {phase}, starts: {self.start_order() or '-'}, {whole})"
        )

    @staticmethod
    def pods(observations: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return names of the Pods that the observations speak of."""
        return pod_names(observations)

    def moment(self, name: str) -> Instant | None:
        """
        Return a moment by name, with its evidence: ``shop.start``, ``fetch.end``, ``proxy.ready``, ``shop.start[2]``
        (third start), ``pod.initialized``, ``pod.ready``, ``pod.deletion``; None if it did not happen.
        """
        return questions.moment(self, name)[0]

    # -- questions -------------------------------------------------------------------------------------------

    def start_order(self) -> str:
        """Return the order of first starts, as ``fetch | proxy | (shop shipper)``; see ``questions.start_order``."""
        return questions.start_order(self)

    def stop_order(self) -> str:
        """Return the order of last ends, as ``(shop extra) | s2 | s1``; see ``questions.stop_order``."""
        return questions.stop_order(self)

    def before(self, first: str, second: str) -> Inference:
        """
        Did *first* come before *second*? Names of containers, or moments as ``proxy.start``, ``fetch.end``.
        """
        return questions.before(self, first, second)

    def overlapped(self, first: str, second: str) -> Inference:
        """Did both run at the same time at some moment?"""
        return questions.overlapped(self, first, second)

    def outlived(self, first: str, second: str) -> Inference:
        """Did *first* run on after *second* had ended for the last time?"""
        return questions.outlived(self, first, second)

    def waited_for(self) -> Inference:
        """Return what kept the Pod from being Ready, step by step."""
        return waiting.waited_for(self)

    def why_not_running(self) -> Inference:
        """Return why the Pod is not running (or not Ready) at the last look."""
        return waiting.why_not_running(self)

    def next_try(self, name: str | None = None) -> Inference:
        """When the kubelet will start a container again that is in back-off."""
        return waiting.next_try(self, name)
