"""
Which changes of a stored object are allowed, and upstream's words for the others.

Source: ValidatePodUpdate and its siblings in pkg/apis/*/validation at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from podlab.embedded.schema import jobchecks, validation
from podlab.embedded.schema.fielderror import FieldError, forbidden, invalid
from podlab.pods.raw import RawObject

MAY_CHANGE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
IMMUTABLE = "field is immutable"
CHANGES_FIRST = ("core/v1.ConfigMap", "core/v1.Secret", "core/v1.Service")
JOB_FOR_EVER = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
STATEFUL_MAY_CHANGE = {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                       "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}  # fmt: skip
STATEFUL_TEXT = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def validate(kind: str, obj: RawObject, old: RawObject) -> list[FieldError]:
    """Return the faults of *obj* as a change of *old*."""
    kind = "core/v1.Event" if kind == "events/v1.Event" else kind  # more is only asked of a new one
    whole = {**obj, "spec": _without_ephemeral(obj)} if "spec" in obj else obj
    found, check = validation.validate(kind, whole), _UPDATES.get(kind)
    changed = check(obj, old) if check else []
    in_order = [*changed, *found] if kind in CHANGES_FIRST else [*found, *changed]
    return [*_metadata(obj, old), *in_order]


def _metadata(obj: RawObject, old: RawObject) -> list[FieldError]:
    """The instant of a deletion is the server's to set."""
    new, was = (one["metadata"].get("deletionTimestamp") for one in (obj, old))
    return [] if new == was or new is None else [invalid("metadata.deletionTimestamp", new, IMMUTABLE)]


def _without_ephemeral(obj: RawObject) -> Any:
    spec = obj["spec"]
    return {k: v for k, v in spec.items() if k != "ephemeralContainers"} if isinstance(spec, dict) else spec


def _pod(pod: RawObject, old: RawObject) -> list[FieldError]:
    spec, before = pod["spec"], old["spec"]
    for key in ("containers", "initContainers"):
        if len(spec.get(key) or []) != len(before.get(key) or []):
            return [forbidden(f"spec.{key}", "pod updates may not add or remove containers")]
    for place, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate not in (before.get("schedulingGates") or []):
            text = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            return [forbidden(f"spec.schedulingGates[{place}].name", text)]
    errors = _deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += _tolerations(spec.get("tolerations") or [], before.get("tolerations") or [])
    if errors:
        return errors
    if before.get("schedulingGates"):
        spec, errors = _gated(spec, before)
        if errors:
            return errors
    munged = _without_free_fields(spec, before)
    if munged == before:
        return []
    text = f"pod updates may not change fields other than {MAY_CHANGE}\n{_diff(before, munged)}"
    return [forbidden("spec", text)]


def _without_free_fields(spec: RawObject, before: RawObject) -> RawObject:
    """Return *spec* with the fields that may change as they were."""
    munged = dict(spec)
    for key in ("containers", "initContainers"):
        if spec.get(key):
            pairs = zip(spec[key], before[key], strict=True)
            munged[key] = [{**new, "image": was.get("image", "")} for new, was in pairs]
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged.pop(key, None)
        if key in before:
            munged[key] = before[key]
    grace = "terminationGracePeriodSeconds"
    if spec.get(grace) == 1 and before.get(grace, 0) < 0:
        munged[grace] = before[grace]
    return munged


def _gated(spec: RawObject, before: RawObject) -> tuple[RawObject, list[FieldError]]:
    """
    Take back what may be added to a Pod that a scheduling gate holds: to where it may run.

    Source: validateNodeSelectorMutation and validateNodeAffinityMutation beside ValidatePodUpdate.
    """
    errors: list[FieldError] = []
    new, was = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if not was.items() <= new.items():
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(invalid("spec.nodeSelector", new, text))
    affinity, affinity_was = spec.get("affinity") or {}, before.get("affinity") or {}
    errors += _node_affinity(affinity.get("nodeAffinity") or {}, affinity_was.get("nodeAffinity") or {})
    rest = {key: value for key, value in affinity.items() if key != "nodeAffinity"}
    if "nodeAffinity" in affinity_was:
        rest["nodeAffinity"] = affinity_was["nodeAffinity"]
    taken = {"nodeSelector": was, "affinity": rest}
    munged = {key: value for key, value in spec.items() if key not in taken}
    return munged | {key: value for key, value in taken.items() if value or key in before}, errors


