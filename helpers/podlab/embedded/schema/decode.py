"""
Decode an object the way the API server does: through the Go types.

What goes in is parsed JSON; what comes out is what Go would write after reading it: unknown fields gone,
nulls and empty values gone where the struct tag says ``omitempty``, present with their zero value where it
does not, quantities in canonical form, fields in Go's order. Wrong types raise with Go's own words; unknown
and duplicate fields are collected for field validation.

Cost is bounded by the input: each node is visited once, and depth by ``MAX_DEPTH``.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from podlab.embedded.schema import typetable
from podlab.embedded.schema.typetable import Field
from podlab.pods import quantity

MAX_DEPTH = 200
MAX_STRICT = 100  # upstream keeps as many
TIME = re.compile(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([.,]\d+)?(Z|[+-]\d\d:\d\d)$")
RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
}


class DecodeError(ValueError):
    """The object does not fit its type; the text is what Go's decoder says."""


class Pairs(dict[str, Any]):
    """A JSON object in which some key stood twice; ``order`` holds all keys as written. The last value counts."""

    order: tuple[str, ...] = ()


def pairs_hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads(object_pairs_hook=…)``: remember duplicate keys."""
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    doubled = Pairs(plain)
    doubled.order = tuple(key for key, _ in pairs)
    return doubled


def json_word(value: Any) -> str:
    """Return what Go's decoder calls the JSON type of a value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


class Decoder:
    """One pass over one object; ``strict`` holds what field validation has to say."""

    def __init__(self) -> None:
        self.strict: list[str] = []

    def struct(
        self, kind: str, value: dict[str, Any], path: str, go_path: str, depth: int = 0
    ) -> dict[str, Any]:
        """Decode one struct. ``path`` is for strict errors, ``go_path`` for type errors."""
        if depth > MAX_DEPTH:
            raise DecodeError("exceeded max depth")
        table = typetable.fields(kind)
        read: dict[str, Any] = {}
        seen: set[str] = set()
        for name in getattr(value, "order", value):  # as written: complaints come in the order of the text
            raw, field, step = value[name], table.get(name), f"{path}.{name}" if path else name
            if name in seen:
                self._complain("duplicate", step)
                continue
            seen.add(name)
            if field is None:
                self._complain("unknown", step)
            elif raw is not None:
                go_step = f"{go_path}.{name}" if go_path else name
                read[name] = self._value(field.kind, field.go, raw, step, go_step, kind, depth + 1)
        return {
            name: kept for name, field in table.items() if (kept := _kept(field, read, name)) is not _GONE
        }

    def _complain(self, what: str, path: str) -> None:
        text = f'{what} field "{path}"'
        if len(self.strict) < MAX_STRICT and text not in self.strict:
            self.strict.append(text)

    def _value(self, kind: str, go: str, raw: Any, path: str, go_path: str, owner: str, depth: int) -> Any:
        if kind.startswith("[]"):
            if not isinstance(raw, list):
                raise _mismatch(json_word(raw), owner, go_path, go)
            inner, inner_go = kind[2:], go[2:] if go.startswith("[]") else kind[2:]
            return [
                self._value(inner, inner_go, _zero_of(inner) if item is None else item, f"{path}[{i}]",
                go_path,
                            owner, depth + 1)
                for i, item in enumerate(raw)
            ]  # fmt: skip
        if kind.startswith("map["):
            return self._map(kind, go, raw, path, go_path, owner, depth)
        if typetable.is_struct(kind):
            if not isinstance(raw, dict):
                raise _mismatch(json_word(raw), owner, go_path, go)
            return self.struct(kind, raw, path, go_path, depth)
        return _leaf(kind, go, raw, owner, go_path)

    def _map(self, kind: str, go: str, raw: Any, path: str, go_path: str, owner: str, depth: int) -> Any:
        if not isinstance(raw, dict):
            raise _mismatch(json_word(raw), owner, go_path, go)
        seen: set[str] = set()
        for name in getattr(raw, "order", ()):
            if name in seen:
                self._complain("duplicate", f"{path}.{name}")
            seen.add(name)
        inner = kind[11:]
        inner_go = go[11:] if go.startswith("map[") else inner
        return {
            key: self._value(inner, inner_go, _zero_in_map(inner) if item is None else item, f"{path}.{key}",
                             go_path, owner, depth + 1)
            for key, item in sorted(raw.items())
        }  # fmt: skip


class _Gone:
    """Marks a field that is left out."""


_GONE = _Gone()


