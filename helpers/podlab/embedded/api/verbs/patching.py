"""
PATCH: JSON patch, merge patch and strategic merge patch, as pure functions on plain data.

Strategic merge follows the patch tags of the type table: lists with a merge key are merged by it, others
replaced. Directives understood: ``$patch: delete | replace | merge``, ``$retainKeys``, ``$setElementOrder/…``
and ``$deleteFromPrimitiveList/…``, which are what ``kubectl apply`` and ``kubectl edit`` send.

Source: RFC 6902, RFC 7386, apimachinery/pkg/util/strategicpatch/patch.go at v1.36.3.
"""

from __future__ import annotations

import copy
import json
import math
from collections import deque
from collections.abc import Callable
from typing import Any

from podlab.embedded.schema import typetable
from podlab.pods.raw import RawObject

Rank = Callable[[list[int | None]], list[float]]
MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024  # bytes of all that copy operations add; upstream's JSONPatchMaxCopyBytes


class PatchError(ValueError):
    """
    A patch that cannot be applied.

    ``missing`` says that its path or test failed (422), ``large`` that it makes too much (413); else it is malformed.
    """

    def __init__(self, message: str, *, missing: bool = False, large: bool = False) -> None:
        super().__init__(message)
        self.missing, self.large = missing, large


def go_text(value: Any) -> str:
    """Return a value as Go's ``%v`` prints it: maps by key, strings bare."""
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
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise PatchError(text, large=True)
    document, copied = copy.deepcopy(target), 0
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError("an operation needs op and path")
        if operation.get("op") == "copy":
            copied += _size(_look(document, _pointer(str(operation.get("from", "")))))
            if copied > MAX_COPIED:
                text = "Unable to complete the copy, the accumulated size increase of copy is "
                raise PatchError(f"{text}{copied}, exceeding the limit {MAX_COPIED}", large=True)
        document = _operate(document, operation)
    return document


