"""
The strategy of each kind: which fields the API sets, keeps or refuses when an object is created or updated.

These are the parts of upstream's registry strategies and default admission plugins that clients can see: what
a new object's status is, which fields only the server writes, addresses of Services, the service account of a
Pod.

Source: pkg/registry/*/*/strategy.go and plugin/pkg/admission at v1.36.3; rules 4.2 and 4.3.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable

from podlab.embedded import addresses
from podlab.embedded.api.resources import Kind
from podlab.embedded.fault import forbidden, invalid
from podlab.embedded.schema import defaults, fielderror, podadmission
from podlab.embedded.store import Store, uid
from podlab.pods.raw import RawObject
from podlab.pods.roles import in_spec

PROJECT_ID = "batch.kubernetes.io/"
APP_ARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
APP_ARMOR_PROFILES = {"unconfined": {"type": "Unconfined"}, "runtime/default": {"type": "RuntimeDefault"}}
PRIORITY_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def prepare_create(store: Store, kind: Kind, obj: RawObject) -> None:
    """Make *obj*, new, decoded and with defaults, what the store should hold; in place."""
    meta = obj["metadata"]
    meta.pop("deletionTimestamp", None)
    meta.pop("deletionGracePeriodSeconds", None)
    meta.pop("managedFields", None)
    meta.pop("selfLink", None)
    if kind.generation:
        meta["generation"] = 1
    if "status" in obj and kind.resource not in ("nodes", "events"):
        obj["status"] = {}
    _drop_disabled(kind, obj, None)
    hook = _CREATE.get(kind.resource)
    if hook:
        hook(store, obj)


def prepare_update(store: Store, kind: Kind, obj: RawObject, old: RawObject) -> None:
    """Carry over what an update of the main resource may not change; in place."""
    keep_system_fields(obj, old)
    if "status" in kind.subresources:
        obj["status"] = old.get("status", {})
    _drop_disabled(kind, obj, old)
    hook = _UPDATE.get(kind.resource)
    if hook:
        hook(store, obj, old)
    if kind.generation and obj.get("spec") != old.get("spec"):
        obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


_WORKLOADS = ("deployments", "replicasets", "replicationcontrollers", "daemonsets", "statefulsets", "jobs")
TEMPLATES = {
    **dict.fromkeys(_WORKLOADS, ("spec", "template")),
    "cronjobs": ("spec", "jobTemplate", "spec", "template"),
}
"""Resource -> where its objects keep the template of their Pods."""


def _drop_disabled(kind: Kind, obj: RawObject, old: RawObject | None) -> None:
    if kind.resource == "pods":
        podadmission.drop_disabled(obj["spec"], old["spec"] if old else None)
    elif kind.resource in TEMPLATES:
        spec, before = (template_of(kind, one).get("spec") for one in (obj, old or {}))
        if spec:
            podadmission.drop_disabled(spec, before)
    if kind.resource == "statefulsets":  # the gate MaxUnavailableStatefulSet is off
        ((obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).pop("maxUnavailable", None)


def template_of(kind: Kind, obj: RawObject) -> RawObject:
    """Return the template of the Pods that an object of a kind in ``TEMPLATES`` makes; empty if absent."""
    found = obj
    for step in TEMPLATES[kind.resource]:
        found = found.get(step) or {}
    return found


def keep_system_fields(obj: RawObject, old: RawObject) -> None:
    """The metadata that only the server writes."""
    meta, before = obj["metadata"], old["metadata"]
    for name in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                 "generateName"):  # fmt: skip
        if name in before:
            meta[name] = before[name]
        else:
            meta.pop(name, None)
    meta.pop("managedFields", None)


KEPT_BY_STATUS = {"pods": "ownerReferences", "deployments": "labels"}


def prepare_status(kind: Kind, obj: RawObject, old: RawObject) -> RawObject:
    """
    An update of the status subresource takes the status and the metadata; everything else is as it was.

    Source: ``PrepareForUpdate`` of the status strategies in pkg/registry/*/*/strategy.go at v1.36.3.
    """
    keep_system_fields(obj, old)
    meta, before = obj["metadata"], old["metadata"]
    for name in ("managedFields", KEPT_BY_STATUS.get(kind.resource)):
        if name in before:
            meta[name] = before[name]
        else:
            meta.pop(name, None)
    status = obj.get("status") or {}
    if kind.resource == "pods" and not status.get("qosClass") and "qosClass" in old.get("status", {}):
        status = {**status, "qosClass": old["status"]["qosClass"]}
    return {**copy.copy(old), "metadata": meta, "status": status}


# -- kinds ---------------------------------------------------------------------------------------------------


def _create_pod(store: Store, pod: RawObject) -> None:
    admit_service_account(store, pod)
    _admit_classes(pod)
    podadmission.admit_defaults(pod)
    _fill_app_armor_fields(pod)
    pod["status"] = {"phase": "Pending", "qosClass": podadmission.qos_class(pod)}


def _fill_app_armor_fields(pod: RawObject) -> None:
    """
    Set the field of each container that says its AppArmor profile in the annotation of before v1.30 alone.

    Source: applyAppArmorVersionSkew in pkg/registry/core/pod/strategy.go.
    """
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in in_spec(spec):
        stated = str(annotations.get(APP_ARMOR_ANNOTATION + container["name"], ""))
        wanted: RawObject | None = APP_ARMOR_PROFILES.get(stated)
        profile = stated.removeprefix("localhost/")
        if profile not in ("", stated):
            wanted = {"type": "Localhost", "localhostProfile": profile}
        context = container.get("securityContext") or {}
        if wanted and not context.get("appArmorProfile") and wanted != of_pod:
            container["securityContext"] = {**context, "appArmorProfile": {**wanted}}


def admit_service_account(store: Store, pod: RawObject) -> None:
    """
    Give a Pod its service account and the volume with its token.

    Raises:
        StatusError: 403, when the account does not exist.
    """
    name, namespace = podadmission.account_of(pod), pod["metadata"]["namespace"]
    account = store.get("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden("pods", "", pod["metadata"].get("name", ""), why)
    podadmission.admit_service_account(pod, account)


def _admit_classes(pod: RawObject) -> None:
    """
    The priority of the two classes that every cluster has; other classes and runtime classes are refused.

    Raises:
        StatusError: 403, when a class does not exist.
    """
    spec, name = pod["spec"], pod["metadata"].get("name", "")
    wanted, runtime = spec.get("priorityClassName"), spec.get("runtimeClassName")
    if wanted and wanted not in PRIORITY_CLASSES:
        raise forbidden("pods", "", name, f"no PriorityClass with name {wanted} was found")
    if runtime:
        raise forbidden("pods", "", name, f'pod rejected: RuntimeClass "{runtime}" not found')
    if wanted:
        spec["priority"] = PRIORITY_CLASSES[wanted]


def _update_pod(_store: Store, pod: RawObject, old: RawObject) -> None:
    """Admission looks at changed Pods too: tolerations come back, the priority stays."""
    for name in ("priority", "preemptionPolicy"):
        if name in old["spec"]:
            pod["spec"][name] = old["spec"][name]
    podadmission.admit_defaults(pod)


def _create_namespace(_store: Store, obj: RawObject) -> None:
    labels = obj["metadata"].get("labels") or {}
    obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"].get("name", "")}
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _update_namespace(_store: Store, obj: RawObject, old: RawObject) -> None:
    obj["spec"] = old.get("spec", {})
    labels = obj["metadata"].get("labels") or {}
    obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"]["name"]}


def _create_service(store: Store, obj: RawObject) -> None:
    spec = obj["spec"]
    obj["status"] = {"loadBalancer": {}}
    if spec.get("type") == "ExternalName":
        return
    wanted = spec.get("clusterIP") or ((spec.get("clusterIPs") or [""])[0])
    taken = {s["spec"].get("clusterIP") for s in store.list("services")}
    if wanted == "None":
        address = "None"
    else:
        address = wanted or addresses.free_service_address(taken)
        problem = _address_problem(address, taken)
        if problem:
            text = f"failed to allocate IP {address}: {problem}"
            fault = fielderror.invalid("spec.clusterIPs", [address], text)
            raise invalid("Service", "", obj["metadata"].get("name", ""), [fault])
    spec["clusterIP"], spec["clusterIPs"] = address, [address]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    _allocate_node_ports(store, obj)


def _address_problem(address: str, taken: set[str | None]) -> str:
    if not addresses.is_service_address(address):
        valid = f"The range of valid IPs is {addresses.SERVICES}"
        return f"the provided IP ({address}) is not in the valid range. {valid}"
    return "provided IP is already allocated" if address in taken else ""


def _allocate_node_ports(store: Store, obj: RawObject) -> None:
    """
    Give the ports of a Service their node ports; those that it names must be free and of the range.

    Raises:
        StatusError: 422. Source: pkg/registry/core/service/storage/alloc.go, portallocator/allocator.go at v1.36.3.
    """
    spec, meta = obj["spec"], obj["metadata"]
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return
    others = [s for s in store.list("services") if _key(s) != _key(obj)]
    taken = {
        (p.get("protocol", "TCP"), p.get("nodePort")) for s in others for p in s["spec"].get("ports") or []
    }
    for index, port in enumerate(spec.get("ports") or []):
        protocol, number = port.get("protocol", "TCP"), port.get("nodePort")
        if not number:
            port["nodePort"] = addresses.free_node_port({n for p, n in taken if p == protocol})
        elif problem := _node_port_problem(protocol, number, taken):
            wrong = fielderror.invalid(f"spec.ports[{index}].nodePort", number, problem)
            raise invalid("Service", "", meta.get("name", ""), [wrong])
        taken.add((protocol, port["nodePort"]))


def _node_port_problem(protocol: str, number: int, taken: set[tuple[str, int | None]]) -> str:
    if number not in addresses.NODE_PORTS:
        first, last = addresses.NODE_PORTS[0], addresses.NODE_PORTS[-1]
        return f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
    return "provided port is already allocated" if (protocol, number) in taken else ""


def _key(obj: RawObject) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"].get("name", "")


def _update_service(store: Store, obj: RawObject, old: RawObject) -> None:
    spec, before = obj["spec"], old["spec"]
    if spec.get("sessionAffinity") == "None":
        spec.pop("sessionAffinityConfig", None)
    _drop_of_type(spec, before)
    if spec.get("type") == "ExternalName":
        _release(spec, before)
        return
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and before.get(name):
            spec[name] = before[name]
    if spec.get("type") == "ClusterIP" and before.get("type") in ("NodePort", "LoadBalancer"):
        _drop_node_ports(spec, before)
    if not spec.get("clusterIP"):
        status = obj.get("status")
        _create_service(store, obj)
        obj["status"] = status
    _allocate_node_ports(store, obj)


def _release(spec: RawObject, before: RawObject) -> None:
    """
    Release the fields of a Service that becomes ExternalName, unless the client changed them.

    A client that clears ``clusterIP`` clears ``clusterIPs`` with it, as long as it left them as they were.

    Source: ``normalizeClusterIPs`` and ``dropTypeDependentFields`` of pkg/registry/core/service at v1.36.3.
    """
    if before.get("type") == "ExternalName":
        return
    old = before.get("clusterIP")
    if (spec.get("clusterIP") or old) == old and (spec.get("clusterIPs") or [old]) == [old]:
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for name in ("ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
        if spec.get(name) == before.get(name):
            spec.pop(name, None)
    _drop_node_ports(spec, before)


def _drop_of_type(spec: RawObject, before: RawObject) -> None:
    """
    Drop the fields that only the old type or traffic policy of a Service has, unless the client changed them.

    Source: ``dropTypeDependentFields`` in pkg/registry/core/service/strategy.go at v1.36.3.
    """
    kind = spec.get("type")
    for name, kept in (
        ("externalTrafficPolicy", defaults.is_external(spec)),
        ("healthCheckNodePort", kind == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"),
        ("allocateLoadBalancerNodePorts", kind == "LoadBalancer"),
    ):
        if not kept and spec.get(name) == before.get(name):
            spec.pop(name, None)


def _drop_node_ports(spec: RawObject, before: RawObject) -> None:
    """
    Drop the node ports, which the new type does not have, unless the client set a new number.

    Source: ``sameNodePorts`` in pkg/registry/core/service/strategy.go at v1.36.3: ports may come and go meanwhile.
    """
    had, has = (
        {port.get("nodePort") for port in one.get("ports") or []} - {None, 0} for one in (before, spec)
    )
    if has <= had:
        for port in spec.get("ports") or []:
            port.pop("nodePort", None)


def _secret_data(_store: Store, obj: RawObject, _old: RawObject | None = None) -> None:
    plain = obj.pop("stringData", None) or {}
    if plain:
        data = {**(obj.get("data") or {})}
        data.update({k: base64.b64encode(v.encode()).decode() for k, v in plain.items()})
        obj["data"] = dict(sorted(data.items()))


def _create_job(_store: Store, obj: RawObject) -> None:
    spec, meta = obj["spec"], obj["metadata"]
    meta.setdefault("uid", uid())
    if spec.get("manualSelector"):
        return
    template = spec["template"].setdefault("metadata", {})
    if not spec.get("selector"):
        spec["selector"] = {"matchLabels": {f"{PROJECT_ID}controller-uid": meta["uid"]}}
    labels = {
        **(template.get("labels") or {}),
        f"{PROJECT_ID}controller-uid": meta["uid"],
        f"{PROJECT_ID}job-name": meta.get("name", ""),
        "controller-uid": meta["uid"],
        "job-name": meta.get("name", ""),
    }
    template["labels"] = dict(sorted(labels.items()))
    if not meta.get("labels"):
        meta["labels"] = dict(template["labels"])


def _no_status(_store: Store, obj: RawObject) -> None:
    obj.pop("status", None)


def _zero_status(*names: str) -> Callable[[Store, RawObject], None]:
    """Return numbers that a status always has: typed clients refuse an object without them."""

    def fill(_store: Store, obj: RawObject) -> None:
        obj["status"] = dict.fromkeys(names, 0)

    return fill


_CREATE: dict[str, Callable[[Store, RawObject], None]] = {
    "pods": _create_pod,
    "namespaces": _create_namespace,
    "services": _create_service,
    "secrets": _secret_data,
    "jobs": _create_job,
    "replicasets": _zero_status("replicas"),
    "replicationcontrollers": _zero_status("replicas"),
    "statefulsets": _zero_status("replicas", "availableReplicas"),
    "poddisruptionbudgets": _zero_status(
        "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"
    ),
    "daemonsets": _zero_status(
        "currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"
    ),
}
_UPDATE: dict[str, Callable[[Store, RawObject, RawObject], None]] = {
    "pods": _update_pod,
    "namespaces": _update_namespace,
    "services": _update_service,
    "secrets": _secret_data,
}
