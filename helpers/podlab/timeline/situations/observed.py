"""
The input of a situation: a Pod with its Events, and each of its containers.

Everything here is pure and made once for an explanation; nothing is asked of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from podlab.pods import roles
from podlab.pods.raw import RawObject
from podlab.pods.restarts import restarts_after
from podlab.timeline.clocks import parse_s
from podlab.timeline.crashes import policy_of
from podlab.timeline.events import about, last_event, message_of, seen_s
from podlab.timeline.words import phase_of

ROLE_WORDS = {"init": "init container", "sidecar": "sidecar", "app": "container"}


@dataclass(frozen=True)
class Observed:
    """
    A Pod as the API returned it, and the Events about it, oldest first.

    Attributes:
        now: Seconds since the epoch at which it was looked at; None where that is not known.
    """

    pod: RawObject
    events: Sequence[RawObject] = ()
    now: float | None = None

    @cached_property
    def meta(self) -> Mapping[str, Any]:
        """``metadata``."""
        return self.pod.get("metadata") or {}

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """``spec``."""
        return self.pod.get("spec") or {}

    @cached_property
    def status(self) -> Mapping[str, Any]:
        """``status``."""
        return self.pod.get("status") or {}

    @property
    def phase(self) -> str:
        """The phase; ``Pending`` if absent."""
        return phase_of(self.pod)

    @property
    def over(self) -> bool:
        """Whether the phase is final."""
        return self.phase in ("Succeeded", "Failed")

    @cached_property
    def containers(self) -> Sequence[ObservedContainer]:
        """Those that have a status: init containers and sidecars, then app containers, as in the manifest."""
        return tuple(self._containers())

    def _containers(self) -> Iterator[ObservedContainer]:
        for key in (roles.INIT, roles.APP):
            by_name = {status.get("name"): status for status in roles.statuses(self.pod, key)}
            for spec in roles.group(self.pod, key):
                if spec.get("name") in by_name:
                    yield ObservedContainer(self, roles.role(key, spec), spec, by_name[spec["name"]])

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Return the condition of that type; empty if absent."""
        found = (c for c in self.status.get("conditions") or [] if c.get("type") == kind)
        return next(found, {})

    def holds(self, kind: str) -> bool:
        """Return whether the condition of that type is True."""
        return self.condition(kind).get("status") == "True"

    def event(self, *reasons: str, container: str = "") -> RawObject | None:
        """Return the newest Event with one of these reasons, of one container where it is named."""
        return last_event(self.events, *reasons, container=container)

    def says(self, *reasons: str, container: str = "") -> str:
        """Return the message of that Event on one line; empty if absent."""
        return message_of(self.event(*reasons, container=container))

    def age_s(self, at: object) -> float | None:
        """Return seconds since *at*, a time as the API prints it; None where either is not known."""
        then = parse_s(str(at or ""))
        return None if self.now is None or then is None else self.now - then

    @property
    def owner(self) -> str:
        """The kind of its controller, such as ``Job``; empty for none."""
        kinds = [o.get("kind") for o in self.meta.get("ownerReferences") or [] if o.get("controller")]
        return str(kinds[0] or "") if kinds else ""


@dataclass(frozen=True)
class ObservedContainer:
    """One container of a Pod: its role (init, sidecar, app), its spec in the manifest, and its status."""

    of: Observed = field(repr=False)
    role: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec.get("name"))

    @property
    def title(self) -> str:
        """``init container fetch``."""
        return f"{ROLE_WORDS[self.role]} {self.name}"

    @property
    def state(self) -> Mapping[str, Any]:
        """Its state: waiting, running or terminated."""
        return self.status.get("state") or {}

    @property
    def standing(self) -> str:
        """How the Pod stands because of it: ``waits for sidecar proxy``, ``does not run: container app``."""
        if self.role != "app" and not self.of.holds("Initialized"):
            return f"waits for {self.title}"
        return f"{'does not run' if self.of.phase == 'Pending' else 'is only partly running'}: {self.title}"

    @property
    def reason(self) -> str:
        """Why it waits, as the kubelet says it; empty where it does not wait."""
        return str((self.state.get("waiting") or {}).get("reason") or "")

    @property
    def message(self) -> str:
        """Return what the kubelet adds to that reason."""
        return str((self.state.get("waiting") or {}).get("message") or "")

    @property
    def runs(self) -> bool:
        """Whether its state is running."""
        return "running" in self.state

    @property
    def ended(self) -> Mapping[str, Any]:
        """Its state terminated; empty where it is another."""
        return self.state.get("terminated") or {}

    @property
    def last(self) -> Mapping[str, Any]:
        """How its run before ended; empty for none."""
        return (self.status.get("lastState") or {}).get("terminated") or {}

    @property
    def latest_end(self) -> Mapping[str, Any]:
        """How its latest run that has ended did so; empty for none."""
        return self.ended or self.last

    @property
    def restarts(self) -> int:
        """Its restart count."""
        return int(self.status.get("restartCount") or 0)

    @property
    def policy(self) -> str:
        """The restartPolicy that holds for it."""
        return policy_of(self.of.pod, self.name)

    @property
    def passed(self) -> bool:
        """Whether what comes after it may start: an init container that ended with 0, a sidecar that has started."""
        if self.role == "init":
            return self.ended.get("exitCode") == 0
        return self.role == "sidecar" and bool(self.status.get("started"))

    @property
    def comes_back(self) -> bool:
        """Whether the kubelet starts it again after the end that its state shows."""
        return restarts_after(self.policy, self.ended.get("exitCode"))

    def event(self, *reasons: str) -> RawObject | None:
        """Return the newest Event about it with one of these reasons."""
        return self.of.event(*reasons, container=self.name)

    def says(self, *reasons: str) -> str:
        """Return the message of that Event; empty if absent."""
        return self.of.says(*reasons, container=self.name)


def observe(pod: RawObject, events: Iterable[RawObject], now: float | None = None) -> Observed:
    """Take a Pod and, of *events*, those about it, oldest first."""
    uid = (pod.get("metadata") or {}).get("uid")
    mine = [event for event in events if about(event).get("uid", uid) == uid]
    return Observed(pod, tuple(sorted(mine, key=lambda event: seen_s(event) or 0.0)), now)
