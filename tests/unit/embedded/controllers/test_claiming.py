"""Adoption and release: what upstream's end-to-end specs ask of controllers that find objects already there."""

from __future__ import annotations

import pytest
from plane import deployment, job, pod

from podlab.embedded.api.verbs import deletion
from podlab.embedded.controllers import rollout
from podlab.embedded.controllers.jobtracking import FINALIZER

REVISION = "deployment.kubernetes.io/revision"


def replicaset(name="old", revision="41"):
    """A ReplicaSet without an owner, whose Pods the Deployment ``shop`` selects."""
    labels = {"app": "shop"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "lab", "labels": labels, "annotations": {REVISION: revision}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod()["spec"]},
        },
    }


def settle(cluster, rounds=8):
    """Let Pods become ready until nothing moves any more."""
    for _ in range(rounds):
        cluster.run(1)
        cluster.ready_all()
    cluster.run(5)


def relabel(cluster, made, labels):
    meta = {**made["metadata"], "labels": labels}
    cluster.store.update("pods", {**made, "metadata": meta})


def test_a_deployment_adopts_a_replicaset_that_it_selects(cluster):
    """The orphan gets an owner and is scaled down; the revision goes on from its."""
    cluster.create("replicasets", replicaset())
    settle(cluster)
    cluster.create("deployments", deployment(1))
    settle(cluster)

    old = cluster.store.get("replicasets", "lab", "old")
    assert [owner["name"] for owner in old["metadata"]["ownerReferences"]] == ["shop"]
    assert old["spec"]["replicas"] == 0
    assert cluster.store.get("deployments", "lab", "shop")["metadata"]["annotations"][REVISION] == "42"


def test_a_deployment_releases_a_replicaset_that_it_no_longer_selects(cluster):
    """A ReplicaSet with other labels runs on by itself."""
    cluster.create("replicasets", replicaset())
    cluster.create("deployments", deployment(1))
    settle(cluster)
    old = cluster.store.get("replicasets", "lab", "old")
    cluster.store.update("replicasets", {**old, "metadata": {**old["metadata"], "labels": {"app": "other"}}})
    settle(cluster)

    assert cluster.store.get("replicasets", "lab", "old")["metadata"]["ownerReferences"] == []


def test_a_job_adopts_its_pod_again(cluster):
    """A Pod whose ownerReferences were taken away gets them back, and counts."""
    cluster.create("jobs", job())
    cluster.run()
    (made,) = cluster.pods()
    cluster.store.update("pods", {**made, "metadata": {**made["metadata"], "ownerReferences": []}})
    cluster.run()

    (adopted,) = cluster.pods()
    assert [owner["kind"] for owner in adopted["metadata"]["ownerReferences"]] == ["Job"]
    cluster.set_pod(adopted, "Succeeded")
    cluster.run()
    assert cluster.store.get("jobs", "lab", "batch")["status"]["succeeded"] == 1


def test_a_job_releases_a_pod_with_other_labels(cluster):
    """The Pod stays without an owner, and another is made."""
    cluster.create("jobs", job())
    cluster.run()
    (made,) = cluster.pods()
    relabel(cluster, made, {"job-name": "other"})
    cluster.run()

    owners = {p["metadata"]["name"]: len(p["metadata"].get("ownerReferences", ())) for p in cluster.pods()}
    assert owners.pop(made["metadata"]["name"]) == 0
    assert list(owners.values()) == [1]


def finalizers(cluster):
    return [p["metadata"].get("finalizers", []) for p in cluster.pods()]


def test_a_pod_of_a_job_is_held_until_it_is_counted(cluster):
    """Its node has let it go, and it is there still; once its end is counted it goes."""
    cluster.create("jobs", job(podReplacementPolicy="Failed"))
    cluster.run()
    assert finalizers(cluster) == [[FINALIZER]]

    (made,) = cluster.pods()
    meta = {**made["metadata"], "deletionTimestamp": "2023-11-14T22:13:20Z", "deletionGracePeriodSeconds": 1}
    marked = cluster.store.update("pods", {**made, "metadata": meta})
    cluster.run()
    assert deletion.finish(cluster.store, "pods", marked) is not None
    assert finalizers(cluster) == [[FINALIZER]]

    cluster.set_pod(made, "Failed")
    cluster.run()
    assert made["metadata"]["name"] not in [p["metadata"]["name"] for p in cluster.pods()]
    assert cluster.store.get("jobs", "lab", "batch")["status"]["failed"] == 1


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_let_go_of(cluster, phase):
    cluster.create("jobs", job(backoffLimit=0))
    cluster.run()
    (made,) = cluster.pods()
    cluster.set_pod(made, phase)
    cluster.run()
    assert finalizers(cluster) == [[]]


