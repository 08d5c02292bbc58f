"""What each controller does, on the control plane of ``plane.py``."""

from __future__ import annotations

import pytest
from plane import conditions, deployment, job, pod

from podlab.embedded.controllers import jobpolicies, rollout
from podlab.embedded.store import timestamp

# -- scheduler -----------------------------------------------------------------------------------------------


def test_a_pod_that_fits_is_bound(cluster):
    """It gets the node, the condition and the Event."""
    cluster.create("pods", pod())
    cluster.run()

    (bound,) = cluster.pods()
    assert bound["spec"]["nodeName"] == "node"
    assert conditions(bound) == [("PodScheduled", "True", None)]
    assert cluster.events("Scheduled") == ["Successfully assigned lab/web to node"]


@pytest.mark.parametrize(
    ("spec", "why", "preemption"),
    [
        (
            {"nodeSelector": {"disk": "none"}},
            "1 node(s) didn't match Pod's node affinity/selector",
            "1 Preemption is not helpful for scheduling.",
        ),
        (
            {
                "containers": [
                    {"name": "app", "image": "x", "resources": {"requests": {"cpu": "3", "memory": "9Gi"}}}
                ]
            },
            "1 Insufficient cpu, 1 Insufficient memory",
            "1 Preemption is not helpful for scheduling.",
        ),
    ],
)
def test_a_pod_that_does_not_fit_says_why(cluster, spec, why, preemption):
    """Condition and Event carry kube-scheduler's sentence."""
    cluster.create("pods", pod(**spec))
    cluster.run()

    nodes = "0/1 nodes are available"
    text = f"{nodes}: {why}. no new claims to deallocate, preemption: {nodes}: {preemption}"
    assert cluster.events("FailedScheduling") == [text]
    assert conditions(cluster.pods()[0]) == [("PodScheduled", "False", "Unschedulable")]


def beside(kind, label, key="kubernetes.io/hostname"):
    """A required term about Pods with one label."""
    term = {"labelSelector": {"matchLabels": {"app": label}}, "topologyKey": key}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


SPREAD = {"maxSkew": 1, "topologyKey": "no-such-key", "whenUnsatisfiable": "DoNotSchedule"}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (beside("podAffinity", "one"), None),
        (beside("podAffinity", "two"), None),  # itself
        (beside("podAffinity", "none"), "1 node(s) didn't match pod affinity rules"),
        (beside("podAffinity", "two", "no-such-key"), "1 node(s) didn't match pod affinity rules"),
        (beside("podAntiAffinity", "none"), None),
        (beside("podAntiAffinity", "one"), "1 node(s) didn't match pod anti-affinity rules"),
        (
            {"topologySpreadConstraints": [SPREAD]},
            "1 node(s) didn't match pod topology spread constraints (missing required label)",
        ),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            'persistentvolumeclaim "c" not found. not found',
        ),
    ],
)
def test_what_a_pod_asks_of_its_neighbours_decides_where_it_goes(cluster, spec, why):
    """In the words of a real scheduler."""
    cluster.create("pods", pod("one"))
    cluster.run()
    cluster.create("pods", pod("two", **spec))
    cluster.run()

    said = cluster.events("FailedScheduling")
    assert [text.partition(". no new claims")[0] for text in said] == (
        [f"0/1 nodes are available: {why}"] if why else []
    )


def test_a_pod_waits_for_room_and_then_gets_it(cluster):
    """A sidecar's request counts, and a Pod that left makes room."""
    big = {"resources": {"requests": {"cpu": "1500m"}}}
    sidecar = {"name": "side", "image": "x", "restartPolicy": "Always", **big}
    cluster.create("pods", pod("one", initContainers=[sidecar]))
    cluster.run()
    cluster.create("pods", pod("two", initContainers=[sidecar]))
    cluster.run()
    assert "nodeName" not in cluster.pods(app="two")[0]["spec"]
    assert "No preemption victims found" in cluster.events("FailedScheduling")[0]

    cluster.delete("pods", "lab", "one")
    cluster.run(2)

    assert cluster.pods(app="two")[0]["spec"]["nodeName"] == "node"