def _kept(field: Field, read: dict[str, Any], name: str) -> Any:
    """The value to write for a field, or ``_GONE``: Go's omitempty and omitzero."""
    struct = typetable.is_struct(field.kind)
    if name in read:
        value = read[name]
        if field.omit and not field.pointer and not struct and value in ("", 0, False, [], {}, None):
            return _GONE
        return value
    if field.omit == 2 or (field.omit and (field.pointer or not (struct or field.kind in _NEVER_EMPTY))):
        return _GONE
    if field.pointer or field.kind.startswith(("[]", "map[")) or field.kind == "bytes":
        return None
    return _zero_of(field.kind)


_NEVER_EMPTY = frozenset(
    ("time", "microtime", "quantity", "intorstring", "raw")
)  # structs to Go: no omitempty


def _zero_in_map(kind: str) -> Any:
    """Return what ``null`` means as a value of a map: for bytes an empty value, once it was stored."""
    return "" if kind == "bytes" else _zero_of(kind)


def _zero_of(kind: str) -> Any:
    if typetable.is_struct(kind):
        return Decoder().struct(kind, {}, "", "")
    zeros: dict[str, Any] = {"string": "", "bool": False, "quantity": "0", "intorstring": 0}
    if kind.startswith("int"):
        return zeros.get(kind, 0)
    return zeros.get(kind)


def _mismatch(value: str, owner: str, go_path: str, go: str) -> DecodeError:
    name = owner.rsplit(".", 1)[-1]
    return DecodeError(f"json: cannot unmarshal {value} into Go struct field {name}.{go_path} of type {go}")


def _leaf(kind: str, go: str, raw: Any, owner: str, go_path: str) -> Any:  # noqa: PLR0911 - one per leaf kind
    if kind in RANGES:
        return _integer(kind, go, raw, owner, go_path)
    if kind == "string":
        if not isinstance(raw, str):
            raise _mismatch(json_word(raw), owner, go_path, go)
        return raw
    if kind == "bool":
        if not isinstance(raw, bool):
            raise _mismatch(json_word(raw), owner, go_path, go)
        return raw
    if kind == "quantity":
        return _quantity(raw)
    if kind in ("time", "microtime"):
        return _time(raw, micro=kind == "microtime")
    if kind == "intorstring":
        if isinstance(raw, str) or (isinstance(raw, int) and not isinstance(raw, bool)):
            return raw
        raise DecodeError(f"json: cannot unmarshal {json_word(raw)} into Go value of type int32")
    if kind == "bytes":
        return _bytes(raw, owner, go_path)
    return raw


def _integer(kind: str, go: str, raw: Any, owner: str, go_path: str) -> int:
    low, high = RANGES[kind]
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _mismatch(json_word(raw), owner, go_path, go)
    if isinstance(raw, float) or not low <= raw <= high:
        raise _mismatch(f"number {raw}", owner, go_path, go)
    return raw


def _quantity(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise DecodeError(quantity.WRONG)
    try:
        return quantity.canonical(str(raw))
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _time(raw: Any, *, micro: bool) -> str | None:
    if not isinstance(raw, str):
        raise DecodeError(f"json: cannot unmarshal {json_word(raw)} into Go value of type string")
    match = TIME.match(raw)
    if match is None:
        head = f'parsing time "{raw}" as "2006-01-02T15:04:05{".000000" if micro else ""}Z07:00"'
        raise DecodeError(f'{head}: cannot parse "{raw}" as "2006"')
    if match[8] != "Z":
        raw = _utc(raw, match)
        match = TIME.match(raw) or match
    fraction = (match[7] or ".")[1:]
    return f"{raw[:19]}.{fraction[:6]:0<6}Z" if micro else f"{raw[:19]}Z"


def _utc(raw: str, match: re.Match[str]) -> str:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(raw).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DecodeError(f'parsing time "{raw}": {error}') from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (match[7] or "") + "Z"


def _bytes(raw: Any, owner: str, go_path: str) -> str:
    if not isinstance(raw, str):
        raise _mismatch(json_word(raw), owner, go_path, "[]uint8")
    try:
        return base64.b64encode(base64.b64decode(raw, validate=True)).decode()
    except (binascii.Error, ValueError):
        good = re.match(r"[A-Za-z0-9+/]*", raw)
        at = min(len(good[0]) if good else 0, len(raw))
        raise DecodeError(f"illegal base64 data at input byte {at}") from None


def decode(kind: str, raw: Any) -> tuple[dict[str, Any], list[str]]:
    """
    Decode *raw* as the struct *kind* (``core/v1.Pod``).

    Returns:
        The object as Go would write it, and the strict errors in the order they were met.

    Raises:
        DecodeError: With Go's text, without upstream's frame around it.
    """
    if not isinstance(raw, dict):
        go = typetable.go_name(kind)
        raise DecodeError(f"json: cannot unmarshal {json_word(raw)} into Go value of type {go}")
    decoder = Decoder()
    return decoder.struct(kind, raw, "", ""), decoder.strict
