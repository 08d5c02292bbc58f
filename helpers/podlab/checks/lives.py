"""
``Life``: what one run of a play recorded, and the questions that checks ask of it.

Each question returns True, False, or None where the evidence does not decide. Instants of different Pods are
compared on the cluster's own clock (``creationTimestamp`` plus the Pod's timeline).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podlab.checks import vocabulary as questions
from podlab.errors import CheckError
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.observe import Recording
    from podlab.timeline import Instant, Timeline


KILLED = 137  # the exit code of SIGKILL: 128 + 9
MOMENTS = "NAME.start, NAME.end, NAME.ready, NAME.start[1], pod.initialized, pod.ready, pod.deletion"


@dataclass(frozen=True)
class Act:
    """
    One step of the play, as it went.

    Attributes:
        name: The step's ``as``, else its verb (``kill``, ``kill-2``, …).
        verb: Such as ``kill``.
        target: The container or object that it was done to.
        done: Whether it could be done, or for a wait whether the condition was reached in time.
        at: When it was done, seconds since the epoch by the recorder's clock.
        restarts: Container -> restartCount of the target Pod just before, for steps that act on a Pod.
        output: What an ``exec`` printed, the object of a ``look``, or the names of the Pods that a ``delete`` or a
            ``rollout`` met; of a ``kill`` the node's time just before the signal, in whole seconds since the epoch;
            of a ``wait`` how many times slower than usual the cluster had started Pods until then, 1 to 4.
        pod: The Pod that it was done to.
    """

    name: str
    verb: str
    target: str = ""
    done: bool = False
    at: float = 0.0
    restarts: Mapping[str, int] = field(default_factory=dict)
    output: Any = None
    pod: str = ""

    @property
    def struck_at(self) -> float:
        """When it was done by the node's clock, if the act noted that; else a second before the recorder's time."""
        noted = str(self.output or "").strip()
        return float(noted) if noted.isdigit() else self.at - 1.0


@dataclass(frozen=True)
class Life:
    """
    One recorded run.

    Attributes:
        recording: The recording; every Pod of the namespace is in it, fixtures too.
        acts: The steps of the play, in order.
        answered: Names of the Pods that the answer made, oldest first.
        values: The values of this run.
        late_s: The longest delay of the cluster while it was recorded, in seconds; 0 where it was not measured.
    """

    recording: Recording | None = None
    acts: Sequence[Act] = ()
    answered: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    timelines: dict[str, Timeline] = field(default_factory=dict)
    late_s: float = 0.0

    # -- Pods ---------------------------------------------------------------------------------------------

    def timeline(self, pod: str | None = None) -> Timeline:
        """Return the timeline of *pod*: a name, a fixture's name, or by default the answer's first Pod."""
        name = pod or (self.answered[0] if self.answered else "")
        if name not in self.timelines:
            if self.recording is None or name not in self.recording.pods():
                raise CheckError(f"no Pod {name or 'of the answer'!r} was recorded")
            self.timelines[name] = self.recording.timeline(name)
        return self.timelines[name]

    @property
    def made(self) -> bool:
        """Whether the answer made at least one Pod."""
        return bool(self.answered)

    def pods(self) -> list[Timeline]:
        """Return the timelines of all Pods that the answer made, oldest first."""
        return [self.timeline(name) for name in self.answered]

    # -- one Pod: order, ends, restarts -------------------------------------------------------------------

    def ran(self, container: str, pod: str | None = None) -> bool:
        """Return whether a process of this container ever started."""
        return self.made and questions.ran(self.timeline(pod), container)

    def role(self, container: str, pod: str | None = None) -> str:
        """Return ``init``, ``sidecar`` or ``app``; empty if the container is unknown."""
        lane = questions.lane(self.timeline(pod), container) if self.made else None
        return lane.role if lane else ""

    def started_before(self, first: str, second: str) -> bool | None:
        """Return whether *first* was sure to start before *second* (init or sidecar), and did."""
        return self.made and questions.started_before(self.timeline(), first, second)

    def overlapped(self, first: str, second: str) -> bool | None:
        """Return whether there was a moment at which both ran."""
        return self.made and questions.overlapped(self.timeline(), first, second)

    def outlived(self, first: str, second: str) -> bool | None:
        """Return whether the last run of *first* ended after the last run of *second*."""
        return self.made and questions.outlived(self.timeline(), first, second)

    def restarts(self, container: str, pod: str | None = None) -> int:
        """Return how often the container was started again; 0 if the container is unknown."""
        timeline = self.timeline(pod)
        return timeline.restarts(container) if questions.lane(timeline, container) else 0

    def exit_codes(self, container: str, pod: str | None = None) -> list[int | None]:
        """Return the exit code of each ended run, oldest first; None for a run that nobody saw."""
        timeline = self.timeline(pod)
        return timeline.exit_codes(container) if questions.lane(timeline, container) else []

    def killed(self, pod: str | None = None) -> list[str]:
        """
        Return the containers that SIGKILL ended: the app containers among them, or all of them if none is an app's.

        An app that uses up the Pod's grace period leaves nothing of it to the sidecars, which are killed then too.
        """
        lanes = [lane for lane in self.timeline(pod).lanes if KILLED in self.exit_codes(lane.name, pod)]
        apps = [lane for lane in lanes if lane.role == "app"]
        return [lane.name for lane in apps or lanes]

    @property
    def phase(self) -> str:
        """The last phase of the answer's first Pod."""
        return str(self.timeline().phase) if self.made else ""

    def start_order(self) -> str:
        """Return first starts in the notation of orders."""
        return self.timeline().start_order()

    def came_back(self, act: str | Act, container: str) -> bool:
        """
        Return whether *container* was started again because of *act*.

        The run that the act met must have ended after the act, by the node's clock where the act noted it, and the
        next run must have started. A run that a failing probe had ended by then, and an exit code for which the
        restart policy starts nothing again, have another cause.
        """
        met = self.act(act) if isinstance(act, str) else act
        if not met.done or container not in met.restarts:
            return False
        timeline = self.timeline(met.pod or None)
        runs = [run for run in timeline.lane(container).runs if run.restart >= met.restarts[container]]
        # The status that the act met may have been late: runs that were over before it are not the one it struck.
        alive = [run for run in runs if run.end is None or timeline.zero + run.end.hi >= met.struck_at]
        struck, after = (*alive, None, None)[:2]
        if struck is None or struck.end is None or after is None or after.start is None:
            return False
        began_at = timeline.zero + struck.start.lo if struck.start else 0.0
        if any(began_at - 1.0 <= at <= met.struck_at for at in self._probe_kills(container, met.pod)):
            return False
        return questions.starts_again(timeline.pod, container, struck.exit_code)

    def _probe_kills(self, container: str, pod: str) -> Iterator[float]:
        """Yield when the kubelet ended runs of *container* because a probe failed, in whole seconds."""
        for body in self._all_events(pod or None):
            about, text = body.get("involvedObject") or {}, str(body.get("message"))
            if body.get("reason") == "Killing" and f"{{{container}}}" in str(about.get("fieldPath")):
                at = epoch(body.get("lastTimestamp") or body.get("eventTime"))
                if at is not None and "probe" in text:
                    yield at

    def stayed(self, act: str | Act, container: str) -> bool:
        """Return whether *container* was not restarted after *act*."""
        met = self.act(act) if isinstance(act, str) else act
        return self.restarts(container, met.pod or None) == met.restarts.get(container, 0)

    def first_call_answered(
        self, caller: str, proxy: str, server: str, *, path: str, listens_after_s: float
    ) -> bool | None:
        """
        Return whether the first run of *caller* was answered by *server* through *proxy*; None where its end was not
        seen.

        That run must end with 0, and the fixture *server* must have logged a request for *path*. A caller that
        started before the proxy can have listened was answered by another container, or not at all: False.

        Args:
            listens_after_s: Seconds from the start of *proxy* until it listens.

        Accuracy:
            Starts are whole seconds where the node's clock is not read: an earlier start by up to 1 s is accepted.
        """
        codes = self.exit_codes(caller) if self.ran(caller) else []
        opened, called = self.at(f"{proxy}.start"), self.at(f"{caller}.start")
        if not codes or opened is None or called is None or called[1] - opened[0] < listens_after_s - 1:
            return False
        if not self.said(server, event="request", path=path):
            return False
        return None if codes[0] is None else codes[0] == 0

    # -- several Pods, on the cluster's clock -------------------------------------------------------------

    def at(self, moment: str, pod: str | None = None) -> tuple[float, float] | None:
        """
        Return when *moment* was: earliest and latest, seconds since the epoch; None if it did not happen.

        Args:
            moment: As ``Timeline.moment`` takes it: ``shop.start``, ``shop.end``, ``pod.ready``.
        """
        timeline = self.timeline(pod)
        if not moment.startswith("pod.") and questions.lane(timeline, moment.rpartition(".")[0]) is None:
            return None
        found: Instant | None = timeline.moment(moment)
        return None if found is None else (timeline.zero + found.lo, timeline.zero + found.hi)

    def before(self, one: tuple[float, float] | None, two: tuple[float, float] | None) -> bool | None:
        """Return whether interval *one* lies before *two*; None where they overlap, False where one is missing."""
        if one is None or two is None:
            return False
        if one[1] <= two[0]:
            return True
        return False if one[0] > two[1] else None

    # -- what containers wrote, what was done -------------------------------------------------------------

    @cached_property
    def _lines(self) -> list[RawObject]:
        found = self.recording.observations if self.recording else ()
        return [each for each in found if each.get("source") == "log"]

    def log(self, pod: str | None = None, container: str | None = None) -> list[str]:
        """Return the lines that a container wrote, of all its runs, in order."""
        return [str(each["line"]) for each in self._written(pod, container)]

    def _written(self, pod: str | None, container: str | None) -> Iterator[RawObject]:
        name = pod or (self.answered[0] if self.answered else "")
        for each in self._lines:
            if each["pod"] == name and container in (None, each["container"]):
                yield each

    def said(self, pod: str | None = None, container: str | None = None, **wanted: Any) -> list[RawObject]:
        """
        Return the JSON lines whose fields equal *wanted*; ``_at`` is the node's stamp, seconds since the epoch.

        Fixtures are asked by their Pod's name: ``life.said("sink", event="received")``.
        """
        found = []
        for each in self._written(pod, container):
            try:
                line = json.loads(each["line"])
            except ValueError:
                continue
            if isinstance(line, dict) and all(line.get(key) == value for key, value in wanted.items()):
                found.append({**line, "_at": epoch(each.get("at")), "_run": each.get("restart", 0)})
        return found

    def act(self, name: str) -> Act:
        """Return a step of the play by its name; CheckError when the play has none."""
        for each in self.acts:
            if each.name == name:
                return each
        raise CheckError(
            f"the play has no step {name!r}", cause=f"steps: {', '.join(a.name for a in self.acts)}"
        )

    def reached(self, name: str) -> bool:
        """Return whether the step *name* was done, or its condition reached in time."""
        return any(each.name == name and each.done for each in self.acts)

    def events(self, pod: str | None = None, reason: str | None = None) -> list[RawObject]:
        """Return the Events about *pod* (default: the answer's first), by order of arrival, newest state of each."""
        found = {body["metadata"].get("uid", ""): body for body in self._all_events(pod)}
        return [body for body in found.values() if reason in (None, body.get("reason"))]

    def _all_events(self, pod: str | None) -> Iterator[RawObject]:
        """Yield each state of each Event about *pod*, by order of arrival."""
        name = pod or (self.answered[0] if self.answered else "")
        for each in self.recording.observations if self.recording else ():
            body = each.get("object") if each.get("resource") == "events" else None
            if body and (body.get("involvedObject") or {}).get("name") == name:
                yield body

    def latest(self, pod: str | None = None) -> RawObject:
        """Return the newest state of the Pod object that was seen."""
        return self.timeline(pod).pod


def epoch(stamp: Any) -> float | None:
    """Return an RFC 3339 time as seconds since the epoch; None for none."""
    from podlab.timeline.clocks import parse_s

    return parse_s(stamp) if isinstance(stamp, str) else stamp
