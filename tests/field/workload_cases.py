"""What controllers do: workloads, evictions, taints and namespaces (A3 to A8, A18, A19, A26, A27)."""

from __future__ import annotations

from field_place import MERGE, Place, Raw, case, condition, owner, pod_spec, template

COLLECTED = "a pod on a node that is not there is collected"
SLOW_END = ("sh", "-c", "trap 'sleep 2; exit' TERM; sleep 600 & wait")


def _live(at: Place, app: str, kind: str = "pods") -> list[Raw]:
    return [
        one
        for one in at.items(kind, labelSelector=f"app={app}")
        if not one["metadata"].get("deletionTimestamp")
    ]


def _job(**more: object) -> Raw:
    return {"template": {"spec": pod_spec(spec={"restartPolicy": "Never"})}, **more}


@case("workloads")
def a_deployment_adopts_a_replicaset_and_counts_its_revision_on(at: Place) -> None:
    at.make("ReplicaSet", "old", {"replicas": 1, **template("web")}, labels={"app": "web"},
            annotations={"deployment.kubernetes.io/revision": "41"})  # fmt: skip
    uid = at.make("Deployment", "web", {"replicas": 1, **template("web", "sleep", "2000")})["metadata"]["uid"]
    at.until(lambda: at.get("replicasets/old"), lambda rs: owner(rs) == uid and rs["spec"]["replicas"] == 0)
    (new,) = [rs for rs in at.items("replicasets") if rs["metadata"]["name"] != "old"]
    assert new["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "42"


@case("workloads")
def a_deployment_that_comes_again_takes_what_it_left_behind(at: Place) -> None:
    body = {"replicas": 1, **template("web")}
    at.make("Deployment", "web", body)
    before = at.until(lambda: _live(at, "web"), lambda pods: len(pods) == 1)[0]["metadata"]["uid"]
    at.delete("deployments/web", {"propagationPolicy": "Orphan"})
    at.until(lambda: [owner(rs) for rs in at.items("replicasets")], lambda owners: owners == [None])
    uid = at.make("Deployment", "web", body)["metadata"]["uid"]
    at.until(lambda: [owner(rs) for rs in at.items("replicasets")], lambda owners: owners == [uid])
    assert [pod["metadata"]["uid"] for pod in _live(at, "web")] == [before]


def _in_rollout(at: Place, *, paused: bool = False) -> None:
    """Eight old Pods and five new that cannot start, of ten asked for."""
    strategy = {"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    at.make("Deployment", "prop", {"replicas": 10, "strategy": strategy, **template("prop")})
    at.until(lambda: at.get("deployments/prop")["status"].get("availableReplicas"), lambda count: count == 10)
    image = {
        "spec": {"containers": [{"name": "c", "image": "registry.invalid/no:1", "command": ["sleep", "600"]}]}
    }
    at.patch("deployments/prop", {"spec": {"template": image}})
    at.until(lambda: _sizes(at), lambda sizes: sizes == [5, 8])
    if paused:
        at.patch("deployments/prop", {"spec": {"paused": True}})


def _sizes(at: Place) -> list[int]:
    return sorted(rs["spec"]["replicas"] for rs in at.items("replicasets"))


@case("workloads")
def a_deployment_scaled_in_the_middle_of_a_rollout_grows_in_proportion(at: Place) -> None:
    _in_rollout(at)
    at.patch("deployments/prop/scale", {"spec": {"replicas": 30}})
    at.until(lambda: _sizes(at), lambda sizes: sizes == [13, 20])


@case("workloads", sibling_of="a deployment scaled in the middle of a rollout grows in proportion")
def a_paused_deployment_grows_in_proportion(at: Place) -> None:
    _in_rollout(at, paused=True)
    at.patch("deployments/prop/scale", {"spec": {"replicas": 30}})
    at.until(lambda: _sizes(at), lambda sizes: sizes == [13, 20])


@case("workloads")
def a_job_adopts_its_pod_again(at: Place) -> None:
    uid = at.make("Job", "j", _job())["metadata"]["uid"]
    name = at.until(lambda: at.items("pods"))[0]["metadata"]["name"]
    assert "batch.kubernetes.io/job-tracking" in at.get(f"pods/{name}")["metadata"]["finalizers"]
    at.patch(f"pods/{name}", {"metadata": {"ownerReferences": None}})
    at.until(lambda: owner(at.get(f"pods/{name}")), lambda found: found == uid)


@case("workloads")
def a_job_releases_a_pod_that_no_longer_matches(at: Place) -> None:
    at.make("Job", "j", _job())
    name = at.until(lambda: at.items("pods"))[0]["metadata"]["name"]
    labels = {"job-name": None, "batch.kubernetes.io/job-name": None, "controller-uid": None,
              "batch.kubernetes.io/controller-uid": None}  # fmt: skip
    at.patch(f"pods/{name}", {"metadata": {"labels": labels}})
    at.until(lambda: owner(at.get(f"pods/{name}")), lambda found: found is None)
    at.until(lambda: len(at.items("pods", labelSelector="job-name=j")), lambda count: count == 1)


@case("workloads", sibling_of="a job releases a pod that no longer matches")
def a_replicaset_releases_a_pod_and_makes_another(at: Place) -> None:
    at.make("ReplicaSet", "r", {"replicas": 1, **template("r")})
    name = at.until(lambda: _live(at, "r"))[0]["metadata"]["name"]
    at.patch(f"pods/{name}", {"metadata": {"labels": {"app": "mine"}}})
    at.until(lambda: owner(at.get(f"pods/{name}")), lambda found: found is None)
    at.until(lambda: len(_live(at, "r")), lambda count: count == 1)


@case("workloads", sibling_of="a job adopts its pod again")
def a_replicaset_takes_a_pod_that_matches_and_deletes_what_is_too_much(at: Place) -> None:
    at.make("ReplicaSet", "r", {"replicas": 1, **template("r")})
    at.until(lambda: at.get("replicasets/r")["status"].get("readyReplicas"), lambda count: count == 1)
    at.pod("stray", labels={"app": "r"})
    at.until(lambda: len(_live(at, "r")), lambda count: count == 1)
    assert at.get("replicasets/r")["status"]["replicas"] in (1, 2)


@case("workloads", sibling_of="a job adopts its pod again")
def a_statefulset_adopts_the_pod_of_its_name(at: Place) -> None:
    at.make("StatefulSet", "s", {"serviceName": "s", "replicas": 1, **template("s")})
    at.until(lambda: at.find("pods/s-0"))
    at.delete("statefulsets/s", {"propagationPolicy": "Orphan"})
    at.until(lambda: owner(at.get("pods/s-0")), lambda found: found is None)
    uid = at.make("StatefulSet", "s", {"serviceName": "s", "replicas": 1, **template("s")})["metadata"]["uid"]
    at.until(lambda: owner(at.get("pods/s-0")), lambda found: found == uid)


@case("workloads")
def an_eviction_leaves_the_condition_disruptiontarget(at: Place) -> None:
    at.pod(
        "p",
        "sh",
        "-c",
        "trap 'sleep 3; exit 1' TERM; sleep 100 & wait",
        spec={"terminationGracePeriodSeconds": 20},
    )
    at.running("p")
    at.client.create(
        at.path("pods/p/eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    )
    found = condition(at.get("pods/p"), "DisruptionTarget")
    assert (found.get("status"), found.get("reason")) == ("True", "EvictionByEvictionAPI")


@case("workloads")
def a_job_forgives_an_eviction_that_its_policy_ignores(at: Place) -> None:
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    spec = pod_spec("sh", "-c", "trap 'exit 1' TERM; sleep 20 & wait", spec={"restartPolicy": "Never"})
    at.make("Job", "j", {"backoffLimit": 0, "podFailurePolicy": policy, "template": {"spec": spec}})
    name = at.until(lambda: at.items("pods"))[0]["metadata"]["name"]
    at.running(name)
    at.client.create(at.path(f"pods/{name}/eviction"), {"metadata": {"name": name}})
    at.until(
        lambda: [pod["metadata"]["name"] for pod in at.items("pods")], lambda names: names and names != [name]
    )
    assert not condition(at.get("jobs/j"), "Failed")


@case("workloads", sibling_of="an eviction leaves the condition disruptiontarget")
def a_pod_that_has_ended_is_evicted_whatever_its_budget_says(at: Place) -> None:
    at.make("PodDisruptionBudget", "b", {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}})
    at.ended("p", "true", labels={"app": "x"})
    at.until(lambda: at.get("poddisruptionbudgets/b")["status"].get("observedGeneration"))
    at.client.create(at.path("pods/p/eviction"), {"metadata": {"name": "p"}})
    at.until(lambda: at.find("pods/p") is None)


@case("workloads", sibling_of="an eviction leaves the condition disruptiontarget")
def an_eviction_that_a_budget_forbids_says_so_and_changes_nothing(at: Place) -> None:
    at.make("PodDisruptionBudget", "b", {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}})
    at.pod("p", labels={"app": "x"})
    at.ready("p")
    at.until(
        lambda: at.get("poddisruptionbudgets/b")["status"].get("currentHealthy"), lambda count: count == 1
    )
    answer = at.ask("POST", "pods/p/eviction", {"metadata": {"name": "p"}})
    assert answer.code == 429
    assert "Cannot evict pod as it would violate the pod's disruption budget." in answer.text
    assert not condition(at.get("pods/p"), "DisruptionTarget")


@case("workloads")
def a_job_that_somebody_else_manages_is_left_alone(at: Place) -> None:
    at.make("Job", "j", _job(managedBy="example.com/other"))
    at.make("Job", "beside", _job())
    at.until(lambda: at.items("pods", labelSelector="job-name=beside"))
    assert at.items("pods", labelSelector="job-name=j") == []
    assert not at.get("jobs/j").get("status")


@case("workloads", sibling_of="a job that somebody else manages is left alone")
def the_manager_of_a_job_cannot_be_changed(at: Place) -> None:
    at.make("Job", "j", _job(managedBy="example.com/other"))
    answer = at.ask("PATCH", "jobs/j", {"spec": {"managedBy": "example.com/third"}}, {"Content-Type": MERGE})
    assert answer.code == 422
    assert (
        'spec.managedBy: Invalid value: "example.com/third": field is immutable' in answer.json()["message"]
    )


@case("workloads", sibling_of="a job that somebody else manages is left alone")
def a_suspended_job_ends_its_pods_and_starts_again(at: Place) -> None:
    at.make("Job", "j", _job())
    at.until(lambda: at.get("jobs/j").get("status", {}).get("active"), lambda count: count == 1)
    at.patch("jobs/j", {"spec": {"suspend": True}})
    at.until(lambda: at.items("pods") == [])
    status = at.until(
        lambda: at.get("jobs/j"), lambda job: condition(job, "Suspended").get("status") == "True"
    )["status"]
    assert "startTime" not in status
    assert at.until(lambda: at.events("Suspended", name="j"))
    at.patch("jobs/j", {"spec": {"suspend": False}})
    at.until(lambda: at.items("pods"))
    assert condition(at.get("jobs/j"), "Suspended")["reason"] == "JobResumed"


STATUS_KINDS = ("deployments/d", "replicasets/r", "daemonsets/ds", "statefulsets/s", "jobs/j", "cronjobs/c",
                "services/svc", "poddisruptionbudgets/b", "resourcequotas/q")  # fmt: skip


def _one_of_each(at: Place) -> None:
    at.make("Deployment", "d", {"replicas": 0, **template("d")})
    at.make("ReplicaSet", "r", {"replicas": 0, **template("r")})
    at.make("DaemonSet", "ds", template("ds", spec={"nodeSelector": {"nowhere": "true"}}))
    at.make("StatefulSet", "s", {"serviceName": "s", "replicas": 0, **template("s")})
    at.make("Job", "j", _job(suspend=True))
    at.make("CronJob", "c", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": _job()}})
    at.make("Service", "svc", {"ports": [{"port": 80}]})
    at.make("PodDisruptionBudget", "b", {"minAvailable": 1, "selector": {"matchLabels": {"app": "none"}}})
    at.make("ResourceQuota", "q", {"hard": {"pods": "10"}})


@case("API")
def a_patch_of_a_status_takes_its_annotations_too(at: Place) -> None:
    _one_of_each(at)
    at.pod("p")
    for what in (*STATUS_KINDS, "pods/p", f"/api/v1/nodes/{at.node()}", f"/api/v1/namespaces/{at.namespace}"):
        at.patch(f"{what}/status", {"metadata": {"annotations": {"field.example/p": "1"}}, "status": {}})
        assert at.get(what)["metadata"].get("annotations", {}).get("field.example/p") == "1", what


@case("API", sibling_of="a patch of a status takes its annotations too")
def a_patch_of_a_status_takes_labels_but_not_those_of_a_deployment(at: Place) -> None:
    """The strategies of v1.36.3: only Deployment's copies the labels that were there."""
    _one_of_each(at)
    for what in STATUS_KINDS:
        at.patch(f"{what}/status", {"metadata": {"labels": {"field": "1"}}, "status": {}})
        kept = at.get(what)["metadata"].get("labels", {}).get("field")
        assert kept == (None if what == "deployments/d" else "1"), what


@case("API", sibling_of="a patch of a status takes its annotations too")
def a_patch_of_a_status_leaves_the_spec_alone(at: Place) -> None:
    at.make("Deployment", "d", {"replicas": 0, **template("d")})
    at.patch("deployments/d/status", {"spec": {"replicas": 7}, "metadata": {"annotations": {"x": "y"}}})
    found = at.get("deployments/d")
    assert (
        found["spec"]["replicas"],
        found["metadata"]["annotations"]["x"],
        found["metadata"]["generation"],
    ) == (0, "y", 1)


@case("workloads", alone=True)
def a_daemonset_leaves_a_node_that_no_longer_matches(at: Place) -> None:
    node = f"/api/v1/nodes/{at.node()}"
    at.make("DaemonSet", "ds", template("ds", spec={"nodeSelector": {"field-color": "blue"}}))
    at.patch(node, {"metadata": {"labels": {"field-color": "blue"}}})
    try:
        at.until(lambda: _live(at, "ds"))
        at.patch(node, {"metadata": {"labels": {"field-color": None}}})
        at.until(lambda: _live(at, "ds") == [])
    finally:
        at.patch(node, {"metadata": {"labels": {"field-color": None}}})


@case("workloads", alone=True)
def a_taint_noexecute_evicts_what_does_not_tolerate_it(at: Place) -> None:
    node = f"/api/v1/nodes/{at.node()}"
    at.pod(
        "goes",
        "sh",
        "-c",
        "trap 'sleep 2; exit 0' TERM; sleep 600 & wait",
        spec={"terminationGracePeriodSeconds": 20},
    )
    at.pod("stays", spec={"tolerations": [{"key": "field", "operator": "Exists", "effect": "NoExecute"}]})
    at.pod("stays-a-moment", spec={"tolerations": [
        {"key": "field", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 4}]})  # fmt: skip
    at.running("goes", "stays", "stays-a-moment")
    at.patch(node, {"spec": {"taints": [{"key": "field", "value": "v", "effect": "NoExecute"}]}})
    try:
        going = at.until(lambda: at.get("pods/goes"), lambda pod: pod["metadata"].get("deletionTimestamp"))
        found = condition(going, "DisruptionTarget")
        assert (found.get("status"), found.get("reason")) == ("True", "DeletionByTaintManager")
        at.until(lambda: at.find("pods/stays-a-moment") is None)
        assert not at.get("pods/stays")["metadata"].get("deletionTimestamp")
    finally:
        at.patch(node, {"spec": {"taints": None}})


@case("workloads")
def a_namespace_deletes_its_pods_first_and_says_what_remains(at: Place) -> None:
    name = f"{at.namespace}-b"
    at.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    core = f"/api/v1/namespaces/{name}"
    pod = {"metadata": {"name": "p", "finalizers": ["field.example/held"]}, "spec": pod_spec("true")}
    at.client.create(f"{core}/configmaps", {"metadata": {"name": "beside"}})
    at.until(lambda: at.find(f"{core}/serviceaccounts/default"))
    at.client.create(f"{core}/pods", pod)
    at.client.delete(core)
    try:
        at.until(lambda: condition(at.get(core), "NamespaceDeletionContentFailure"))
        assert at.find(f"{core}/configmaps/beside")
        assert condition(at.get(core), "NamespaceContentRemaining")["status"] == "False", (
            "Pods are not counted"
        )
        at.patch(f"{core}/configmaps/beside", {"metadata": {"finalizers": ["field.example/kept"]}})
    finally:
        at.patch(f"{core}/pods/p", {"metadata": {"finalizers": None}})
    kind = "NamespaceFinalizersRemaining"
    found = at.until(lambda: condition(at.get(core), kind), lambda entry: entry.get("status") == "True")
    assert "field.example/kept in 1 resource instances" in found["message"]
    at.patch(f"{core}/configmaps/beside", {"metadata": {"finalizers": None}})
    at.until(lambda: at.find(core) is None)


@case("workloads")
def the_certificates_of_a_namespace_are_put_right(at: Place) -> None:
    before = at.until(lambda: at.find("configmaps/kube-root-ca.crt"))["data"]
    at.patch("configmaps/kube-root-ca.crt", {"data": {"ca.crt": "changed by hand"}})
    at.until(lambda: at.get("configmaps/kube-root-ca.crt")["data"], lambda data: data == before)


@case("workloads", sibling_of="the certificates of a namespace are put right")
def the_default_account_and_the_endpoints_of_the_api_come_back(at: Place) -> None:
    at.delete("serviceaccounts/default")
    at.until(lambda: at.find("serviceaccounts/default"))
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    before = [
        one["metadata"]["name"]
        for one in at.items(slices)
        if one["metadata"]["name"].startswith("kubernetes")
    ]
    assert before
    at.delete(f"{slices}/{before[0]}")
    at.until(lambda: at.find(f"{slices}/{before[0]}"))


@case("workloads", sibling_of="a patch of a status takes its annotations too")
def a_pod_on_a_node_that_is_not_there_is_collected(at: Place) -> None:
    at.pod("lost", spec={"nodeName": "no-such-node"})
    at.until(lambda: at.find("pods/lost") is None)


@case("workloads", sibling_of=COLLECTED)
def what_names_an_owner_that_never_was_is_collected(at: Place) -> None:
    gone = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "gone",
        "uid": "11111111-1111-1111-1111-111111111111",
    }
    for kind in ("ConfigMap", "Secret", "ServiceAccount"):
        at.make(kind, "stray", ownerReferences=[gone])
    for what in ("configmaps", "secrets", "serviceaccounts"):
        at.until(lambda what=what: at.find(f"{what}/stray") is None)  # type: ignore[misc]


def _owned_by(at: Place, name: str, *owners: str, **more: object) -> None:
    """A ConfigMap with the owners ``configmaps/a`` or ``serviceaccounts/a``."""
    rows = []
    for what in owners:
        found = at.get(what)
        kind = {"configmaps": "ConfigMap", "serviceaccounts": "ServiceAccount"}[what.split("/")[0]]
        meta = found["metadata"]
        rows.append({"apiVersion": "v1", "kind": kind, "name": meta["name"], "uid": meta["uid"], **more})
    at.make("ConfigMap", name, ownerReferences=rows)


@case("workloads", sibling_of=COLLECTED)
def what_has_another_owner_stays_and_loses_the_reference(at: Place) -> None:
    at.make("ConfigMap", "first")
    at.make("ServiceAccount", "second")
    _owned_by(at, "child", "configmaps/first", "serviceaccounts/second")
    at.delete("configmaps/first")
    left = at.until(
        lambda: at.get("configmaps/child")["metadata"]["ownerReferences"], lambda rows: len(rows) == 1
    )
    assert left[0]["kind"] == "ServiceAccount"
    at.delete("serviceaccounts/second")
    at.until(lambda: at.find("configmaps/child") is None)


@case("workloads", sibling_of=COLLECTED)
def a_deployment_deleted_in_the_foreground_goes_after_its_pods(at: Place) -> None:
    at.make("Deployment", "d", {"replicas": 2, **template("d", *SLOW_END,
                                                           spec={"terminationGracePeriodSeconds": 30})})  # fmt: skip
    at.until(lambda: at.get("deployments/d")["status"].get("readyReplicas"), lambda count: count == 2)
    at.delete("deployments/d", {"propagationPolicy": "Foreground"})
    at.until(lambda: at.find("deployments/d") is None)
    assert at.items("pods", labelSelector="app=d") == []
    assert at.items("replicasets", labelSelector="app=d") == []


@case("workloads", sibling_of=COLLECTED)
def what_does_not_block_its_owner_is_no_reason_to_wait(at: Place) -> None:
    at.make("ConfigMap", "owner")
    _owned_by(at, "free", "configmaps/owner")
    _owned_by(at, "blocking", "configmaps/owner", blockOwnerDeletion=True)
    for name in ("free", "blocking"):
        at.patch(f"configmaps/{name}", {"metadata": {"finalizers": ["example.com/held"]}})
    at.delete("configmaps/owner", {"propagationPolicy": "Foreground"})
    at.until(lambda: at.get("configmaps/blocking")["metadata"].get("deletionTimestamp"))
    assert at.get("configmaps/owner")["metadata"]["finalizers"] == ["foregroundDeletion"]
    at.patch("configmaps/blocking", {"metadata": {"finalizers": None}})
    at.until(lambda: at.find("configmaps/owner") is None)
    assert at.get("configmaps/free")["metadata"]["deletionTimestamp"]
    at.patch("configmaps/free", {"metadata": {"finalizers": None}})


@case("workloads", sibling_of=COLLECTED)
def a_job_deleted_in_the_foreground_goes_after_its_pods(at: Place) -> None:
    at.make("Job", "j", {"template": {"spec": pod_spec(*SLOW_END, spec={
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 30})}})  # fmt: skip
    at.until(lambda: at.get("jobs/j")["status"].get("ready"), lambda count: count == 1)
    at.delete("jobs/j", {"propagationPolicy": "Foreground"})
    at.until(lambda: at.find("jobs/j") is None)
    assert at.items("pods", labelSelector="job-name=j") == []


@case("workloads", sibling_of=COLLECTED)
def a_circle_of_owners_is_deleted_in_the_foreground_all_the_same(at: Place) -> None:
    names = ("one", "two", "three")
    made = {name: at.pod(name) for name in names}
    for name, by in zip(names, (names[-1], *names), strict=False):
        reference = {"apiVersion": "v1", "kind": "Pod", "name": by, "uid": made[by]["metadata"]["uid"]}
        rows = [{**reference, "controller": True, "blockOwnerDeletion": True}]
        at.patch(f"pods/{name}", {"metadata": {"ownerReferences": rows}})
    at.delete("pods/one", {"propagationPolicy": "Foreground"})
    at.until(lambda: at.items("pods"), lambda rows: rows == [])
