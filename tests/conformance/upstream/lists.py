"""
What is asked of the cluster: three lists of specs for each suite.

    lists/SUITE-pass.txt        must pass; the whole name of a spec on each line
    lists/SUITE-cannot.toml     asked, and cannot: by reason, with how such a spec ends (``failed`` or ``skipped``)
    lists/left-out.toml         not asked: patterns with the reason; the first that matches a name counts

Every spec of a binary is in one of them; `problems` says which is not. Both binaries hold the specs that are common
to all clusters: those are asked in the node suite alone. Lists hold for one version of Kubernetes, whose specs never
change.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "lists"
ENDS = ("failed", "skipped")


@dataclass(frozen=True)
class Cannot:
    """Why a spec is not passed, and how it ends here."""

    reason: str
    ends: str


@dataclass(frozen=True)
class Lists:
    """The lists of one suite."""

    must_pass: frozenset[str]
    cannot: Mapping[str, Cannot]

    @property
    def asked(self) -> list[str]:
        """All specs that are run, sorted."""
        return sorted({*self.must_pass, *self.cannot})


def load(suite: str, folder: Path = FOLDER) -> Lists:
    """
    Read the lists of *suite*.

    Raises:
        ValueError: A spec is listed twice, a reason is missing, or an end is unknown.
    """
    lines = (folder / f"{suite}-pass.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    cannot: dict[str, Cannot] = {}
    for entry in tomllib.loads((folder / f"{suite}-cannot.toml").read_text(encoding="utf-8")).get(
        "cannot", ()
    ):
        if not entry["reason"].strip() or entry["ends"] not in ENDS:
            raise ValueError(
                f"{suite}-cannot.toml: an entry lacks a reason, or ends otherwise than {ENDS}: {entry}"
            )
        names += entry["specs"]
        cannot |= {name: Cannot(entry["reason"], entry["ends"]) for name in entry["specs"]}
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"the lists of {suite} name specs twice: {twice}")
    return Lists(frozenset(names) - set(cannot), cannot)


def left_out(
    suite: str, folder: Path = FOLDER, *, for_good: bool = False
) -> list[tuple[re.Pattern[str], str]]:
    """
    Read the patterns of specs that are not asked, each with its reason, in the order of the file.

    Args:
        for_good: Without those marked ``later``, which are to be run and listed.
    """
    raw = tomllib.loads((folder / "left-out.toml").read_text(encoding="utf-8"))
    rows = [*raw.get("both", ()), *raw.get(suite, ())]
    kept = [row for row in rows if not (for_good and row.get("later"))]
    return [(re.compile(pattern), row["reason"]) for row in kept for pattern in row["patterns"]]


def asked_before(suite: str, folder: Path = FOLDER) -> frozenset[str]:
    """Return the specs that the suite before this one is asked."""
    return frozenset(load("node", folder).asked) if suite == "e2e" else frozenset()


def reasons(
    names: Iterable[str], asked: Collection[str], patterns: list[tuple[re.Pattern[str], str]]
) -> Counter[str]:
    """Count the specs that are not asked, by reason; ``""`` counts those without one."""
    found: Counter[str] = Counter()
    for name in set(names) - set(asked):
        found[next((reason for pattern, reason in patterns if pattern.search(name)), "")] += 1
    return found


def problems(names: Collection[str], lists: Lists, patterns: list[tuple[re.Pattern[str], str]]) -> list[str]:
    """Say which listed specs the binary lacks, and which of its specs no list explains."""
    lines = [f"the binary has no such spec: {name}" for name in lists.asked if name not in names]
    for name in sorted(set(names) - set(lists.asked)):
        if not any(pattern.search(name) for pattern, _ in patterns):
            lines.append(f"neither asked nor left out with a reason: {name}")
    return lines


def focus(description: str, names: Collection[str]) -> list[str]:
    """
    Return ginkgo's ``--focus`` for exactly *names*, in pieces that fit on a command line.

    Args:
        description: Of the suite; ginkgo puts it before each name.
    """
    pieces: list[str] = []
    chosen = sorted(names)
    for start in range(0, len(chosen), 200):
        words = "|".join(_escaped(name) for name in chosen[start : start + 200])
        pieces.append(f"--focus=^{_escaped(description)} (?:{words})$")
    return pieces


def _escaped(text: str) -> str:
    """Escape what means something to Go's regular expressions; `re.escape` would escape spaces too."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)
