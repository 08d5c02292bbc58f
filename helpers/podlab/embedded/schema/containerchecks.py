"""Rules of containers: their names, restart policies, mounts, resources and handlers."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
    too_many,
    unsupported,
)
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

RESTARTS = ("Always", "Never", "OnFailure")
HANDLERS = {
    "exec": "core/v1.ExecAction",
    "httpGet": "core/v1.HTTPGetAction",
    "tcpSocket": "core/v1.TCPSocketAction",
    "grpc": "core/v1.GRPCAction",
    "sleep": "core/v1.SleepAction",
}


def containers(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """The regular containers."""
    if not value:
        context.add(required(path))
    seen: set[str] = set()
    for place, container in enumerate(value or []):
        step = f"{path}[{place}]"
        run(context, "core/v1.Container", step, container)
        if container.get("name", "") in seen:
            context.add(duplicate(f"{step}.name", container.get("name", "")))
        seen.add(container.get("name", ""))
        run(context, "core/v1.Container+long", step, container)
        _restart_rules(context, step, container)
    context.regular = seen


def init_containers(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """The init containers, sidecars among them."""
    seen: set[str] = set(context.regular)
    for place, container in enumerate(value):
        step = f"{path}[{place}]"
        run(context, "core/v1.Container", step, container)
        _restart_rules(context, step, container)
        name = container.get("name", "")
        if name in seen:
            context.add(duplicate(f"{step}.name", name))
        elif name:
            seen.add(name)
        sidecar = roles.is_sidecar(container)
        run(context, f"core/v1.Container+{'long' if sidecar else 'short'}", step, container)


def _restart_rules(context: ValidationContext, path: str, container: RawObject) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None:
        if rules:
            text = "must specify restartPolicy when restart rules are used"
            context.add(required(f"{path}.restartPolicy", text))
            if not path.startswith("spec.containers"):
                return
        else:
            return
    elif policy not in RESTARTS:
        context.add(unsupported(f"{path}.restartPolicy", policy, RESTARTS))
    if len(rules) > 20:
        context.add(too_many(f"{path}.restartPolicyRules", len(rules), 20))
    for place, rule in enumerate(rules):
        step = f"{path}.restartPolicyRules[{place}]"
        if rule.get("action") not in ("Restart", "RestartAllContainers"):
            context.add(
                unsupported(f"{step}.action", rule.get("action", ""), ("Restart", "RestartAllContainers"))
            )
        codes = rule.get("exitCodes")
        if codes is None:
            context.add(required(f"{step}.exitCodes", "must be specified"))
        elif codes.get("operator") not in ("In", "NotIn"):
            context.add(unsupported(f"{step}.exitCodes.operator", codes.get("operator", ""), ("In", "NotIn")))


def volume_mounts(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Mounts name volumes that exist, at paths of their own."""
    seen: set[str] = set()
    for place, mount in enumerate(value):
        step = f"{path}[{place}]"
        if not mount.get("name"):
            context.add(required(f"{step}.name"))
        if mount.get("name") not in context.volumes:
            context.add(not_found(f"{step}.name", mount.get("name", "")))
        where = mount.get("mountPath", "")
        if not where:
            context.add(required(f"{step}.mountPath"))
        if where in seen:
            context.add(invalid(f"{step}.mountPath", where, "must be unique"))
        seen.add(where)
        for key in ("subPath", "subPathExpr"):
            if mount.get(key):
                context.add(
                    *(invalid(f"{path}.{key}", mount[key], t) for t in formats.descending(mount[key]))
                )
        if mount.get("subPath") and mount.get("subPathExpr"):
            text = "subPathExpr and subPath are mutually exclusive"
            context.add(invalid(f"{step}.subPathExpr", mount["subPathExpr"], text))


def resources(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Amounts are not negative, requests not above limits."""
    limits = value.get("limits") or {}
    for key in ("limits", "requests"):
        for name, amount in sorted((value.get(key) or {}).items()):
            step = f"{path}.{key}[{name}]"
            if (
                name not in ("cpu", "memory", "ephemeral-storage")
                and "/" not in name
                and (not name.startswith("hugepages-"))
            ):
                context.add(invalid(step, name, "must be a standard resource type or fully qualified"))
                context.add(invalid(step, name, "must be a standard resource for containers"))
            if quantity.nanos(amount) < 0:
                context.add(invalid(step, amount, "must be greater than or equal to 0"))
            if key == "requests" and name in limits and quantity.nanos(amount) > quantity.nanos(limits[name]):
                text = f"must be less than or equal to {name} limit of {limits[name]}"
                context.add(invalid(f"{path}.requests", amount, text))


def handler(context: ValidationContext, path: str, value: RawObject, kinds: Any) -> None:
    """Exactly one way to probe or to act."""
    given = [name for name in kinds if value.get(name) is not None]
    for position, name in enumerate(given):
        if position:
            context.add(forbidden(f"{path}.{name}", "may not specify more than 1 handler type"))
        else:
            run(context, HANDLERS[name], f"{path}.{name}", value[name])
    if not given:
        context.add(required(path, "must specify a handler type"))


def sleep(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """A sleep hook fits into the grace period."""
    seconds, grace = value.get("seconds", 0), context.grace
    if grace is not None and not 0 <= seconds <= grace:
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        context.add(invalid(path, seconds, text))


CHECKS: dict[str, Rule] = {
    check.__name__: check for check in (containers, init_containers, volume_mounts, resources, handler, sleep)
}
