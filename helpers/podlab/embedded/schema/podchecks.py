"""Rules of a Pod and its template, apart from their containers and volumes."""

from __future__ import annotations

import re
from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    duplicate,
    forbidden,
    invalid,
    required,
    too_long,
    unsupported,
)
from podlab.embedded.schema.walk import Rule, ValidationContext
from podlab.pods.raw import RawObject

SYSCTL_SEGMENT = r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
SYSCTL = rf"({SYSCTL_SEGMENT}[\./])*{SYSCTL_SEGMENT}"
SYSCTL_LENGTH = 253


def no_ephemeral(context: ValidationContext, _path: str, pod: RawObject, _argument: Any) -> None:
    """Ephemeral containers come later, by their subresource."""
    if pod["spec"].get("ephemeralContainers"):
        context.add(forbidden("spec.ephemeralContainers", "cannot be set on create"))


def no_ephemeral_template(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """Templates have none."""
    if spec.get("ephemeralContainers"):
        context.add(
            forbidden(f"{path}.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )


def hostname_override(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """An override stands alone."""
    override, step = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if override is None:
        return
    if spec.get("setHostnameAsFQDN"):
        context.add(forbidden(step, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        context.add(forbidden(step, "may not be specified when hostNetwork is true"))
    if len(override) > 64:
        context.add(too_long(step, 64))
    context.add(*(invalid(step, override, text) for text in formats.subdomain(override)))


def toleration(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Operator and value go together."""
    operator = value.get("operator") or "Equal"
    if not value.get("key") and operator != "Exists":
        text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        context.add(invalid(f"{path}.operator", operator, text))
    if operator == "Exists" and value.get("value"):
        text = "value must be empty when `operator` is 'Exists'"
        context.add(invalid(f"{path}.operator", value, text))
    if operator in ("Lt", "Gt"):  # TaintTolerationComparisonOperators, off in the release
        context.add(unsupported(f"{path}.operator", operator, ("Equal", "Exists", "Lt", "Gt")))
    elif operator not in ("Equal", "Exists"):
        context.add(unsupported(f"{path}.operator", operator, ("Equal", "Exists")))
    effect = value.get("effect")
    if effect and effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        context.add(unsupported(f"{path}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute")))


def sysctls(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Names of kernel parameters; whether a node allows them is decided there."""
    seen = set()
    for index, given in enumerate(value or ()):
        name, field = given.get("name") or "", f"{path}[{index}].name"
        if not name:
            context.add(required(field))
        elif len(name) > SYSCTL_LENGTH or not re.fullmatch(SYSCTL, name):
            text = f"must have at most {SYSCTL_LENGTH} characters and match regex ^{SYSCTL}$"
            context.add(invalid(field, name, text))
        elif name in seen:
            context.add(duplicate(field, name))
        seen.add(name)


HOST_SYSCTLS = (
    ("hostNetwork", ("net.",)),
    ("hostIPC", ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")),
)
NOT_WINDOWS = "cannot be set for a windows pod"
NOT_LINUX = "windows options cannot be set for a linux pod"


def host_sysctls(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A Pod that shares a namespace with its node sets none of its parameters."""
    for place, given in enumerate((spec.get("securityContext") or {}).get("sysctls") or ()):
        name = (given.get("name") or "").replace("/", ".")
        for field, beginnings in HOST_SYSCTLS:
            if spec.get(field) and name.startswith(beginnings):
                step, text = (
                    f"{path}.securityContext.sysctls[{place}].name",
                    f"may not be specified when '{field}' is true",
                )
                context.add(invalid(step, given["name"], text))


def operating_system(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """Fields that the named system does not have. Source: validateLinux and validateWindows."""
    name = (spec.get("os") or {}).get("name")
    if name is None:
        return
    if name not in ("linux", "windows"):
        context.add(
            unsupported(f"{path}.os", name, ("linux", "windows")) if name else required(f"{path}.os.name")
        )
        return
    of_pod, windows = spec.get("securityContext") or {}, name == "windows"
    forbidden_fields = WINDOWS_POD if windows else ("securityContext.windowsOptions",)
    for field in forbidden_fields:
        inner = field.removeprefix("securityContext.")
        if (of_pod if inner != field else spec).get(inner):
            context.add(forbidden(f"{path}.{field}", NOT_WINDOWS if windows else NOT_LINUX))
    for key in ("containers", "initContainers"):
        for place, container in enumerate(spec.get(key) or ()):
            own = container.get("securityContext") or {}
            for field in WINDOWS_CONTAINER if windows else ("windowsOptions",):
                if own.get(field) is not None:
                    step = f"{path}.{key}[{place}].securityContext.{field}"
                    context.add(forbidden(step, NOT_WINDOWS if windows else NOT_LINUX))


WINDOWS_POD = (
    "securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC",
    "securityContext.seccompProfile", "securityContext.fsGroup", "securityContext.fsGroupChangePolicy",
    "securityContext.sysctls", "shareProcessNamespace", "securityContext.runAsUser", "securityContext.runAsGroup",
    "securityContext.supplementalGroups", "securityContext.supplementalGroupsPolicy",
    "securityContext.seLinuxChangePolicy",
)  # fmt: skip
WINDOWS_CONTAINER = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


CHECKS: dict[str, Rule] = {
    check.__name__: check
    for check in (
        no_ephemeral,
        no_ephemeral_template,
        hostname_override,
        toleration,
        sysctls,
        host_sysctls,
        operating_system,
    )
}
