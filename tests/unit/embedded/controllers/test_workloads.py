"""StatefulSets, CronJobs and PodDisruptionBudgets, on the control plane of ``plane.py``."""

from __future__ import annotations

import json

import pytest
from plane import deployment, job, pod

HASH = "controller-revision-hash"


def stateful(replicas=3, value="1", **spec):
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {**pod()["spec"], "schedulerName": value}}
    wanted = {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "lab"},
        "spec": {**wanted, "updateStrategy": strategy, "template": template, **spec},
    }


def bind_all(cluster):
    """A node for each Pod, whatever its scheduler's name."""
    for one in cluster.pods():
        if not one["spec"].get("nodeName"):
            cluster.store.update("pods", {**one, "spec": {**one["spec"], "nodeName": "node"}})


def settle(cluster, seconds=5):
    """Let each Pod become ready as soon as it is there."""
    for _ in range(seconds):
        cluster.run(1)
        bind_all(cluster)
        cluster.ready_all()
        cluster.run()


def names(cluster):
    return sorted(one["metadata"]["name"] for one in cluster.pods())


def change(cluster, resource, name, **spec):
    found = cluster.store.get(resource, "lab", name)
    meta = {**found["metadata"], "generation": found["metadata"]["generation"] + 1}
    cluster.store.update(resource, {**found, "metadata": meta, "spec": {**found["spec"], **spec}})


def status(cluster, resource, name):
    return cluster.store.get(resource, "lab", name)["status"]


# -- StatefulSet ---------------------------------------------------------------------------------------------