def test_a_gated_pod_waits_without_an_event(cluster):
    """Gates are a condition, not a failure; without them the Pod is bound."""
    gated = cluster.create("pods", pod(schedulingGates=[{"name": "example.com/one"}]))
    cluster.run()
    assert conditions(cluster.pods()[0]) == [("PodScheduled", "False", "SchedulingGated")]
    assert cluster.events("FailedScheduling") == []

    current = cluster.store.get("pods", "lab", gated["metadata"]["name"])
    cluster.store.update("pods", {**current, "spec": {**current["spec"], "schedulingGates": []}})
    cluster.run()

    assert cluster.pods()[0]["spec"]["nodeName"] == "node"


# -- Deployments ---------------------------------------------------------------------------------------------


def test_a_rollout_never_goes_below_what_was_asked_for(cluster):
    """With maxUnavailable 0 the old Pod goes only when a new one is available."""
    cluster.create("deployments", deployment(2))
    cluster.run()
    cluster.ready_all()
    cluster.run()
    first = {p["metadata"]["name"] for p in cluster.pods()}
    assert len(first) == 2

    one = cluster.store.get("deployments", "lab", "shop")
    changed = deployment(2, value="2")["spec"]
    cluster.store.update(
        "deployments", {**one, "spec": changed, "metadata": {**one["metadata"], "generation": 2}}
    )
    cluster.run()
    alive = [p for p in cluster.pods() if "deletionTimestamp" not in p["metadata"]]
    assert len(alive) == 3, "one more than asked for, none less"
    assert first < {p["metadata"]["name"] for p in alive}

    for _ in range(4):
        cluster.ready_all()
        cluster.run(2)

    done = cluster.store.get("deployments", "lab", "shop")
    assert not first & {p["metadata"]["name"] for p in cluster.pods()}
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert ("Progressing", "True", "NewReplicaSetAvailable") in conditions(done)
    assert done["status"]["updatedReplicas"] == done["status"]["availableReplicas"] == 2


def test_a_bad_release_leaves_the_old_pod_alone(cluster):
    """New Pods that never become ready do not take the place of old ones."""
    cluster.create("deployments", deployment(1))
    cluster.run()
    cluster.ready_all()
    cluster.run()
    (old,) = cluster.pods()

    one = cluster.store.get("deployments", "lab", "shop")
    cluster.store.update("deployments", {**one, "spec": deployment(1, value="2")["spec"]})
    cluster.run(60)

    assert "deletionTimestamp" not in cluster.store.get("pods", "lab", old["metadata"]["name"])["metadata"]
    assert len(cluster.pods()) == 2


def test_a_paused_rollout_says_so_and_changes_only_its_size(cluster):
    """A new template waits until it is resumed."""
    cluster.create("deployments", deployment())
    cluster.run()
    cluster.ready_all()
    cluster.run()
    one = cluster.store.get("deployments", "lab", "shop")
    changed = {**deployment(3, "2")["spec"], "paused": True}
    cluster.store.update("deployments", {**one, "spec": changed})
    cluster.run()
    cluster.ready_all()
    cluster.run()

    one = cluster.store.get("deployments", "lab", "shop")
    assert ("Progressing", "Unknown", "DeploymentPaused") in conditions(one)
    assert [s["spec"]["replicas"] for s in cluster.store.list("replicasets", "lab")] == [3]

    cluster.store.update("deployments", {**one, "spec": {**one["spec"], "paused": False}})
    for _ in range(8):
        cluster.run(2)
        cluster.ready_all()
    one = cluster.store.get("deployments", "lab", "shop")
    assert ("Progressing", "True", "NewReplicaSetAvailable") in conditions(one)
    assert sorted(s["spec"]["replicas"] for s in cluster.store.list("replicasets", "lab")) == [0, 3]


def test_recreate_stops_the_old_before_it_starts_the_new(cluster):
    """There is never a moment with both."""
    cluster.create("deployments", deployment(1, strategy={"type": "Recreate"}))
    cluster.run()
    cluster.ready_all()
    cluster.run()
    one = cluster.store.get("deployments", "lab", "shop")
    changed = deployment(1, value="2", strategy={"type": "Recreate"})["spec"]
    cluster.store.update("deployments", {**one, "spec": changed})

    most = 0
    for _ in range(30):
        cluster.run(0.1)
        most = max(most, len(cluster.pods()))

    assert most == 1
    assert cluster.pods()[0]["spec"]["hostname"] == "2"


