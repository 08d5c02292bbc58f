"""
Deployments: one ReplicaSet for each template, the new one grown while the old ones shrink.

The name of a ReplicaSet is the Deployment's plus a hash of the template. Upstream's hash depends on Go's printing of
structs; ours is another one of the same shape, so names differ between clusters as they do between versions.
"""

from __future__ import annotations

import json

from podlab.embedded.controllers import deploymentsets as sets
from podlab.embedded.controllers import deploymentstatus, rollout
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.objects import (
    Key,
    condition,
    deleting,
    key_of,
    owned,
    reference_to,
    with_condition,
)
from podlab.embedded.controllers.templates import template_hash
from podlab.pods.raw import RawObject


def start(context: ControllerContext) -> None:
    """Watch Deployments and their ReplicaSets."""
    controller = Deployments(context)
    controller.follow("deployments")
    context.watch("replicasets", wakes_claimant(context, controller, "deployments", "Deployment"))


class Deployments(Controller):
    """Brings the ReplicaSets of a Deployment a step closer to its spec."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "deployment-controller")

    def reconcile(self, key: Key) -> None:
        """Take one step of a rollout and write the status."""
        deployment = self._context.store.get("deployments", *key)
        if deployment is None or deleting(deployment):
            return
        replica_sets = sorted(claim(self._context, "replicasets", deployment), key=sets.by_age)
        new = sets.newest(replica_sets, deployment)
        old = [s for s in replica_sets if s is not new]
        revision = 1 + max((sets.revision_of(s) for s in old), default=0)
        if new is not None:
            new = self._annotate_new(deployment, new, revision)
        self._note_pause(deployment)
        if deployment["spec"].get("paused") or sets.was_scaled(deployment, replica_sets):
            self._scale(deployment, new, old)
        else:
            new = new or self._make_new(deployment, old, revision)
            if new is None:
                return
            self._roll(deployment, new, old)
        self._write_status(key)
        self._clean_up(deployment, old)

    def _note_pause(self, deployment: RawObject) -> None:
        """Note in the condition that a rollout was paused or resumed, unless it had failed to progress before."""
        reported = (condition(deployment, "Progressing") or {}).get("reason")
        paused = bool(deployment["spec"].get("paused"))
        if reported == "ProgressDeadlineExceeded" or paused == (reported == "DeploymentPaused"):
            return
        reason, verb = ("DeploymentPaused", "paused") if paused else ("DeploymentResumed", "resumed")
        self._progress(deployment, "Unknown", reason, f"Deployment is {verb}")

    def _scale(self, deployment: RawObject, new: RawObject | None, old: list[RawObject]) -> None:
        """
        Follow a changed ``spec.replicas``: in the one ReplicaSet with Pods or, in mid-rollout, in all in proportion.

        Source: ``scale`` in pkg/controller/deployment/sync.go at v1.36.3.
        """
        replicas, replica_sets = deployment["spec"]["replicas"], [*old, new] if new else old
        active = [replica_set for replica_set in replica_sets if sets.size(replica_set)]
        if len(active) <= 1:
            if replica_sets:
                self._resize(deployment, (active or replica_sets)[-1], replicas)
        elif new is not None and sets.saturated(deployment, new):
            for replica_set in active:
                self._resize(deployment, replica_set, replicas if replica_set is new else 0)
        elif not sets.recreates(deployment):
            growing = replicas + sets.bounds(deployment).surge > sets.total(active)
            active = sets.in_order_of_scaling(active, growing=growing)
            shares = [(sets.size(s), sets.most_at_last_sizing(s, deployment)) for s in active]
            wanted = rollout.in_proportion(replicas, shares, sets.bounds(deployment))
            for replica_set, size in zip(active, wanted, strict=True):
                self._resize(deployment, replica_set, size)

    # -- ReplicaSets -----------------------------------------------------------------------------------------

    def _annotate_new(self, deployment: RawObject, new: RawObject, revision: int) -> RawObject:
        """Give the newest ReplicaSet its revision and the annotations that it inherits from the Deployment."""
        before = new["metadata"].get("annotations", {})
        values = sets.inherited(deployment)
        # A rollback: the ReplicaSet of an earlier revision becomes the newest one.
        if sets.revision_of(new) < revision:
            values[sets.REVISION] = str(revision)
            if sets.REVISION in before:
                values[sets.HISTORY] = sets.history(before.get(sets.HISTORY, ""), before[sets.REVISION])
        new = self._annotate("replicasets", new, values)
        self._annotate(
            "deployments", deployment, {sets.REVISION: new["metadata"]["annotations"][sets.REVISION]}
        )
        return new

    def _make_new(self, deployment: RawObject, old: list[RawObject], revision: int) -> RawObject | None:
        if sets.recreates(deployment) and not self._emptied(deployment, old):
            return None
        new = self._create(deployment, old, revision)
        self._annotate("deployments", deployment, {sets.REVISION: str(revision)})
        return new

    def _create(self, deployment: RawObject, old: list[RawObject], revision: int) -> RawObject:
        meta, spec = deployment["metadata"], deployment["spec"]
        mark = template_hash(spec["template"])
        template = json.loads(json.dumps(spec["template"]))
        template.setdefault("metadata", {}).setdefault("labels", {})[sets.HASH] = mark
        selector = json.loads(json.dumps(spec["selector"]))
        selector.setdefault("matchLabels", {})[sets.HASH] = mark
        size = spec["replicas"]
        if not sets.recreates(deployment):
            size = rollout.grown(size, 0, sets.total(old), sets.bounds(deployment))
        made = self._context.api.create(
            "replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{meta['name']}-{mark}",
                    "namespace": meta["namespace"],
                    "labels": template["metadata"]["labels"],
                    "annotations": {
                        **sets.inherited(deployment),
                        **sets.size_annotations(deployment),
                        sets.REVISION: str(revision),
                    },
                    "ownerReferences": [reference_to(deployment)],
                },
                "spec": {
                    "replicas": size,
                    "selector": selector,
                    "template": template,
                    **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
                },
            },
        )
        name = made["metadata"]["name"]
        self._progress(deployment, "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
        if size:
            self._report_scaling(deployment, "up", name, 0, size)
        return made

    def _emptied(self, deployment: RawObject, old: list[RawObject]) -> bool:
        for replica_set in old:
            self._resize(deployment, replica_set, 0)
        pods = self._context.store.list("pods", deployment["metadata"]["namespace"])
        left = any(owned(pods, replica_set) for replica_set in old)
        if left:
            # No change of a ReplicaSet announces that its last Pod is gone.
            self.queue(key_of(deployment), 0.1)
        return not left

    def _roll(self, deployment: RawObject, new: RawObject, old: list[RawObject]) -> None:
        replicas = deployment["spec"]["replicas"]
        if sets.recreates(deployment):
            self._resize(deployment, new, replicas)
            return
        limit = sets.bounds(deployment)
        wanted = rollout.grown(replicas, sets.size(new), sets.size(new) + sets.total(old), limit)
        if sets.size(new) > replicas:
            wanted = replicas
        if wanted != sets.size(new):
            self._resize(deployment, new, wanted)
            return
        sizes = [
            (sets.size(s), min(sets.size(s), s.get("status", {}).get("availableReplicas", 0))) for s in old
        ]
        available = new.get("status", {}).get("availableReplicas", 0)
        shrunk = rollout.shrunk(replicas, sets.size(new), available, sizes, limit)
        for replica_set, size in zip(old, shrunk, strict=True):
            self._resize(deployment, replica_set, size)

    def _resize(self, deployment: RawObject, replica_set: RawObject, size: int) -> None:
        stored = self._context.store.get("replicasets", *key_of(replica_set))
        if stored is None:
            return
        before = sets.size(stored)
        annotations = {**stored["metadata"].get("annotations", {}), **sets.size_annotations(deployment)}
        if before == size:
            if size:
                self._annotate("replicasets", stored, sets.size_annotations(deployment))
            return
        meta = {
            **stored["metadata"],
            "annotations": annotations,
            "generation": stored["metadata"]["generation"] + 1,
        }
        spec = {**stored["spec"], "replicas": size}
        self._context.store.update("replicasets", {**stored, "metadata": meta, "spec": spec})
        self._report_scaling(deployment, "up" if size > before else "down", meta["name"], before, size)

    def _report_scaling(self, deployment: RawObject, way: str, name: str, before: int, size: int) -> None:
        text = f"Scaled {way} replica set {name} from {before} to {size}"
        self._events.event(deployment, "Normal", "ScalingReplicaSet", text)

    def _annotate(self, resource: str, obj: RawObject, values: dict[str, str]) -> RawObject:
        stored = self._context.store.get(resource, *key_of(obj)) or obj
        annotations = {**stored["metadata"].get("annotations", {}), **values}
        changed = {**stored, "metadata": {**stored["metadata"], "annotations": annotations}}
        return self._context.store.update(resource, changed)

    def _clean_up(self, deployment: RawObject, old: list[RawObject]) -> None:
        empty = [s for s in old if sets.size(s) == 0 and not s.get("status", {}).get("replicas")]
        surplus = len(empty) - deployment["spec"].get("revisionHistoryLimit", 10)
        for replica_set in empty[: max(0, surplus)]:
            self._context.api.delete("replicasets", *key_of(replica_set))

    # -- status ----------------------------------------------------------------------------------------------

    def _progress(self, deployment: RawObject, truth: str, reason: str, message: str) -> None:
        stored = self._context.store.get("deployments", *key_of(deployment))
        if stored is not None:
            entry = {"type": "Progressing", "status": truth, "reason": reason, "message": message}
            conditions = with_condition(
                stored.get("status", {}).get("conditions", []), entry, self._context.stamp(), updated=True
            )
            status = {**stored.get("status", {}), "conditions": conditions}
            self._context.set_status("deployments", stored, status)

    def _write_status(self, key: Key) -> None:
        deployment = self._context.store.get("deployments", *key)
        if deployment is None:
            return
        replica_sets = owned(self._context.store.list("replicasets", key[0]), deployment)
        status, deadline_in_s = deploymentstatus.calculate(deployment, replica_sets, self._context.now())
        self._context.set_status("deployments", deployment, status)
        if deadline_in_s is not None:
            self.queue(key, deadline_in_s)
