"""
Read protobuf request bodies by the field numbers of the type table.

kubectl sends ``create namespace``, ``create configmap`` and others in protobuf whatever the server says it
accepts. Only the wire format is code here; which number is which field comes from the struct tags
(``schema.typetable``). The result is plain data as JSON would have carried it, so everything after it is the
same for both.

Source: developers' description of the envelope, ``k8s\\0`` followed by runtime.Unknown; wire format of
    protobuf 2.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from podlab.embedded.api.resources import kinds
from podlab.embedded.schema import typetable

MAGIC = b"k8s\x00"
MAX_DEPTH = 60
# API versions of which no resource is served, though requests carry their kinds.
PACKAGES = {"policy/v1": "policy/v1", "autoscaling/v1": "autoscaling/v1", "meta.k8s.io/v1": "meta/v1"}


class ProtobufError(ValueError):
    """The bytes are not what their field numbers promise."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ProtobufError("a number is cut short")


def records(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Return the fields of one message as (number, value): an int for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"wire type {wire}")
        if at + size > len(data):
            raise ProtobufError("a field is cut short")
        yield number, data[at : at + size]
        at += size


def decode_unknown(data: bytes) -> dict[str, Any]:
    """
    Decode an object in its envelope.

    Raises:
        ProtobufError: If it is malformed, or of a kind that is not served.
    """
    if not data.startswith(MAGIC):
        raise ProtobufError("the prefix k8s\\0 is missing")
    envelope = dict(records(data[4:]))
    names = dict(records(_bytes(envelope.get(1, b""))))
    api_version, kind = _text(names.get(1, b"")), _text(names.get(2, b""))
    struct = _struct(api_version, kind)
    if not typetable.is_struct(struct):
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    body = decode(struct, _bytes(envelope.get(2, b"")))
    return {"kind": kind, "apiVersion": api_version, **body}


def _struct(api_version: str, kind: str) -> str:
    """Return the struct of a kind, which may not exist: ``rbac.authorization.k8s.io/v1``, Role -> ``rbac/v1.Role``."""
    if kind == "DeleteOptions":
        return "meta/v1.DeleteOptions"
    served = {one.api_version: one.type.rpartition(".")[0] for one in kinds().values()}
    return f"{served.get(api_version) or PACKAGES.get(api_version)}.{kind}"


def decode(kind: str, data: bytes, depth: int = 0) -> dict[str, Any]:
    """Decode one message of the struct *kind*."""
    if depth > MAX_DEPTH:
        raise ProtobufError("nested too deep")
    numbers, inner = typetable.numbered(kind), typetable.inlined(kind)
    found: dict[str, Any] = {}
    for number, raw in records(data):
        if number in inner:
            found.update(decode(inner[number], _bytes(raw), depth + 1))
        elif number in numbers:
            name, field = numbers[number]
            _put(found, name, field.kind, raw, depth)
    return found


def _put(found: dict[str, Any], name: str, kind: str, raw: int | bytes, depth: int) -> None:
    if kind.startswith("[]"):
        found.setdefault(name, []).extend(_items(kind[2:], raw, depth))
    elif kind.startswith("map["):
        entry = dict(records(_bytes(raw)))
        default: int | bytes = b""
        found.setdefault(name, {})[_text(entry.get(1, b""))] = _one(kind[11:], entry.get(2, default), depth)
    else:
        found[name] = _one(kind, raw, depth)


def _items(kind: str, raw: int | bytes, depth: int) -> list[Any]:
    if kind.startswith("int") and isinstance(raw, bytes):  # packed
        values, at = [], 0
        while at < len(raw):
            value, at = _varint(raw, at)
            values.append(_one(kind, value, depth))
        return values
    return [_one(kind, raw, depth)]


def _one(kind: str, raw: int | bytes, depth: int) -> Any:  # noqa: PLR0911 - one per leaf kind
    if kind == "string":
        return _text(raw)
    if kind == "bool":
        return bool(raw)
    if kind.startswith(("int", "uint")) and kind != "intorstring":
        value = raw if isinstance(raw, int) else 0
        return value - 2**64 if value >= 2**63 else value
    if kind == "bytes":
        return base64.b64encode(_bytes(raw)).decode()
    if kind in _LEAVES:
        return _LEAVES[kind](dict(records(_bytes(raw))))
    if kind.startswith("[]"):  # a named list such as ExtraValue is a message holding the items
        return [_one(kind[2:], value, depth) for _, value in records(_bytes(raw))]
    if typetable.is_struct(kind):
        return decode(kind, _bytes(raw), depth + 1)
    return None


def _time(parts: dict[int, int | bytes]) -> str | None:
    """Return an instant of the years 1 to 9999; None for Go's zero time, a message without fields."""
    seconds = parts.get(1)
    if not isinstance(seconds, int):
        return None
    try:
        at = datetime(1970, 1, 1) + timedelta(seconds=seconds - 2**64 if seconds >= 2**63 else seconds)
    except OverflowError:
        return None
    return f"{at.isoformat()}Z"


def _micro_time(parts: dict[int, int | bytes]) -> str | None:
    whole, nanos = _time(parts), parts.get(2, 0)
    return f"{whole[:-1]}.{int(nanos) // 1000:06d}Z" if whole and isinstance(nanos, int) else None


def _int_or_string(parts: dict[int, int | bytes]) -> int | str:
    if parts.get(1, 0) == 1:
        return _text(parts.get(3, b""))
    value = parts.get(2, 0)
    number = value if isinstance(value, int) else 0
    return number - 2**64 if number >= 2**63 else number


_LEAVES: dict[str, Any] = {
    "quantity": lambda parts: _text(parts.get(1, b"0")),
    "time": _time,
    "microtime": _micro_time,
    "intorstring": _int_or_string,
    "raw": lambda parts: None,
    "duration": lambda parts: parts.get(1, 0),
}


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ProtobufError("a number stands where bytes belong")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise ProtobufError("a text is not UTF-8") from None
