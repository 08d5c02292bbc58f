"""What the control plane repairs, evicts and reports by itself, as upstream's end-to-end specs ask."""

from __future__ import annotations

import pytest
from plane import pod

from podlab.embedded import bootstrap, nodefit
from podlab.embedded.store import Store, timestamp
from podlab.pods.phase import is_ready

SERVICE = "kubernetes.io/service-name"


def service(name="web", **spec):
    meta = {"name": name, "namespace": "lab"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"ports": [{"port": 80}], **spec},
    }


def daemonset(**spec):
    meta = {"name": "ds", "namespace": "lab"}
    template = {"metadata": {"labels": {"app": "ds"}}, "spec": {**pod()["spec"], **spec}}
    selector = {"matchLabels": {"app": "ds"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta,
        "spec": {"selector": selector, "template": template},
    }


def change_node(cluster, *, labels=None, taints=None):
    node = cluster.store.get("nodes", "", "node")
    meta = {**node["metadata"], "labels": {**node["metadata"]["labels"], **(labels or {})}}
    cluster.store.update("nodes", {**node, "metadata": meta, "spec": {"taints": taints or []}})


@pytest.mark.parametrize("resource", ["endpointslices", "endpoints"])
def test_what_is_deleted_of_a_service_is_written_again(cluster, resource):
    """A Service without its slice would be dead."""
    cluster.create("services", service(selector={"app": "web"}))
    cluster.run()
    (found,) = cluster.store.list(resource, "lab")
    cluster.store.delete(resource, "lab", found["metadata"]["name"])
    cluster.run()

    assert len(cluster.store.list(resource, "lab")) == 1


def test_endpoints_written_by_hand_are_mirrored(cluster):
    """One slice for a subset; it follows a change and goes with the Endpoints."""
    cluster.create("services", service())
    subset = {"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}
    meta = {"name": "web", "namespace": "lab", "labels": {"a": "b"}}
    made = cluster.create(
        "endpoints", {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta, "subsets": [subset]}
    )
    cluster.run()

    (mirror,) = cluster.store.list("endpointslices", "lab")
    assert mirror["endpoints"] == [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}]
    assert mirror["metadata"]["labels"] == {
        "a": "b",
        SERVICE: "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    stored = cluster.store.get("endpoints", "lab", made["metadata"]["name"])
    moved = {**subset, "addresses": [{"ip": "10.1.2.4"}]}
    cluster.store.update("endpoints", {**stored, "subsets": [moved]})
    cluster.run()
    (mirror,) = cluster.store.list("endpointslices", "lab")
    assert mirror["endpoints"][0]["addresses"] == ["10.1.2.4"]
    cluster.store.delete("endpoints", "lab", "web")
    cluster.run()
    assert cluster.store.list("endpointslices", "lab") == []


def test_a_daemon_goes_when_the_node_no_longer_matches(cluster):
    """And comes back when it does again."""
    change_node(cluster, labels={"color": "blue"})
    cluster.create("daemonsets", daemonset(nodeSelector={"color": "blue"}))
    cluster.run(2)
    assert len(cluster.pods(app="ds")) == 1
    change_node(cluster, labels={"color": "red"})
    cluster.run(3)
    assert cluster.pods(app="ds") == []
    status = cluster.store.get("daemonsets", "lab", "ds")["status"]
    assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (0, 0)
    change_node(cluster, labels={"color": "blue"})
    cluster.run(3)

    assert len(cluster.pods(app="ds")) == 1


def change_daemons(cluster, **changed):
    """Another template, or another strategy."""
    one = cluster.store.get("daemonsets", "lab", "ds")
    cluster.store.update("daemonsets", {**one, "spec": {**one["spec"], **changed}})


def with_image(image):
    template = daemonset()["spec"]["template"]
    container = {**template["spec"]["containers"][0], "image": image}
    return {**template, "spec": {**template["spec"], "containers": [container]}}


def revisions(cluster):
    """Revision number -> hash of those that are kept."""
    found = cluster.store.list("controllerrevisions", "lab")
    return {one["revision"]: one["metadata"]["labels"]["controller-revision-hash"] for one in found}


def hashes(cluster):
    return [one["metadata"]["labels"]["controller-revision-hash"] for one in cluster.pods(app="ds")]


def test_each_template_of_a_daemon_set_is_a_revision(cluster):
    """Its Pod is labelled with it; a template that comes back is its newest one again, and the oldest are removed."""
    cluster.create("daemonsets", daemonset())
    cluster.run(2)
    first = revisions(cluster)
    assert list(first) == [1]
    assert hashes(cluster) == [first[1]]
    change_daemons(cluster, template=with_image("i:2"), revisionHistoryLimit=1)
    cluster.run(5)
    assert hashes(cluster) == [revisions(cluster)[2]]
    change_daemons(cluster, template=daemonset()["spec"]["template"])
    cluster.run(5)
    assert revisions(cluster) == {2: revisions(cluster)[2], 3: first[1]}
    assert hashes(cluster) == [first[1]]
    change_daemons(cluster, template=with_image("i:3"))
    cluster.run(5)
    assert sorted(revisions(cluster)) == [3, 4]
    (one,) = {
        one["metadata"]["ownerReferences"][0]["kind"] for one in cluster.store.list("controllerrevisions")
    }
    assert one == "DaemonSet"


def test_a_daemon_with_a_surge_goes_after_its_successor_is_available(cluster):
    """The other way round there is a time without one."""
    living = []
    cluster.create("daemonsets", daemonset())
    cluster.run(2)
    cluster.ready_all(app="ds")
    (before,) = hashes(cluster)
    cluster.store.watch(
        "pods", lambda _, one: living.append([is_ready(one) for one in cluster.pods(app="ds")])
    )
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}}
    change_daemons(cluster, template=with_image("i:2"), updateStrategy=surge, minReadySeconds=5)
    cluster.run(4)
    assert len(hashes(cluster)) == 2, "the successor is not ready"
    cluster.ready_all(app="ds")
    cluster.run(3)
    assert len(hashes(cluster)) == 2, "nor is it available before minReadySeconds are over"
    cluster.run(10)

    assert all(any(ready) for ready in living)
    (after,) = hashes(cluster)
    assert after == revisions(cluster)[2] != before


