"""Grades a class of hostile and odd submissions without a cluster, and says where a verdict is not what it must be."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml
from attack_corpus import Attack
from attack_notebooks import CANARY, OPEN, Handed, plan, right, solved

from podlab.assignments import gradebook, marking, pages, submissions
from podlab.assignments.roster import Student
from podlab.grading import Place, grade

NOWHERE = Place(client=None)
WITNESS, LAST = "ada", "zoe"  # hand in right answers beside the attackers, and are read before and after them


def faults(found: Sequence[Handed], folder: Path, *, as_zip: bool = False) -> dict[str, list[str]]:
    """
    Grade *found*, each as a student of its own beside an honest one, and return id -> what is wrong.

    Args:
        as_zip: Whether the whole class is in one zip, as platforms pack it.

    The witnesses are there under the empty name: an attack that harms another submission is a fault of the whole class.
    """
    down, out = folder / "download", folder / "grades"
    students = [Student(f"s{number:04}") for number in range(len(found))]
    for student, each in zip(students, found, strict=True):
        _hand_in(down / student.id, each)
    for name in (WITNESS, LAST):
        _hand_in(down / name, solved_by_witness())
    given = _zipped(down) if as_zip else down
    whole, people = plan(), [*students, Student(WITNESS), Student(LAST)]
    before = listing(folder, out)
    with _current(folder):
        handed_in = submissions.read([given], people, whole)
        marking.mark(whole, handed_in, out, NOWHERE, at_once=4)
        marks = {mark.student.id: mark for mark in gradebook.marks(whole, out, people)}
        html = [pages.overview(whole, list(marks.values()))]
        html += [
            page
            for m in marks.values()
            for page in (pages.student(whole, m), pages.instructor(whole, m, out))
        ]
    everything = [
        *(f"{path} was written" for path in listing(folder, out) - before),
        *(f"{path} was written" for path in (folder / CANARY, Path("/tmp") / CANARY) if path.exists()),
        *("a page holds active content" for page in html if "<script" in page or "<img src=x" in page),
        *(f"{text!r} steers a terminal" for text in printed(handed_in, people) if not text.isprintable()),
        *(text for name in (WITNESS, LAST) for text in _verdict(solved_by_witness(), marks[name], handed_in, name)),
    ]  # fmt: skip
    wrong = {
        each.id: list(_verdict(each, marks[student.id], handed_in, student.id))
        for student, each in zip(students, found, strict=True)
    }
    return {name: texts for name, texts in {"": everything, **wrong}.items() if texts}


def printed(handed_in: Iterable[submissions.Submission], people: Sequence[Student]) -> Iterator[str]:
    """Yield all texts of submissions that an instructor may see on a terminal."""
    for each in handed_in:
        yield from (each.student, *each.sources, *each.notes, each.fault)
    yield from submissions.remarks(list(handed_in), people)


def solved_by_witness() -> Handed:
    """Right answers in a plain notebook."""
    return Handed("honest", "witness", {"two.ipynb": json.dumps(solved()).encode()}, 4, (OPEN,), honest=True)


def _verdict(
    each: Handed, mark: gradebook.StudentMarks, handed_in: Iterable[submissions.Submission], student: str
) -> Iterator[str]:
    read = next((one for one in handed_in if one.student == student), None)
    if read is None:
        yield "the submission is lost"
        return
    if each.fault or read.fault:
        if not each.fault or each.fault not in read.fault or "\n" in read.fault:
            yield f"fault is {read.fault!r}, expected {each.fault!r}"
        if mark.total is not None:
            yield f"an unreadable submission has {mark.total} points"
        return
    reports = {result["report"]["exercise"]: result for result in mark.results}
    if reports["e26"]["earned"] != each.e26:
        yield f"e26 has {reports['e26']['earned']}, expected {each.e26}"
    if reports["e14"]["report"]["state"] not in each.e14 or (reports["e14"]["earned"] or 0) > 0:
        yield f"e14 is {reports['e14']['report']['state']} with {reports['e14']['earned']}, expected {each.e14}"
    if each.honest and objects(read.answers.get("e14", "")) != objects(right("e14")):
        yield "the right answer was not found whole"


def objects(text: str) -> object:
    """What a manifest holds, without its name, labels and notes, which students may choose."""
    body = yaml.safe_load(text) or {}
    return body.get("spec")


def answers(found: Iterable[Attack]) -> dict[str, list[str]]:
    """Grade answers that must be refused unrun, and return id -> what is wrong."""
    wrong = {}
    for each in found:
        report = grade(each.exercise, each.text, NOWHERE)
        if (
            (report.state, report.score) != ("refused", 0)
            or "Traceback" in str(report)
            or len(str(report)) > 4_000
        ):
            wrong[each.id] = [str(report)]
    return wrong


def listing(folder: Path, out: Path) -> set[Path]:
    """Every file below the folder, those of the grading aside."""
    return {path for path in folder.rglob("*") if out not in path.parents and path != out}


def _hand_in(folder: Path, each: Handed) -> None:
    for name, data in each.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _zipped(folder: Path) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return target


class _current:  # noqa: N801  (reads as a verb)
    """Another current folder, so that a relative path of a submission would show there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = Path.cwd()
        os.chdir(self._folder)

    def __exit__(self, *_error: object) -> None:
        os.chdir(self._before)
