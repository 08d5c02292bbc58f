"""
The eviction subresource: delete a Pod, unless a PodDisruptionBudget says that too few would be left.

Source: pkg/registry/core/pod/storage/eviction.go (``Create``, ``checkAndDecrement``) at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded import disruption
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import read_object
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.verbs import deletion, writing
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.api.verbs.webhooks.matching import selected
from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.store import Store, timestamp
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

BUDGETS = "poddisruptionbudgets"
TOO_FEW = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
RETRY_S = 10  # what a client is asked to wait where the budget has not been counted yet
DONE = b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}'


async def answer(backend: Backend, request: Request, route: Route) -> Response:
    """Evict a Pod, or refuse it with 429."""
    body = await read_object(request)
    if not isinstance(body, dict):
        raise bad_request("Eviction cannot be read")
    asked = body.get("deleteOptions") or {}
    deletion.check_types(asked)
    options = deletion.DeleteOptions(asked)
    pod = find(backend.store, route).object
    dry = options.dry or writing.is_dry(request)
    if not _needs_no_budget(pod):
        _spend(backend.store, pod, dry=dry)
    if not dry:
        if not pod["metadata"].get("deletionTimestamp"):
            stamp = timestamp(backend.store.clock())
            marked = disruption.marked(pod, "EvictionByEvictionAPI", "Eviction API: evicting", stamp)
            pod = backend.store.update("pods", marked)
        deletion.remove(backend.store, route.kind, pod, options)
    return Response(DONE, 201)


def _needs_no_budget(pod: RawObject) -> bool:
    pending = (pod.get("status") or {}).get("phase") == "Pending"
    return pending or has_ended(pod) or "deletionTimestamp" in pod["metadata"]


def _spend(store: Store, pod: RawObject, *, dry: bool) -> None:
    """Take one disruption from the budget of a Pod that has one. Raises StatusError 429."""
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
    budgets = [one for one in store.list(BUDGETS, namespace) if _covers(one["spec"].get("selector"), labels)]
    if len(budgets) > 1:
        raise StatusError(500, SEVERAL)
    if not budgets:
        return
    (budget,) = budgets
    status = budget.get("status") or {}
    if not is_ready(pod) and _lets_unready_go(budget, status):
        return
    _refuse(budget, status)
    if not dry:
        at = timestamp(store.clock())
        evicted = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: at}
        left = status["disruptionsAllowed"] - 1
        store.update(
            BUDGETS,
            {**budget, "status": {**status, "disruptionsAllowed": left, "disruptedPods": evicted}},
        )


def _covers(selector: RawObject | None, labels: dict[str, str]) -> bool:
    return selector is not None and selected(selector, labels)


def _lets_unready_go(budget: RawObject, status: RawObject) -> bool:
    desired = status.get("desiredHealthy", 0)
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return bool(status.get("currentHealthy", 0) >= desired > 0)


def _refuse(budget: RawObject, status: RawObject) -> None:
    """Raise the refusal of a budget that has nothing left, or that nobody has counted yet."""
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", RETRY_S)
    if status.get("disruptionsAllowed", 0) > 0:
        return
    condition: RawObject = next(iter(status.get("conditions") or ()), {})
    desired, current = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    head = f"The disruption budget {name}"
    if condition.get("reason") == "SyncFailed" and condition.get("message"):
        text = f"does not allow evicting pods currently because it failed sync: {condition['message']}"
    elif current <= desired:
        text = f"needs {desired} healthy pods and has {current} currently"
    else:
        text = "does not allow evicting pods currently"
    raise _too_many(f"{head} {text}", 0)


def _too_many(cause: str, retry_s: int) -> StatusError:
    details = {"causes": [{"reason": "DisruptionBudget", "message": cause}], "retryAfterSeconds": retry_s}
    return StatusError(429, TOO_FEW, details=details)
