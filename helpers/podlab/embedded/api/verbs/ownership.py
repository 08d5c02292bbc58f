"""
Who applied which field: the sets that server-side apply keeps in ``metadata.managedFields``.

Only appliers are owners here. What was set by a POST, PUT or another kind of PATCH has no owner; but a change by one of
these takes a field from those who applied another value of it. Lists are keyed by their patch merge key, or by
the keys of ``typetable.LIST_KEYS``.

Pure. Source: structured-merge-diff and apimachinery/pkg/util/managedfields at v1.36.3, far simpler.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from podlab.embedded.schema import typetable
from podlab.pods.raw import RawObject

Path = tuple[
    str, ...
]  # steps as FieldsV1 writes them: f:name, k:{"name":"c"}, v:"x", and "." for an item as such
Owners = dict[str, set[Path]]
ITEM = "."
SYSTEM = frozenset((
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "managedFields", "selfLink", "generateName", "deletionGracePeriodSeconds",
))  # fmt: skip


def leaves(kind: str, obj: RawObject) -> set[Path]:
    """Return the fields that a configuration of type *kind* sets."""
    found = set(
        _of_struct(kind, {k: v for k, v in obj.items() if k not in ("apiVersion", "kind", "status")}, ())
    )
    return {path for path in found if not (path[0] == "f:metadata" and path[1:2] and path[1][2:] in SYSTEM)}


def _of_struct(kind: str, value: Mapping[str, Any], path: Path) -> Iterator[Path]:
    table = typetable.fields(kind) if typetable.is_struct(kind) else {}
    for name, inner in value.items():
        field = table.get(name)
        yield from _of(field, field.kind if field else kind[11:], inner, (*path, f"f:{name}"))


def _of(field: typetable.Field | None, kind: str, value: Any, path: Path) -> Iterator[Path]:
    strategy = field.strategy if field else ""
    if isinstance(value, dict) and value and "replace" not in strategy:
        yield from _of_struct(kind, value, path)
    elif isinstance(value, list) and "merge" in strategy and field is not None:
        keys = typetable.LIST_KEYS.get(kind[2:], (field.merge_key,))
        for item in value:
            if isinstance(item, dict) and keys[0] in item:
                step = (*path, f"k:{_json(typetable.names_of(item, keys))}")
                yield (*step, ITEM)
                yield from _of_struct(kind[2:], item, step)
            else:
                yield (*path, f"v:{_json(item)}")
    else:
        yield path


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def value_at(obj: Any, path: Path) -> tuple[bool, Any]:
    """Return whether a field is there, and its value."""
    for step in path:
        if step == ITEM:
            return True, None
        found, obj = _step(obj, step)
        if not found:
            return False, None
    return True, obj


def _step(obj: Any, step: str) -> tuple[bool, Any]:
    sort, _, text = step.partition(":")
    if sort == "f":
        return (text in obj, obj.get(text)) if isinstance(obj, dict) else (False, None)
    for item in obj if isinstance(obj, list) else ():
        wanted = json.loads(text)
        if item == wanted or (sort == "k" and isinstance(item, dict) and wanted.items() <= item.items()):
            return True, item
    return False, None


def remove(obj: Any, path: Path) -> None:
    """Take a field, or an item of a list, away; in place."""
    path = path[:-1] if path[-1] == ITEM else path
    found, parent = value_at(obj, path[:-1])
    there, item = _step(parent, path[-1]) if found else (False, None)
    if there and isinstance(parent, list):
        parent.remove(item)
    elif there:
        del parent[path[-1].partition(":")[2]]


# -- managedFields -------------------------------------------------------------------------------------------


def owners_of(obj: RawObject) -> Owners:
    """Manager -> what it applied."""
    entries = obj["metadata"].get("managedFields") or ()
    return {
        e["manager"]: set(_flat(e.get("fieldsV1") or {}, ()))
        for e in entries
        if e.get("operation") == "Apply"
    }


def _flat(fields: RawObject, path: Path) -> Iterator[Path]:
    for step, inner in fields.items():
        if inner:
            yield from _flat(inner, (*path, step))
        else:
            yield (*path, step)


def entries_of(owners: Owners, api_version: str, before: RawObject, now: str) -> list[RawObject]:
    """``managedFields`` for *owners*; an entry that has not changed keeps its time."""
    known = {e["manager"]: e for e in before.get("metadata", {}).get("managedFields") or ()}
    entries = []
    for manager, paths in sorted(owners.items()):
        fields: RawObject = {}
        for path in sorted(paths):
            place = fields
            for step in path:
                place = place.setdefault(step, {})
        same = known.get(manager, {}).get("fieldsV1") == fields
        stamp = known[manager]["time"] if same else now
        if paths:
            entries.append({"manager": manager, "operation": "Apply", "apiVersion": api_version, "time": stamp,
                            "fieldsType": "FieldsV1", "fieldsV1": fields})  # fmt: skip
    return entries


def after_update(old: RawObject, new: RawObject) -> list[RawObject]:
    """``managedFields`` after a change that was not applied: who applied another value owns the field no more."""
    owners = owners_of(old)
    for paths in owners.values():
        paths -= {path for path in paths if path[-1] != ITEM and value_at(new, path) != value_at(old, path)}
    entries = old["metadata"].get("managedFields") or [{}]
    return entries_of(owners, entries[0].get("apiVersion", ""), old, entries[0].get("time", ""))


def conflicts(
    applied: RawObject, mine: set[Path], live: RawObject, owners: Owners, manager: str
) -> list[tuple[str, Path]]:
    """(manager, field) for each field that somebody else applied with another value."""
    found = []
    for path in sorted(mine):
        there, value = value_at(live, path)
        if path[-1] != ITEM and there and value != value_at(applied, path)[1]:
            found += [
                (other, path) for other, paths in sorted(owners.items()) if other != manager and path in paths
            ]
    return found


def abandoned(owners: Owners, manager: str, mine: set[Path]) -> list[Path]:
    """Return the fields that *manager* gave up and that have no other owner; whole items of lists come first."""
    others = set().union(*(paths for other, paths in owners.items() if other != manager))
    gone = owners.get(manager, set()) - mine - others
    kept = [p for p in gone if p[-1] == ITEM and any(o[: len(p) - 1] == p[:-1] for o in others | mine)]
    return sorted(gone - set(kept), key=lambda path: (path[-1] != ITEM, path))


def shown(path: Path) -> str:
    """Return a field as upstream names it: ``.spec.containers[name="c"].image``."""
    text = ""
    for step in path:
        sort, _, name = step.partition(":")
        if sort == "f":
            text += f".{name}"
        elif sort == "k":
            text += "[" + ",".join(f"{k}={_json(v)}" for k, v in json.loads(name).items()) + "]"
        elif sort == "v":
            text += f"[={name}]"
    return text
