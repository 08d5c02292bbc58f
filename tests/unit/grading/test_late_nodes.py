"""A play on a node that is late: deadlines count from the first process, and a kill waits for the kubelet's status."""

from __future__ import annotations

from typing import Any, cast

import pytest

from podlab.client.types import ExecOutput
from podlab.errors import WaitTimeoutError
from podlab.grading import player
from podlab.grading.conditions import PART
from podlab.grading.exercise import NotGradable
from podlab.grading.play import Step
from podlab.grading.player import Player

PREPARING = {"waiting": {"reason": "ContainerCreating"}}
METADATA = {"name": "answer", "uid": "1", "labels": {PART: "answer"}}
UNPLACED: dict[str, Any] = {}
RUNNING = {"running": {"startedAt": "2026-11-30T12:00:01Z"}}
FAILED_MOUNT = {"type": "Warning", "reason": "FailedMount", "involvedObject": {"name": "answer"}}


def pod(state: dict[str, Any]) -> dict[str, Any]:
    """Return the answer's Pod on its node; its one container is in *state*."""
    if state is UNPLACED:
        return {
            "metadata": METADATA,
            "spec": {},
            "status": {"phase": "Pending"},
        }
    return {
        "metadata": {**METADATA, "creationTimestamp": "2026-11-30T12:00:00Z"},
        "spec": {"nodeName": "node", "containers": [{"name": "shop"}]},
        "status": {
            "phase": "Running" if state is RUNNING else "Pending",
            "containerStatuses": [{"name": "shop", "restartCount": 0, "state": state}],
        },
    }  # fmt: skip


class Turns:
    """A recorder that shows one state of the Pod for each wait that ends, instead of letting time pass."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.waits: list[float] = []

    def pods(self) -> list[dict[str, Any]]:
        return [pod(self.states[0])]

    def step(self, text: str, **fields: Any) -> None:
        """Take the note of a step."""

    def wait(self, reached: Any, *, deadline_s: float) -> None:
        self.waits.append(deadline_s)
        if reached(self.pods()):
            return
        if len(self.states) > 1:
            self.states.pop(0)
        if not reached(self.pods()):
            raise WaitTimeoutError("late")


class Shell:
    """A client whose exec succeeds."""

    def exec(self, *_args: Any, **_options: Any) -> ExecOutput:
        return ExecOutput(stdout="", stderr="", exit_code=0)


def playing(*states: dict[str, Any]) -> Player:
    """Return a player whose recorder shows these states in turn."""
    return Player(
        cast(Any, Shell()), cast(Any, type("Ground", (), {"namespace": "here"})()),
        cast(Any, Turns(*states)), {}, {}, cast(Any, type("Stop", (), {"is_set": lambda _self: False})()),
    )  # fmt: skip


def waiting(within_s: float = 20.0) -> Step:
    return Step("wait", {"running": ["shop"]}, "up", within_s, "")


def test_a_deadline_counts_from_the_first_process() -> None:
    """Twenty seconds went by while the node made the sandbox: the container gets its own twenty."""
    played = playing(PREPARING, PREPARING, RUNNING)
    played._do(waiting())

    assert played.acts[0].done
    assert cast(Any, played.recorder).waits[:2] == [20.0, player.UNSTARTED_S]


def test_a_node_that_starts_nothing_leaves_the_grade_open() -> None:
    """Zero points would blame the answer for the cluster."""
    with pytest.raises(NotGradable, match="the next container of the Pod answer"):
        playing(PREPARING)._do(waiting())


def test_a_pod_that_no_scheduler_has_got_to_is_waited_for() -> None:
    """A play may ask for a tenth of a second, to go on at once; the scheduler may answer after that."""
    played = playing(UNPLACED, RUNNING)
    played._do(waiting(0.1))
    assert played.acts[0].done

    with pytest.raises(NotGradable, match="no scheduler looked at the Pod answer"):
        playing(UNPLACED)._do(waiting(0.1))


def test_an_obstacle_that_an_event_names_is_the_answers() -> None:
    """A volume of a ConfigMap that does not exist keeps a Pod from its first process for ever."""
    played = playing(PREPARING)
    played.see({"source": "watch", "resource": "events", "object": FAILED_MOUNT})
    played._do(waiting())

    assert not played.acts[0].done


def test_a_kill_waits_for_the_status_of_its_container() -> None:
    """A container is heard at once, and shown as running by the kubelet a second later."""
    played = playing(PREPARING, RUNNING)
    played._do(Step("kill", "shop", "kill", 20.0, ""))

    assert played.acts[0].done
