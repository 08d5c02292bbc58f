"""
Faults of ephemeral containers that are added to a Pod.

Source: validateEphemeralContainers and ValidatePodEphemeralContainersUpdate at v1.36.3.
"""

from __future__ import annotations

import json

from podlab.embedded.schema import validation
from podlab.embedded.schema.fielderror import FieldError, duplicate, forbidden, not_found
from podlab.embedded.schema.walk import ValidationContext, run
from podlab.pods.raw import RawObject

PATH = "spec.ephemeralContainers"
NOT_ALLOWED = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)
TEXT = "cannot be set for an Ephemeral Container"


def validate(added: list[RawObject], old: RawObject) -> list[FieldError]:
    """Return the faults of the ephemeral containers that a request wants in a Pod, given the stored Pod."""
    context, spec = ValidationContext(validation.rule), old["spec"]
    context.volumes = {volume["name"] for volume in spec.get("volumes") or ()}
    others = {c["name"] for key in ("containers", "initContainers") for c in spec.get(key) or ()}
    seen = set(others)
    for place, container in enumerate(added):
        step, name = f"{PATH}[{place}]", container.get("name", "")
        run(context, "core/v1.Container", step, container)
        if name in seen:
            context.add(duplicate(f"{step}.name", name))
        seen.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            context.add(not_found(f"{step}.targetContainerName", target))
        context.add(*(forbidden(f"{step}.{field}", TEXT) for field in NOT_ALLOWED if container.get(field)))
        context.add(*_sub_paths(step, container))
    return context.errors + _changed(added, spec.get("ephemeralContainers") or [])


def _sub_paths(step: str, container: RawObject) -> list[FieldError]:
    return [
        forbidden(f"{step}.volumeMounts[{place}].{field}", TEXT)
        for place, mount in enumerate(container.get("volumeMounts") or ())
        for field in ("subPath", "subPathExpr")
        if mount.get(field)
    ]


def _changed(added: list[RawObject], before: list[RawObject]) -> list[FieldError]:
    """Those that are there may be neither changed nor taken away. The differences are written our way."""
    now = {container.get("name"): container for container in added}
    errors = []
    for old in before:
        name = old["name"]
        if name not in now:
            errors.append(forbidden(PATH, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif now[name] != old:
            diff = f"- {json.dumps(old)}\n+ {json.dumps(now[name])}"
            errors.append(
                forbidden(PATH, f'existing ephemeral containers "{name}" may not be changed\n{diff}')
            )
    return errors
