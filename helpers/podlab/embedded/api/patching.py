"""
PATCH: JSON patch, merge patch and strategic merge patch, as pure functions on plain data.

Strategic merge follows the patch tags of the type table: lists with a merge key are merged by it, others
replaced. Directives understood: ``$patch: delete | replace | merge``, ``$retainKeys``, ``$setElementOrder/…``
and ``$deleteFromPrimitiveList/…``, which are what ``kubectl apply`` and ``kubectl edit`` send.

Source: RFC 6902, RFC 7386, apimachinery/pkg/util/strategicpatch/patch.go at v1.36.3.
"""

from __future__ import annotations

import copy
from typing import Any

from podlab.embedded.schema import typetable

Object = dict[str, Any]
MAX_OPERATIONS = 10_000


class PatchError(ValueError):
    """
    A patch that cannot be applied; ``missing`` says that its path or test failed (422), else it is malformed.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def go_text(value: Any) -> str:
    """A value as Go's ``%v`` prints it: maps by key, strings bare."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_text(item) for item in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- merge patch ---------------------------------------------------------------------------------------------


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


# -- JSON patch ----------------------------------------------------------------------------------------------


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902. *target* is not changed."""
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise PatchError("a JSON patch is a list of at most 10000 operations")
    document = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError("an operation needs op and path")
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: Object) -> Any:
    op, path = operation.get("op"), _pointer(operation["path"])
    if op in ("add", "replace", "test") and "value" not in operation:
        raise PatchError(f"operation {op} needs a value")
    if op == "add":
        return _add(document, path, copy.deepcopy(operation["value"]))
    if op == "remove":
        return _remove(document, path)
    if op == "replace":
        return (
            _add(_remove(document, path), path, copy.deepcopy(operation["value"]))
            if path
            else operation["value"]
        )
    if op == "test":
        if _look(document, path) != operation["value"]:
            raise PatchError(f"testing path {operation['path']} failed", missing=True)
        return document
    if op in ("move", "copy"):
        source = _pointer(str(operation.get("from", "")))
        value = copy.deepcopy(_look(document, source))
        return _add(_remove(document, source) if op == "move" else document, path, value)
    raise PatchError(f"unexpected kind: {op}", missing=True)


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise PatchError(f"invalid path {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(items: list[Any], step: str, *, end: bool = False) -> int:
    if end and step == "-":
        return len(items)
    place = int(step) if step.isdigit() else -1
    if not 0 <= place < len(items) + end:
        raise PatchError(f"invalid array index {step}", missing=True)
    return place


def _look(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, list):
            document = document[_index(document, step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise PatchError(f"the path /{'/'.join(path)} does not exist", missing=True)
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _look(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, path[-1], end=True), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise PatchError(f"add operation does not apply: /{'/'.join(path)} is no container", missing=True)
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    parent = _look(document, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    elif isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
    else:
        raise PatchError(f"remove operation does not apply: /{'/'.join(path)} does not exist", missing=True)
    return document


# -- strategic merge patch -----------------------------------------------------------------------------------


def strategic(kind: str, target: Object, patch: Any) -> Object:
    """Merge *patch* into *target*, a struct of type *kind*. *target* is not changed."""
    if not isinstance(patch, dict):
        raise PatchError("a strategic merge patch is an object")
    return _struct(kind, target, patch)


def _struct(kind: str, target: Object, patch: Object) -> Object:
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"unknown patch type: {directive}")
    table = typetable.fields(kind) if typetable.is_struct(kind) else {}
    result = dict(target)
    if isinstance(patch.get("$retainKeys"), list):
        result = {k: v for k, v in result.items() if k in patch["$retainKeys"]}
    for key, value in patch.items():
        if not key.startswith("$"):
            field = table.get(key)
            inner = field.kind if field else _map_value(kind)
            result[key] = _member(inner, field, result.get(key), value, patch.get(f"$setElementOrder/{key}"))
            if result[key] is None:
                del result[key]
        elif key.startswith("$deleteFromPrimitiveList/"):
            _drop(result, key.partition("/")[2], value)
    for key, order in patch.items():
        name = key.partition("/")[2]
        if key.startswith("$setElementOrder/") and name not in patch and isinstance(result.get(name), list):
            result[name] = _ordered(result[name], order, table[name].merge_key if name in table else "")
    return result


def _map_value(kind: str) -> str:
    return kind[11:] if kind.startswith("map[string]") else ""


def _drop(result: Object, name: str, values: Any) -> None:
    if isinstance(result.get(name), list) and isinstance(values, list):
        result[name] = [item for item in result[name] if item not in values]


def _member(kind: str, field: typetable.Field | None, old: Any, new: Any, order: Any) -> Any:
    if new is None:
        return None
    if isinstance(new, dict):
        if new.get("$patch") == "delete":
            return None
        base = old if isinstance(old, dict) else {}
        if "replace" in (field.strategy if field else "") and "$patch" not in new:
            return new
        return _struct(kind, base, new)
    if isinstance(new, list) and kind.startswith("[]") and field is not None and "merge" in field.strategy:
        return _list(kind[2:], field.merge_key, old if isinstance(old, list) else [], new, order)
    return new


def _list(kind: str, key: str, old: list[Any], patch: list[Any], order: Any) -> list[Any]:
    if not key or not typetable.is_struct(kind):  # a set of scalars, such as finalizers
        merged = old + [item for item in patch if item not in old]
        return _ordered(merged, order, "") if isinstance(order, list) else merged
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(old)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f"map: {go_text(item)} does not contain declared merge key: {key}")
        _merge_item(kind, key, result, item)
    return _ordered(result, order, key) if isinstance(order, list) else result


def _merge_item(kind: str, key: str, result: list[Any], item: Object) -> None:
    for place, existing in enumerate(result):
        if isinstance(existing, dict) and existing.get(key) == item[key]:
            if item.get("$patch") == "delete":
                del result[place]
            else:
                result[place] = _struct(kind, existing, item)
            return
    if item.get("$patch") != "delete":
        result.append(_struct(kind, {}, item))


def _ordered(items: list[Any], order: Any, key: str) -> list[Any]:
    """
    Items in the asked order; those that it does not name keep their place relative to what precedes them.
    """
    if not isinstance(order, list):
        return items
    wanted = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in order]
    values = [item.get(key) if key and isinstance(item, dict) else item for item in items]
    if len(items) * len(wanted) > 10**6:
        return items
    named = sorted((wanted.index(v), i) for i, v in enumerate(values) if v in wanted)
    places = iter([items[i] for _, i in named])
    return [next(places) if value in wanted else item for value, item in zip(values, items, strict=True)]
