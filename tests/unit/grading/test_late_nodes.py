"""A play on a node that is late: deadlines count from the first process, and a kill waits for the kubelet's status."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podlab.checks import Act
from podlab.client.types import ExecOutput
from podlab.errors import WaitTimeoutError
from podlab.grading import nodes, player, waitconditions
from podlab.grading.exercise import CrowdedOut, NotGradable
from podlab.grading.play import Step
from podlab.grading.player import Player
from podlab.grading.run_namespace import ANSWER, RunNamespace
from podlab.grading.waitconditions import PART

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
        cast(Any, Shell()), cast(Any, type("RunNamespace", (), {"name": "here"})()),
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


# ---------------------------------------------------------------------------------- Pods that others leave no room for

WORKER = {
    "metadata": {"name": "node"},
    "spec": {},
    "status": {
        "allocatable": {"cpu": "2", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def reserving(cpu: str, *, namespace: str, node: str | None) -> dict[str, Any]:
    """Return a Pod that reserves *cpu*; without a *node* the scheduler has found none that has enough left."""
    said = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
    }
    return {
        "metadata": {**METADATA, "namespace": namespace},
        "spec": {
            "containers": [{"name": "shop", "resources": {"requests": {"cpu": cpu}}}],
            **({"nodeName": node} if node else {}),
        },
        "status": {"phase": "Running"} if node else {"phase": "Pending", "conditions": [said]},
    }


LABELS = {"another": {ANSWER: "2"}, "other-run": {ANSWER: "1"}, "lab": {}, "here": {ANSWER: "1"}}


class Full(Shell):
    """A cluster of one node, with these Pods on it."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = list(pods)

    def get(self, path: str, **params: str) -> dict[str, Any]:
        if path.endswith("/namespaces"):
            assert params == {"labelSelector": "app.kubernetes.io/managed-by=podlab"}
            return {"items": [{"metadata": {"name": name, "labels": row}} for name, row in LABELS.items()]}
        return {"items": [WORKER] if path.endswith("/nodes") else self.pods}


def unplaced(waiting_pod: dict[str, Any], *others: dict[str, Any]) -> Player:
    """Return a player whose answer is a Pod that waits for a node beside *others*."""
    played = playing(UNPLACED)
    played.client = cast(Any, Full(*others, waiting_pod))
    played.run_namespace = RunNamespace(played.client, "e36", "default", {ANSWER: "1"})
    played.run_namespace.name = "here"
    cast(Any, played.recorder).pods = lambda: [waiting_pod]
    return played


def test_a_pod_that_other_answers_leave_no_room_for_leaves_the_grade_open() -> None:
    """Ten answers side by side reserved two processors: none of them asked for too much."""
    beside = reserving("1900m", namespace="another", node="node")

    with pytest.raises(CrowdedOut, match="no node had room for the Pod answer"):
        unplaced(reserving("200m", namespace="here", node=None), beside)._do(waiting())


@pytest.mark.parametrize(
    ("cpu", "others"),
    [
        ("3", []),
        ("500m", [reserving("1600m", namespace="here", node="node")]),
        ("500m", [reserving("1600m", namespace="kube-system", node="node")]),
        ("500m", [reserving("1600m", namespace="monitoring", node="node")]),
        ("500m", [reserving("1600m", namespace="lab", node="node")]),
        ("500m", [reserving("1600m", namespace="other-run", node="node")]),
    ],
    ids=[
        "more than the node has",
        "beside its own Pods",
        "beside the cluster's Pods",
        "beside permanent Pods",
        "beside a learner's Pods",
        "beside the Pods of its other run",
    ],
)
def test_a_pod_that_asks_for_too_much_by_itself_is_judged(cpu: str, others: list[dict[str, Any]]) -> None:
    """Nobody else has to go for it."""
    played = unplaced(reserving(cpu, namespace="here", node=None), *others)
    played._do(waiting())

    assert not played.acts[0].done


@pytest.mark.parametrize(
    ("reasons", "crowded"),
    [
        (
            "1 Insufficient cpu, 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
            True,
        ),
        ("1 Insufficient cpu, 1 Insufficient memory, 1 node(s) were unschedulable", True),
        ("1 Too many pods", True),
        ("1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector", False),
        ("1 Insufficient cpu, 1 node(s) didn't have free ports for the requested pod ports", False),
    ],
)
def test_a_pod_that_may_not_run_everywhere_is_not_excused_by_the_others(reasons: str, crowded: bool) -> None:
    """The node that it asks for may be empty, and the full one is none of its business."""
    beside = reserving("1900m", namespace="another", node="node")
    pod = reserving("200m", namespace="here", node=None)
    tail = "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
    (said,) = pod["status"]["conditions"]
    pod["status"]["conditions"] = [{**said, "message": f"0/2 nodes are available: {reasons}. {tail}"}]

    assert nodes.lacks_room(pod)
    assert nodes.crowded_out(pod, [WORKER], [beside, pod], {"another"}) is crowded


# -------------------------------------------------------------------------------------------- Pods that go one by one


