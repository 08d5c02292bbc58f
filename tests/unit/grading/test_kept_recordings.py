"""Recordings that are kept beside exercises: how they are shortened, and that the question shows what they hold."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts import load

from podlab.checks import Life
from podlab.observe import read_recording

EXERCISES = Path(__file__).parents[3] / "labs" / "exercises"


def shorten() -> ModuleType:
    """Return the script as a module; it is no part of the package."""
    return load(EXERCISES / "shorten.py", "shorten")


def state(phase: str, kind: str = "MODIFIED") -> dict[str, Any]:
    """Return an observation of the Pod `a` in a phase."""
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [], "volumes": [1]}, "status": {"phase": phase}}
    return {"source": "watch", "resource": "pods", "type": kind, "object": pod}


def test_a_short_recording_keeps_the_last_state_the_events_and_nothing_of_the_node() -> None:
    """The deletion of a Pod is not its last state, and a repeated Event is kept once, with its newest count."""
    header = dict.fromkeys(shorten().HEADER, "x")
    event = {"resource": "events", "type": "ADDED", "object": {"metadata": {"uid": "1"}, "count": 1}}
    again = {**event, "object": {"metadata": {"uid": "1"}, "count": 2}}
    end = {"source": "recorder", "event": "end"}
    long = [header, state("Pending"), event, {"source": "node"}, {"source": "log"}, state("Running"), again,
            state("Failed", "DELETED"), end]  # fmt: skip

    kept = list(shorten().shortened(long))

    assert [each.get("resource") or each.get("source") for each in kept[1:]] == ["pods", "events", "recorder"]
    assert kept[1]["object"]["status"]["phase"] == "Running"
    assert "volumes" not in kept[1]["object"]["spec"]
    assert kept[2]["object"]["count"] == 2


def test_the_question_of_e25_lists_the_events_of_its_recording() -> None:
    """Numbers are resolved by the recording, so both must have the same order."""
    folder = EXERCISES / "e25-which-event"
    recording = read_recording(folder / "recordings" / "stuck.jsonl")
    life = Life(recording, answered=recording.pods())
    recorded = [(pod, event["type"], event["reason"]) for pod in "abc" for event in life.events(pod)]

    rows = re.findall(r"^ ?(\d+)  (\w)  (\w+) +(\w+) ", (folder / "ask.md").read_text("utf-8"), re.MULTILINE)

    assert [int(number) for number, *_ in rows] == list(range(1, len(recorded) + 1))
    assert [tuple(rest) for _, *rest in rows] == recorded
