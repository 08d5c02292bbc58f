"""The containers of a Pod and their roles."""

from __future__ import annotations

from podlab.pods import roles

POD = {
    "spec": {
        "initContainers": [{"name": "fetch"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "shop", "restartPolicy": "Always"}],
        "ephemeralContainers": [{"name": "debugger"}],
    },
    "status": {
        "containerStatuses": [{"name": "shop"}],
        "initContainerStatuses": [{"name": "fetch"}, {"name": "proxy"}],
    },
}


def test_only_an_init_container_becomes_a_sidecar_by_its_restart_policy():
    """An app container may have ``restartPolicy: Always`` of its own and stays an app container."""
    found = {container["name"]: roles.role(key, container) for key, container in roles.every_container(POD)}

    assert found == {"fetch": "init", "proxy": "sidecar", "shop": "app", "debugger": "ephemeral"}
    assert [container["name"] for container in roles.sidecars(POD)] == ["proxy"]


def test_containers_and_statuses_come_in_the_order_that_was_asked_for():
    """Without lists: init, app, ephemeral; with lists: those, in their order."""
    assert [c["name"] for c in roles.containers(POD)] == ["fetch", "proxy", "shop", "debugger"]
    assert [c["name"] for c in roles.containers(POD, roles.APP, roles.INIT)] == ["shop", "fetch", "proxy"]
    assert [s["name"] for s in roles.statuses(POD)] == ["fetch", "proxy", "shop"]
    assert [s["name"] for s in roles.statuses(POD, roles.APP)] == ["shop"]


def test_an_object_without_spec_or_status_has_no_containers():
    """Manifests of learners may lack both."""
    assert [] == roles.containers({}) == roles.statuses({}) == roles.sidecars({"spec": None})
    assert roles.find({}, "shop") is None
