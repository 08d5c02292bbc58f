"""Rules of the Pods that a workload makes, and of the strategy of a Deployment."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import FieldError, forbidden, invalid, required, unsupported
from podlab.embedded.schema.walk import Rule, ValidationContext
from podlab.pods.raw import RawObject

STRATEGIES = ("Recreate", "RollingUpdate")


def always(context: ValidationContext, path: str, template: RawObject, kind: Any) -> None:
    """Pods of a workload restart always and have no deadline."""
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        context.add(unsupported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        named = "ReplicaSet" if kind == "Deployment" else kind
        text = f"activeDeadlineSeconds in {named} is not Supported"
        context.add(forbidden(f"{path}.spec.activeDeadlineSeconds", text))


def progress_deadline(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A rollout must be able to make progress before its deadline."""
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        context.add(
            invalid(f"{path}.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )


def recreate(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """The strategy is one of two, and Recreate has nothing to roll."""
    if value.get("type") not in STRATEGIES:
        shown = {"Type": value.get("type"), "RollingUpdate": value.get("rollingUpdate")}
        context.add(unsupported(path, shown, STRATEGIES))
    if value.get("type") == "Recreate" and value.get("rollingUpdate") is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        context.add(forbidden(f"{path}.rollingUpdate", text))
    elif value.get("type") == "RollingUpdate":
        _rolling_update(context, f"{path}.rollingUpdate", value.get("rollingUpdate") or {})


def _rolling_update(context: ValidationContext, path: str, value: RawObject) -> None:
    given = {name: value.get(name, "25%") for name in ("maxUnavailable", "maxSurge")}
    for name, amount in given.items():
        context.add(*share_faults(f"{path}.{name}", amount))
    most = given["maxUnavailable"]
    if not any(share_number(amount) for amount in given.values()):
        context.add(invalid(f"{path}.maxUnavailable", most, "may not be 0 when `maxSurge` is 0"))
    context.add(*above_all(f"{path}.maxUnavailable", most))


def share_faults(path: str, amount: int | str) -> list[FieldError]:
    """Return what is wrong with a number or a percentage."""
    if isinstance(amount, str):
        return [invalid(path, amount, text) for text in formats.percent(amount)]
    return [invalid(path, amount, "must be greater than or equal to 0")] if amount < 0 else []


def above_all(path: str, amount: int | str) -> list[FieldError]:
    """Return the fault of a percentage above 100."""
    above = isinstance(amount, str) and share_number(amount) > 100
    return [invalid(path, amount, "must not be greater than 100%")] if above else []


def share_number(amount: int | str) -> int:
    """Return a number, or that of a percentage, whose first 18 digits count; 0 for a text that is neither."""
    if isinstance(amount, int):
        return amount
    return 0 if formats.percent(amount) else int(amount[:-1].lstrip("0")[:18] or "0")


def job_restart(context: ValidationContext, path: str, template: RawObject, _argument: Any) -> None:
    """Pods of a Job end some time."""
    policy = (template or {}).get("spec", {}).get("restartPolicy", "")
    step = f"{path}.spec.restartPolicy"
    if policy in ("Always", ""):
        context.add(required(step, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        context.add(unsupported(step, policy, ("OnFailure", "Never")))


CHECKS: dict[str, Rule] = {
    check.__name__: check for check in (always, progress_deadline, recreate, job_restart)
}
