"""
Why is my Pod, Job or Deployment not running? Three lines from live state: what, why, and what to try.

It needs the object and its Events (of a Job or Deployment, its Pods too), no recording. What can be wrong stands in the
tables of ``situations``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from podlab.pods.raw import RawObject
from podlab.pods.status import status_word
from podlab.timeline import situations
from podlab.timeline.crashes import ended_words


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation: what, why and what to try; *well* when the Pod runs and is Ready, or has Succeeded."""

    what: str
    why: str
    hint: str
    well: bool = False
    situation: str = ""

    def __str__(self) -> str:
        notes = [("why", self.why), ("try", self.hint)]
        return "\n".join([self.what, *(f"  {label}: {text}" for label, text in notes if text)])

    def lines(self) -> list[str]:
        """Return the three lines."""
        return str(self).splitlines()

    def as_json(self) -> dict[str, Any]:
        """Return names and values for programs."""
        return {"what": self.what, "why": self.why, "try": self.hint, "well": self.well}


def explain(pod: RawObject, events: Iterable[RawObject] = (), *, now: float | None = None) -> Explanation:
    """
    Explain a Pod from its object and the Events about it.

    Args:
        pod: The object as the API returned it.
        events: Events of its namespace; those about other objects are ignored.
        now: Seconds since the epoch; with it, "not yet" and "not at all" can be told apart.
    """
    o = situations.observe(pod, events, now)
    name = f"Pod {o.meta.get('name', '?')}"
    found = situations.find(o)
    if found is not None:
        other = situations.unused(o, f"{found.what} {found.why}")
        waits = other and found.hint.startswith("wait")
        hint = f"podlab events --for {o.meta.get('name')}" if waits else found.hint
        return Explanation(f"{name} {found.what}", found.why + other, hint, situation=found.situation)
    if o.phase == "Succeeded":
        return Explanation(
            f"{name} has Succeeded", "every app container ended with exit code 0", "", well=True
        )
    why = f"all its containers are ready{_history(o)}"
    resize, hint = _resize(o)
    why += resize
    return Explanation(
        f"{name} is {status_word(pod)} and Ready", why + situations.unused(o, why), hint, well=True
    )


def _history(o: situations.Observed) -> str:
    """Return how often the containers of a Pod that is well were started again."""
    parts = [
        f"{c.name} was started again {c.restarts} time{'s' if c.restarts > 1 else ''}"
        + (f", the last run ended with {ended_words(c.last)}" if c.last else "")
        for c in o.containers
        if c.restarts and c.role != "init"
    ]
    return "".join(f"; {part}" for part in parts)


_RESIZES = {
    "Infeasible": "its node can never give that: ask for less, or apply the Pod again, for another node",
    "Deferred": "wait until its node has that much free, or ask for less",
}


def _resize(o: situations.Observed) -> tuple[str, str]:
    """Return what a change of resources waits for that is not in effect yet, and what to try; empty without one."""
    for kind in ("PodResizePending", "PodResizeInProgress"):
        found = o.condition(kind)
        if found.get("status") == "True":
            reason = str(found.get("reason") or "under way")
            said = f"{reason}: {found.get('message') or ''}".rstrip(": ")
            return f"; its new resources are not in effect: {said}", _RESIZES.get(reason, "")
    return "", ""
