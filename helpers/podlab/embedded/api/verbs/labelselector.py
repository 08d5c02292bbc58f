"""
Label selectors as text, ``app=web,tier in (a,b),!old``: read token by token, refused in upstream's words.

Source: apimachinery/pkg/labels/selector.go at v1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from podlab.embedded.fault import bad_request
from podlab.embedded.schema import formats

Labels = dict[str, str]
Requirement = Callable[[Labels], bool]

_TOKEN = re.compile(r"[ \t\r\n]*(?:([=!<>(),]+)|([^=!<>(), \t\r\n]+))?")
_SYMBOLS = ("==", "!=", "=", "!", "<", ">", "(", ")", ",")
_WORDS = ("in", "notin")
_OPERATORS = ("=", "==", "!=", ">", "<", *_WORDS)
_END = ""
_IN_WORDS = "in, notin, =, ==, !=, gt, lt"


def parse(selector: str) -> list[Requirement]:
    """
    Return the requirements of a selector.

    Raises:
        StatusError: 400, when it cannot be read.
    """
    reader = _Reader(selector)
    found: list[Requirement] = []
    while True:
        if reader.peek() == _END and reader.at_end:
            return found
        if not reader.is_identifier() and reader.peek() != "!":
            raise bad_request(f"found '{reader.peek()}', expected: !, identifier, or 'end of string'")
        try:
            found.append(_requirement(reader))
        except _UnreadableError as error:
            raise bad_request(f"unable to parse requirement: {error}") from None
        if reader.at_end:
            return found
        if (token := reader.take()) != ",":
            raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
        if not reader.is_identifier() and reader.peek() != "!":
            raise bad_request(f"found '{reader.peek()}', expected: identifier after ','")


class _UnreadableError(Exception):
    """A fault of one requirement."""


class _Reader:
    """The tokens of a selector; the end is an empty one."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0

    @property
    def at_end(self) -> bool:
        return self._place >= len(self._tokens)

    def peek(self) -> str:
        return _END if self.at_end else self._tokens[self._place]

    def take(self) -> str:
        token = self.peek()
        self._place += 1
        return token

    def is_identifier(self) -> bool:
        """True for a name; ``in`` and ``notin`` are names too where no operator can stand."""
        return not self.at_end and self.peek()[0] not in "=!<>(),"


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for match in _TOKEN.finditer(text.partition("\0")[0]):
        if match[2]:
            found.append(match[2])
        rest = match[1] or ""
        while rest:
            token = next(symbol for symbol in _SYMBOLS if rest.startswith(symbol))
            found.append(token)
            rest = rest[len(token) :]
    return found


def _requirement(reader: _Reader) -> Requirement:
    absent = reader.peek() == "!" and bool(reader.take())
    if not reader.is_identifier():
        raise _UnreadableError(f"found '{reader.peek()}', expected: identifier")
    key = reader.take()
    if faults := formats.qualified(key):
        raise _UnreadableError(f'<nil>: Invalid value: "{key}": {"; ".join(faults)}')
    if absent or reader.at_end or reader.peek() == ",":
        return lambda labels: (key not in labels) is absent
    operator = reader.take()
    if operator not in _OPERATORS:
        raise _UnreadableError(f"found '{operator}', expected: {_IN_WORDS}")
    values = _values(reader) if operator in _WORDS else [_value(reader)]
    _check_values(key, operator, values)
    return _test(key, operator, values)


def _values(reader: _Reader) -> list[str]:
    if (token := reader.take()) != "(":
        raise _UnreadableError(f"found '{token}' expected: '('")
    if reader.peek() not in (")", ",") and not reader.is_identifier():
        raise _UnreadableError(f"found '{reader.peek()}', expected: ',', ')' or identifier")
    found = {""} if reader.peek() in (")", ",") else set()
    while (token := reader.peek()) != ")":
        if token == ",":
            reader.take()
            if reader.peek() in (")", ","):
                found.add("")
        elif reader.is_identifier():
            found.add(reader.take())
            if reader.peek() not in (",", ")"):
                raise _UnreadableError(f"found '{reader.peek()}', expected: ',' or ')'")
        else:
            raise _UnreadableError(f"found '{token}', expected: ',', or identifier")
    reader.take()
    return sorted(found)


def _value(reader: _Reader) -> str:
    if reader.at_end or reader.peek() == ",":
        return ""
    if not reader.is_identifier():
        raise _UnreadableError(f"found '{reader.peek()}', expected: identifier")
    return reader.take()


def _check_values(key: str, operator: str, values: list[str]) -> None:
    faults = []
    for place, value in enumerate(values):
        if operator in ("<", ">") and not _is_number(value):
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            faults.append(f'values[{place}]: Invalid value: "{value}": {why}')
    for place, value in enumerate(values):
        if why_not := formats.label_value(value):
            faults.append(f'values[{place}][{key}]: Invalid value: "{value}": {"; ".join(why_not)}')
    if faults:
        raise _UnreadableError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")


def _test(key: str, operator: str, values: list[str]) -> Requirement:
    if operator in ("=", "==", "in"):
        return lambda labels: labels.get(key) in values
    if operator in ("!=", "notin"):
        return lambda labels: labels.get(key) not in values
    bound = int(values[0])
    if operator == ">":
        return lambda labels: _is_number(labels.get(key)) and int(labels[key]) > bound
    return lambda labels: _is_number(labels.get(key)) and int(labels[key]) < bound


def _is_number(text: Any) -> bool:
    """Return an int64 in decimal, as strconv.ParseInt reads it."""
    return bool(text and re.fullmatch(r"[+-]?[0-9]{1,63}", text)) and -(2**63) <= int(text) < 2**63
