"""
The types of the Kubernetes API as data: for each struct its fields, with what their Go struct tags say.

``types.json.gz`` is made by ``generate.py`` from the Go modules of the release in ``VERSION``. Nothing here
knows a field by name.
"""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

VERSION = "v1.36.3"
DATA = os.path.join(os.path.dirname(__file__), "data")

SCALARS = frozenset(("string", "bool", "int32", "int64", "int", "uint8", "float64", "interface{}"))


# What names an item of a list to server-side apply where that is more than the merge key of a strategic merge patch, by
# the type of the item; and what a key counts as where an item leaves it out. ``x-kubernetes-list-map-keys`` in the
# OpenAPI documents.
LIST_KEYS = {
    "core/v1.ContainerPort": ("containerPort", "protocol"),
    "core/v1.ServicePort": ("port", "protocol"),
    "core/v1.TopologySpreadConstraint": ("topologyKey", "whenUnsatisfiable"),
}
KEY_DEFAULTS = {"protocol": "TCP"}


class Field:
    """
    One field of a struct.

    ``kind`` is its Go type without a leading pointer (``pointer`` says there was one), with named strings and
    maps resolved; ``go`` is how Go prints the type in errors. ``omit``: 0 always written, 1 omitempty, 2
    omitzero.
    """

    __slots__ = ("go", "kind", "merge_key", "number", "omit", "pointer", "strategy")

    def __init__(self, row: list[Any]) -> None:
        declared: str = row[0]
        self.pointer = declared.startswith("*")
        self.go = go_name(declared.lstrip("*"))
        self.kind = resolve(declared.lstrip("*"))
        self.number: int = row[1]
        self.omit: int = row[2]
        self.strategy: str = row[3] if len(row) > 3 else ""
        self.merge_key: str = row[4] if len(row) > 4 else ""


class _Tables:
    """The loaded data; empty until the first question."""

    structs: dict[str, Any] = {}  # noqa: RUF012 - filled once by _load
    aliases: dict[str, str] = {}  # noqa: RUF012
    leaves: dict[str, str] = {}  # noqa: RUF012
    fields: dict[str, dict[str, Field]] = {}  # noqa: RUF012


def read(name: str) -> Any:
    """Parse one data file by name; ``.gz`` is unpacked."""
    with open(os.path.join(DATA, name), "rb") as file:
        data = file.read()
    return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)


def _load() -> None:
    tables = read("types.json.gz")
    _Tables.structs, _Tables.aliases, _Tables.leaves = tables["structs"], tables["aliases"], tables["leaves"]


def resolve(kind: str) -> str:
    """Return a Go type with its aliases and leaves resolved: ``core/v1.PullPolicy`` -> ``string``."""
    if kind.startswith("[]"):
        return "bytes" if kind == "[]byte" else "[]" + resolve(kind[2:])
    if kind.startswith("map[string]"):
        return "map[string]" + resolve(kind[11:])
    if kind.startswith("*"):
        return resolve(kind[1:])
    if not _Tables.structs:
        _load()
    if kind in _Tables.leaves:
        return _Tables.leaves[kind]
    return resolve(_Tables.aliases[kind]) if kind in _Tables.aliases else kind


def go_name(kind: str) -> str:
    """Return a Go type as reflection prints it: ``[]core/v1.Container`` -> ``[]v1.Container``."""
    head = len(kind) - len(kind.lstrip("[]*"))
    if kind.startswith("map[string]"):
        return "map[string]" + go_name(kind[11:])
    return kind[:head] + kind[head:].rsplit("/", 1)[-1]


def is_struct(kind: str) -> bool:
    """True when *kind* names a struct of the tables."""
    if not _Tables.structs:
        _load()
    return kind in _Tables.structs


def fields(kind: str) -> dict[str, Field]:
    """Return the fields of a struct by JSON name, inlined structs included, in Go's order."""
    known = _Tables.fields.get(kind)
    if known is None:
        if not _Tables.structs:
            _load()
        struct = _Tables.structs[kind]
        known = {name: Field(row) for name, row in struct["f"].items()}
        for _, inner in struct["i"]:
            known.update(fields(inner))
        _Tables.fields[kind] = known
    return known


def names_of(item: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return what names an item of a list: its keys with their values."""
    return {key: item.get(key, KEY_DEFAULTS.get(key)) for key in keys}


def inlined(kind: str) -> dict[int, str]:
    """Inlined structs by protobuf number: protobuf nests what JSON flattens."""
    fields(kind)
    return {number: inner for number, inner in _Tables.structs[kind]["i"] if number}


def numbered(kind: str) -> dict[int, tuple[str, Field]]:
    """Return the fields that a struct declares itself, by protobuf number."""
    table = fields(kind)
    return {row[1]: (name, table[name]) for name, row in _Tables.structs[kind]["f"].items() if row[1]}
