"""The value ``node``: the name of a node that takes Pods."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.errors import CheckError
from podlab.grading import nodes


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
