"""Rules of variables of the environment and their sources."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema.fielderror import (
    invalid,
    not_found,
    required,
)
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods import roles
from podlab.pods.raw import RawObject

SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
          "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")  # fmt: skip


def value_from(context: ValidationContext, path: str, variable: RawObject, _argument: Any) -> None:
    """One source, and no value beside it."""
    source = variable.get("valueFrom")
    if source is None:
        return
    step = f"{path}.valueFrom"
    given = [name for name in SOURCES if source.get(name) is not None]
    if "fileKeyRef" in given:
        run(context, "core/v1.FileKeySelector", f"{step}.fileKeyRef", source["fileKeyRef"])
    for name, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if name in given:
            run(context, f"core/v1.{kind}KeySelector", f"{step}.{name}", source[name])
    if "fieldRef" in given:
        _field_ref(context, f"{step}.fieldRef", source["fieldRef"])
    if not given:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        context.add(invalid(step, "", text))
    elif variable.get("value"):
        context.add(invalid(step, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        context.add(invalid(step, "", "may not have more than one field specified at a time"))


def _field_ref(context: ValidationContext, path: str, value: RawObject) -> None:
    where = value.get("fieldPath", "")
    subscripted = where.endswith("']") and where.startswith(("metadata.labels['", "metadata.annotations['"))
    if not where:
        context.add(required(f"{path}.fieldPath"))
    elif where.split(".")[0] not in ("metadata", "spec", "status") or (
        where not in FIELDS and not subscripted
    ):
        text = f"error converting fieldPath: field label not supported: {where}"
        context.add(invalid(f"{path}.fieldPath", where, text))


def file_keys(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """Files of variables lie in emptyDirs."""
    sources = {volume.get("name"): volume for volume in spec.get("volumes") or []}
    for group in (roles.INIT, roles.APP):
        for place, container in enumerate(spec.get(group) or []):
            for number, variable in enumerate(container.get("env") or []):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                name = reference.get("volumeName", "")
                step = f"{path}.{group}[{place}].env[{number}].valueFrom.fileKeyRef.volumeName"
                if name not in sources:
                    context.add(not_found(step, name))
                elif sources[name].get("emptyDir") is None:
                    context.add(invalid(step, name, "referenced volume must be of type emptyDir"))


def env_from(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """One source for a whole set of variables."""
    given = [key for key in ("configMapRef", "secretRef") if value.get(key) is not None]
    for key in given:
        run(
            context,
            f"core/v1.{'ConfigMap' if key == 'configMapRef' else 'Secret'}EnvSource",
            f"{path}.{key}",
            value[key],
        )
    if not given:
        context.add(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        context.add(invalid(path, "", "may not have more than one field specified at a time"))


CHECKS: dict[str, Rule] = {check.__name__: check for check in (value_from, file_keys, env_from)}
