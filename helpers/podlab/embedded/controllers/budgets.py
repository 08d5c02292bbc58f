"""
PodDisruptionBudgets: how many of the selected Pods may be evicted now.

Source: pkg/controller/disruption/disruption.go (``trySync``, ``getExpectedPodCount``) at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import (
    Key,
    controller_of,
    deleting,
    key_of,
    seconds,
    with_condition,
)
from podlab.embedded.controllers.rollout import share
from podlab.embedded.nodefit import selects
from podlab.pods.phase import is_ready
from podlab.pods.raw import RawObject

RESOURCE = "poddisruptionbudgets"
DELETION_S = 120.0  # an evicted Pod that still lives then counts again
SCALED = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "Deployment": "deployments",
          "ReplicationController": "replicationcontrollers"}  # fmt: skip
UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)


def start(context: ControllerContext) -> None:
    """Watch budgets, Pods, and the objects that set the number of Pods."""
    controller = Budgets(context)
    controller.follow(RESOURCE)

    def changed(_: str, obj: RawObject) -> None:
        if context.store.collection(RESOURCE).versions:
            for budget in context.store.list(RESOURCE, obj["metadata"]["namespace"]):
                controller.queue(key_of(budget))

    for resource in ("pods", *SCALED.values()):
        context.watch(resource, changed)


class Budgets(Controller):
    """Writes the status of one budget."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "controllermanager")

    def reconcile(self, key: Key) -> None:
        """Count the healthy Pods and those that must be healthy, and write how many may be evicted."""
        budget = self._context.store.get(RESOURCE, *key)
        if budget is None:
            return
        pods = [
            pod
            for pod in self._context.store.list("pods", key[0])
            if selects(budget["spec"].get("selector"), pod["metadata"].get("labels") or {})
        ]
        if not pods:
            self._events.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected, desired = self._expected(budget, pods)
        except LookupError as error:
            text = f"Failed to calculate the number of expected pods: {error.args[0]}"
            self._events.event(budget, "Warning", "CalculateExpectedPodCountFailed", text)
            self._fail(budget, str(error.args[0]))
            return
        evicted = self._evicted(budget, pods)
        healthy = sum(
            is_ready(pod) and not deleting(pod) and pod["metadata"]["name"] not in evicted for pod in pods
        )
        counts = {"currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected}
        self._report(budget, {**counts, **({"disruptedPods": evicted} if evicted else {})})

    def _expected(self, budget: RawObject, pods: list[RawObject]) -> tuple[int, int]:
        """
        Return how many Pods there should be, and how many of them must be healthy.

        Raises:
            LookupError: If a controller of one of the Pods does not say how many it wants.
        """
        least, most = budget["spec"].get("minAvailable"), budget["spec"].get("maxUnavailable")
        if most is None and not isinstance(least, str):
            return (len(pods), int(least)) if least is not None else (0, 0)
        expected = self._scale(budget, pods)
        if most is not None:
            return expected, max(0, expected - share(most, expected, up=True))
        return expected, share(str(least), expected, up=True)

    def _scale(self, budget: RawObject, pods: list[RawObject]) -> int:
        wanted: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                unmanaged = True
            elif owner["uid"] not in wanted:
                found = self._scaled(pod, owner)
                wanted[found["metadata"]["uid"]] = found["spec"].get("replicas", 1)
        if unmanaged:
            shown = _go_selector(budget["spec"].get("selector") or {})
            self._events.event(budget, "Warning", "UnmanagedPods", UNMANAGED.format(shown))
        return sum(wanted.values())

    def _scaled(self, pod: RawObject, owner: RawObject) -> RawObject:
        """Return what says how many Pods there should be: a ReplicaSet's Deployment stands for it."""
        namespace = pod["metadata"]["namespace"]
        resource = SCALED.get(owner["kind"], "")
        found = self._context.store.get(resource, namespace, owner["name"]) if resource else None
        if found is None:
            kind = f"{owner['kind'].lower()}s"
            why = "not found" if resource else f"{kind} does not implement the scale subresource"
            raise LookupError(why)
        above = controller_of(found)
        if above and above["kind"] == "Deployment":
            return self._context.store.get("deployments", namespace, above["name"]) or found
        return found

    def _evicted(self, budget: RawObject, pods: list[RawObject]) -> dict[str, str]:
        """Pods that were evicted and are not yet being deleted, with the instant of the eviction."""
        noted = (budget.get("status") or {}).get("disruptedPods") or {}
        there = {pod["metadata"]["name"] for pod in pods if not deleting(pod)}
        left = {name: DELETION_S - (self._context.now() - seconds(stamp)) for name, stamp in noted.items()}
        kept = {name: stamp for name, stamp in noted.items() if name in there and left[name] > 0}
        if kept:
            self.queue(key_of(budget), min(left[name] for name in kept))
        return kept

    def _report(self, budget: RawObject, counts: RawObject) -> None:
        spare = counts["currentHealthy"] - counts["desiredHealthy"]
        allowed = spare if counts["expectedPods"] > 0 and spare > 0 else 0
        generation = budget["metadata"].get("generation", 1)
        status = {**counts, "disruptionsAllowed": allowed, "observedGeneration": generation}
        status["conditions"] = _conditions(budget, allowed, self._context.stamp())
        self._context.set_status(RESOURCE, budget, status)

    def _fail(self, budget: RawObject, why: str) -> None:
        """Allow no eviction while the count fails."""
        entry = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": why}
        status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
        status["conditions"] = with_condition(status.get("conditions") or [], entry, self._context.stamp())
        self._context.set_status(RESOURCE, budget, status)


def _conditions(budget: RawObject, allowed: int, stamp: str) -> list[RawObject]:
    entry = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": budget["metadata"].get("generation", 1),
    }
    return with_condition((budget.get("status") or {}).get("conditions") or [], entry, stamp)


def _go_selector(selector: RawObject) -> str:
    """Return a LabelSelector as Go prints it."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    rules = "MatchExpressions:[]LabelSelectorRequirement{}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},{rules},}}"
