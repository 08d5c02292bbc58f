"""
The schema of the Kubernetes API as data, and what the server does with it: decode, default, validate.

    typetable     types.json.gz: every struct and its fields;  generate: makes it from Go modules, run by hand
    decode        JSON to a struct, with Go's messages;  defaults: fill in
    validation    the rules of rules.json;  walk: the rules, field by field
                  metachecks, podchecks, containerchecks, envchecks, volumechecks, datachecks, rolloutchecks,
                  workloadchecks, selectorchecks, jobchecks, endpointchecks, eventchecks, rbacchecks, quotachecks,
                  webhookchecks: rules that look at several fields
    updates       what may change in a stored object;  ephemerals: ephemeral containers that are added
    podadmission  service account, tolerations, priority, QoS class
    formats       of names, labels, ports, …;  fielderror: one fault with its field path

``admit`` is the whole way of a new Pod in one pure call; ``strict_check`` says what field validation would.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema.fielderror import FieldError, Invalid
from podlab.pods.raw import RawObject

__all__ = ["FieldError", "Invalid", "admit", "prepare", "strict_check"]


def prepare(kind: str, raw: Any) -> tuple[RawObject, list[str]]:
    """
    Decode *raw* as the struct *kind* and fill in the defaults.

    Returns:
        The object, owned by the caller, and the strict errors (``unknown field "spec.x"``).

    Raises:
        DecodeError: When a value has the wrong type; Go's text.
    """
    from podlab.embedded.schema import decode, defaults

    obj, strict = decode.decode(kind, raw)
    return defaults.apply(kind, obj), strict


def strict_check(raw: RawObject) -> list[str]:
    """Unknown and duplicate fields of a Pod, as field validation names them."""
    from podlab.embedded.schema import decode

    return decode.decode("core/v1.Pod", raw)[1]


def admit(raw: RawObject, *, namespace: str, now: str) -> RawObject:
    """
    Return what the API server would store for a Pod manifest: decoded, with defaults, admitted, validated. Pure.

    Args:
        namespace: Where it is created.
        now: Its creationTimestamp, RFC 3339.

    Raises:
        Invalid: With upstream's Status, when validation refuses it.
        DecodeError: When a value has the wrong type.
    """
    from podlab.embedded import fault
    from podlab.embedded.schema import podadmission, validation

    pod, _ = prepare("core/v1.Pod", raw)
    meta = pod["metadata"]
    meta["namespace"] = namespace
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + "00000"
    meta.setdefault("creationTimestamp", now)
    meta["generation"] = 1
    podadmission.admit_service_account(pod, None, "00000")
    podadmission.admit_defaults(pod)
    pod["status"] = {"phase": "Pending", "qosClass": podadmission.qos_class(pod)}
    errors = validation.validate("core/v1.Pod", pod)
    if errors:
        refusal = fault.invalid("Pod", "", meta.get("name", ""), errors)
        raise Invalid("Pod", meta.get("name", ""), errors, refusal.status)
    return pod
