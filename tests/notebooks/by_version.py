"""What pages taught and what they showed on clusters of other versions, as rows; plain functions on kept pages."""

from __future__ import annotations

import hashlib
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
    return [row for page in wanted for row in page_rows(folder, versions, page)] + claim_rows(
        folder, versions
    )


def page_rows(folder: Path, versions: Sequence[str], page: Path) -> list[Row]:
    """Return the facts that the compared cells of one page print."""
    shown = {version: facts(read(folder / version / page.name)) for version in versions}
    return [
        Row(
            f"{short_name(page)}: {key}",
            dict.fromkeys(versions, value),
            {v: shown[v].get(key) for v in versions},
        )
        for key, value in facts(read(page)).items()
    ]


def claim_rows(folder: Path, versions: Sequence[str]) -> list[Row]:
    """Return the statements of all tables on versions: those of pages, and of ``docs/platforms.md``."""
    found = []
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


# ------------------------------------------------------------------------------------------------------ results files

TABLES = "tables"


def digest(page: Path) -> str:
    """Return what a page is known by in a results file: its cells of code, and the facts that it teaches."""
    notebook = read(page)
    text = "\0".join([*(cell.source for cell in code(notebook)), json.dumps(facts(notebook))])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def claims_digest() -> str:
    """Return the same for all statements of tables on versions."""
    said = [claim for page in pages() for claim in claims.claims(read(page))] + claims.document()
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def result(
    version: str, what: str, known_by: str, found: Sequence[Row], stopped: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a line of a results file: one page, or all tables, on one version."""
    words = [row.verdicts()[version] for row in found]
    return {
        "version": version, "page": what, "digest": known_by, "facts": len(found),
        "differs": [row.name for row, word in zip(found, words, strict=True) if word == DIFFERS],
        "not_there": [row.name for row, word in zip(found, words, strict=True) if word == NOT_THERE],
        "stops": list(stopped),
    }  # fmt: skip


def results_table(results: Sequence[dict[str, Any]], digests: dict[str, str]) -> list[str]:
    """
    Return a table of facts as taught of all, page by version, by the newest lines; below it, what was not as taught.

    Args:
        digests: Page, or ``tables`` -> what it is known by now. A line of an older page is marked as such.
    """
    newest = {(line["version"], line["page"]): line for line in results}
    versions = sorted(
        {version for version, _ in newest}, key=lambda text: [int(n) for n in text[1:].split(".")]
    )
    lines = ["| facts as taught | " + " | ".join(versions) + " |", "|---" * (len(versions) + 1) + "|"]
    for page, known_by in digests.items():
        cells = [_cell(newest.get((version, page)), known_by) for version in versions]
        lines.append(f"| {page} | " + " | ".join(cells) + " |")
    sums = []
    for version in versions:
        mine = [line for (of, _), line in newest.items() if of == version]
        every, bad = sum(line["facts"] for line in mine), sum(map(_bad, mine))
        sums.append(f"{every - bad} of {every}")
    lines.append("| all | " + " | ".join(sums) + " |")
    for (version, page), line in sorted(newest.items()):
        lines += [f"{version}: {name}: {DIFFERS}" for name in line["differs"]]
        lines += [f"{version}: {name}: {NOT_THERE}" for name in line["not_there"]]
        lines += [f"{version}: {page}: {stop}" for stop in line["stops"]]
    return lines


def _bad(line: dict[str, Any]) -> int:
    return len(line["differs"]) + len(line["not_there"])


def _cell(line: dict[str, Any] | None, known_by: str) -> str:
    if line is None:
        return "not measured"
    return f"{line['facts'] - _bad(line)} of {line['facts']}" + (
        "" if line["digest"] == known_by else ", older page"
    )
