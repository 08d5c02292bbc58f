"""
The walk of validation: apply the rules that ``rules.json`` lists for a type, field by field.

The data lists for each type its rules as ``[field, rule, argument]``; ``in`` and ``each`` go on with the type
of the field. Volumes, grace period and such are carried along in a ``ValidationContext``, which also knows the
rules by their names: so rules may start a walk of their own, and this module stands below all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.embedded.schema import typetable
from podlab.embedded.schema.fielderror import FieldError
from podlab.pods.raw import RawObject

_rules: dict[str, list[list[Any]]] = {}


class ValidationContext:
    """
    The faults found so far, and the facts of outer types that rules of inner types need.

    Attributes:
        rule: The rule of a name in ``rules.json``.
    """

    def __init__(self, rule: Callable[[str], Rule]) -> None:
        self.rule = rule
        self.volumes: set[str] = set()
        self.grace: int | None = None
        self.regular: set[str] = set()  # names of the regular containers
        self.errors: list[FieldError] = []

    def add(self, *errors: FieldError) -> None:
        """Note faults."""
        self.errors.extend(errors)


Rule = Callable[[ValidationContext, str, Any, Any], None]  # context, path, value, argument


def run(context: ValidationContext, kind: str, path: str, value: RawObject) -> None:
    """Apply the rules of a type to one struct."""
    if not _rules:
        _rules.update(typetable.read("rules.json"))
    base, _, _ = kind.partition("+")
    if kind == "core/v1.PodSpec":
        context.grace = value.get("terminationGracePeriodSeconds")
    for field, name, *argument in _rules.get(kind, ()):
        if field == ".":
            context.rule(name)(context, path, value, argument[0] if argument else base)
            continue
        step = f"{path}.{field}" if path else field
        found = value.get(field)
        if name in ("in", "each"):
            _descend(context, base, field, step, found)
        elif found is not None or name in ("required", "enum_required", "containers", "job_restart"):
            context.rule(name)(context, step, found, argument[0] if argument else None)


def _descend(context: ValidationContext, kind: str, field: str, step: str, found: Any) -> None:
    inner = typetable.fields(kind)[field].kind
    if inner.startswith("[]"):
        for place, item in enumerate(found or []):
            run(context, inner[2:], f"{step}[{place}]", item)
    elif found is not None:
        run(context, inner, step, found)
