"""What pages taught and what they showed on clusters of other versions, as rows; plain functions on kept pages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import claims
from pages import FOLDER, code, pages, read, tags

AS_TAUGHT, DIFFERS, NOT_THERE = "as taught", "differs", "not there"
ANSWERS = "claims.json"
_ROUND = re.compile(r"lab\.facts\(\s*\"([^\"]+)\"")


class Row(NamedTuple):
    """
    One fact.

    Attributes:
        name: Page, round and label: ``01: 1.7 phases``.
        taught: What the pages say of each version.
        shown: What a cluster of each version showed; None where it showed nothing.
    """

    name: str
    taught: dict[str, str]
    shown: dict[str, str | None]

    def verdicts(self) -> dict[str, str]:
        """Return for each version ``as taught``, ``differs`` or ``not there``."""
        return {version: self._verdict(version) for version in self.taught}

    def _verdict(self, version: str) -> str:
        if self.shown[version] is None:
            return NOT_THERE
        return AS_TAUGHT if self.shown[version] == self.taught[version] else DIFFERS


def facts(notebook: Any) -> dict[str, str]:
    """Return what the compared cells print with ``lab.facts``: ``"1.7 phases"`` to ``"Failed, Failed"``."""
    found: dict[str, str] = {}
    for cell in code(notebook):
        asked = _ROUND.search(cell.source)
        if asked is None or "nbval-check-output" not in tags(cell):
            continue
        for line in printed(cell).splitlines():
            label, _, value = line.partition("  ")
            key = f"{asked[1]} {label}"
            while key in found:
                key += " (again)"
            found[key] = value.strip()
    return found


def printed(cell: Any) -> str:
    """Return what a cell wrote to its standard output."""
    streams = [each for each in cell.outputs if each.output_type == "stream"]
    return "".join(each.text for each in streams if each.name == "stdout")


def stops(notebook: Any) -> list[str]:
    """Return the errors that no cell announced, each as its cell, kind and first line."""
    return [
        f"cell {cell.id}: {each.ename}: {str(each.evalue).partition(chr(10))[0]}"
        for cell in code(notebook)
        for each in cell.outputs
        if each.output_type == "error" and "raises-exception" not in tags(cell)
    ]


def short_name(page: Path) -> str:
    """Return ``03`` for a page of the course, ``lab-12`` for one of a lab."""
    return page.stem[:2] if page.parent == FOLDER else f"lab-{page.stem[:2]}"


def minor(version: str) -> int:
    """Return 35 for ``v1.35.4``."""
    return int(version.split(".")[1])


def rows(folder: Path, versions: Sequence[str], wanted: Sequence[Path]) -> list[Row]:
    """Return the facts of the *wanted* pages, and all statements of tables, with what *folder* keeps of *versions*."""
    found = []
    for page in wanted:
        shown = {version: facts(read(folder / version / page.name)) for version in versions}
        for key, value in facts(read(page)).items():
            name = f"{short_name(page)}: {key}"
            got = {version: shown[version].get(key) for version in versions}
            found.append(Row(name, dict.fromkeys(versions, value), got))
    answers = {version: json.loads((folder / version / ANSWERS).read_text("utf-8")) for version in versions}
    for page in pages():
        for claim in claims.claims(read(page)):
            taught = {version: claims.short(claim.of(minor(version))) for version in versions}
            got = {version: answers[version].get(claim.column) for version in versions}
            found.append(Row(f"{short_name(page)}: {claim.column}", taught, got))
    for claim in claims.document():
        taught = {version: claim.of(minor(version)) for version in versions}
        got = {version: answers[version].get(claim.column) for version in versions}
        found.append(Row(f"{claims.DOCUMENT.name}: {claim.column}", taught, got))
    return found


def table(found: Sequence[Row], versions: Sequence[str], *, every: bool = False) -> list[str]:
    """Return the lines of a table, fact by version; only facts that are not as taught, unless *every* is asked for."""
    width = max((len(row.name) for row in found), default=0)
    lines = [f"{'fact':<{width}}  " + "  ".join(f"{version:<9}" for version in versions)]
    for row in found:
        verdicts = row.verdicts()
        if every or set(verdicts.values()) != {AS_TAUGHT}:
            lines.append(f"{row.name:<{width}}  " + "  ".join(f"{verdicts[v]:<9}" for v in versions))
        lines += [
            f"    {version}: taught {row.taught[version]!r}, shown {row.shown[version]!r}"
            for version in versions
            if verdicts[version] == DIFFERS
        ]
    return lines


def sums(found: Sequence[Row], versions: Sequence[str]) -> list[str]:
    """Return for each version how many facts are as taught, differ, or are not there."""
    lines = []
    for version in versions:
        words = [row.verdicts()[version] for row in found]
        counts = ", ".join(f"{words.count(word)} {word}" for word in (AS_TAUGHT, DIFFERS, NOT_THERE))
        lines.append(f"{version}: {len(found)} facts: {counts}")
    return lines
