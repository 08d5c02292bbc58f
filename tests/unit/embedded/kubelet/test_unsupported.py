"""What a node does not give is said."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.embedded.kubelet import lease, unsupported
from podlab.embedded.store import Store


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({"privileged": True}, "asks to be privileged"),
        ({"capabilities": {"add": ["NET_ADMIN", "CAP_SYS_TIME", "CHOWN"]}}, "asks for NET_ADMIN, SYS_TIME;"),
        ({"capabilities": {"add": ["ALL"]}}, "asks for all capabilities"),
    ],
)
def test_a_container_that_asks_for_more_than_engines_leave_is_told(
    security: dict[str, Any], words: str
) -> None:
    (text,) = unsupported.of_container({"name": "c", "securityContext": security})
    assert words in text


def test_net_admin_is_for_a_pod_with_a_network_of_its_own() -> None:
    asks = {"name": "c", "securityContext": {"capabilities": {"add": ["CAP_NET_ADMIN", "SYS_TIME"]}}}
    (text,) = unsupported.of_container(asks, {"NET_ADMIN"})
    assert "asks for SYS_TIME;" in text
    assert unsupported.asks_net_admin({"spec": {"initContainers": [asks], "containers": [{"name": "app"}]}})
    assert not unsupported.asks_net_admin({"spec": {"containers": [{"name": "app"}]}})
    assert not unsupported.asks_net_admin({"spec": {"containers": [asks], "hostNetwork": True}})


@pytest.mark.parametrize("security", [{}, {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}])
def test_what_is_given_is_not_spoken_of(security: dict[str, Any]) -> None:
    assert list(unsupported.of_container({"name": "c", "securityContext": security})) == []


def test_the_machines_own_processes_are_not_shared() -> None:
    texts = list(unsupported.of_pod({"spec": {"hostPID": True, "hostIPC": True, "hostNetwork": True}}))
    assert [("hostPID" in text, "hostIPC" in text) for text in texts] == [(True, False), (False, True)]


def test_a_node_renews_its_lease_and_owns_it() -> None:
    now = [1_700_000_000.25]
    store = Store(clock=lambda: now[0])
    lease.renew(store, "n")
    assert store.list("leases") == []  # no node yet
    node = store.create("nodes", {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}})
    lease.renew(store, "n")
    now[0] += 10
    lease.renew(store, "n")
    (found,) = store.list("leases")
    assert found["spec"] == {
        "holderIdentity": "n", "leaseDurationSeconds": 40, "renewTime": "2023-11-14T22:13:30.250000Z",
    }  # fmt: skip
    assert found["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]


def test_a_profile_that_this_machine_cannot_enforce_is_spoken_of() -> None:
    """RuntimeDefault of the Pod counts for its containers; a container's own profile wins."""
    pod = {"spec": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}}
    free = {"name": "free", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}
    assert list(unsupported.of_profile(pod, {"name": "c"}, filters_calls=True)) == []
    assert list(unsupported.of_profile(pod, free, filters_calls=False)) == []
    (text,) = unsupported.of_profile(pod, {"name": "c"}, filters_calls=False)
    assert "container c asks for the seccomp profile RuntimeDefault" in text