def _node_affinity(new: RawObject, was: RawObject) -> list[FieldError]:
    """Required terms that are there may get more expressions, and nothing else."""
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    terms, old = ((one.get(field) or {}).get("nodeSelectorTerms") or [] for one in (new, was))
    path = f"spec.affinity.nodeAffinity.{field}.nodeSelectorTerms"
    if old and len(old) != len(terms):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(path, terms, text)]
    text = "only additions are allowed (no mutations or deletions)"
    return [
        invalid(f"{path}[{place}]", term, text)
        for place, (term, before) in enumerate(zip(terms, old, strict=False))
        if not _only_more(term, before)
    ]


def _only_more(new: RawObject, was: RawObject) -> bool:
    lists = [(new.get(key) or [], was.get(key) or []) for key in ("matchExpressions", "matchFields")]
    if not any(old for _more, old in lists):
        return not any(more for more, _old in lists)  # an empty term matches no node, and has to stay empty
    return all(more[: len(old)] == old for more, old in lists)


def _deadline(new: int | None, was: int | None) -> list[FieldError]:
    field = "spec.activeDeadlineSeconds"
    if new is None:
        return (
            []
            if was is None
            else [invalid(field, None, "must not update from a positive integer to nil value")]
        )
    if was is not None and was < new:
        return [invalid(field, new, "must be less than or equal to previous value")]
    return []


def _tolerations(new: list[RawObject], was: list[RawObject]) -> list[FieldError]:
    if all(any(t == old for t in new) for old in was):
        return []
    return [
        forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    ]


def _diff(before: RawObject, after: RawObject) -> str:
    """Return the lines that differ, as a diff; upstream prints a Go structure here."""
    lines = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            lines.append(f"- {key}: {json.dumps(before.get(key))}")
            lines.append(f"+ {key}: {json.dumps(after.get(key))}")
    return "\n".join(lines)


def _immutable_data(obj: RawObject, old: RawObject) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    errors = [] if obj.get("immutable") else [forbidden("immutable", text)]
    return errors + [forbidden(k, text) for k in ("data", "binaryData") if obj.get(k) != old.get(k)]


def _secret(obj: RawObject, old: RawObject) -> list[FieldError]:
    changed = obj.get("type") != old.get("type")
    wrong = [invalid("type", obj.get("type"), IMMUTABLE)] if changed else []
    return wrong + _immutable_data(obj, old)


def _selector_of(obj: RawObject, old: RawObject) -> list[FieldError]:
    if obj["spec"].get("selector") == old["spec"].get("selector"):
        return []
    return [invalid("spec.selector", obj["spec"].get("selector"), IMMUTABLE)]


def _job(obj: RawObject, old: RawObject) -> list[FieldError]:
    errors = _selector_of(obj, old)
    errors += _job_template(obj["spec"].get("template") or {}, old["spec"].get("template") or {}, old)
    errors += _completions(obj["spec"], old["spec"])
    for name in JOB_FOR_EVER:
        if obj["spec"].get(name) != old["spec"].get(name):
            shown = jobchecks.as_go(name, obj["spec"].get(name))
            errors.append(invalid(f"spec.{name}", shown, IMMUTABLE))
    return errors


def _completions(new: RawObject, was: RawObject) -> list[FieldError]:
    """Those of an indexed Job may change with its parallelism. Source: ``validateCompletions`` in the same place."""
    wanted = new.get("completions")
    if wanted == was.get("completions"):
        return []
    if new.get("completionMode") != "Indexed":
        return [invalid("spec.completions", wanted, IMMUTABLE)]
    if wanted in (None, new.get("parallelism")):  # None is refused by the rules for each Job
        return []
    return [invalid("spec.completions", wanted, "can only be modified in tandem with spec.parallelism")]