class Going(Turns):
    """A recorder of a rollout, on a clock of its own: the old Pods from each second on, and whether they end."""

    def __init__(self, states: dict[float, dict[str, bool]]) -> None:
        super().__init__()
        self.by_second = states
        self.now_s = 0.0

    def pods(self) -> list[dict[str, Any]]:
        state = self.by_second[max(at for at in self.by_second if at <= self.now_s)]
        return [
            {
                "metadata": {"name": name, "uid": name, **({"deletionTimestamp": "now"} if ends else {})},
                "spec": {"nodeName": "node"},
                "status": {"phase": "Running"},
            }
            for name, ends in state.items()
        ]

    def wait(self, reached: Any, *, deadline_s: float) -> None:
        self.waits.append(deadline_s)
        end_s = self.now_s + deadline_s
        for at in sorted({self.now_s, *(at for at in self.by_second if self.now_s < at <= end_s), end_s}):
            self.now_s = at
            if reached(self.pods()):
                return
        raise WaitTimeoutError("late")


@pytest.fixture
def rollout(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Act, float]]:
    """Return a function that waits 90 seconds for the Pods a and b: the wait's act, and when it ended."""

    def play(states: dict[float, dict[str, bool]], verb: str = "rollout") -> tuple[Act, float]:
        recorder = Going(states)
        clock = SimpleNamespace(monotonic=lambda: recorder.now_s, time=time.time)
        for module in (player, waitconditions):
            monkeypatch.setattr(module, "time", clock)
        played = playing(UNPLACED)
        played.recorder = cast(Any, recorder)
        played.acts.append(Act("release", verb, done=True, output=["a", "b"]))
        played._do(Step("wait", {"away": "release"}, "rolled", 90.0, ""))
        return played.acts[-1], recorder.now_s

    return play


def test_each_pod_that_goes_gives_the_next_one_the_whole_time(
    rollout: Callable[..., tuple[Act, float]],
) -> None:
    """A rollout that gets on is not over: on a busy machine three deadlines passed before the second Pod had gone."""
    states = {
        0: {"a": False, "b": False},
        80: {"a": True, "b": False},
        165: {"b": False},
        250: {"b": True},
        330: {},
    }

    assert rollout(states)[0].done


def test_pods_that_all_began_to_go_have_one_deadline(rollout: Callable[..., tuple[Act, float]]) -> None:
    """A hook of 120 seconds is too long, though both Pods began to go at the start: nothing got on since."""
    waited, at = rollout(
        {0: {"a": False, "b": False}, 3: {"a": True, "b": False}, 6: {"a": True, "b": True}, 123: {}}
    )

    assert not waited.done
    assert at == 96


def test_a_rollout_that_does_not_get_on_ends_with_its_deadline(
    rollout: Callable[..., tuple[Act, float]],
) -> None:
    """Nothing went, so nothing is waited for any longer."""
    waited, at = rollout({0: {"a": False, "b": False}})

    assert not waited.done
    assert at == 90


@pytest.mark.parametrize("shown_s", [0, 5], ids=["the watch is quick", "the watch is late"])
def test_a_pod_that_the_play_deleted_has_its_deadline_once(
    rollout: Callable[..., tuple[Act, float]], shown_s: float
) -> None:
    """Whether the watch has shown its deletion when the wait begins is a race; it ends by the answer's doing."""
    waited, at = rollout({0: {"a": False}, shown_s: {"a": True}, 93: {}}, verb="delete")

    assert not waited.done
    assert at == 90


def test_each_deleted_pod_that_went_gives_the_next_one_the_whole_time(
    rollout: Callable[..., tuple[Act, float]],
) -> None:
    """Of two, one is gone when the first deadline ends."""
    assert rollout({0: {"a": False, "b": False}, 60: {"b": True}, 140: {}}, verb="delete")[0].done


def test_a_fixture_that_a_play_waits_for_in_vain_leaves_the_grade_open() -> None:
    """The database is the grader's: an answer that waits for it is right."""
    played = playing(RUNNING)
    played.fixtures = {"db": [cast(Any, SimpleNamespace(kind="Pod", name="db"))]}

    with pytest.raises(NotGradable, match="the fixture db did not become ready in 60 s"):
        played._do(Step("wait", {"ready": "db"}, "database", 60.0, ""))


class Database(Turns):
    """A recorder of a fixture: its uid and whether it is Ready, one state after another."""

    def pods(self) -> list[dict[str, Any]]:
        uid, ready = self.states[0]
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        return [
            {
                "metadata": {"name": "db", "uid": uid},
                "spec": {"nodeName": "node"},
                "status": {"phase": "Running", "conditions": conditions},
            }
        ]


@pytest.mark.parametrize("uid", ["1", "2"], ids=["the same Pod", "another Pod of that name"])
def test_a_fixture_that_was_ready_and_does_not_come_back_may_be_the_answers_doing(uid: str) -> None:
    """An answer that may write to the database can move its port: the grade would stay open for ever."""
    played = playing(RUNNING)
    played.recorder = cast(Any, Database(cast(Any, ("1", True)), cast(Any, (uid, False))))
    played.fixtures = {"db": [cast(Any, SimpleNamespace(kind="Pod", name="db"))]}
    played._do(Step("wait", {"ready": "db"}, "database", 60.0, ""))
    cast(Any, played.recorder).states.pop(0)
    again = Step("wait", {"ready": "db"}, "back", 40.0, "")

    if uid == "1":
        played._do(again)
        assert [act.done for act in played.acts] == [True, False]
    else:
        with pytest.raises(NotGradable, match="the fixture db did not become ready in 40 s"):
            played._do(again)