@pytest.mark.parametrize("orphan", [True, False])
def test_a_deleted_job_holds_none_of_its_pods(cluster, orphan):
    """Whether its Pods stay behind or not."""
    made = cluster.create("jobs", job())
    cluster.run()
    if orphan:
        deletion.orphan(cluster.store, made["metadata"])
    cluster.store.delete("jobs", "lab", "batch")
    cluster.run()
    assert [FINALIZER] not in finalizers(cluster)


def test_a_job_of_another_controller_is_left_alone(cluster):
    """``managedBy``: no Pod, no status."""
    cluster.create("jobs", job(managedBy="example.com/other"))
    cluster.run(5)

    assert cluster.pods() == []
    assert cluster.store.get("jobs", "lab", "batch")["status"] == {}


def test_scaling_in_mid_rollout_keeps_the_proportions(cluster):
    """Ten Pods with a surge of three, eight old and five new: scaled to 30 they are 20 and 13."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    cluster.store.update("nodes", _roomy(cluster))
    cluster.create("deployments", deployment(10, strategy=strategy))
    settle(cluster)
    _change(cluster, template=deployment(10, value="2")["spec"]["template"])
    cluster.run(3)  # the new Pods never become ready
    assert sorted(_sizes(cluster)) == [5, 8]

    _change(cluster, replicas=30)
    cluster.run(3)

    assert sorted(_sizes(cluster)) == [13, 20]


def test_a_rollout_goes_on_after_it_was_scaled(cluster):
    """Also where the share of a ReplicaSet stayed as it was: eight and five, scaled to eleven, are nine and five."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    cluster.store.update("nodes", _roomy(cluster))
    cluster.create("deployments", deployment(10, strategy=strategy))
    settle(cluster)
    _change(cluster, template=deployment(10, value="2")["spec"]["template"])
    cluster.run(3)
    _change(cluster, replicas=11)
    cluster.run(3)
    assert sorted(_sizes(cluster)) == [5, 9]
    settle(cluster, 20)

    assert sorted(_sizes(cluster)) == [0, 11]


def _change(cluster, **spec):
    one = cluster.store.get("deployments", "lab", "shop")
    cluster.store.update("deployments", {**one, "spec": {**one["spec"], **spec}})


def _roomy(cluster):
    node = cluster.store.get("nodes", "", "node")
    return {**node, "status": {"allocatable": {"cpu": "64", "memory": "64Gi", "pods": "200"}}}


def _sizes(cluster):
    return [one["spec"]["replicas"] for one in cluster.store.list("replicasets", "lab")]


@pytest.mark.parametrize(
    ("replicas", "sizes", "surge", "expected"),
    [
        (30, [(8, 13), (5, 13)], 3, [20, 13]),
        (5, [(8, 13), (5, 13)], 3, [5, 3]),
        (0, [(8, 13), (5, 13)], 3, [0, 0]),
        (10, [(8, 13), (5, 13)], 3, [8, 5]),  # nothing to add
        (20, [(6, 0), (5, 0)], 0, [15, 5]),  # nobody noted the size before: the largest takes what is left
    ],
)
def test_shares_are_those_of_upstream(replicas, sizes, surge, expected):
    """The sum is what replicas and surge allow; rounding goes to the largest."""
    assert rollout.in_proportion(replicas, sizes, rollout.Bounds(surge, 2)) == expected


def replication_controller(replicas=2):
    """An older ReplicaSet: its selector is a map of labels."""
    labels = {"app": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "old", "namespace": "lab"},
        "spec": {
            "replicas": replicas,
            "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": pod()["spec"]},
        },
    }


def test_a_replicationcontroller_makes_its_pods_and_scales_them(cluster):
    """It counts like a ReplicaSet; a Pod with other labels is released and replaced."""
    made = cluster.create("replicationcontrollers", replication_controller())
    settle(cluster)
    assert {pod["metadata"]["ownerReferences"][0]["kind"] for pod in cluster.pods()} == {
        "ReplicationController"
    }
    status = cluster.store.get("replicationcontrollers", "lab", "old")["status"]
    assert (status["replicas"], status["readyReplicas"], "terminatingReplicas" in status) == (2, 2, False)

    relabel(cluster, cluster.pods()[0], {"app": "other"})
    settle(cluster)
    assert (len(cluster.pods(app="shop")), len(cluster.pods(app="other"))) == (2, 1)

    cluster.store.update("replicationcontrollers", {**made, "spec": {**made["spec"], "replicas": 0}})
    settle(cluster)
    assert cluster.pods(app="shop") == []


def test_what_a_replicationcontroller_made_goes_with_it(cluster):
    cluster.create("replicationcontrollers", replication_controller())
    settle(cluster)
    assert len(cluster.pods()) == 2
    cluster.store.delete("replicationcontrollers", "lab", "old")
    settle(cluster)
    assert cluster.pods() == []
