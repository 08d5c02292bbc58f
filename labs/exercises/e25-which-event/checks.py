"""e25 which-event: one Event for each Pod, named by number, by reason and container, or as a whole line."""

import re
from typing import Any

from podlab.checks import Case, Finding, check

NONE = ("none", "no event", "no")
AFTERWARDS = ("BackOff", "Killing")


def listed(case: Case) -> list[dict[str, Any]]:
    """Return the Events in the order of the question's table."""
    life = case.life()
    return [event for pod in ("a", "b", "c") for event in life.events(pod)]


def container(event: dict[str, Any]) -> str:
    """Return the container that an Event names; empty for an Event about the whole Pod."""
    return str(event["involvedObject"].get("fieldPath") or "").partition("{")[2].rstrip("}")


def chosen(case: Case, pod: str) -> tuple[str, dict[str, Any] | None]:
    """Return the choice as the key knows it, and the Event: a number, "reason container", or "none"."""
    text = case.answer.chose(pod)
    events = listed(case)
    number = re.match(r"(?:no\W*)?(\d+)\b", text)
    if number and 0 < int(number[1]) <= len(events):
        return number[1], events[int(number[1]) - 1]
    words = re.findall(r"[a-z]+", text)
    for event in events:
        if event["involvedObject"]["name"] == pod and sorted(words) == sorted(named(event)):
            return " ".join(named(event)), event
    return text, None


def named(event: dict[str, Any]) -> list[str]:
    """Return reason and container in small letters."""
    return [word for word in (event["reason"].lower(), container(event)) if word]


def judged(case: Case, pod: str) -> Finding:
    """Compare with the key; the words tell what kind of Event was chosen instead."""
    choice, event = chosen(case, pod)
    if case.key.accepts(pod, "none" if choice in NONE else choice):
        return Finding(True)
    if choice in NONE:
        return Finding(False, "an Event does explain this Pod", hint=1)
    if event is None:
        return Finding(False, f"no single Event is named by {choice!r}" if choice else "nothing is chosen")
    return instead(case, pod, event)


def instead(case: Case, pod: str, event: dict[str, Any]) -> Finding:
    """Say what the chosen Event is."""
    if event["involvedObject"]["name"] != pod:
        return Finding(False, "that Event is about another Pod", hint=1)
    if case.key.accepts(pod, "none"):
        return Finding(False, "that Event reports nothing that went wrong", hint=2)
    if event["reason"] in AFTERWARDS:
        return Finding(False, "that Event tells what the kubelet does about it, not what failed", hint=3)
    if event["type"] == "Warning":
        return Finding(False, "that Event repeats the reason and does not name the cause", hint=3)
    if container(event) and container(event) not in blamed(case, pod):
        return Finding(False, "that Event is about another container", hint=1)
    return Finding(False, "that Event reports a step that went well", hint=2)


def blamed(case: Case, pod: str) -> set[str]:
    """Return the containers that a Warning about this Pod names."""
    about = [event for event in listed(case) if event["involvedObject"]["name"] == pod]
    return {container(event) for event in about if event["type"] == "Warning"}


@check("a")
def pod_a(case: Case) -> Finding:
    """An image."""
    return judged(case, "a")


@check("b")
def pod_b(case: Case) -> Finding:
    """A probe."""
    return judged(case, "b")


@check("c")
def pod_c(case: Case) -> Finding:
    """Nothing that an Event would report."""
    return judged(case, "c")