def test_recreate_is_not_available_without_its_pods(cluster):
    """No Pod may be missing under Recreate, so Available is False until the first one is ready."""
    cluster.create("deployments", deployment(1, strategy={"type": "Recreate"}))
    cluster.run()
    available = [
        c for c in conditions(cluster.store.get("deployments", "lab", "shop")) if c[0] == "Available"
    ]
    assert available == [("Available", "False", "MinimumReplicasUnavailable")]

    cluster.ready_all()
    cluster.run()
    available = [
        c for c in conditions(cluster.store.get("deployments", "lab", "shop")) if c[0] == "Available"
    ]
    assert available == [("Available", "True", "MinimumReplicasAvailable")]


def test_a_rollback_reuses_the_old_replicaset(cluster):
    """The template that was there before is found again, under a new revision."""
    cluster.create("deployments", deployment(1))
    for value in ("2", "1"):
        cluster.run()
        cluster.ready_all()
        cluster.run(3)
        one = cluster.store.get("deployments", "lab", "shop")
        cluster.store.update("deployments", {**one, "spec": deployment(1, value=value)["spec"]})
    cluster.run()
    cluster.ready_all()
    cluster.run(3)

    assert len(cluster.store.list("replicasets", "lab")) == 2
    done = cluster.store.get("deployments", "lab", "shop")
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    again = max(cluster.store.list("replicasets", "lab"), key=lambda one: one["spec"]["replicas"])
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


@pytest.mark.parametrize("paused", [False, True])
def test_the_newest_replicaset_has_the_deployments_annotations(cluster, paused):
    """`kubectl rollout history` shows the cause of a change from there; what kubectl keeps for itself is not copied."""
    cause, own = "kubernetes.io/change-cause", "kubectl.kubernetes.io/last-applied-configuration"
    made = deployment(1)
    made["metadata"]["annotations"] = {cause: "one", own: "{}"}
    cluster.create("deployments", made)
    cluster.run()
    one = cluster.store.get("deployments", "lab", "shop")
    (annotations,) = [s["metadata"]["annotations"] for s in cluster.store.list("replicasets", "lab")]
    assert (annotations[cause], own in annotations) == ("one", False)

    meta = {**one["metadata"], "annotations": {**one["metadata"]["annotations"], cause: "two"}}
    cluster.store.update("deployments", {**one, "metadata": meta, "spec": {**one["spec"], "paused": paused}})
    cluster.run()
    (annotations,) = [s["metadata"]["annotations"] for s in cluster.store.list("replicasets", "lab")]
    assert annotations[cause] == "two"


def test_a_revision_that_is_no_number_counts_as_none(cluster):
    """Anybody may annotate a ReplicaSet."""
    cluster.create("deployments", deployment(1))
    cluster.run()
    (one,) = cluster.store.list("replicasets", "lab")
    annotations = {**one["metadata"]["annotations"], "deployment.kubernetes.io/revision": "first"}
    cluster.store.update("replicasets", {**one, "metadata": {**one["metadata"], "annotations": annotations}})
    cluster.run()
    (one,) = cluster.store.list("replicasets", "lab")
    assert one["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [(4, "25%", "25%", (1, 1)), (1, "25%", "25%", (1, 0)), (10, 0, 0, (0, 1)), (3, "50%", 0, (2, 0))],
)
def test_percentages_round_as_upstream(replicas, surge, unavailable, expected):
    """Surge up, unavailable down, never both zero."""
    found = rollout.bounds(replicas, surge, unavailable)

    assert (found.surge, found.unavailable) == expected


# -- Jobs ----------------------------------------------------------------------------------------------------


