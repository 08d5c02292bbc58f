"""
Rules for ResourceQuotas and LimitRanges.

Source: ValidateResourceQuotaSpec and ValidateLimitRange in pkg/apis/core/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import FieldError, duplicate, forbidden, invalid
from podlab.embedded.schema.walk import ValidationContext
from podlab.pods import quantity
from podlab.pods.raw import RawObject

STANDARD = frozenset((
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "limits.cpu",
    "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
    "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers", "storage",
    "requests.storage",
))  # fmt: skip
SCOPES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity",
          "VolumeAttributesClass")  # fmt: skip
WHOLE = ("pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims",
         "configmaps", "services.nodeports", "services.loadbalancers")  # fmt: skip
TYPES = ("Pod", "Container", "PersistentVolumeClaim")
MAPS = ("max", "min", "default", "defaultRequest")


def quota_spec(context: ValidationContext, _path: str, quota: RawObject, _argument: Any) -> None:
    """Names that a quota can limit, amounts that are not negative, scopes that there are."""
    spec = quota.get("spec") or {}
    for name, text in sorted((spec.get("hard") or {}).items()):
        path = f"spec.hard[{name}]"
        context.add(*_name_faults(path, name), *_amount_faults(path, name, text))
    scopes = spec.get("scopes") or []
    if any(scope not in SCOPES for scope in scopes):
        context.add(invalid("spec.scopes", scopes, "unsupported scope"))
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if set(pair) <= set(scopes):
            context.add(invalid("spec.scopes", scopes, "conflicting scopes"))


def _name_faults(path: str, name: str) -> Iterator[FieldError]:
    yield from (invalid(path, name, text) for text in formats.qualified(name))
    if (
        "/" not in name
        and name not in STANDARD
        and not name.startswith(("hugepages-", "requests.hugepages-"))
    ):
        yield invalid(path, name, "must be a standard resource for quota")


def _amount_faults(path: str, name: str, text: str) -> Iterator[FieldError]:
    nanos = quantity.nanos(text)
    if nanos < 0:
        yield invalid(path, text, "must be greater than or equal to 0")
    elif (name in WHOLE or name.startswith("count/")) and nanos % quantity.NANO:
        yield invalid(path, text, "must be an integer")


def limit_range_spec(context: ValidationContext, _path: str, limit_range: RawObject, _argument: Any) -> None:
    """Each type once, and amounts that can be kept to at the same time."""
    seen = set()
    for place, limit in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{place}]", limit.get("type", "")
        if kind not in TYPES and "/" not in kind:
            context.add(invalid(f"{path}.type", kind, "must be a standard limit type or fully qualified"))
        if kind in seen:
            context.add(duplicate(f"{path}.type", kind))
        seen.add(kind)
        if kind == "Pod":
            for field in ("default", "defaultRequest"):
                if limit.get(field):
                    context.add(forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'"))
        for name in sorted({name for field in MAPS for name in limit.get(field) or ()}):
            context.add(*_order_faults(path, limit, name))
        for name, ratio in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
            if quantity.nanos(ratio) < quantity.NANO:
                context.add(
                    invalid(f"{path}.maxLimitRequestRatio[{name}]", ratio, f"ratio {ratio} is less than 1")
                )


def _order_faults(path: str, limit: RawObject, name: str) -> Iterator[FieldError]:
    """Return the pairs of amounts of one resource of which the first must not exceed the second."""
    pairs = (
        ("min", "max", "min", "min value {0} is greater than max value {1}"),
        ("min", "defaultRequest", "defaultRequest", "min value {0} is greater than default request value {1}"),
        ("defaultRequest", "max", "defaultRequest", "default request value {0} is greater than max value {1}"),
        ("defaultRequest", "default", "defaultRequest",
         "default request value {0} is greater than default limit value {1}"),
        ("min", "default", "default", "min value {0} is greater than default value {1}"),
        ("default", "max", "default", "default value {0} is greater than max value {1}"),
    )  # fmt: skip
    for low, high, field, text in pairs:
        one, other = (limit.get(low) or {}).get(name), (limit.get(high) or {}).get(name)
        if one is not None and other is not None and quantity.nanos(one) > quantity.nanos(other):
            shown = one if (low, high) == ("min", "default") else limit[field][name]  # as upstream prints it
            yield invalid(f"{path}.{field}[{name}]", shown, text.format(one, other))


CHECKS = {check.__name__: check for check in (quota_spec, limit_range_spec)}
