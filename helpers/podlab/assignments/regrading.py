"""
Judges graded answers again by their kept evidence, with today's checks; needs no cluster.

A grade that today's checks cannot decide on that evidence is opened: nobody knows whether the old points are right,
so there are no marks either way, and ``podlab grade`` runs the answer again. A grade whose evidence is missing stands,
because nothing speaks against it. Both are named, and a report names every grade that is older than today's checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from podlab.assignments import marking
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.marking import Job
from podlab.checks.verdict import NOT_GRADABLE, REFUSED, Report
from podlab.grading import regrade
from podlab.grading.grade import TOO_BUSY, UNDECIDED, open_if_undecided


@dataclass
class RegradeCounts:
    """
    Counts of judging again. An answer's name is its student and its exercise, such as ``ada e06``.

    Attributes:
        judged: Answers that were judged by their evidence.
        kept: Answers whose evidence, exercise and judging code are those of their grade.
        opened: Answers whose grade was opened: their evidence does not decide today's checks.
        open: Answers that had no grade before, and have none now.
        standing: Answers that keep the grade of other checks than today's, and why.
        outdated: Answers, among those judged, whose play has changed: ``podlab grade`` runs them again.
    """

    judged: int = 0
    kept: int = 0
    opened: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    standing: dict[str, str] = field(default_factory=dict)
    outdated: int = 0


def again(
    blueprint: Blueprint, folder: Path, students: Sequence[str] | None = None, *, everything: bool = False
) -> RegradeCounts:
    """
    Judge graded answers again; no grading may write to *folder* meanwhile.

    Args:
        everything: Judge also the answers for which nothing has changed since their grade.

    Raises:
        PodlabError: A grading writes to *folder*.
        OSError: *folder* cannot be written.
    """
    counts = RegradeCounts()
    with marking.alone(folder):
        for job, result in _jobs(blueprint, folder):
            if students is None or job.student in students:
                _again(folder, job, result, counts, everything)
    return counts


def stale(blueprint: Blueprint, folder: Path) -> list[str]:
    """Return the names of the answers whose grade is of other checks, points, evidence or code than today's."""
    return [
        _name(job)
        for job, result in _jobs(blueprint, folder)
        if not _is_open(result) and result.get("judged") != job.judged(folder)
    ]


def _jobs(blueprint: Blueprint, folder: Path) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Yield each stored result of an exercise that its student drew, with the job that it is of."""
    rules = marking.rules()
    parts: Callable[[str], Any] = cache(
        lambda student: {part.exercise.id: part for part in blueprint.parts(student)}
    )
    for result in marking.results(folder):
        part = parts(result["student"]).get(result["report"]["exercise"])
        if part is not None:
            yield Job(result["student"], part, result["answer"], rules(part)), result


def _again(
    folder: Path, job: Job, result: Mapping[str, Any], counts: RegradeCounts, everything: bool
) -> None:
    if not everything and result.get("judged") == job.judged(folder):
        if _is_open(result):
            counts.open.append(_name(job))
        else:
            counts.kept += 1
        return
    evidence = marking.evidence_of(folder, job.student)
    report = open_if_undecided(regrade(job.part.exercise, job.text, evidence, seed=job.part.seed))
    if report.state != NOT_GRADABLE:
        counts.judged += 1
        same = job.digest == result.get("digest") or job.played == result.get("played")
        counts.outdated += not same
        marking.store(folder, job, report, result.get("took_s"), ran=None if same else result)
    elif _is_open(result):
        counts.open.append(_name(job))
    elif result["report"]["state"] == REFUSED and job.digest == result.get("digest"):
        counts.kept += 1  # the API server refused it, so it left no evidence, and no check was asked
        marking.confirm(folder, job, result)
    elif report.refused in (TOO_BUSY, UNDECIDED):
        counts.opened.append(_name(job))
        marking.store(folder, job, _opened(report, result), result.get("took_s"), ran=result)
    else:
        counts.standing[_name(job)] = next(iter(report.notes), report.refused)


def _opened(report: Report, result: Mapping[str, Any]) -> Report:
    """Return the report with a note of the points that the answer had."""
    had = f"before this it had {result['earned']:g} of {result['points']:g} points, by other checks"
    return replace(report, notes=[*report.notes, had])


def _is_open(result: Mapping[str, Any]) -> bool:
    return bool(result["report"]["state"] == NOT_GRADABLE)


def _name(job: Job) -> str:
    return f"{job.student} {job.part.exercise.id}"
