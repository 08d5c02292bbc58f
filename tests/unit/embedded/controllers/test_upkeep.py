"""What the control plane repairs, evicts and reports by itself, as upstream's end-to-end specs ask."""

from __future__ import annotations

import pytest
from plane import pod

from podlab.embedded import bootstrap, nodefit
from podlab.embedded.store import Store, timestamp

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
