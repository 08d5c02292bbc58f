"""
Rules for Jobs: numbers that belong together, what fails one, and what is enough to succeed.

Source: validateJobSpec and what it calls in pkg/apis/batch/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

import json
import re
from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    FieldError,
    duplicate,
    invalid,
    invalid_rule,
    required,
    too_long,
    too_many,
    unsupported,
)
from podlab.embedded.schema.walk import Rule, ValidationContext
from podlab.pods.raw import RawObject

MODES = ("NonIndexed", "Indexed")
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
MANY = 100_000  # parallelism, failed indexes, and completions that need a limit for each index
AT_ONCE_OF_MANY, FAILED_OF_MANY = 10_000, 10_000
RULES, CODES, PATTERNS, MANAGER, INDEXES = 20, 255, 20, 63, 64 * 1024
DOMAIN_PATH = 'must be a domain-prefixed path (such as "acme.io/foo")'
HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
NEEDS_INDEXES = "requires indexed completion mode"


def _least(context: ValidationContext, path: str, value: int | None) -> None:
    if value is not None and value < 0:
        context.add(invalid(path, value, "must be greater than or equal to 0"))


def job_rules(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """All of a Job but its first numbers, its selector and its template."""
    _least(context, f"{path}.backoffLimitPerIndex", spec.get("backoffLimitPerIndex"))
    _least(context, f"{path}.maxFailedIndexes", spec.get("maxFailedIndexes"))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        context.add(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.get("managedBy") is not None:
        context.add(*_manager(f"{path}.managedBy", spec["managedBy"]))
    mode = spec.get("completionMode", MODES[0])
    if mode not in MODES:
        context.add(unsupported(f"{path}.completionMode", mode, MODES))
    elif mode == "Indexed":
        _indexed(context, path, spec)
    else:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                context.add(invalid(f"{path}.{name}", spec[name], NEEDS_INDEXES))
    if spec.get("podFailurePolicy") is not None:
        _failure_policy(context, f"{path}.podFailurePolicy.rules", spec)
    if spec.get("successPolicy") is not None:
        _success_policy(context, f"{path}.successPolicy", spec)
    _replacement(context, f"{path}.podReplacementPolicy", spec)


def _manager(path: str, value: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    host, _, rest = value.partition("/")
    if not host or not rest:
        return [invalid(path, value, DOMAIN_PATH)]
    found = [invalid(path, host, text) for text in formats.subdomain(host)]
    if not re.fullmatch(HTTP_PATH, rest):
        found.append(invalid(path, rest, f"Invalid path (regex used for validation is '{HTTP_PATH}')"))
    return [*found, too_long(path, MANAGER)] if len(value.encode()) > MANAGER else found


def _indexed(context: ValidationContext, path: str, spec: RawObject) -> None:
    completions, parallelism, failed = (
        spec.get(n) for n in ("completions", "parallelism", "maxFailedIndexes")
    )
    if completions is None:
        context.add(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > MANY:
        text = f"must be less than or equal to {MANY} when completion mode is Indexed"
        context.add(invalid(f"{path}.parallelism", parallelism, text))
    if completions is not None and failed is not None and failed > completions:
        text = "must be less than or equal to completions"
        context.add(invalid(f"{path}.maxFailedIndexes", failed, text))
    if failed is not None and failed > MANY:
        context.add(invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {MANY}"))
    if completions is not None and completions > MANY and spec.get("backoffLimitPerIndex") is not None:
        _very_many(context, path, parallelism, failed)


def _very_many(context: ValidationContext, path: str, parallelism: int | None, failed: int | None) -> None:
    if failed is None:
        text = f"must be specified when completions is above {MANY}"
        context.add(required(f"{path}.maxFailedIndexes", text))
    for name, value, most in (
        ("parallelism", parallelism, AT_ONCE_OF_MANY),
        ("maxFailedIndexes", failed, FAILED_OF_MANY),
    ):
        if value is not None and value > most:
            text = (
                f"must be less than or equal to {most} when completions are above {MANY} and used with backoff limit "
                "per index"
            )
            context.add(invalid(f"{path}.{name}", value, text))


# -- what a failed Pod means ---------------------------------------------------------------------------------


def _failure_policy(context: ValidationContext, path: str, spec: RawObject) -> None:
    rules = spec["podFailurePolicy"].get("rules") or []
    if len(rules) > RULES:
        context.add(too_many(path, len(rules), RULES))
    inner = spec["template"]["spec"]
    names = {row.get("name") for key in ("containers", "initContainers") for row in inner.get(key) or ()}
    for place, rule in enumerate(rules):
        _failure_rule(
            context, f"{path}[{place}]", rule, names, per_index=spec.get("backoffLimitPerIndex") is not None
        )


def _failure_rule(
    context: ValidationContext, path: str, rule: RawObject, names: set[Any], *, per_index: bool
) -> None:
    action, codes, patterns = (
        rule.get("action", ""),
        rule.get("onExitCodes"),
        rule.get("onPodConditions") or [],
    )
    if not action:
        context.add(required(f"{path}.action", f"valid values: {_listed(ACTIONS)}"))
    elif action not in ACTIONS:
        context.add(unsupported(f"{path}.action", action, ACTIONS))
    elif action == "FailIndex" and not per_index:
        context.add(invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set"))
    if codes is not None:
        _exit_codes(context, f"{path}.onExitCodes", codes, names)
    if len(patterns) > PATTERNS:
        context.add(too_many(f"{path}.onPodConditions", len(patterns), PATTERNS))
    for place, pattern in enumerate(patterns):
        _pattern(context, f"{path}.onPodConditions[{place}]", pattern)
    if codes is not None and patterns:
        context.add(invalid_rule(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not patterns:
        context.add(invalid_rule(path, "specifying one of OnExitCodes and OnPodConditions is required"))


def _listed(values: tuple[str, ...]) -> str:
    """Words as Go prints a list of them."""
    return f"[{' '.join(json.dumps(value) for value in values)}]"


def _pattern(context: ValidationContext, path: str, pattern: RawObject) -> None:
    kind, status, states = pattern.get("type", ""), pattern.get("status", ""), ("False", "True", "Unknown")
    context.add(*(invalid(f"{path}.type", kind, text) for text in formats.qualified(kind)))
    if not status:
        context.add(required(f"{path}.status", f"valid values: {_listed(states)}"))
    elif status not in states:
        context.add(unsupported(f"{path}.status", status, states))


def _exit_codes(context: ValidationContext, path: str, codes: RawObject, names: set[Any]) -> None:
    operator, values, name = codes.get("operator", ""), codes.get("values") or [], codes.get("containerName")
    if not operator:
        context.add(required(f"{path}.operator", f"valid values: {_listed(('In', 'NotIn'))}"))
    elif operator not in ("In", "NotIn"):
        context.add(unsupported(f"{path}.operator", operator, ("In", "NotIn")))
    if name is not None and name not in names:
        text = "must be one of the container or initContainer names in the pod template"
        context.add(invalid(f"{path}.containerName", name, text))
    step = f"{path}.values"
    if not values:
        context.add(invalid(step, codes.get("values"), "at least one value is required"))
    elif len(values) > CODES:
        context.add(too_many(step, len(values), CODES))
    for place, code in enumerate(values):
        if operator == "In" and code == 0:
            context.add(invalid(f"{step}[{place}]", code, "must not be 0 for the In operator"))
        if code in values[:place]:
            context.add(duplicate(f"{step}[{place}]", code))
    if values != sorted(values):
        context.add(invalid(step, values, "must be ordered"))


# -- what is enough to succeed -------------------------------------------------------------------------------


def as_go(name: str, value: Any) -> Any:
    """The value of a field as Go prints it: policies are structs."""
    if name == "successPolicy" and value is not None:
        rows = [{"SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}
                for rule in value.get("rules") or ()]  # fmt: skip
        return {"Rules": rows or None}
    if name == "podFailurePolicy" and value is not None:
        return {"Rules": [_rule_as_go(rule) for rule in value.get("rules") or ()]}
    return value


def _rule_as_go(rule: RawObject) -> RawObject:
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions")
    shown = None if codes is None else {
        "ContainerName": codes.get("containerName"), "Operator": codes.get("operator", ""),
        "Values": codes.get("values"),
    }  # fmt: skip
    rows = (
        None if patterns is None else [{"Type": p.get("type"), "Status": p.get("status")} for p in patterns]
    )
    return {"Action": rule.get("action", ""), "OnExitCodes": shown, "OnPodConditions": rows}


def _success_policy(context: ValidationContext, path: str, spec: RawObject) -> None:
    rules = spec["successPolicy"].get("rules") or []
    if spec.get("completionMode", MODES[0]) != "Indexed":
        context.add(invalid(path, as_go("successPolicy", spec["successPolicy"]), NEEDS_INDEXES))
        return
    step = f"{path}.rules"
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        context.add(required(step, text))
    if len(rules) > RULES:
        context.add(too_many(step, len(rules), RULES))
    for place, rule in enumerate(rules):
        _success_rule(context, f"{step}[{place}]", rule, spec.get("completions") or 0)


def _success_rule(context: ValidationContext, path: str, rule: RawObject, completions: int) -> None:
    indexes, count, total = rule.get("succeededIndexes"), rule.get("succeededCount"), 0
    if indexes is None and count is None:
        text = "at least one of succeededCount or succeededIndexes must be specified"
        context.add(required(path, text))
    if indexes is not None:
        if len(indexes) > INDEXES:
            context.add(too_long(f"{path}.succeededIndexes", INDEXES))
        try:
            total = _total(indexes, completions)
        except ValueError as error:
            text = f"error parsing succeededIndexes: {error}"
            context.add(invalid(f"{path}.succeededIndexes", indexes, text))
    step = f"{path}.succeededCount"
    _least(context, step, count)
    for most, of, known in (
        (completions, "the number of specified completions", True),
        (total, "the number of indexes in the specified succeededIndexes field", indexes is not None),
    ):
        if known and count is not None and count > most:
            context.add(invalid(step, count, f"must be less than or equal to {most} ({of})"))


def _total(text: str, completions: int) -> int:
    """Return how many indexes ``0,2-4`` names; ValueError if it cannot be read, with upstream's words."""
    total, last = 0, None
    for part in text.split(",") if text else ():
        ends = part.split("-")
        if len(ends) > 2:
            raise ValueError(
                f"the fragment {json.dumps(part)} violates the requirement that an index interval can have at most two "
                "parts separated by '-'"
            )
        low = _index(ends[0], completions)
        high = _index(ends[1], completions) if len(ends) > 1 else low
        if len(ends) > 1 and low >= high:
            raise ValueError(f"non-increasing order, previous: {low}, current: {high}")
        if last is not None and last >= low:
            raise ValueError(f"non-increasing order, previous: {last}, current: {low}")
        total, last = total + high - low + 1, high
    return total


def _index(text: str, completions: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        raise ValueError(f"cannot convert string to integer for index: {json.dumps(text)}")
    if int(text[:20]) >= completions:
        raise ValueError(f"too large index: {json.dumps(text)}")
    return int(text)


def _replacement(context: ValidationContext, path: str, spec: RawObject) -> None:
    policy = spec.get("podReplacementPolicy")
    allowed = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if policy is not None and policy not in allowed:
        context.add(unsupported(path, policy, allowed))


def never_restarted(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A policy of failures judges Pods that have failed for good."""
    policy = spec["template"]["spec"].get("restartPolicy")
    if spec.get("podFailurePolicy") is not None and policy == "OnFailure":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        context.add(invalid(f"{path}.template.spec.restartPolicy", policy, text))


CHECKS: dict[str, Rule] = {"job_rules": job_rules, "never_restarted": never_restarted}
