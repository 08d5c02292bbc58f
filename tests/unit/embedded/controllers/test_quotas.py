"""Controllers whose Pods are refused: Events, conditions, and another try once there is room."""

from __future__ import annotations

import pytest
from test_controllers import EPOCH, NODE, Loop

from podlab.embedded import bootstrap, controllers
from podlab.embedded.api.local import LocalApi
from podlab.embedded.store import Store


class Cluster:
    """A store, the controllers, and the API that admits what they make; no node runs anything."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.store = Store(clock=lambda: EPOCH + self.loop.now)
        bootstrap.first_objects(self.store, authority="-")
        self.store.create("nodes", NODE)
        self.api = LocalApi(self.store)
        self.stop = controllers.start(self.store, self.api, node_name="node", loop=self.loop)

    def quota(self, **hard: str):
        meta = {"name": "q", "namespace": "default"}
        return self.api.create("resourcequotas", {"metadata": meta, "spec": {"hard": hard}})

    def found(self, resource: str):
        """The one object of a resource that these tests made."""
        (one,) = (o for o in self.store.list(resource, "default"))
        return one

    def events(self, reason: str) -> list[str]:
        return [
            event["message"] for event in self.store.list("events", "default") if event["reason"] == reason
        ]


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.stop()


def deployment(replicas: int):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


def conditions(one) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in one["status"].get("conditions", ())}


def test_the_status_of_a_quota_follows_what_there_is(cluster: Cluster) -> None:
    cluster.quota(**{"pods": "5", "requests.cpu": "1"})
    container = {"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "250m"}}}
    for name in ("a", "b"):
        meta = {"name": name, "namespace": "default"}
        cluster.api.create("pods", {"metadata": meta, "spec": {"containers": [container]}})
    cluster.loop.run(1)
    hard = {"pods": "5", "requests.cpu": "1"}
    assert cluster.found("resourcequotas")["status"] == {
        "hard": hard,
        "used": {"pods": "2", "requests.cpu": "500m"},
    }
    cluster.store.delete("pods", "default", "a")
    cluster.loop.run(2)
    assert cluster.found("resourcequotas")["status"]["used"] == {"pods": "1", "requests.cpu": "250m"}


def test_a_deployment_whose_pods_are_refused_says_so_and_goes_on_once_there_is_room(cluster: Cluster) -> None:
    cluster.quota(pods="1")
    cluster.api.create("deployments", deployment(2))
    cluster.loop.run(5)
    assert len(cluster.store.list("pods", "default")) == 1
    (first, *_) = cluster.events("FailedCreate")
    assert first.startswith('Error creating: pods "web-')
    assert first.endswith("is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1")
    for resource in ("replicasets", "deployments"):
        assert conditions(cluster.found(resource))["ReplicaFailure"] == "FailedCreate"

    cluster.store.delete("resourcequotas", "default", "q")
    cluster.loop.run(60)
    assert len(cluster.store.list("pods", "default")) == 2
    for resource in ("replicasets", "deployments"):
        assert "ReplicaFailure" not in conditions(cluster.found(resource))


def test_a_job_whose_pod_is_refused_says_so(cluster: Cluster) -> None:
    cluster.quota(pods="0")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}
    cluster.api.create(
        "jobs", {"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": template}}
    )
    cluster.loop.run(2)
    (first, *_) = cluster.events("FailedCreate")
    assert first.startswith('Error creating: pods "j-')