def test_pods_of_a_statefulset_start_one_after_another(cluster):
    """The next is made when the one before is ready; each has its name as host name, and its number."""
    cluster.create("statefulsets", stateful())
    cluster.run(3)
    assert names(cluster) == ["db-0"]
    bind_all(cluster)
    cluster.ready_all()
    cluster.run()
    assert names(cluster) == ["db-0", "db-1"]
    settle(cluster)
    assert names(cluster) == ["db-0", "db-1", "db-2"]
    last = cluster.pods()[-1]
    assert (last["spec"]["hostname"], last["spec"]["subdomain"]) == ("db-2", "db")
    assert last["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "2"
    assert cluster.events("SuccessfulCreate")[-1] == "create Pod db-2 in StatefulSet db successful"


def test_a_parallel_statefulset_waits_for_nobody(cluster):
    cluster.create("statefulsets", stateful(podManagementPolicy="Parallel"))
    cluster.run()
    assert names(cluster) == ["db-0", "db-1", "db-2"]


def test_a_statefulset_is_scaled_down_from_its_highest_number(cluster):
    """One Pod at a time: the next goes when the one before is gone."""
    cluster.create("statefulsets", stateful())
    settle(cluster)
    change(cluster, "statefulsets", "db", replicas=1)
    cluster.run()
    ending = [p["metadata"]["name"] for p in cluster.pods() if "deletionTimestamp" in p["metadata"]]
    assert ending == ["db-2"]
    settle(cluster)
    assert names(cluster) == ["db-0"]


@pytest.mark.parametrize(("partition", "renewed"), [(0, {"db-0", "db-1", "db-2"}), (2, {"db-2"})])
def test_a_new_template_reaches_pods_from_the_highest_number_down(cluster, partition, renewed):
    """Those below the partition keep the template that they had, even when they are made again."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    cluster.create("statefulsets", stateful(updateStrategy=strategy))
    settle(cluster)
    before = status(cluster, "statefulsets", "db")["currentRevision"]
    change(cluster, "statefulsets", "db", template=stateful(value="2")["spec"]["template"])
    cluster.run()
    assert [p["metadata"]["name"] for p in cluster.pods() if "deletionTimestamp" in p["metadata"]] == ["db-2"]
    settle(cluster, 12)
    cluster.delete("pods", "lab", "db-0")
    settle(cluster)
    new = {p["metadata"]["name"] for p in cluster.pods() if p["metadata"]["labels"][HASH] != before}
    assert new == renewed
    assert {p["spec"]["schedulerName"] for p in cluster.pods() if p["metadata"]["name"] in renewed} == {"2"}
    found = status(cluster, "statefulsets", "db")
    assert found["updatedReplicas"] == len(renewed)
    assert (found["currentRevision"] == found["updateRevision"]) == (partition == 0)


def test_a_pod_that_is_deleted_comes_with_the_new_template_where_nothing_rolls(cluster):
    """OnDelete: a Pod is renewed only after it was deleted."""
    cluster.create("statefulsets", stateful(updateStrategy={"type": "OnDelete"}))
    settle(cluster)
    change(cluster, "statefulsets", "db", template=stateful(value="2")["spec"]["template"])
    settle(cluster)
    assert {one["spec"]["schedulerName"] for one in cluster.pods()} == {"1"}
    cluster.delete("pods", "lab", "db-0")
    settle(cluster)
    found = {one["metadata"]["name"]: one["spec"]["schedulerName"] for one in cluster.pods()}
    assert found == {"db-0": "2", "db-1": "1", "db-2": "1"}


def test_the_data_of_a_revision_has_its_keys_in_order(cluster):
    """As Go writes a map: upstream's own clients compare the bytes with those of the template."""
    cluster.create("statefulsets", stateful(replicas=1))
    settle(cluster)
    (revision,) = cluster.store.list("controllerrevisions")
    assert json.dumps(revision["data"]) == json.dumps(revision["data"], sort_keys=True)
    assert revision["data"]["spec"]["template"]["$patch"] == "replace"


def delete_and_orphan(cluster, resource, name):
    """What ``kubectl delete --cascade=orphan`` leaves: Pods and revisions without an owner."""
    for kind in ("pods", "controllerrevisions"):
        for one in cluster.store.list(kind, "lab"):
            cluster.store.update(kind, {**one, "metadata": {**one["metadata"], "ownerReferences": []}})
    cluster.store.delete(resource, "lab", name)


@pytest.mark.parametrize("resource", ["statefulsets", "daemonsets"])
def test_revisions_that_were_orphaned_are_adopted_with_their_pods(cluster, resource):
    """The same manifest again: its revision is there already, so every Pod stays, and a new template follows."""
    made = stateful()
    if resource == "daemonsets":
        made["kind"] = "DaemonSet"
    cluster.create(resource, made)
    settle(cluster)
    change(cluster, resource, "db", template=stateful(value="2")["spec"]["template"])
    settle(cluster, 12)
    before = {one["metadata"]["uid"] for one in cluster.pods()}
    latest = cluster.store.get(resource, "lab", "db")["spec"]
    delete_and_orphan(cluster, resource, "db")
    settle(cluster)
    cluster.create(resource, {**made, "spec": latest})
    settle(cluster)

    owner = cluster.store.get(resource, "lab", "db")
    assert {one["metadata"]["uid"] for one in cluster.pods()} == before
    assert owner["status"].get("observedGeneration") == 1
    found = cluster.store.list("controllerrevisions", "lab")
    assert sorted(one["revision"] for one in found) == [1, 2]
    assert [one["metadata"]["ownerReferences"][0]["uid"] for one in found] == [owner["metadata"]["uid"]] * 2
    change(cluster, resource, "db", template=stateful(value="3")["spec"]["template"])
    settle(cluster, 12)
    assert {one["spec"]["schedulerName"] for one in cluster.pods()} == {"3"}
    assert max(one["revision"] for one in cluster.store.list("controllerrevisions", "lab")) == 3


def test_a_failed_pod_of_a_statefulset_is_made_again_under_its_name(cluster):
    cluster.create("statefulsets", stateful(replicas=1))
    settle(cluster)
    first = cluster.pods()[0]["metadata"]["uid"]
    cluster.set_pod(cluster.pods()[0], "Failed")
    settle(cluster)
    (anew,) = cluster.pods()
    assert (anew["metadata"]["name"], anew["metadata"]["uid"] == first) == ("db-0", False)
    assert cluster.events("RecreatingFailedPod") == ["StatefulSet lab/db is recreating failed Pod db-0"]


# -- CronJob -------------------------------------------------------------------------------------------------


def cron(schedule="*/5 * * * *", **spec):
    template = {"spec": {"template": job()["spec"]["template"]}}
    limits = {"successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "lab"},
        "spec": {"schedule": schedule, "jobTemplate": template, **limits, **spec},
    }


def jobs(cluster):
    return sorted(one["metadata"]["name"] for one in cluster.store.list("jobs", "lab"))


def finish(cluster, name, word="Complete"):
    found = cluster.store.get("jobs", "lab", name)
    entry = {"type": word, "status": "True"}
    ended = {
        "conditions": [entry],
        "completionTime": "2023-11-14T22:20:00Z",
        "startTime": "2023-11-14T22:15:00Z",
    }
    cluster.store.update("jobs", {**found, "status": ended})


# The clock of these tests starts at 22:13:20 UTC; Jobs are named after the minutes since 1970.
FIRST, SECOND = "tick-28333335", "tick-28333340"


def test_a_cronjob_starts_a_job_at_each_of_its_times(cluster):
    cluster.create("cronjobs", cron())
    cluster.run(90)
    assert jobs(cluster) == []
    cluster.run(20)
    assert jobs(cluster) == [FIRST]
    found = status(cluster, "cronjobs", "tick")
    assert [entry["name"] for entry in found["active"]] == [FIRST]
    assert found["lastScheduleTime"] == "2023-11-14T22:15:00Z"
    meta = cluster.store.get("jobs", "lab", FIRST)["metadata"]
    assert meta["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2023-11-14T22:15:00Z"}
    finish(cluster, FIRST)
    cluster.run()
    assert "active" not in status(cluster, "cronjobs", "tick")
    assert cluster.events("SawCompletedJob") == [f"Saw completed job: {FIRST}, condition: Complete"]


@pytest.mark.parametrize(
    ("policy", "left"), [("Allow", [FIRST, SECOND]), ("Forbid", [FIRST]), ("Replace", [SECOND])]
)
def test_the_policy_says_what_becomes_of_a_job_that_still_runs(cluster, policy, left):
    cluster.create("cronjobs", cron(concurrencyPolicy=policy))
    cluster.run(500)
    assert jobs(cluster) == left


def test_a_suspended_cronjob_starts_nothing(cluster):
    cluster.create("cronjobs", cron(suspend=True))
    cluster.run(1000)
    assert jobs(cluster) == []


def test_no_more_old_jobs_are_kept_than_asked_for(cluster):
    cluster.create("cronjobs", cron())
    for name in (FIRST, SECOND):
        cluster.run(300)
        finish(cluster, name)
    cluster.run(1)
    assert jobs(cluster) == [SECOND]


def test_a_job_that_is_late_beyond_its_deadline_is_not_started(cluster):
    """A suspended CronJob that goes on starts the newest it has missed, if that may start still."""
    cluster.create("cronjobs", cron("*/5 * * * *", suspend=True, startingDeadlineSeconds=30))
    cluster.run(160)  # 22:16:00, a minute after the first time
    change(cluster, "cronjobs", "tick", suspend=False)
    cluster.run(1)
    assert jobs(cluster) == []
    change(cluster, "cronjobs", "tick", startingDeadlineSeconds=100)
    cluster.run(1)
    assert jobs(cluster) == [FIRST]


# -- PodDisruptionBudget -------------------------------------------------------------------------------------


def budget(**spec):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "shop", "namespace": "lab"},
        "spec": {"selector": {"matchLabels": {"app": "shop"}}, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "desired"),
    [
        ({"minAvailable": 2}, 2),
        ({"minAvailable": "50%"}, 2),
        ({"maxUnavailable": 1}, 2),
        ({"maxUnavailable": "30%"}, 2),
    ],
)
def test_a_budget_counts_healthy_pods_and_what_may_go(cluster, spec, desired):
    """Percentages are of what the Deployment wants, rounded up."""
    cluster.create("deployments", deployment(replicas=3))
    cluster.create("poddisruptionbudgets", budget(**spec))
    cluster.run()
    cluster.ready_all(app="shop")
    cluster.run()
    found = status(cluster, "poddisruptionbudgets", "shop")
    assert (found["currentHealthy"], found["expectedPods"]) == (3, 3)
    assert (found["desiredHealthy"], found["disruptionsAllowed"]) == (desired, 3 - desired)
    assert [(c["status"], c["reason"]) for c in found["conditions"]] == [("True", "SufficientPods")]

    cluster.set_pod(cluster.pods(app="shop")[0], "Running", ready=False)
    cluster.run()
    found = status(cluster, "poddisruptionbudgets", "shop")
    assert (found["currentHealthy"], found["disruptionsAllowed"]) == (2, 0)
    assert found["conditions"][0]["reason"] == "InsufficientPods"


def test_a_percentage_of_pods_whose_number_nobody_says_allows_nothing(cluster):
    """A Job has no scale: upstream reports SyncFailed."""
    batch = job(selector={"matchLabels": {"app": "shop"}})
    batch["spec"]["template"]["metadata"]["labels"] = {"app": "shop"}
    cluster.create("jobs", batch)
    cluster.create("poddisruptionbudgets", budget(maxUnavailable=1))
    cluster.run()
    found = status(cluster, "poddisruptionbudgets", "shop")
    assert (found["disruptionsAllowed"], found["conditions"][0]["reason"]) == (0, "SyncFailed")