def _job_template(new: RawObject, was: RawObject, job: RawObject) -> list[FieldError]:
    """
    While a Job is suspended and none of its Pods runs, resources and what the scheduler looks at may change.

    Source: ``validatePodTemplateUpdate`` in pkg/apis/batch/validation, ``shouldAllowMutablePodTemplate`` in
    pkg/registry/batch/job/strategy.go at v1.36.3.
    """
    suspended = bool(job["spec"].get("suspend"))
    if suspended and _is_at_rest(job.get("status") or {}):
        was = {
            **was,
            "metadata": new.get("metadata"),
            "spec": _with_what_may_change(new["spec"], was["spec"]),
        }
        if "metadata" not in new:
            del was["metadata"]
    if new == was:
        return []
    field, value = ("spec.template.spec", new.get("spec")) if suspended else ("spec.template", new)
    return [invalid(field, value, IMMUTABLE)]


def _is_at_rest(status: RawObject) -> bool:
    suspended = any(
        c["type"] == "Suspended" and c["status"] == "True" for c in status.get("conditions") or ()
    )
    return ("startTime" not in status or suspended) and not status.get("active")


def _with_what_may_change(new: RawObject, was: RawObject) -> RawObject:
    """Return the old Pod spec with the new one's node affinity, selector, tolerations, gates and resources."""
    taken = {key: new.get(key) for key in ("nodeSelector", "tolerations", "schedulingGates")}
    rest = {key: value for key, value in (was.get("affinity") or {}).items() if key != "nodeAffinity"}
    node = {key: value for key, value in (new.get("affinity") or {}).items() if key == "nodeAffinity"}
    taken["affinity"] = {**rest, **node} or (None if new.get("affinity") is None else {})
    for key in ("containers", "initContainers"):
        before, after = was.get(key) or [], new.get(key) or []
        if before and [one["name"] for one in before] == [one["name"] for one in after]:
            taken[key] = [
                {
                    **{k: v for k, v in old.items() if k != "resources"},
                    **{k: v for k, v in one.items() if k == "resources"},
                }
                for old, one in zip(before, after, strict=True)
            ]
    return {key: value for key, value in {**was, **taken}.items() if value is not None}


def _service(obj: RawObject, old: RawObject) -> list[FieldError]:
    was, now = old["spec"].get("clusterIP"), obj["spec"].get("clusterIP")
    if (
        was
        and now != was
        and obj["spec"].get("type") != "ExternalName"
        and old["spec"].get("type") != "ExternalName"
    ):
        return [invalid("spec.clusterIPs[0]", [now], "may not change once set")]
    return []


def _stateful_set(obj: RawObject, old: RawObject) -> list[FieldError]:
    kept = obj["spec"].keys() | old["spec"].keys()
    if all(obj["spec"].get(key) == old["spec"].get(key) for key in kept - STATEFUL_MAY_CHANGE):
        return []
    return [forbidden("spec", STATEFUL_TEXT)]


def _quota(obj: RawObject, old: RawObject) -> list[FieldError]:
    """Scopes of a quota are chosen once."""
    new, was = (one.get("spec", {}).get("scopes") or [] for one in (obj, old))
    return [] if set(new) == set(was) else [invalid("spec.scopes", new, IMMUTABLE)]


def _role_ref(obj: RawObject, old: RawObject) -> list[FieldError]:
    if obj["roleRef"] == old["roleRef"]:
        return []
    ref = obj["roleRef"]
    shown = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
    return [invalid("roleRef", shown, "cannot change roleRef")]


_UPDATES: dict[str, Callable[[RawObject, RawObject], list[FieldError]]] = {
    "core/v1.Pod": _pod,
    "core/v1.ConfigMap": _immutable_data,
    "core/v1.Secret": _secret,
    "core/v1.Service": _service,
    "apps/v1.Deployment": _selector_of,
    "apps/v1.ReplicaSet": _selector_of,
    "apps/v1.DaemonSet": _selector_of,
    "apps/v1.StatefulSet": _stateful_set,
    "batch/v1.Job": _job,
    "core/v1.ResourceQuota": _quota,
    "rbac/v1.RoleBinding": _role_ref,
    "rbac/v1.ClusterRoleBinding": _role_ref,
}