def test_a_daemon_set_adopts_and_releases(cluster):
    """As every controller of Pods does."""
    cluster.create("daemonsets", daemonset())
    cluster.run(2)
    (one,) = cluster.pods(app="ds")
    name = one["metadata"]["name"]
    cluster.store.update("pods", {**one, "metadata": {**one["metadata"], "ownerReferences": []}})
    cluster.run(3)
    (again,) = cluster.pods(app="ds")
    assert (again["metadata"]["name"], again["metadata"]["ownerReferences"][0]["name"]) == (name, "ds")
    cluster.store.update("pods", {**again, "metadata": {**again["metadata"], "labels": {"app": "other"}}})
    cluster.run(3)
    assert cluster.store.get("pods", "lab", name)["metadata"].get("ownerReferences", []) == []
    assert len(cluster.pods(app="ds")) == 1


def test_a_daemon_stays_on_a_node_with_a_noschedule_taint(cluster):
    """Only a NoExecute taint ends it."""
    cluster.create("daemonsets", daemonset())
    cluster.run(2)
    change_node(cluster, taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    cluster.run(3)
    assert len(cluster.pods(app="ds")) == 1
    change_node(cluster, taints=[{"key": "k", "value": "v", "effect": "NoExecute"}])
    cluster.run(3)

    assert cluster.pods(app="ds") == []


def test_a_noexecute_taint_evicts_and_says_why(cluster):
    """The condition comes before the deletion; a toleration with seconds puts it off, one without for ever."""
    tolerant = {"key": "k", "operator": "Exists", "effect": "NoExecute"}
    cluster.create("pods", pod("plain"))
    cluster.create("pods", pod("patient", tolerations=[{**tolerant, "tolerationSeconds": 60}]))
    cluster.create("pods", pod("loyal", tolerations=[tolerant]))
    cluster.run(1)
    seen = []
    cluster.store.watch("pods", lambda _, one: seen.append(one))
    change_node(cluster, taints=[{"key": "k", "value": "v", "effect": "NoExecute"}])
    cluster.run(5)

    assert {p["metadata"]["name"] for p in cluster.pods()} == {"patient", "loyal"}
    reasons = [
        c["reason"]
        for p in seen
        for c in p["status"].get("conditions", ())
        if c["type"] == "DisruptionTarget"
    ]
    assert set(reasons) == {"DeletionByTaintManager"}
    assert cluster.events("TaintManagerEviction") == ["Marking for deletion Pod lab/plain"]
    cluster.run(60)
    assert {p["metadata"]["name"] for p in cluster.pods()} == {"loyal"}


def test_a_taint_that_goes_in_time_spares_the_pod(cluster):
    """The eviction is called off."""
    rule = {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    cluster.create("pods", pod("patient", tolerations=[rule]))
    cluster.run(1)
    change_node(cluster, taints=[{"key": "k", "effect": "NoExecute"}])
    cluster.run(30)
    change_node(cluster)
    cluster.run(60)

    assert len(cluster.pods()) == 1
    assert cluster.events("TaintManagerEviction") == ["Cancelling deletion of Pod lab/patient"]


def test_pods_of_a_deleted_namespace_go_before_the_rest(cluster):
    """While a finalizer holds a Pod, the ConfigMap beside it stays; the conditions are there from the first round."""
    cluster.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
    cluster.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named("kept")})
    held = pod("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.create("pods", held)
    cluster.delete = _respecting_finalizers(cluster)
    cluster.run(1)
    _end(cluster, "lab")
    cluster.run(3)

    assert cluster.store.get("configmaps", "lab", "kept") is not None
    namespace = cluster.store.get("namespaces", "", "lab")
    kinds = [(c["type"], c["status"]) for c in namespace["status"]["conditions"]]
    assert kinds == [
        ("NamespaceDeletionDiscoveryFailure", "False"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False"),
        ("NamespaceDeletionContentFailure", "False"),
        ("NamespaceContentRemaining", "False"),
        ("NamespaceFinalizersRemaining", "False"),
    ]
    cluster.store.delete("pods", "lab", "held")
    cluster.run(3)
    assert cluster.store.get("namespaces", "", "lab") is None


def test_a_deleted_namespace_names_what_is_left_in_it(cluster):
    """What a finalizer holds is counted by resource and by finalizer."""
    cluster.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
    meta = {**_named("held"), "finalizers": ["example.com/hold"]}
    cluster.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    cluster.delete = _respecting_finalizers(cluster)
    _end(cluster, "lab")
    cluster.run(3)

    conditions = cluster.store.get("namespaces", "", "lab")["status"]["conditions"]
    messages = {c["type"]: c["message"] for c in conditions if c["status"] == "True"}
    assert messages == {
        "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
        "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining: "
        "example.com/hold in 1 resource instances",
    }


def _named(name):
    return {"name": name, "namespace": "lab"}


def _end(cluster, name):
    stored = cluster.store.get("namespaces", "", name)
    meta = {**stored["metadata"], "deletionTimestamp": timestamp(cluster.store.clock())}
    cluster.store.update("namespaces", {**stored, "metadata": meta})


def _respecting_finalizers(cluster):
    plain = cluster.delete

    def delete(resource, namespace, name, *, grace_s=None):
        obj = cluster.store.get(resource, namespace, name)
        if obj and obj["metadata"].get("finalizers"):
            meta = {**obj["metadata"], "deletionTimestamp": timestamp(cluster.store.clock())}
            cluster.store.update(resource, {**obj, "metadata": meta})
            return
        plain(resource, namespace, name, grace_s=grace_s)

    return delete


def test_the_root_certificate_is_put_right_when_it_was_changed():
    """As when it was deleted."""
    store = Store()
    bootstrap.first_objects(store, authority="right")
    bootstrap.keep_namespace_defaults(store, "right")
    found = store.get("configmaps", "default", bootstrap.ROOT_CA)
    store.update("configmaps", {**found, "data": {"ca.crt": "wrong", "other": "x"}})

    assert store.get("configmaps", "default", bootstrap.ROOT_CA)["data"] == {"ca.crt": "right"}


@pytest.mark.parametrize(
    ("resource", "change"),
    [
        ("services", {"spec": {"ports": [{"port": 444}], "type": "NodePort", "clusterIP": "10.96.0.1"}}),
        ("endpointslices", {"endpoints": []}),
        ("endpoints", {"subsets": []}),
    ],
)
def test_what_leads_to_the_api_is_put_right_when_somebody_changed_it(resource, change):
    """Every Pod that talks to the API would be cut off; labels of somebody's own stay."""
    store = Store()
    bootstrap.first_objects(store, authority="right")
    bootstrap.keep_namespace_defaults(store, "right")
    before = store.get(resource, "default", "kubernetes")
    labelled = {**before["metadata"], "labels": {**before["metadata"]["labels"], "mine": "yes"}}
    store.update(resource, {**before, "metadata": labelled, **change})

    after = store.get(resource, "default", "kubernetes")
    kept = ("ports", "type") if resource == "services" else ("endpoints", "ports", "subsets")
    told = [(one["spec"] if resource == "services" else one) for one in (before, after)]
    assert [told[1].get(key) for key in kept] == [told[0].get(key) for key in kept]
    assert after["metadata"]["labels"]["mine"] == "yes"


def test_a_namespace_of_the_system_comes_back():
    """With its defaults, as every new one has them."""
    store = Store()
    bootstrap.first_objects(store, authority="right")
    bootstrap.keep_namespace_defaults(store, "right")
    for resource in ("serviceaccounts", "configmaps"):
        for one in store.list(resource, "kube-node-lease"):
            store.delete(resource, "kube-node-lease", one["metadata"]["name"])
    store.delete("namespaces", "", "kube-node-lease")

    assert store.get("namespaces", "", "kube-node-lease")["status"] == {"phase": "Active"}
    assert store.get("serviceaccounts", "kube-node-lease", "default") is not None


def ports(ip):
    port = {"containerPort": 80, "hostPort": 8080, **({"hostIP": ip} if ip else {})}
    return nodefit.host_ports(pod(containers=[{"name": "c", "ports": [port]}]))


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "", True),
        ("", "", True),
    ],
)
def test_ports_of_the_node_are_compared_with_their_addresses(one, other, clash):
    """The same number on two addresses is no clash; without an address a port is taken on all."""
    assert nodefit.ports_clash(ports(one), [ports(other)]) is clash
