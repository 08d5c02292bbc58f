"""
Rules for StatefulSets, DaemonSets, CronJobs and PodDisruptionBudgets.

Source: ValidateStatefulSetSpec, ValidateDaemonSetUpdateStrategy, validateCronJobSpec and
ValidatePodDisruptionBudgetSpec in pkg/apis/*/validation at v1.36.3.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from podlab.embedded.schema import cronschedule, selectorchecks
from podlab.embedded.schema.fielderror import forbidden, invalid, required, unsupported
from podlab.embedded.schema.rolloutchecks import above_all, share_faults, share_number
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods.raw import RawObject

NO_CLAIMS = "this cluster serves no PersistentVolumeClaims: use an emptyDir in the template, which a Pod's end empties"
NOT_LOCAL = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
LONGEST_CRON_NAME = 52  # a Job's name is longer by eleven characters


def budget(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A budget has one of two amounts, a number or a percentage up to 100, and a selector."""
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = {"MinAvailable": spec["minAvailable"], "Selector": spec.get("selector"),
                 "MaxUnavailable": spec["maxUnavailable"],
                 "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy")}  # fmt: skip
        context.add(invalid(path, shown, "minAvailable and maxUnavailable cannot be both set"))
    for name in ("minAvailable", "maxUnavailable"):
        step, amount = f"{path}.{name}", spec.get(name)
        if amount is not None:
            context.add(*share_faults(step, amount), *above_all(step, amount))
    if spec.get("selector") is not None:
        context.add(*selectorchecks.faults_of(f"{path}.selector", spec["selector"]))


def cron_name(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """A CronJob's name leaves room for that of its Jobs."""
    name = obj["metadata"].get("name", "")
    if len(name) > LONGEST_CRON_NAME:
        context.add(invalid("metadata.name", name, f"must be no more than {LONGEST_CRON_NAME} characters"))


def cron_schedule(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A schedule and a time zone that can be read."""
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        context.add(required(f"{path}.schedule"))
    else:
        try:  # a zone before it is read, and refused afterwards
            cronschedule.parse(re.sub(r"^(CRON_)?TZ=\S+ +", "", schedule))
        except ValueError as error:
            context.add(invalid(f"{path}.schedule", schedule, str(error)))
        if "TZ" in schedule:
            text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            context.add(invalid(f"{path}.schedule", schedule, text))
    if zone is not None and zone.lower() == "local":
        context.add(invalid(f"{path}.timeZone", zone, NOT_LOCAL))
    elif zone is not None and not _is_zone(zone):
        text = f"unknown time zone {zone}" if zone else "timeZone must be nil or non-empty string"
        context.add(invalid(f"{path}.timeZone", zone, text))


def _is_zone(name: str) -> bool:
    try:
        return name != "Local" and bool(zoneinfo.ZoneInfo(name))
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        return False


def job_template(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """The Job of a template has no selector of its own: each Job gets one."""
    if spec.get("manualSelector"):
        context.add(unsupported(f"{path}.manualSelector", True, ("nil", "false")))
    run(context, "batch/v1.JobSpec+template", path, spec)
    if spec.get("selector") is not None:
        context.add(invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated"))


def no_claims(context: ValidationContext, path: str, templates: Any, _argument: Any) -> None:
    """Refuse volumes by claim, before Pods wait for them for ever."""
    if templates:
        context.add(forbidden(path, NO_CLAIMS))


def one_of(context: ValidationContext, path: str, value: Any, allowed: Any) -> None:
    """One of two words."""
    if value not in allowed:
        context.add(invalid(path, value, f"must be '{allowed[0]}' or '{allowed[1]}'"))


STRATEGIES = ("RollingUpdate", "OnDelete")


def _strategy(value: RawObject, *fields: str) -> RawObject:
    """Return a strategy as Go prints it."""
    rolling = value.get("rollingUpdate")
    shown = None if rolling is None else {name[0].upper() + name[1:]: rolling.get(name) for name in fields}
    return {"Type": value.get("type", ""), "RollingUpdate": shown}


def stateful_strategy(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """One of two strategies; only one of them reads a partition."""
    kind, rolling = value.get("type", ""), value.get("rollingUpdate")
    shown = _strategy(value, "partition", "maxUnavailable")
    if not kind:
        context.add(required(path))
    elif kind not in STRATEGIES:
        context.add(invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'"))
    elif kind == "OnDelete" and rolling is not None:
        text = "only allowed for updateStrategy 'RollingUpdate'"
        context.add(invalid(f"{path}.rollingUpdate", shown["RollingUpdate"], text))
    elif rolling is not None and rolling.get("partition") is not None and rolling["partition"] < 0:
        step, text = f"{path}.rollingUpdate.partition", "must be greater than or equal to 0"
        context.add(invalid(step, rolling["partition"], text))


def daemon_strategy(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """One of two strategies; a rollout has room for a Pod beside the older one, or in its place, and not for both."""
    kind, rolling = value.get("type", ""), value.get("rollingUpdate")
    step = f"{path}.rollingUpdate"
    if kind not in STRATEGIES:
        context.add(unsupported(path, _strategy(value, "maxUnavailable", "maxSurge"), STRATEGIES))
    elif kind == "RollingUpdate" and rolling is None:
        context.add(required(step))
    elif rolling is not None and kind == "RollingUpdate":
        given = {name: rolling.get(name, 0) for name in ("maxUnavailable", "maxSurge")}
        for name, amount in given.items():
            context.add(*share_faults(f"{step}.{name}", amount))
        for name, amount in given.items():
            context.add(*above_all(f"{step}.{name}", amount))
        gone, more = (share_number(amount) != 0 for amount in given.values())
        if gone and more:
            text = "may not be set when maxUnavailable is non-zero"
            context.add(invalid(f"{step}.maxSurge", given["maxSurge"], text))
        elif not gone and not more:
            context.add(required(f"{step}.maxUnavailable", "cannot be 0 when maxSurge is 0"))


CHECKS: dict[str, Rule] = {
    check.__name__: check
    for check in (
        budget, cron_name, cron_schedule, job_template, no_claims, one_of, stateful_strategy, daemon_strategy,
    )
}  # fmt: skip
