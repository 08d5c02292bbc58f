"""
Validation by the rules in ``rules.json``, in upstream's order and words.

``walk`` walks through the object. Rules that look at one value are here; those that look at several fields are in the
modules whose names end with ``checks``; ``updates`` holds the rules for changes of a stored object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods.raw import RawObject


def validate(kind: str, obj: RawObject) -> list[FieldError]:
    """Return the faults of a new object, in upstream's order."""
    context = ValidationContext(rule)
    run(context, kind, "", obj)
    return context.errors


def rule(name: str) -> Rule:
    """Return the rule of this name: one of this module's, or one that looks at neighbours."""
    found = RULES.get(name)
    if found is None:
        from podlab.embedded.schema import (
            containerchecks,
            datachecks,
            endpointchecks,
            envchecks,
            eventchecks,
            jobchecks,
            metachecks,
            podchecks,
            quotachecks,
            rbacchecks,
            rolloutchecks,
            selectorchecks,
            servicechecks,
            volumechecks,
            webhookchecks,
            workloadchecks,
        )

        modules = (
            metachecks, podchecks, containerchecks, envchecks, volumechecks, datachecks, rolloutchecks, workloadchecks,
            selectorchecks, jobchecks, servicechecks, endpointchecks, eventchecks, rbacchecks, quotachecks,
            webhookchecks,
        )  # fmt: skip
        found = next(module.CHECKS[name] for module in modules if name in module.CHECKS)
    return found


# -- rules of one value --------------------------------------------------------------------------------------


def _required(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if value in (None, "", 0, [], {}):
        context.add(required(path))


def _enum(context: ValidationContext, path: str, value: Any, allowed: Any) -> None:
    if value not in allowed:
        context.add(required(path) if value == "" else unsupported(path, value, allowed))


def _enum_required(context: ValidationContext, path: str, value: Any, allowed: Any) -> None:
    if value in (None, ""):
        context.add(required(path))
    elif value not in allowed:
        context.add(unsupported(path, value, allowed))


def _nonnegative(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if value < 0:
        context.add(invalid(path, value, "must be greater than or equal to 0"))


def _positive(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if value <= 0:
        context.add(invalid(path, value, "must be greater than 0"))


def _range(context: ValidationContext, path: str, value: Any, bounds: Any) -> None:
    low, high = bounds
    if value != 0 or low == 1:
        if "Port" in path.rpartition(".")[2] and value == 0:
            return  # said by "required" already
        if not low <= value <= high:
            context.add(invalid(path, value, f"must be between {low} and {high}, inclusive"))


def _range_if_set(context: ValidationContext, path: str, value: Any, bounds: Any) -> None:
    if value != 0:
        _range(context, path, value, bounds)


def _range_id(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    _range(context, path, value, (0, 2**31 - 1))


def _word(test: Callable[[str], list[str]]) -> Rule:
    def rule(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
        if value:
            context.add(*(invalid(path, value, text) for text in test(value)))

    return rule


def _port(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if isinstance(value, int):
        if not 1 <= value <= 65535:
            context.add(invalid(path, value, "must be between 1 and 65535, inclusive"))
    else:
        context.add(*(invalid(path, value, text) for text in formats.port_name(value)))


def _mode(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if not 0 <= value <= 0o777:
        text = "must be a number between 0 and 0777 (octal), both inclusive"
        context.add(invalid(path, value, text))


def _unique(context: ValidationContext, path: str, value: Any, key: Any) -> None:
    seen = set()
    for place, item in enumerate(value):
        if item.get(key) and item[key] in seen:
            context.add(duplicate(f"{path}[{place}].{key}", item[key]))
        seen.add(item.get(key))


def _config_keys(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    for key in sorted(value):
        context.add(*(invalid(f"{path}[{key}]", key, message) for message in formats.config_key(key)))


def _each_subdomain(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    for place, name in enumerate(value):
        context.add(*(invalid(f"{path}[{place}]", name, text) for text in formats.subdomain(name)))


def _success_one(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    if value.get("successThreshold") != 1:
        context.add(invalid(f"{path}.successThreshold", value.get("successThreshold", 0), "must be 1"))


def _no_grace(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    grace = value.get("terminationGracePeriodSeconds")
    if grace is not None:
        text = "must not be set for readinessProbes"
        context.add(invalid(f"{path}.terminationGracePeriodSeconds", grace, text))


def _only_sidecar(context: ValidationContext, path: str, _value: Any, _argument: Any) -> None:
    context.add(forbidden(path, "may not be set for init containers without restartPolicy=Always"))


RULES: dict[str, Rule] = {
    "required": _required,
    "enum": _enum,
    "enum_required": _enum_required,
    "nonnegative": _nonnegative,
    "positive": _positive,
    "range": _range,
    "range_if_set": _range_if_set,
    "range_id": _range_id,
    "label": _word(formats.label),
    "label1035": _word(formats.label1035),
    "subdomain": _word(formats.subdomain),
    "port_name": _word(formats.port_name),
    "env_name": _word(formats.env_name),
    "config_key": _word(formats.config_key),
    "qualified": _word(formats.qualified),
    "downward_path": _word(formats.downward),
    "local_path": _word(formats.local_path),
    "ip": _word(formats.ip),
    "port": _port,
    "mode": _mode,
    "unique": _unique,
    "config_keys": _config_keys,
    "each_subdomain": _each_subdomain,
    "success_one": _success_one,
    "no_grace": _no_grace,
    "only_sidecar": _only_sidecar,
}
