"""Nodes that answers run on: the reduced mode is refused, and the value ``node`` names one that takes Pods."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from podlab.drivers.embedded import REDUCED
from podlab.errors import ApiError, CheckError
from podlab.grading import find, nodes
from podlab.grading.prove import samples
from podlab.grading.runs import longest_s, most_pods


def node(name: str, *, ready: str = "True", **spec: Any) -> dict[str, Any]:
    """A node as the server lists it."""
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
        },
    }


class Lister:
    """A client that knows one list."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items, self.asked = list(items), 0

    def get(self, path: str) -> dict[str, Any]:
        """Answer the one request."""
        assert path == "/api/v1/nodes"
        self.asked += 1
        return {"items": self.items}


def test_a_node_that_takes_no_pods_is_passed_over() -> None:
    """Tainted, cordoned and not Ready: the kubelet would refuse the Pod for another reason."""
    listed = [
        node("a", taints=[{"key": "control-plane", "effect": "NoSchedule"}]),
        node("b", unschedulable=True),
        node("c", ready="Unknown"),
        node("e"),
        node("d", taints=[{"key": "soft", "effect": "PreferNoSchedule"}]),
    ]

    assert nodes.first(listed) == "d"


def test_without_a_node_the_answer_cannot_be_graded() -> None:
    """That is the cluster's fault, so it costs nobody marks."""
    with pytest.raises(CheckError, match="no node takes Pods"):
        nodes.first([node("a", ready="False")])


def test_nodes_are_listed_only_for_exercises_that_ask() -> None:
    """Whoever may not list nodes can grade all others."""
    client: Any = Lister(node("worker"))

    assert nodes.named({"nonce": "x"}, client) == {"nonce": "x"}
    assert client.asked == 0
    assert nodes.named({"node": "node"}, client) == {"node": "worker"}


def test_an_answer_is_not_graded_where_nothing_is_isolated() -> None:
    """Without volumes and Services a right answer would get nothing, so it gets no marks either way."""
    reduced = node("macos")
    reduced["metadata"]["annotations"] = {REDUCED: "no volumes"}
    client: Any = Lister(node("a"), reduced)

    with pytest.raises(CheckError, match="reduced mode") as error:
        nodes.refuse_reduced(client)

    assert error.value.cause == "no volumes"


def test_a_node_is_believed_where_it_may_not_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student of a class sees no nodes, and real ones have no reduced mode."""
    client: Any = Lister(node("a"))
    nodes.refuse_reduced(client)

    def forbidden(_path: str) -> dict[str, Any]:
        raise ApiError("forbidden", code=403)

    monkeypatch.setattr(client, "get", forbidden)
    nodes.refuse_reduced(client)


def sized(name: str, pods: int, cpu: str, **spec: Any) -> dict[str, Any]:
    """A node with room for *pods* Pods."""
    made = node(name, **spec)
    made["status"]["allocatable"] = {"pods": str(pods), "cpu": cpu}
    return made


def test_the_room_for_answers_is_that_of_the_nodes_that_take_pods() -> None:
    """Pods that are there count, those that are over do not, and a control plane gives no room."""
    shut = {"taints": [{"key": "control-plane", "effect": "NoSchedule"}]}
    listed = [sized("a", 110, "2"), sized("b", 25, "1500m"), sized("c", 110, "8", **shut)]
    pods = [{"spec": {"nodeName": "a"}, "status": {"phase": "Running"}}] * 40
    pods += [{"spec": {"nodeName": "a"}, "status": {"phase": "Succeeded"}}] * 40
    pods += [{"spec": {"nodeName": "b"}, "status": {"phase": "Pending"}}] * 30

    assert (nodes.room(listed, pods), nodes.cpus(listed)) == (70, 3)


@pytest.mark.parametrize(
    ("body", "pods"),
    [
        ({"kind": "Pod", "spec": {"containers": []}}, 1),
        ({"kind": "Service", "spec": {"selector": {}}}, 0),
        ({"kind": "Deployment", "spec": {"template": {"spec": {}}}}, 3),
        ({"kind": "Deployment", "spec": {"replicas": 4, "template": {"spec": {}}}}, 12),
        ({"kind": "Job", "spec": {"parallelism": 2, "template": {"spec": {}}}}, 6),
        ({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {}}}}, 3),
        ({"kind": "ConfigMap", "data": {}}, 0),
    ],
)
def test_a_template_may_have_old_and_new_pods_at_once(body: dict[str, Any], pods: int) -> None:
    assert nodes.most_pods([body, body]) == 2 * pods


@pytest.mark.parametrize(
    ("exercise", "pods"), [("e14", 1), ("e06", 2 * (1 + 1)), ("e09", 3), ("e30", 1 + 2 * 3), ("e26", 0)]
)
def test_an_answer_needs_room_for_all_its_runs_and_fixtures(exercise: str, pods: int) -> None:
    """A right answer; where nothing is run, none."""
    right = next(sample for sample in samples(find(exercise)) if sample.kind == "right")

    assert most_pods(find(exercise), right.text, 0) == pods
    assert most_pods(find(exercise), "kind: [", 0) in (0, pods)


def test_an_exercise_whose_fixture_cannot_be_read_needs_no_room(tmp_path: Path) -> None:
    """Counting its Pods once ended the grading of the whole class; now each answer's report names the fault."""
    right = next(sample for sample in samples(find("e36")) if sample.kind == "right")
    folder = tmp_path / find("e36").folder.name
    shutil.copytree(find("e36").folder, folder)
    (folder / "fixtures.yaml").write_text("kind: [")

    assert most_pods(find("e36"), right.text, 0) > 0
    assert most_pods(replace(find("e36"), folder=folder), right.text, 0) == 0


def test_the_time_of_a_play_is_that_of_its_longest_run() -> None:
    """Waits at most as long as they may, pauses whole: e06's second run may wait longer than its first; e26 is read."""
    first, second = find("e06").runs
    alone = [longest_s(replace(find("e06"), runs=(run,)), 0) for run in (first, second)]

    assert longest_s(find("e06"), 0) == max(alone) == alone[1] > alone[0] > 60
    assert longest_s(find("e26"), 0) == 0
