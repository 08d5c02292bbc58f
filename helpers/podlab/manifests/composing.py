"""
Builds plain objects from the events of libyaml, one document at a time, and remembers the line of each field.

Our own composer, because PyYAML's recurses (a deep text ends it), accepts duplicate keys in silence, and
does not limit what aliases expand to: 324 bytes can stand for millions of nodes. Here each node is counted
as often as aliases repeat it, before anything is expanded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from podlab.manifests import confusables, scalars

MAX_DEPTH = 100
MAX_NODES = 100_000  # of one document, aliases expanded; the largest lesson has about 300


class RefusedDocument(Exception):  # noqa: N818  (never leaves this package)
    """A document that is not read further; *line* counts from 0 within the document."""

    def __init__(self, line: int, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.line, self.text, self.hint = line, text, hint


@dataclass(slots=True)
class Composed:
    """A value with the line of each part: what ``lines_of`` walks."""

    value: Any
    line: int
    size: int = 1
    children: dict[str | int, Composed] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    merged: bool = False


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is being filled."""

    node: Composed
    anchor: str | None
    mapping: bool
    key: str | None = None
    key_line: int = 0
    waiting: bool = False  # a key was read, its value comes next
    merges: list[Composed] = field(default_factory=list)


class Composer:
    """Composes one document; ``duplicates`` gathers keys given twice, which do not stop the reading."""

    def __init__(self) -> None:
        self.duplicates: list[tuple[int, str]] = []
        self._anchors: dict[str, Composed] = {}
        self._open: list[_Open] = []
        self._open_anchors: set[str] = set()
        self._count = 0
        self.root: Composed | None = None

    def feed(self, event: Any) -> None:
        """Take one event of ``yaml.parse``; raises RefusedDocument for what cannot be allowed."""
        import yaml

        line = event.start_mark.line
        if isinstance(event, yaml.ScalarEvent):
            self._place(self._scalar(event, line), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._alias(str(event.anchor), line), None)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._start(event, line, isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _start(self, event: Any, line: int, mapping: bool) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise RefusedDocument(
                line, f"nested deeper than {MAX_DEPTH} levels", "close a bracket, or split the manifest"
            )
        if self._open and self._open[-1].mapping and not self._open[-1].waiting:
            raise RefusedDocument(line, "a key must be a word, not a mapping or a list")
        if event.tag and event.tag not in {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"}:
            raise RefusedDocument(line, f"the tag {event.tag} is not allowed in a manifest", "remove it")
        if event.anchor:
            self._open_anchors.add(event.anchor)
        self._open.append(_Open(Composed({} if mapping else [], line), event.anchor, mapping))

    def _end(self) -> None:
        done = self._open.pop()
        node = done.node
        # The mapping's own keys win over merged ones, the first merge over later ones.
        for source in done.merges:
            for key, child in source.children.items():
                if key not in node.children:
                    node.children[key], node.value[key] = child, child.value
        node.size = 1 + sum(child.size for child in node.children.values())
        self._check(node.size, node.line)
        if done.anchor:
            self._open_anchors.discard(done.anchor)
        self._place(node, done.anchor)

    def _place(self, node: Composed, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if not parent.mapping:
            parent.node.children[len(parent.node.value)] = node
            parent.node.value.append(node.value)
        elif parent.waiting:
            self._fill(parent, node)
        else:
            parent.key, parent.key_line, parent.waiting = self._key(node), node.line, True

    def _fill(self, parent: _Open, node: Composed) -> None:
        key, parent.waiting = str(parent.key), False
        if key == "<<":
            parent.merges += self._merge(node, parent.key_line)
            return
        if key in parent.node.children:
            self.duplicates.append((parent.key_line, key))
        parent.node.children[key], parent.node.value[key] = node, node.value
        parent.node.key_lines[key] = parent.key_line

    @staticmethod
    def _merge(node: Composed, line: int) -> list[Composed]:
        parts = list(node.children.values()) if isinstance(node.value, list) else [node]
        if not all(isinstance(part.value, dict) for part in parts):
            raise RefusedDocument(line, '"<<" merges mappings only')
        return parts

    @staticmethod
    def _key(node: Composed) -> str:
        value = node.value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            if confusables.surround(str(value)):
                raise RefusedDocument(
                    node.line, "a key begins or ends with a character that only looks like a blank"
                )
            if hidden := confusables.in_key(str(value)):
                raise RefusedDocument(
                    node.line, f"a key holds {hidden}", "write it again; it came with the copied text"
                )
            return str(value)
        raise RefusedDocument(node.line, "a key must be a word, not a mapping, a list or null")

    def _scalar(self, event: Any, line: int) -> Composed:
        self._count += 1
        self._check(self._count, line)
        try:
            if event.tag and event.tag != "!":
                return Composed(scalars.tagged(event.tag, event.value), line, _weight(event.value))
        except ValueError as error:
            raise RefusedDocument(line, str(error)) from error
        value = scalars.plain(event.value) if event.implicit[0] else event.value
        if isinstance(value, float) and not math.isfinite(value):
            raise RefusedDocument(
                line, f"{event.value} is a number that JSON does not have", "put it in quotes if it is text"
            )
        return Composed(value, line, _weight(event.value))

    def _alias(self, name: str, line: int) -> Composed:
        if name in self._open_anchors:
            raise RefusedDocument(line, f"the alias *{name} stands inside of what it names")
        if name not in self._anchors:
            raise RefusedDocument(line, f"the alias *{name} names nothing above it")
        target = self._anchors[name]
        self._check(target.size, line)
        return target

    @staticmethod
    def _check(nodes: int, line: int) -> None:
        if nodes > MAX_NODES:
            raise RefusedDocument(
                line,
                f"the document stands for more than {MAX_NODES:,} values, each alias counted anew",
                "write the parts out, or split the manifest",
            )


def _weight(text: str) -> int:
    # A long text counts for more: 90,000 aliases of one 10 kB word are a bomb as well.
    return 1 + len(text) // 32


def lines_of(root: Composed) -> dict[str, int]:
    """Return field path to line (from 0) for every field of *root*; paths as upstream writes them."""
    lines = {"": root.line}
    stack: list[tuple[str, Composed]] = [("", root)]
    while stack:
        path, node = stack.pop()
        for key, child in node.children.items():
            if isinstance(key, int):
                below, line = f"{path}[{key}]", child.line
            else:
                below = f"{path}.{key}" if path else key
                line = node.key_lines.get(key, child.line)
            lines[below] = line
            stack.append((below, child))
    return lines