def test_a_job_is_complete_when_its_pod_has_succeeded(cluster):
    """Two conditions, one Event, a completion time."""
    cluster.create("jobs", job())
    cluster.run()
    cluster.set_pod(cluster.pods()[0], "Succeeded")
    cluster.run()

    done = cluster.store.get("jobs", "lab", "batch")
    assert [c[0] for c in conditions(done)] == ["SuccessCriteriaMet", "Complete"]
    assert done["status"]["succeeded"] == 1
    assert cluster.events("Completed") == ["Job completed"]


def test_a_failing_job_pauses_and_then_gives_up(cluster):
    """The second Pod comes 10 s after the first has failed; then the limit is reached."""
    cluster.create("jobs", job(backoffLimit=1))
    cluster.run()
    cluster.set_pod(cluster.pods()[0], "Failed")
    cluster.run(9)
    assert len(cluster.pods()) == 1
    cluster.run(2)
    assert len(cluster.pods()) == 2

    cluster.set_pod(cluster.pods()[-1], "Failed")
    cluster.run()

    done = cluster.store.get("jobs", "lab", "batch")
    assert conditions(done)[-1] == ("Failed", "True", "BackoffLimitExceeded")
    assert done["status"]["failed"] == 2
    assert cluster.events("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_a_job_past_its_deadline_fails(cluster):
    """Its Pod is deleted and the reason says why."""
    cluster.create("jobs", job(activeDeadlineSeconds=30))
    cluster.run(40)

    done = cluster.store.get("jobs", "lab", "batch")
    assert conditions(done)[-1] == ("Failed", "True", "DeadlineExceeded")
    assert cluster.pods() == []


@pytest.mark.parametrize("group", ["containerStatuses", "initContainerStatuses"])
def test_restarts_under_onfailure_count_against_the_limit(cluster, group):
    """Those of the app, and those of init containers and sidecars as well."""
    cluster.create("jobs", job("OnFailure", backoffLimit=2))
    cluster.run()
    made = cluster.pods()[0]
    status = {**made["status"], "phase": "Running", group: [{"name": "app", "restartCount": 2}]}
    cluster.store.update("pods", {**made, "status": status})
    cluster.run(3)

    assert conditions(cluster.store.get("jobs", "lab", "batch"))[-1][2] == "BackoffLimitExceeded"


def test_a_job_that_has_given_up_makes_no_other_pod(cluster):
    """The Pod whose restarts broke the limit is deleted, and with it the restarts: the verdict has to stay."""
    cluster.create("jobs", job("OnFailure", backoffLimit=2))
    cluster.run()
    made = cluster.pods()[0]
    status = {**made["status"], "phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 2}]}
    cluster.store.update("pods", {**made, "status": status})
    cluster.run(60)

    done = cluster.store.get("jobs", "lab", "batch")
    assert conditions(done)[-1] == ("Failed", "True", "BackoffLimitExceeded")
    assert len(cluster.events("SuccessfulCreate")) == 1
    assert done["status"]["failed"] == 1


def test_a_suspended_job_says_so_and_its_pod_does_not_count(cluster):
    """Suspended, resumed, suspended again: the Pod that goes has not failed."""
    cluster.create("jobs", job(backoffLimit=0, suspend=True))
    cluster.run()
    assert cluster.pods() == []
    one = cluster.store.get("jobs", "lab", "batch")
    assert conditions(one) == [("Suspended", "True", "JobSuspended")]
    assert "startTime" not in one["status"]

    cluster.store.update("jobs", {**one, "spec": {**one["spec"], "suspend": False}})
    cluster.run()
    cluster.ready_all()
    one = cluster.store.get("jobs", "lab", "batch")
    assert conditions(one) == [("Suspended", "False", "JobResumed")]
    assert one["status"]["startTime"]
    assert len(cluster.pods()) == 1

    cluster.store.update("jobs", {**one, "spec": {**one["spec"], "suspend": True}})
    cluster.run(5)
    one = cluster.store.get("jobs", "lab", "batch")
    assert conditions(one) == [("Suspended", "True", "JobSuspended")]
    assert cluster.pods() == []
    assert "failed" not in one["status"]
    assert cluster.events("Resumed") == ["Job resumed"]


def fail(cluster, made, code=1):
    """Let a Pod fail with an exit code of its app."""
    current = cluster.store.get("pods", "lab", made["metadata"]["name"])
    ended = {"exitCode": code, "finishedAt": timestamp(cluster.store.clock())}
    status = {**current["status"], "containerStatuses": [{"name": "app", "state": {"terminated": ended}}]}
    cluster.store.update("pods", {**current, "status": status})
    cluster.set_pod(made, "Failed")


def policy(action, **rule):
    """A failure policy of one rule."""
    return {"podFailurePolicy": {"rules": [{"action": action, **rule}]}}


def on_codes(*values, operator="In", **more):
    """A rule's look at exit codes."""
    return {"onExitCodes": {"operator": operator, "values": list(values), **more}}


def batch(cluster):
    """The Job."""
    return cluster.store.get("jobs", "lab", "batch")


@pytest.mark.parametrize(
    ("spec", "code", "failed", "verdict"),
    [
        (policy("FailJob", **on_codes(42)), 42, 1, "PodFailurePolicy"),
        (policy("FailJob", **on_codes(42)), 1, 1, None),
        (policy("FailJob", **on_codes(42, operator="NotIn")), 1, 1, "PodFailurePolicy"),
        (policy("FailJob", **on_codes(42, containerName="other")), 42, 1, None),
        (policy("Ignore", **on_codes(42)), 42, 0, None),
        (policy("Count", **on_codes(42)), 42, 1, None),
        (policy("FailIndex", **on_codes(42)), 42, 1, None),
    ],
)
def test_a_failure_policy_judges_by_exit_codes(cluster, spec, code, failed, verdict):
    """A failure that is ignored does not count; one that fails the Job ends it before its limit."""
    cluster.create("jobs", job(backoffLimit=1, **spec))
    cluster.run()
    fail(cluster, cluster.pods()[0], code)
    cluster.run(11)

    done = batch(cluster)
    assert done["status"].get("failed", 0) == failed
    reasons = [c[2] for c in conditions(done)]
    assert reasons == ([verdict, verdict] if verdict else [])
    assert len(cluster.events("SuccessfulCreate")) == (1 if verdict else 2)
    if verdict:
        (said,) = cluster.events(verdict)
        assert said.startswith("Container app for pod lab/batch-")
        assert said.endswith(f"failed with exit code {code} matching FailJob rule at index 0")


def test_a_failure_policy_judges_by_conditions(cluster):
    """As a Pod has it that was put out."""
    spec = policy("Ignore", onPodConditions=[{"type": "DisruptionTarget", "status": "True"}])
    cluster.create("jobs", job(backoffLimit=0, **spec))
    cluster.run()
    made = cluster.pods()[0]
    target = {"type": "DisruptionTarget", "status": "True"}
    cluster.store.update("pods", {**made, "status": {**made["status"], "conditions": [target]}})
    cluster.set_pod(made, "Failed")
    cluster.run(11)

    assert conditions(batch(cluster)) == []
    assert len(cluster.events("SuccessfulCreate")) == 2


def indexed(completions, **spec):
    """A Job whose Pods have numbers."""
    parallel = {"completions": completions, "parallelism": completions, "completionMode": "Indexed"}
    return job(**(parallel | spec))


def numbered(cluster, index):
    """The youngest Pod of an index."""
    mark = "batch.kubernetes.io/job-completion-index"
    return [p for p in cluster.pods() if p["metadata"]["annotations"][mark] == str(index)][-1]


def test_a_success_policy_ends_a_job_early(cluster):
    """What still runs is taken away, and has not failed."""
    rules = [{"succeededIndexes": "1-2", "succeededCount": 1}]
    cluster.create("jobs", indexed(4, successPolicy={"rules": rules}))
    cluster.run()
    cluster.set_pod(numbered(cluster, 0), "Succeeded")
    cluster.run(2)
    assert conditions(batch(cluster)) == []

    cluster.set_pod(numbered(cluster, 2), "Succeeded")
    cluster.run(5)

    done = batch(cluster)
    assert conditions(done) == [
        ("SuccessCriteriaMet", "True", "SuccessPolicy"),
        ("Complete", "True", "SuccessPolicy"),
    ]
    assert done["status"]["conditions"][0]["message"] == "Matched rules at index 0"
    assert done["status"]["completedIndexes"] == "0,2"
    assert "failed" not in done["status"]
    assert cluster.events("Completed") == ["Job completed"]


def test_an_index_has_its_own_limit(cluster):
    """The others go on; at the end the Job has failed because of it."""
    cluster.create("jobs", indexed(3, backoffLimitPerIndex=1, backoffLimit=2**31 - 1))
    cluster.run()
    fail(cluster, numbered(cluster, 1))
    cluster.run(9)
    assert len(cluster.pods()) == 3
    cluster.run(3)
    again = numbered(cluster, 1)
    assert again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"

    fail(cluster, again)
    cluster.run(2)
    assert batch(cluster)["status"]["failedIndexes"] == "1"
    assert conditions(batch(cluster)) == []
    for index in (0, 2):
        cluster.set_pod(numbered(cluster, index), "Succeeded")
    cluster.run(2)

    assert conditions(batch(cluster))[-1] == ("Failed", "True", "FailedIndexes")
    assert batch(cluster)["status"]["completedIndexes"] == "0,2"
    assert cluster.events("FailedIndexes") == ["Job has failed indexes"]


def resize(cluster, count):
    """What a client may change of an indexed Job: both numbers together."""
    one = batch(cluster)
    cluster.store.update("jobs", {**one, "spec": {**one["spec"], "completions": count, "parallelism": count}})
    cluster.run(3)


def living_indexes(cluster):
    mark = "batch.kubernetes.io/job-completion-index"
    running = [p for p in cluster.pods() if p["status"]["phase"] in ("Pending", "Running")]
    return sorted(p["metadata"]["annotations"][mark] for p in running)


def test_an_indexed_job_grows_and_shrinks(cluster):
    """The highest indexes come and go, and only those that are left count for its end."""
    cluster.create("jobs", indexed(3))
    cluster.run()
    cluster.set_pod(numbered(cluster, 1), "Succeeded")
    resize(cluster, 5)
    assert living_indexes(cluster) == ["0", "2", "3", "4"]
    cluster.set_pod(numbered(cluster, 4), "Succeeded")
    cluster.run()
    assert batch(cluster)["status"]["completedIndexes"] == "1,4"
    resize(cluster, 2)

    assert living_indexes(cluster) == ["0"]
    assert (batch(cluster)["status"]["succeeded"], batch(cluster)["status"]["completedIndexes"]) == (1, "1")
    assert conditions(batch(cluster)) == []
    cluster.set_pod(numbered(cluster, 0), "Succeeded")
    cluster.run(3)
    assert conditions(batch(cluster))[-1][:2] == ("Complete", "True")
    assert cluster.events("TooManySucceededPods") == []


def test_a_job_that_shrinks_to_what_is_done_still_makes_what_is_left(cluster):
    """The one Pod that runs has an index that goes; the index that stays has none, since its Pod was deleted."""
    cluster.create("jobs", indexed(3, parallelism=2))
    cluster.run()
    cluster.set_pod(numbered(cluster, 0), "Succeeded")
    cluster.run()
    assert living_indexes(cluster) == ["1", "2"]
    cluster.delete("pods", "lab", numbered(cluster, 1)["metadata"]["name"])
    resize(cluster, 2)
    cluster.run(12)  # the pause after a failure

    assert living_indexes(cluster) == ["1"]


def test_too_many_failed_indexes_end_a_job(cluster):
    """What runs is deleted and has failed, too."""
    cluster.create("jobs", indexed(3, backoffLimitPerIndex=0, maxFailedIndexes=0, backoffLimit=2**31 - 1))
    cluster.run()
    fail(cluster, numbered(cluster, 1))
    cluster.run(5)

    assert conditions(batch(cluster))[-1] == ("Failed", "True", "MaxFailedIndexesExceeded")
    assert batch(cluster)["status"]["failed"] == 3


@pytest.mark.parametrize(("replace", "made"), [("TerminatingOrFailed", 2), ("Failed", 1)])
def test_a_pod_is_replaced_when_it_is_deleted_or_when_it_has_failed(cluster, replace, made):
    """As the replacement policy says; the pause after a failure is over by then."""
    cluster.create("jobs", job(podReplacementPolicy=replace))
    cluster.run()
    cluster.ready_all()
    gone = cluster.pods()[0]
    meta = {**gone["metadata"], "deletionTimestamp": timestamp(cluster.store.clock())}
    cluster.store.update("pods", {**cluster.store.get("pods", "lab", meta["name"]), "metadata": meta})
    cluster.run(12)

    assert len(cluster.events("SuccessfulCreate")) == made


def test_a_success_forgets_the_failures_before_it(cluster):
    """The pause is that of a first failure again."""
    cluster.create("jobs", job(completions=3, backoffLimit=6))
    cluster.run()
    fail(cluster, cluster.pods()[0])
    cluster.run(11)
    cluster.set_pod(cluster.pods()[-1], "Succeeded")
    cluster.run(1)
    fail(cluster, cluster.pods()[-1])
    cluster.run(11)

    assert len(cluster.events("SuccessfulCreate")) == 4


@pytest.mark.parametrize(
    ("numbers", "text"), [({0}, "0"), ({0, 1}, "0,1"), ({0, 1, 2, 5, 7, 8, 9}, "0-2,5,7-9"), (set(), "")]
)
def test_indexes_are_written_as_intervals(numbers, text):
    """Two neighbours by a comma, more by a dash; and read again."""
    assert jobpolicies.intervals(numbers) == text
    assert jobpolicies.parsed(text, 100) == numbers


# -- Services ------------------------------------------------------------------------------------------------


def test_only_ready_pods_are_endpoints(cluster):
    """A Pod that is not ready is listed, and not ready; a deleted one leaves."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db", "namespace": "lab"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]},
    }
    cluster.create("services", service)
    cluster.create("pods", pod())
    cluster.run()
    cluster.set_pod(cluster.pods()[0], "Running", ready=False)
    cluster.run()
    (one,) = cluster.store.list("endpointslices", "lab")
    assert one["endpoints"][0]["conditions"]["ready"] is False
    assert (
        cluster.store.get("endpoints", "lab", "db")["subsets"][0]["notReadyAddresses"][0]["ip"] == "10.0.0.9"
    )

    cluster.set_pod(cluster.pods()[0], "Running", ready=True)
    cluster.run()
    (one,) = cluster.store.list("endpointslices", "lab")
    assert one["endpoints"][0]["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert one["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]

    cluster.delete("pods", "lab", "web")
    cluster.run(2)
    assert cluster.store.list("endpointslices", "lab")[0]["endpoints"] == []


# -- deletion ------------------------------------------------------------------------------------------------


def test_deleting_a_deployment_takes_everything_with_it(cluster):
    """ReplicaSets go with the Deployment, Pods with the ReplicaSets."""
    cluster.create("deployments", deployment(2))
    cluster.run()
    cluster.delete("deployments", "lab", "shop")
    cluster.run(3)

    assert cluster.store.list("replicasets", "lab") == []
    assert cluster.pods() == []


def test_a_deleted_namespace_is_emptied_first(cluster):
    """The namespace goes last."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}}
    cluster.create("namespaces", namespace)
    cluster.create("deployments", deployment(2))
    cluster.run()
    stored = cluster.store.get("namespaces", "", "lab")
    meta = {**stored["metadata"], "deletionTimestamp": timestamp(cluster.store.clock())}
    cluster.store.update("namespaces", {**stored, "metadata": meta})
    cluster.run(0.5)
    assert cluster.store.get("namespaces", "", "lab") is not None
    cluster.run(5)

    assert cluster.store.get("namespaces", "", "lab") is None
    assert cluster.pods() == []
    assert cluster.store.list("deployments", "lab") == []


def test_a_broken_object_does_not_stop_a_controller(cluster, caplog):
    """One Deployment that cannot be understood is logged; the next one works."""
    broken = deployment()
    broken["spec"] = {"selector": {}, "template": {}}
    broken["metadata"] = {"name": "broken", "namespace": "lab"}
    cluster.create("deployments", broken)
    cluster.create("deployments", deployment(1))
    cluster.run()

    assert len(cluster.pods()) == 1
    assert "deployment-controller lab/broken" in caplog.text
