"""
Holds an exercise against its own answers: right ones, mistakes, shortcuts, the empty cell and the starter.

The first lines of an answer file say what it must get, as a comment:

    # earns 2; says "shipper was not started again"; hint 2
    # refused "container shipper is missing"
    # needs 1.36                       (only on servers of that version or newer; before: 0)
    # earns 5; takes 31 s              (by itself, beside the play: a kubelet's pauses before what fails runs again)

``{{name}}`` in an answer is a value of the variant, or one that ``answers/values.py`` works out of them: a right answer
must be right for every seed, because releases print it for every student.
"""

from __future__ import annotations

import re
import runpy
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from podlab.checks.verdict import NOT_ANSWERED, NOT_GRADABLE, Report, number
from podlab.errors import CheckError
from podlab.grading.exercise import Exercise
from podlab.grading.grade import grade
from podlab.grading.runs import Place
from podlab.grading.values import fill

KINDS = ("right", "mistakes", "shortcuts")
LARGE_MINUTES = 60
LEAST = {"right": 3, "mistakes": 5, "shortcuts": 3}
_EARNS = re.compile(r"\bearns (\d+(?:\.\d+)?)(?: to (\d+(?:\.\d+)?))?")
_SAYS = re.compile(r'\bsays "([^"]+)"')
_HINT = re.compile(r"\bhint (\d)")
_TAKES = re.compile(r"\btakes (\d+) s\b")


@dataclass(frozen=True)
class Expected:
    """
    The expected grade of an answer file: points (least and most), words of the report, hint.

    ``takes_s``: what the answer takes by itself, such as a kubelet's pauses before it starts again what fails; seconds.
    """

    least: Fraction
    most: Fraction
    says: tuple[str, ...] = ()
    hint: int | None = None
    takes_s: float = 0.0


@dataclass(frozen=True)
class Proof:
    """One answer, graded: what was expected, the report, and what is wrong (empty: as expected)."""

    exercise: str
    kind: str
    name: str
    report: Report
    faults: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        got = "not gradable" if self.report.state == NOT_GRADABLE else number(self.report.score)
        mark = "ok" if not self.faults else "; ".join(self.faults)
        got += f" of {number(self.report.points)}"
        return f"{self.exercise} {self.kind}/{self.name}: {got}, {self.seconds:.0f} s, {mark}"


@dataclass(frozen=True)
class Sample:
    """One answer to prove: the text, and what it must get."""

    exercise: Exercise
    kind: str
    name: str
    text: str
    expected: Expected
    seed: int = field(default=0)


def samples(exercise: Exercise, seed: int = 0) -> Iterator[Sample]:
    """
    Yield all answers of an exercise with what each must get; the empty cell and the starter too.

    Raises:
        CheckError: An answer file does not say what it earns.
    """
    values = exercise.values(seed)
    nothing = Expected(Fraction(0), Fraction(0))
    yield Sample(exercise, "empty", "empty", "# nothing here\n", nothing, seed)
    if exercise.answer == "manifest" and exercise.starter.strip():
        yield Sample(exercise, "starter", "starter", exercise.starter_text(values), nothing, seed)
    values = {**values, **_solved(exercise, values)}
    for kind in KINDS:
        for path in sorted((exercise.folder / "answers" / kind).glob("*.*")):
            text = fill(
                path.read_text("utf-8"), values, source=f"{exercise.folder.name}/answers/{kind}/{path.name}"
            )
            yield Sample(exercise, kind, path.stem, text, expected(text, path), seed)


def _solved(exercise: Exercise, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return further values for the answers alone: what is right in this variant, by the exercise's ``answers/values.py``.

    That file has ``values(drawn, key)``; *key* is key.toml, empty where there is none.
    """
    path, key = exercise.folder / "answers" / "values.py", exercise.folder / "key.toml"
    if not path.is_file():
        return {}
    found: Mapping[str, Any] = runpy.run_path(str(path))["values"](
        values, tomllib.loads(key.read_text("utf-8")) if key.is_file() else {}
    )
    return found


def expected(text: str, path: Path) -> Expected:
    """Return what the comment at the head of an answer promises."""
    head = "\n".join(line for line in text.splitlines()[:4] if line.lstrip().startswith("#"))
    earns = _EARNS.search(head)
    if earns is None:
        raise CheckError(f"{path.parent.parent.parent.name}/{path.name}, line 1: it does not say what it earns",
                         hint='begin with a comment such as  # earns 2; says "…"; hint 2')  # fmt: skip
    least = Fraction(earns[1])
    hint, takes = _HINT.search(head), _TAKES.search(head)
    return Expected(
        least, Fraction(earns[2] or earns[1]), tuple(_SAYS.findall(head)), int(hint[1]) if hint else None,
        float(takes[1]) if takes else 0.0,
    )  # fmt: skip


def is_large(exercise: Exercise) -> bool:
    """Return whether an exercise is a whole project: its play takes minutes, and many Pods."""
    return exercise.minutes >= LARGE_MINUTES


def prove(sample: Sample, place: Place) -> Proof:
    """Grade one answer and hold the report against what was expected."""
    began = time.monotonic()
    report = grade(sample.exercise, sample.text, place, seed=sample.seed)
    return Proof(sample.exercise.name.split()[0], sample.kind, sample.name, report,
                 tuple(faults(sample, report)), time.monotonic() - began)  # fmt: skip


def faults(sample: Sample, report: Report) -> Iterator[str]:
    """Yield each way in which a report differs from what was expected."""
    wanted = sample.expected
    if report.state == NOT_GRADABLE:
        yield "not gradable"
        return
    if (sample.kind == "empty") != (report.state == NOT_ANSWERED):
        yield f"state is {report.state}"
    if not wanted.least <= report.score <= wanted.most:
        yield f"expected {number(wanted.least)} points"
    if report.undecided:
        yield "a check could not decide"
    for words in wanted.says:
        if words not in str(report):
            yield f"the report lacks {words!r}"
    if wanted.hint is not None and report.hint != wanted.hint:
        yield f"expected hint {wanted.hint}, got {report.hint}"


def lacking(exercise: Exercise) -> list[str]:
    """Return which answers an exercise still lacks, as sentences."""
    found = []
    for kind, least in LEAST.items():
        there = len(list((exercise.folder / "answers" / kind).glob("*.*")))
        if there < least:
            found.append(f"{exercise.name} has {there} {kind} answers, {least} are needed")
    if len(exercise.hints) != 3:
        found.append(f"{exercise.name} has {len(exercise.hints)} hints, 3 are needed")
    return found
