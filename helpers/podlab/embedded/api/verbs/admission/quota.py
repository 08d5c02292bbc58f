"""
ResourceQuota: what the objects of a namespace use together, and whether one more fits.

Upstream keeps the sums in ``status.used`` and charges them before it stores an object. Here one thread admits one
object after the other, so they are added up when they are needed; the status follows by a controller.

Source: apiserver/pkg/admission/plugin/resourcequota/controller.go and pkg/quota/v1/evaluator/core at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable

from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.api.verbs.admission import amounts
from podlab.embedded.fault import forbidden
from podlab.embedded.schema import podadmission
from podlab.embedded.store import Store
from podlab.pods import quantity, roles
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

Amounts = dict[str, str]
NOT_COUNTED = ("events",)
PLAIN_COUNTS = ("configmaps", "secrets", "services", "resourcequotas", "replicationcontrollers")
# A quota of one of these asks every container to state it.
STATED = frozenset(("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"))
COMPUTED = ("cpu", "memory", "ephemeral-storage")


def check(store: Store, kind: Kind, obj: RawObject, old: RawObject | None = None, *, sub: str = "") -> None:
    """
    Refuse an object that does not fit into the quotas of its namespace.

    Raises:
        StatusError: 403.
    """
    changes = kind.resource == "services" or sub == "resize"
    if kind.resource in NOT_COUNTED or (old is not None and not changes):
        return
    now = store.clock()
    for one in store.list("resourcequotas", obj["metadata"].get("namespace", "")):
        why = _objection(store, one, kind, obj, old, now)
        if why:
            raise forbidden(kind.resource, kind.group, obj["metadata"].get("name", ""), why)


def _objection(
    store: Store, one: RawObject, kind: Kind, obj: RawObject, old: RawObject | None, now: float
) -> str:
    hard, name = one["spec"].get("hard") or {}, one["metadata"]["name"]
    concerned = [key for key in hard if key in names_of(kind, hard)]
    if not concerned or not in_scope(one, kind, obj):
        return ""
    missing = _unstated(obj, concerned) if kind.resource == "pods" else ""
    if missing:
        return f"failed quota: {name}: must specify {missing}"
    wanted = {key: text for key, text in usage(kind, obj, now).items() if key in concerned}
    if old is not None and in_scope(one, kind, old):
        wanted = _more(wanted, usage(kind, old, now))
    wanted = {key: text for key, text in wanted.items() if quantity.nanos(text)}
    present = used(store, one, now)
    over = sorted(key for key in wanted if _exceeds(present[key], wanted[key], hard[key]))
    if not over:
        return ""
    shown = [",".join(f"{key}={found[key]}" for key in over) for found in (wanted, present, hard)]
    return f"exceeded quota: {name}, requested: {shown[0]}, used: {shown[1]}, limited: {shown[2]}"


def _exceeds(present: str, wanted: str, hard: str) -> bool:
    return quantity.nanos(present) + quantity.nanos(wanted) > quantity.nanos(hard)


def _more(new: Amounts, before: Amounts) -> Amounts:
    """Return what is asked for beyond what was there."""
    extra = {key: quantity.nanos(text) - quantity.nanos(before.get(key, "0")) for key, text in new.items()}
    return {key: quantity.written(max(0, amount), new[key]) for key, amount in extra.items()}


def _unstated(pod: RawObject, concerned: Iterable[str]) -> str:
    if (pod["spec"].get("resources") or {}).keys() & {"requests", "limits"}:
        return ""
    found: dict[str, list[str]] = {}
    for container in roles.containers(pod, roles.INIT, roles.APP):
        stated = _computed(
            *(((container.get("resources") or {}).get(key) or {}) for key in ("requests", "limits"))
        )
        for key in STATED & set(concerned) - stated.keys():
            found.setdefault(key, []).append(container["name"])
    return "; ".join(f"{key} for: {','.join(sorted(found[key]))}" for key in sorted(found))


# -- what is used --------------------------------------------------------------------------------------------


def used(store: Store, one: RawObject, now: float) -> Amounts:
    """Return what the namespace of a quota uses of each thing that it limits."""
    hard, namespace = one["spec"].get("hard") or {}, one["metadata"]["namespace"]
    total: Amounts = dict.fromkeys(hard, "0")
    for kind in kinds().values():
        concerned = names_of(kind, hard)
        if kind.namespaced and not kind.review and concerned and kind.group != "events.k8s.io":
            for obj in store.list(kind.stored_as, namespace):
                if in_scope(one, kind, obj):
                    found = usage(kind, obj, now)
                    total = amounts.added(total, {key: found[key] for key in concerned if key in found})
    return total


def names_of(kind: Kind, hard: Iterable[str]) -> set[str]:
    """Those of the names in a quota that objects of *kind* count for."""
    count = f"count/{kind.resource}" + (f".{kind.group}" if kind.group else "")
    own = {count, kind.resource} if kind.resource in (*PLAIN_COUNTS, "pods") and not kind.group else {count}
    if kind.resource == "services":
        own |= {"services.nodeports", "services.loadbalancers"}
    if kind.resource == "pods":
        own |= {prefix + name for prefix in ("", "requests.", "limits.") for name in COMPUTED}
        own |= {name for name in hard if name.startswith(("hugepages-", "requests."))}
    return own & set(hard)


def usage(kind: Kind, obj: RawObject, now: float) -> Amounts:
    """Return what one object counts for, by every name that a quota may have for it."""
    count = f"count/{kind.resource}" + (f".{kind.group}" if kind.group else "")
    found = {count: "1"}
    if kind.resource == "pods":
        if _counts(obj, now):
            found |= {
                "pods": "1",
                **_computed(amounts.of_pod(obj, "requests"), amounts.of_pod(obj, "limits")),
            }
    elif kind.resource in PLAIN_COUNTS:
        found[kind.resource] = "1"
    return found | _service(obj) if kind.resource == "services" else found


def _service(obj: RawObject) -> Amounts:
    kind, ports = obj["spec"].get("type"), obj["spec"].get("ports") or []
    if kind == "NodePort":
        return {"services.nodeports": str(len(ports))}
    if kind != "LoadBalancer":
        return {}
    allocated = [
        p for p in ports if p.get("nodePort") or obj["spec"].get("allocateLoadBalancerNodePorts", True)
    ]
    return {"services.nodeports": str(len(allocated)), "services.loadbalancers": "1"}


def _computed(requests: Amounts, limits: Amounts) -> Amounts:
    found: Amounts = {}
    for name, text in requests.items():
        found[f"requests.{name}"] = text
        if name in COMPUTED or name.startswith("hugepages-"):
            found[name] = text
    return found | {f"limits.{name}": text for name, text in limits.items() if name in COMPUTED}


def _counts(pod: RawObject, now: float) -> bool:
    """A Pod counts until it has ended, or should have."""
    from podlab.embedded.api.printing.ages import epoch

    meta = pod["metadata"]
    if has_ended(pod):
        return False
    grace = meta.get("deletionGracePeriodSeconds")
    if meta.get("deletionTimestamp") and grace is not None:
        return now <= epoch(meta["deletionTimestamp"]) + int(grace)
    return True


# -- scopes --------------------------------------------------------------------------------------------------


def in_scope(one: RawObject, kind: Kind, obj: RawObject) -> bool:
    """True when every scope of a quota holds of an object; only Pods have some."""
    spec = one["spec"]
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return not scopes or (kind.resource == "pods" and all(_holds(scope, obj) for scope in scopes))


def _holds(scope: RawObject, pod: RawObject) -> bool:
    name, spec = scope["scopeName"], pod["spec"]
    if name in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) is (name == "Terminating")
    if name in ("BestEffort", "NotBestEffort"):
        return (podadmission.qos_class(pod) == "BestEffort") is (name == "BestEffort")
    if name == "CrossNamespacePodAffinity":
        return any(
            term.get("namespaces") or term.get("namespaceSelector") is not None for term in _terms(spec)
        )
    wanted, given = scope.get("values") or (), spec.get("priorityClassName") or ""
    operator = scope["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool(given) is (operator == "Exists")
    return (given in wanted) is (operator == "In")


def _terms(spec: RawObject) -> list[RawObject]:
    found: list[RawObject] = []
    for key in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or {}).get(key) or {}
        found += affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        found += [term.get("podAffinityTerm") or {} for term in preferred]
    return found
