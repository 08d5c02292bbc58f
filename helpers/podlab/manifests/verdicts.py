"""
Finds the place in a manifest that a refusal of the API server speaks of.

Three forms are known: ``details.causes[].field`` of a 422, ``unknown field "spec.x"`` of strict decoding,
and the message of Go's decoder for a wrong type, whose path names no list index.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from podlab.errors import ApiError
from podlab.manifests.faults import Fault
from podlab.manifests.manifest import Manifest
from podlab.manifests.shape import NAME_HINT
from podlab.pods import quantity

_STRICT = re.compile(r'(unknown|duplicate) field "([^"]+)"')
_TYPE = re.compile(r"cannot unmarshal (\w+)(?: \S+)? into Go struct field \w+\.(\S+) of type (\S+)")
# The words with which validation refuses a change of a field that may only be given at the creation.
_CHANGES = re.compile(
    r"updates? may not|immutable|may not (be )?change|cannot be (changed|decreased|removed)"
)
# Where a Pod, a claim or a quota has quantities; the server's message about a wrong one names no field.
_QUANTITIES = re.compile(
    r"(?:limits|requests|capacity|hard|overhead|default\w*|min|max)\.[^.]+$|(?:sizeLimit|divisor)$"
)
_GO_TYPES = {
    "string": (str, "text"),
    "bool": (bool, "a truth value"),
    "number": (int | float, "a number"),
    "array": (list, "a list"),
    "object": (dict, "a mapping"),
}
_WANTED = {
    "string": "text: put it in quotes",
    "bool": "true or false, without quotes",
    "int32": "a whole number, without quotes",
    "int64": "a whole number, without quotes",
}


def faults_of(manifest: Manifest, error: ApiError) -> list[Fault]:
    """
    Return what *error* says of fields of *manifest*; empty when it speaks of something else (quota,
    namespace).
    """
    message = str(error.status.get("message", ""))
    causes = (error.status.get("details") or {}).get("causes") or []
    if error.code == 422:
        return [_invalid(manifest, cause) for cause in causes] or [manifest.fault("", message)]
    if error.code != 400:
        return []
    return named_fields(manifest, message) or [manifest.fault("", message)]


def faults_of_change(manifest: Manifest, error: ApiError) -> list[Fault]:
    """
    Return what a refused change of a stored object says of wrong values; empty where only the change is refused.

    A stored Pod accepts few changes, so a wrong value and the refusal of its change come together. Deleting the Pod
    helps against the second alone.
    """
    message = str(error.status.get("message") or error.cause or "")
    causes = (error.status.get("details") or {}).get("causes") or []
    wrong = [cause for cause in causes if error.code == 422 and not _CHANGES.search(cause.get("message", ""))]
    return named_fields(manifest, message) or [_invalid(manifest, cause) for cause in wrong]


def named_fields(manifest: Manifest, message: str) -> list[Fault]:
    """
    Return the unknown fields, wrong types and wrong quantities that *message* speaks of.

    A refused patch has them in other surroundings than a refused creation.
    """
    strict = [_strict(manifest, *found) for found in _STRICT.findall(message)]
    types = [_wrong_type(manifest, *found) for found in _TYPE.findall(message)]
    return strict + types + (_wrong_quantities(manifest) if "quantities must match" in message else [])


def _wrong_quantities(manifest: Manifest) -> list[Fault]:
    """The server has refused one of them without naming it; here they are only looked for."""
    return [
        manifest.fault(path, f"{value!r} is not a quantity", "write quantities like 500m, 20Mi or 1Gi")
        for path in manifest.lines
        if _QUANTITIES.search(path) and not _is_quantity(value := value_at(manifest, path))
    ]


def _is_quantity(value: object) -> bool:
    if not isinstance(value, str | int | float):
        return True  # a matter of its type
    try:
        quantity.nanos(value)
    except ValueError:
        return False
    return True


def _invalid(manifest: Manifest, cause: dict[str, str]) -> Fault:
    field = cause.get("field", "")
    if field in ("", "<nil>"):
        return manifest.fault("", cause.get("message", "invalid"))
    hint = NAME_HINT if field == "metadata.name" else f"correct {field}"
    return manifest.fault(field, cause.get("message", "invalid"), hint)


def _strict(manifest: Manifest, problem: str, field: str) -> Fault:
    hint = (
        f"correct or remove {field.rpartition('.')[2]}; "
        f"with kubectl: kubectl explain {_explain(manifest, field)} lists the fields that belong there"
    )
    return manifest.fault(field, f'{problem} field "{field}"', hint)


def _explain(manifest: Manifest, field: str) -> str:
    parents = re.sub(r"\[\d+\]", "", field).split(".")[:-1]
    return ".".join([manifest.kind.lower(), *parents])


def _wrong_type(manifest: Manifest, found: str, field: str, wanted: str) -> Fault:
    path = _path_without_indexes(manifest, field, found)
    got = _GO_TYPES.get(found, (object, found))[1]
    text = f"this is {got}, the field wants {_WANTED.get(wanted, wanted)}"
    hint = f"correct the value; with kubectl: kubectl explain {manifest.kind.lower()}.{field}"
    return manifest.fault(path, text, hint)


def _path_without_indexes(manifest: Manifest, field: str, found: str) -> str:
    """
    Return the first written path that is *field* but for its indexes and holds a value of the type *found*.
    """
    candidates = [path for path in manifest.lines if re.sub(r"\[\d+\]", "", path) == field]
    kind = _GO_TYPES.get(found, (object, ""))[0]
    for path in candidates:
        value = value_at(manifest, path)
        if isinstance(value, kind) and (found == "bool" or not isinstance(value, bool)):
            return path
    # Go's path may leave out the outer fields, and ends in the list where an element has the wrong type.
    tails = [path for path in manifest.lines if re.sub(r"\[\d+\]", "", path).endswith("." + field)]
    return (candidates or tails or [field])[0]


def _steps(path: str) -> list[str | int]:
    return [int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]


def _child(value: object, step: str | int) -> object:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def value_at(manifest: Manifest, path: str) -> object:
    """Return what the manifest holds at *path*, or None."""
    value: object = manifest.object
    for step in _steps(path):
        value = _child(value, step)
    return value


def take_out(body: dict[str, Any], paths: Sequence[str]) -> bool:
    """Remove the fields at *paths* from *body*; list elements become null: others keep their index."""
    changed = False
    for path in paths:
        *way, last = _steps(path) or [""]
        parent: object = body
        for step in way:
            parent = _child(parent, step)
        if isinstance(parent, dict) and isinstance(last, str) and last in parent:
            del parent[last]
            changed = True
        elif isinstance(parent, list) and isinstance(last, int) and last < len(parent):
            changed = changed or parent[last] is not None
            parent[last] = None
    return changed