def _size(value: Any) -> int:
    """Return the bytes of a value as JSON."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _operate(document: Any, operation: RawObject) -> Any:
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
    place = int(step) if step.isdigit() and len(step) < 10 else -1
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
        raise PatchError(
            f"add operation does not apply: /{'/'.join(path)} is not inside of an object or a list",
            missing=True,
        )
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


def strategic(kind: str, target: RawObject, patch: Any, *, applied: bool = False) -> RawObject:
    """
    Merge *patch* into *target*, a struct of type *kind*. *target* is not changed.

    Args:
        applied: It is a configuration for server-side apply, which orders lists in its own way.
    """
    if not isinstance(patch, dict):
        raise PatchError("a strategic merge patch is an object")
    return _struct(kind, target, patch, _applied_places if applied else _patched_places)


def _struct(kind: str, target: RawObject, patch: RawObject, rank: Rank) -> RawObject:
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
        kept = _scalars(patch["$retainKeys"])
        result = {k: v for k, v in result.items() if k in kept}
    for key, value in patch.items():
        if not key.startswith("$"):
            field = table.get(key)
            inner = field.kind if field else _map_value(kind)
            order = patch.get(f"$setElementOrder/{key}")
            result[key] = _member(inner, field, result.get(key), value, order, rank)
            if result[key] is None:
                del result[key]
        elif key.startswith("$deleteFromPrimitiveList/"):
            _drop(result, key.partition("/")[2], value)
    for key, order in patch.items():
        name = key.partition("/")[2]
        if key.startswith("$setElementOrder/") and name not in patch and isinstance(result.get(name), list):
            keys = _keys(table[name], rank) if name in table else ()
            result[name] = _ordered(result[name], order, keys, result[name], rank)
    return result


def _map_value(kind: str) -> str:
    return kind[11:] if kind.startswith("map[string]") else ""


def _drop(result: RawObject, name: str, values: Any) -> None:
    if isinstance(result.get(name), list) and isinstance(values, list):
        gone = _scalars(values)
        result[name] = [item for item in result[name] if isinstance(item, (dict, list)) or item not in gone]


def _scalars(values: list[Any]) -> set[Any]:
    """Those of *values* that a list of scalars can hold, as a set: either list may be as long as a request allows."""
    return {value for value in values if not isinstance(value, (dict, list))}


def _member(kind: str, field: typetable.Field | None, old: Any, new: Any, order: Any, rank: Rank) -> Any:
    if new is None:
        return None
    if isinstance(new, dict):
        if new.get("$patch") == "delete":
            return None
        base = old if isinstance(old, dict) else {}
        if "replace" in (field.strategy if field else "") and "$patch" not in new:
            return new
        return _struct(kind, base, new, rank)
    if isinstance(new, list) and kind.startswith("[]") and field is not None and "merge" in field.strategy:
        return _list(kind[2:], _keys(field, rank), old if isinstance(old, list) else [], new, order, rank)
    return new


def _keys(field: typetable.Field, rank: Rank) -> tuple[str, ...]:
    """Return the fields that name an item of a list; none for a set of scalars. Server-side apply may ask for two."""
    one = (field.merge_key,) if field.merge_key else ()
    return typetable.LIST_KEYS.get(field.kind[2:], one) if rank is _applied_places else one


def _list(
    kind: str, keys: tuple[str, ...], old: list[Any], patch: list[Any], order: Any, rank: Rank
) -> list[Any]:
    if not keys or not typetable.is_struct(kind):  # a set of scalars, such as finalizers
        known = _scalars(old)
        merged = old + [item for item in patch if isinstance(item, (dict, list)) or item not in known]
        return _ordered(_ordered(merged, patch, (), old, rank), order, (), old, rank)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(old)
    for item in patch:
        if not isinstance(item, dict) or keys[0] not in item:
            raise PatchError(f"map: {go_text(item)} does not contain declared merge key: {keys[0]}")
        _merge_item(kind, keys, result, item, rank)
    kept = [item for item in patch if "$patch" not in item]
    return _ordered(_ordered(result, kept, keys, old, rank), order, keys, old, rank)


def _merge_item(kind: str, keys: tuple[str, ...], result: list[Any], item: RawObject, rank: Rank) -> None:
    wanted = typetable.names_of(item, keys)
    for place, existing in enumerate(result):
        if isinstance(existing, dict) and typetable.names_of(existing, keys) == wanted:
            if item.get("$patch") == "delete":
                del result[place]
            else:
                result[place] = _struct(kind, existing, item, rank)
            return
    if item.get("$patch") != "delete":
        result.append(_struct(kind, {}, item, rank))


def _ordered(items: list[Any], asked: Any, keys: tuple[str, ...], before: list[Any], rank: Rank) -> list[Any]:
    """
    Items in upstream's order: those that *asked* names in its order, the others in theirs, each ahead of the first
    named one that it preceded *before*.

    Args:
        rank: Where the named ones count as having been, which settles where new ones go.
    """
    if not isinstance(asked, list):
        return items
    wanted, were = _places(asked, keys), _places(before, keys)
    named = sorted((i for i in items if _name(i, keys) in wanted), key=lambda i: wanted[_name(i, keys)])
    waiting = deque(zip(named, rank([were.get(_name(i, keys)) for i in named]), strict=True))
    result: list[Any] = []
    for item in items:
        if _name(item, keys) in wanted:
            continue
        place = were.get(_name(item, keys), len(before))
        while waiting and place >= waiting[0][1]:
            result.append(waiting.popleft()[0])
        result.append(item)
    return [*result, *(item for item, _ in waiting)]


def _patched_places(places: list[int | None]) -> list[float]:
    """mergeSortedSlice: what a patch adds comes ahead of what it does not name."""
    return [-1 if place is None else place for place in places]


def _applied_places(places: list[int | None]) -> list[float]:
    """structured-merge-diff: an added item stands before the next item that was there, else at the end."""
    found: list[float] = []
    following: float = math.inf
    for place in reversed(places):
        following = following if place is None else place
        found.append(following)
    return found[::-1]


def _places(items: list[Any], keys: tuple[str, ...]) -> dict[Any, int]:
    """Return what names an item -> where it stands."""
    places: dict[Any, int] = {}
    for place, item in enumerate(items):
        places.setdefault(_name(item, keys), place)
    return places


def _name(item: Any, keys: tuple[str, ...]) -> Any:
    value = item
    if keys and isinstance(item, dict):
        found = list(typetable.names_of(item, keys).values())
        value = found[0] if len(found) == 1 else found
    return value if isinstance(value, (str, int, float)) else go_text(value)
