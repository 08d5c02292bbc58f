"""
Validation by the rules in ``rules.json``, in upstream's order and words.

The data lists for each type its rules as ``[field, rule, argument]``; ``in`` and ``each`` go on with the type
of the field. Rules that look at one value are here; those that look at neighbours are in ``checks``. Volumes,
grace period and such are carried along in a ``Context``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.embedded.schema import typetable, words
from podlab.embedded.schema.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from podlab.pods.raw import RawObject

_rules: dict[str, list[list[Any]]] = {}


class Context:
    """What the rules of inner types need to know of the outer ones."""

    def __init__(self) -> None:
        self.volumes: set[str] = set()
        self.grace: int | None = None
        self.regular: set[str] = set()  # names of the regular containers
        self.errors: list[FieldError] = []

    def add(self, *errors: FieldError) -> None:
        """Note faults."""
        self.errors.extend(errors)


Rule = Callable[[Context, str, Any, Any], None]  # context, path, value, argument


def validate(kind: str, obj: RawObject) -> list[FieldError]:
    """The faults of a new object, in upstream's order."""
    context = Context()
    run(context, kind, "", obj)
    return context.errors


def run(context: Context, kind: str, path: str, value: RawObject) -> None:
    """Apply the rules of a type to one struct."""
    if not _rules:
        _rules.update(typetable.read("rules.json"))
    base, _, _ = kind.partition("+")
    if kind == "core/v1.PodSpec":
        context.grace = value.get("terminationGracePeriodSeconds")
    for field, name, *argument in _rules.get(kind, ()):
        if field == ".":
            _rule(name)(context, path, value, argument[0] if argument else base)
            continue
        step = f"{path}.{field}" if path else field
        found = value.get(field)
        if name in ("in", "each"):
            _descend(context, base, field, step, found)
        elif found is not None or name in ("required", "enum_required", "containers", "job_restart"):
            _rule(name)(context, step, found, argument[0] if argument else None)


def _descend(context: Context, kind: str, field: str, step: str, found: Any) -> None:
    inner = typetable.fields(kind)[field].kind
    if inner.startswith("[]"):
        for place, item in enumerate(found or []):
            run(context, inner[2:], f"{step}[{place}]", item)
    elif found is not None:
        run(context, inner, step, found)


def _rule(name: str) -> Rule:
    rule = RULES.get(name)
    if rule is None:
        from podlab.embedded.schema import checks, datachecks, quotachecks, rbacchecks, volumechecks

        modules = (checks, volumechecks, datachecks, rbacchecks, quotachecks)
        rule = next(module.CHECKS[name] for module in modules if name in module.CHECKS)
    return rule


# -- rules of one value --------------------------------------------------------------------------------------


def _required(context: Context, path: str, value: Any, _argument: Any) -> None:
    if value in (None, "", 0, [], {}):
        context.add(required(path))


def _enum(context: Context, path: str, value: Any, allowed: Any) -> None:
    if value not in allowed:
        context.add(required(path) if value == "" else unsupported(path, value, allowed))


def _enum_required(context: Context, path: str, value: Any, allowed: Any) -> None:
    if value in (None, ""):
        context.add(required(path))
    elif value not in allowed:
        context.add(unsupported(path, value, allowed))


def _nonnegative(context: Context, path: str, value: Any, _argument: Any) -> None:
    if value < 0:
        context.add(invalid(path, value, "must be greater than or equal to 0"))


def _positive(context: Context, path: str, value: Any, _argument: Any) -> None:
    if value <= 0:
        context.add(invalid(path, value, "must be greater than 0"))


def _range(context: Context, path: str, value: Any, bounds: Any) -> None:
    low, high = bounds
    if value != 0 or low == 1:
        if "Port" in path.rpartition(".")[2] and value == 0:
            return  # said by "required" already
        if not low <= value <= high:
            context.add(invalid(path, value, f"must be between {low} and {high}, inclusive"))


def _range_if_set(context: Context, path: str, value: Any, bounds: Any) -> None:
    if value != 0:
        _range(context, path, value, bounds)


def _range_id(context: Context, path: str, value: Any, _argument: Any) -> None:
    _range(context, path, value, (0, 2**31 - 1))


def _word(test: Callable[[str], list[str]]) -> Rule:
    def rule(context: Context, path: str, value: Any, _argument: Any) -> None:
        if value:
            context.add(*(invalid(path, value, text) for text in test(value)))

    return rule


def _port(context: Context, path: str, value: Any, _argument: Any) -> None:
    if isinstance(value, int):
        if not 1 <= value <= 65535:
            context.add(invalid(path, value, "must be between 1 and 65535, inclusive"))
    else:
        context.add(*(invalid(path, value, text) for text in words.port_name(value)))


def _mode(context: Context, path: str, value: Any, _argument: Any) -> None:
    if not 0 <= value <= 0o777:
        text = "must be a number between 0 and 0777 (octal), both inclusive"
        context.add(invalid(path, value, text))


def _unique(context: Context, path: str, value: Any, key: Any) -> None:
    seen = set()
    for place, item in enumerate(value):
        if item.get(key) and item[key] in seen:
            context.add(duplicate(f"{path}[{place}].{key}", item[key]))
        seen.add(item.get(key))


def _labels(context: Context, path: str, value: Any, _argument: Any) -> None:
    for key, text in sorted(value.items()):
        context.add(*(invalid(path, key, message) for message in words.qualified(key)))
        context.add(*(invalid(path, text, message) for message in words.label_value(text)))


def _config_keys(context: Context, path: str, value: Any, _argument: Any) -> None:
    for key in sorted(value):
        context.add(*(invalid(f"{path}[{key}]", key, message) for message in words.config_key(key)))


def _each_subdomain(context: Context, path: str, value: Any, _argument: Any) -> None:
    for place, name in enumerate(value):
        context.add(*(invalid(f"{path}[{place}]", name, text) for text in words.subdomain(name)))


def _success_one(context: Context, path: str, value: Any, _argument: Any) -> None:
    if value.get("successThreshold") != 1:
        context.add(invalid(f"{path}.successThreshold", value.get("successThreshold", 0), "must be 1"))


def _no_grace(context: Context, path: str, value: Any, _argument: Any) -> None:
    grace = value.get("terminationGracePeriodSeconds")
    if grace is not None:
        text = "must not be set for readinessProbes"
        context.add(invalid(f"{path}.terminationGracePeriodSeconds", grace, text))


def _only_sidecar(context: Context, path: str, _value: Any, _argument: Any) -> None:
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
    "label": _word(words.label),
    "label1035": _word(words.label1035),
    "subdomain": _word(words.subdomain),
    "port_name": _word(words.port_name),
    "env_name": _word(words.env_name),
    "config_key": _word(words.config_key),
    "qualified": _word(words.qualified),
    "downward_path": _word(words.downward),
    "local_path": _word(words.local_path),
    "ip": _word(words.ip),
    "port": _port,
    "mode": _mode,
    "unique": _unique,
    "labels": _labels,
    "config_keys": _config_keys,
    "each_subdomain": _each_subdomain,
    "success_one": _success_one,
    "no_grace": _no_grace,
    "only_sidecar": _only_sidecar,
}


def validate_update(kind: str, obj: RawObject, old: RawObject) -> list[FieldError]:
    """The faults of a changed object: its own, and changes of what cannot change."""
    from podlab.embedded.schema import updates

    return updates.validate(kind, obj, old)
