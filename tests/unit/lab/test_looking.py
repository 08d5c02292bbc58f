"""Small questions to raw objects."""

import pytest

from podlab.errors import NotFoundError
from podlab.lab import looking


def pod(inits=(), apps=(), statuses=()):
    return {
        "spec": {"initContainers": list(inits), "containers": list(apps)},
        "status": {"containerStatuses": list(statuses)},
    }


def container(name):
    return {"name": name}


def node(name, cpu, *effects):
    taints = [{"key": "k", "effect": effect} for effect in effects]
    return {"metadata": {"name": name}, "spec": {"taints": taints}, "status": {"allocatable": {"cpu": cpu}}}


@pytest.mark.parametrize(("cpu", "half"), [("2", "1020m"), ("1940m", "989m"), ("0.5", "255m")])
def test_two_pods_of_half_a_node_do_not_fit_on_it(cpu, half):
    nodes = [node("control", "8", "NoSchedule"), node("worker", cpu, "PreferNoSchedule")]

    assert looking.half_a_node(nodes) == ("worker", half)
    assert 2 * float(half[:-1]) > (float(cpu[:-1]) if cpu.endswith("m") else 1000 * float(cpu))


def test_without_a_node_that_takes_any_pod_it_says_so():
    with pytest.raises(NotFoundError, match="taint"):
        looking.half_a_node([node("control", "8", "NoSchedule")])


def test_pods_are_found_by_who_made_them():
    made = {"metadata": {"name": "a", "ownerReferences": [{"name": "till-1"}]}}
    alone = {"metadata": {"name": "b"}}

    assert looking.owned_by([made, alone], {"till-1", "till-2"}) == [made]


def test_the_exit_code_of_a_running_container_is_unknown():
    body = pod(apps=[container("a")], statuses=[{"name": "a", "state": {"running": {}}, "restartCount": 2}])

    assert looking.exit_code(body, "a") is None
    assert looking.restarts(body) == {"a": 2}


def test_a_container_that_the_kubelet_has_not_shown_yet_was_not_restarted():
    """A new Pod has no status: a page that waits for a restart must not end in a KeyError."""
    body = pod(inits=[container("first")], apps=[container("a")], statuses=[])

    assert looking.restarts(body) == {"first": 0, "a": 0}


def test_a_condition_is_there_only_while_it_is_true():
    body = {
        "status": {
            "conditions": [{"type": "Failed", "status": "False"}, {"type": "Complete", "status": "True"}]
        }
    }

    assert looking.reached(body, "Failed") is None
    assert looking.reached(body, "Complete") == {"type": "Complete", "status": "True"}
    assert looking.reached({}, "Complete") is None
