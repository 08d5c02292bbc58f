"""
Deployments: one ReplicaSet for each template, the new one grown while the old ones shrink.

The name of a ReplicaSet is the Deployment's plus a hash of the template. Upstream's hash depends on Go's printing of
structs; ours is another one of the same shape, so names differ between clusters as they do between versions.
"""

from __future__ import annotations

import json
import zlib

from podlab.embedded.controllers import rollout
from podlab.embedded.controllers.base import (
    Again,
    Context,
    Key,
    condition,
    deleting,
    key_of,
    never,
    owned,
    reference_to,
    seconds,
    set_status,
    with_condition,
    worker_of,
)
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.pods.raw import RawObject

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
HISTORY = "deployment.kubernetes.io/revision-history"
HISTORY_CHARS = 2000
# What a Deployment's ReplicaSet does not take over from it.
OWN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
    "deprecated.deployment.rollback.to",
)
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def start(context: Context) -> None:
    """Watch Deployments and their ReplicaSets."""
    worker = worker_of(context, "deployments", Deployments(context))
    context.watch("replicasets", wakes_claimant(context, worker, "deployments", "Deployment"))


class Deployments:
    """Brings the ReplicaSets of one Deployment one step further."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = context.recorder("deployment-controller")
        self.again: Again = never

    def reconcile(self, key: Key) -> None:
        """One step of a rollout, and the status as it is now."""
        one = self._context.store.get("deployments", *key)
        if one is None or deleting(one):
            return
        sets = sorted(claim(self._context, "replicasets", one), key=_age)
        new = next((s for s in sets if _same_template(s, one)), None)
        old = [s for s in sets if s is not new]
        revision = 1 + max((_revision(s) for s in old), default=0)
        if new is not None:
            new = self._annotate_new(one, new, revision)
        self._note_pause(one)
        if one["spec"].get("paused") or _was_scaled(one, sets):
            self._scale(one, new, old)
        else:
            new = new or self._make_new(one, old, revision)
            if new is None:
                return
            self._roll(one, new, old)
        self._report(key)
        self._clean_up(one, old)

    def _note_pause(self, one: RawObject) -> None:
        """Say that a rollout was paused or goes on, unless it had failed to progress before."""
        said = (condition(one, "Progressing") or {}).get("reason")
        paused = bool(one["spec"].get("paused"))
        if said == "ProgressDeadlineExceeded" or paused == (said == "DeploymentPaused"):
            return
        reason, word = ("DeploymentPaused", "paused") if paused else ("DeploymentResumed", "resumed")
        self._progress(one, "Unknown", reason, f"Deployment is {word}")

    def _scale(self, one: RawObject, new: RawObject | None, old: list[RawObject]) -> None:
        """
        Follow a changed ``spec.replicas``: in the one ReplicaSet with Pods or, in mid-rollout, in all in proportion.

        Source: ``scale`` in pkg/controller/deployment/sync.go at v1.36.3.
        """
        replicas, sets = one["spec"]["replicas"], [*old, new] if new else old
        active = [each for each in sets if _size(each)]
        if len(active) <= 1:
            if sets:
                self._resize(one, (active or sets)[-1], replicas)
        elif new is not None and _saturated(one, new):
            for each in active:
                self._resize(one, each, replicas if each is new else 0)
        elif one["spec"].get("strategy", {}).get("type") != "Recreate":
            growing = replicas + _bounds(one).surge > _sum(active)
            active.sort(key=lambda each: (_size(each), _age(each) if growing else _older(each)), reverse=True)
            shares = [(_size(each), _most(each, one)) for each in active]
            for each, size in zip(active, rollout.in_proportion(replicas, shares, _bounds(one)), strict=True):
                self._resize(one, each, size)

    # -- ReplicaSets -----------------------------------------------------------------------------------------

    def _annotate_new(self, one: RawObject, new: RawObject, revision: int) -> RawObject:
        """Give the newest ReplicaSet its revision and, of the Deployment's annotations, what is for it too."""
        before = new["metadata"].get("annotations", {})
        values = inherited(one)
        # A rollback: the ReplicaSet of an earlier revision becomes the newest one.
        if _revision(new) < revision:
            values[REVISION] = str(revision)
            if REVISION in before:
                values[HISTORY] = _history(before.get(HISTORY, ""), before[REVISION])
        new = self._annotate("replicasets", new, values)
        self._annotate("deployments", one, {REVISION: new["metadata"]["annotations"][REVISION]})
        return new

    def _make_new(self, one: RawObject, old: list[RawObject], revision: int) -> RawObject | None:
        if one["spec"].get("strategy", {}).get("type") == "Recreate" and not self._emptied(one, old):
            return None
        new = self._create(one, old, revision)
        self._annotate("deployments", one, {REVISION: str(revision)})
        return new

    def _create(self, one: RawObject, old: list[RawObject], revision: int) -> RawObject:
        meta, spec = one["metadata"], one["spec"]
        mark = template_hash(spec["template"])
        template = json.loads(json.dumps(spec["template"]))
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = mark
        selector = json.loads(json.dumps(spec["selector"]))
        selector.setdefault("matchLabels", {})[HASH] = mark
        recreate = spec.get("strategy", {}).get("type") == "Recreate"
        size = spec["replicas"] if recreate else rollout.grown(spec["replicas"], 0, _sum(old), _bounds(one))
        made = self._context.api.create(
            "replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{meta['name']}-{mark}",
                    "namespace": meta["namespace"],
                    "labels": template["metadata"]["labels"],
                    "annotations": {**inherited(one), **_sizes(one), REVISION: str(revision)},
                    "ownerReferences": [reference_to(one)],
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
        self._progress(one, "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
        if size:
            self._say(one, "up", name, 0, size)
        return made

    def _emptied(self, one: RawObject, old: list[RawObject]) -> bool:
        for each in old:
            self._resize(one, each, 0)
        pods = [pod for each in old for pod in owned(self._context.store.list("pods", key_of(each)[0]), each)]
        if pods:
            # No change of a ReplicaSet announces that its last Pod is gone.
            self.again(key_of(one), 0.1)
        return not pods

    def _roll(self, one: RawObject, new: RawObject, old: list[RawObject]) -> None:
        replicas = one["spec"]["replicas"]
        if one["spec"].get("strategy", {}).get("type") == "Recreate":
            self._resize(one, new, replicas)
            return
        limit = _bounds(one)
        wanted = rollout.grown(replicas, _size(new), _size(new) + _sum(old), limit)
        if _size(new) > replicas:
            wanted = replicas
        if wanted != _size(new):
            self._resize(one, new, wanted)
            return
        sizes = [(_size(s), min(_size(s), s.get("status", {}).get("availableReplicas", 0))) for s in old]
        available = new.get("status", {}).get("availableReplicas", 0)
        for each, size in zip(
            old, rollout.shrunk(replicas, _size(new), available, sizes, limit), strict=True
        ):
            self._resize(one, each, size)

    def _resize(self, one: RawObject, each: RawObject, size: int) -> None:
        stored = self._context.store.get("replicasets", *key_of(each))
        if stored is None:
            return
        before = _size(stored)
        annotations = {**stored["metadata"].get("annotations", {}), **_sizes(one)}
        if before == size:
            if size:
                self._annotate("replicasets", stored, _sizes(one))
            return
        meta = {
            **stored["metadata"],
            "annotations": annotations,
            "generation": stored["metadata"]["generation"] + 1,
        }
        spec = {**stored["spec"], "replicas": size}
        self._context.store.update("replicasets", {**stored, "metadata": meta, "spec": spec})
        self._say(one, "up" if size > before else "down", meta["name"], before, size)

    def _say(self, one: RawObject, way: str, name: str, before: int, size: int) -> None:
        text = f"Scaled {way} replica set {name} from {before} to {size}"
        self._events.event(one, "Normal", "ScalingReplicaSet", text)

    def _annotate(self, resource: str, obj: RawObject, values: dict[str, str]) -> RawObject:
        stored = self._context.store.get(resource, *key_of(obj)) or obj
        annotations = {**stored["metadata"].get("annotations", {}), **values}
        changed = {**stored, "metadata": {**stored["metadata"], "annotations": annotations}}
        return self._context.store.update(resource, changed)

    def _clean_up(self, one: RawObject, old: list[RawObject]) -> None:
        empty = [s for s in old if _size(s) == 0 and not s.get("status", {}).get("replicas")]
        surplus = len(empty) - one["spec"].get("revisionHistoryLimit", 10)
        for each in empty[: max(0, surplus)]:
            self._context.api.delete("replicasets", *key_of(each))

    # -- status ----------------------------------------------------------------------------------------------

    def _progress(self, one: RawObject, truth: str, reason: str, message: str) -> None:
        stored = self._context.store.get("deployments", *key_of(one))
        if stored is not None:
            entry = {"type": "Progressing", "status": truth, "reason": reason, "message": message}
            conditions = with_condition(
                stored.get("status", {}).get("conditions", []), entry, self._context.stamp(), updated=True
            )
            set_status(
                self._context, "deployments", stored, {**stored.get("status", {}), "conditions": conditions}
            )

    def _report(self, key: Key) -> None:
        one = self._context.store.get("deployments", *key)
        if one is None:
            return
        sets = owned(self._context.store.list("replicasets", key[0]), one)
        new = next((s for s in sets if _same_template(s, one)), None)
        counts = _counts(one, sets, new)
        before = one.get("status", {})
        conditions = self._failure(self._conditions(one, counts, new, before), sets)
        status: RawObject = {
            name: count for name, count in counts.items() if count or name == "terminatingReplicas"
        }
        status |= {"observedGeneration": one["metadata"].get("generation", 1), "conditions": conditions}
        set_status(self._context, "deployments", one, status)

    def _conditions(
        self, one: RawObject, counts: dict[str, int], new: RawObject | None, before: RawObject
    ) -> list[RawObject]:
        stamp = self._context.stamp()
        conditions = list(before.get("conditions", ()))
        enough = counts["availableReplicas"] >= one["spec"]["replicas"] - _bounds(one).unavailable
        entry = (
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        )
        named = dict(zip(("status", "reason", "message"), entry, strict=True))
        conditions = with_condition(conditions, {"type": "Available", **named}, stamp, updated=True)
        progress = self._progressing(one, counts, new, before)
        if progress:
            conditions = with_condition(conditions, {"type": "Progressing", **progress}, stamp, updated=True)
        return conditions

    def _failure(self, conditions: list[RawObject], sets: list[RawObject]) -> list[RawObject]:
        """*conditions* with what keeps a ReplicaSet from making its Pods."""
        failed = next((found for one in sets if (found := condition(one, "ReplicaFailure"))), None)
        if failed is None:
            return [entry for entry in conditions if entry["type"] != "ReplicaFailure"]
        entry = {key: failed[key] for key in ("type", "status", "reason", "message")}
        return with_condition(conditions, entry, self._context.stamp(), updated=True)

    def _progressing(
        self, one: RawObject, counts: dict[str, int], new: RawObject | None, before: RawObject
    ) -> dict[str, str] | None:
        said = condition(one, "Progressing")
        if new is None or one["spec"].get("paused"):
            return None
        what = f'ReplicaSet "{new["metadata"]["name"]}"'
        if _complete(one, counts):
            return {
                "status": "True",
                "reason": "NewReplicaSetAvailable",
                "message": f"{what} has successfully progressed.",
            }
        watched = ("updatedReplicas", "readyReplicas", "availableReplicas")
        moved = any(counts[name] > before.get(name, 0) for name in watched)
        if moved or counts["replicas"] - counts["updatedReplicas"] < before.get("replicas", 0) - before.get(
            "updatedReplicas", 0
        ):
            return {"status": "True", "reason": "ReplicaSetUpdated", "message": f"{what} is progressing."}
        if said and said["reason"] != "NewReplicaSetAvailable" and said["status"] == "True":
            left = seconds(said.get("lastUpdateTime")) + one["spec"].get("progressDeadlineSeconds", 600)
            left -= self._context.now()
            if left <= 0:
                text = f"{what} has timed out progressing."
                return {"status": "False", "reason": "ProgressDeadlineExceeded", "message": text}
            self.again(key_of(one), left + 0.01)
        return None


def template_hash(template: RawObject) -> str:
    """Ten letters and digits that are the same for the same template."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    number = zlib.crc32(text) << 16 | zlib.adler32(text) & 0xFFFF
    letters = []
    for _ in range(10):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def inherited(one: RawObject) -> dict[str, str]:
    """The annotations that a Deployment's newest ReplicaSet has from it: the cause of a change, among others."""
    return {k: v for k, v in (one["metadata"].get("annotations") or {}).items() if k not in OWN}


def _history(before: str, revision: str) -> str:
    """The revisions that a ReplicaSet had earlier, the oldest left out where they would be too long."""
    revisions = [*(before.split(",") if before else ()), revision]
    while len(",".join(revisions)) > HISTORY_CHARS:
        revisions.pop(0)
    return ",".join(revisions)


def _revision(one: RawObject) -> int:
    """0 for one that has none, or where somebody wrote something else into it."""
    text = str((one["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isascii() and text.isdigit() else 0


def _same_template(one: RawObject, deployment: RawObject) -> bool:
    template = json.loads(json.dumps(one["spec"]["template"]))
    (template.get("metadata", {}).get("labels") or {}).pop(HASH, None)
    return bool(template == deployment["spec"]["template"])


def _bounds(one: RawObject) -> rollout.Bounds:
    rolling = one["spec"].get("strategy", {}).get("rollingUpdate") or {}
    if one["spec"].get("strategy", {}).get("type") == "Recreate":
        return rollout.Bounds(0, 0)  # it does stop all at once, but is not "available" while it does
    return rollout.bounds(
        one["spec"]["replicas"], rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
    )


def _sizes(one: RawObject) -> dict[str, str]:
    replicas = one["spec"]["replicas"]
    return {DESIRED: str(replicas), MOST: str(replicas + _bounds(one).surge)}


def _size(one: RawObject) -> int:
    return int(one["spec"].get("replicas", 1))


def _sum(sets: list[RawObject]) -> int:
    return sum(_size(one) for one in sets)


def _was_scaled(one: RawObject, sets: list[RawObject]) -> bool:
    """True if ``spec.replicas`` is another number than the one that an active ReplicaSet was last sized for."""
    noted = [(each["metadata"].get("annotations") or {}).get(DESIRED) for each in sets if _size(each)]
    return any(number is not None and number != str(one["spec"]["replicas"]) for number in noted)


def _saturated(one: RawObject, new: RawObject) -> bool:
    """True if the newest ReplicaSet was sized for all Pods of the Deployment, and has them available."""
    desired = (new["metadata"].get("annotations") or {}).get(DESIRED)
    wanted = one["spec"]["replicas"]
    return (
        desired == str(wanted) and _size(new) == new.get("status", {}).get("availableReplicas", 0) == wanted
    )


def _most(each: RawObject, one: RawObject) -> int:
    """The most Pods that the Deployment could have when *each* was last sized; else what it has now."""
    text = str((each["metadata"].get("annotations") or {}).get(MOST, ""))
    return int(text) if text.isascii() and text.isdigit() else int(one.get("status", {}).get("replicas", 0))


def _older(one: RawObject) -> tuple[int, str]:
    return -_revision(one), one["metadata"]["name"]


def _age(one: RawObject) -> tuple[int, str]:
    return _revision(one), one["metadata"]["name"]


def _counts(one: RawObject, sets: list[RawObject], new: RawObject | None) -> dict[str, int]:
    def add(name: str, among: list[RawObject]) -> int:
        return sum(s.get("status", {}).get(name, 0) for s in among)

    replicas, available = add("replicas", sets), add("availableReplicas", sets)
    return {
        "replicas": replicas,
        "updatedReplicas": add("replicas", [new] if new else []),
        "readyReplicas": add("readyReplicas", sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(one["spec"]["replicas"], _sum(sets)) - available),
        "terminatingReplicas": add("terminatingReplicas", sets),
    }


def _complete(one: RawObject, counts: dict[str, int]) -> bool:
    wanted = int(one["spec"]["replicas"])
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == wanted
