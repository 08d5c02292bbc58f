"""
Grades a class: every answer of every submission, side by side, and nothing twice.

    GRADES/results/STUDENT/eNN.json       one report, written as soon as it is there, in one step
    GRADES/evidence/STUDENT/              recordings and acts: a dispute can be looked at, regrading needs no cluster
    GRADES/submissions.json               what was read: sources, notes, faults

A result counts as done while answer, exercise folder and seed are the same and every check of it was decided. So a
grader that was killed goes on where it was, and what was not gradable is run again. ``rounds`` says when lost points
count.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from podlab import grading
from podlab.assignments.blueprint import Blueprint, DrawnExercise
from podlab.assignments.rounds import Rounds
from podlab.assignments.submissions import Submission
from podlab.checks.verdict import NOT_GRADABLE, Loss, Report
from podlab.client import Client, resources, waiting
from podlab.errors import ApiError, ConnectionLostError, PodlabError
from podlab.files import make_output, take_lock, write_whole
from podlab.grading import digests, evidence, regrade
from podlab.grading.delays import DelayMonitor
from podlab.grading.grade import AWAY, open_if_undecided
from podlab.grading.runs import longest_s, most_pods

SCHEMA = 1
LABEL = "podlab/grading"
_AWAY_S, _ANSWER_S = 60.0, 10.0


@dataclass(frozen=True)
class Job:
    """One answer to grade."""

    student: str
    part: DrawnExercise
    text: str
    rules: digests.Rules

    @property
    def digest(self) -> str:
        """Changes when answer, seed or exercise change: then the answer is graded again."""
        return self._digest(self.rules.whole)

    @property
    def played(self) -> str:
        """Changes when the answer would be run otherwise: then its evidence is of another play."""
        return self._digest(self.rules.played)

    def judged(self, folder: Path) -> str:
        """Changes when judging the evidence kept in *folder* could give another grade, or the grade other points."""
        seen = digests.evidence(evidence_of(folder, self.student), self.part.exercise.id)
        return self._digest(self.digest, seen, digests.code(), self.part.row, str(self.part.points))

    def _digest(self, *more: str) -> str:
        parts = [self.text, str(self.part.seed), self.part.exercise.id, *more]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class GradingProgress:
    """How far a grading is; *repeated* answers were run again because the machine was too busy."""

    total: int
    done: int = 0
    kept: int = 0
    not_gradable: int = 0
    repeated: int = 0
    began: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def left_s(self) -> float | None:
        """Estimate of the rest, from what was graded in this run; None before the first."""
        graded = self.done - self.kept
        return (time.monotonic() - self.began) / graded * (self.total - self.done) if graded else None


def jobs(blueprint: Blueprint, submissions: Sequence[Submission]) -> Iterator[Job]:
    """Yield every answer that counts: the exercises that a student drew, in order; a missing one is empty."""
    of = rules()
    for each in submissions:
        if each.fault:
            continue
        for part in blueprint.parts(each.student):
            yield Job(each.student, part, each.answers.get(part.exercise.id, ""), of(part))


def rules() -> Callable[[DrawnExercise], digests.Rules]:
    """Return a function that reads the digests of each exercise once."""
    known: dict[Path, digests.Rules] = {}

    def of(part: DrawnExercise) -> digests.Rules:
        folder = part.exercise.folder
        return known.get(folder) or known.setdefault(folder, digests.Rules.of(part.exercise))

    return of


def grade(
    blueprint: Blueprint, submissions: Sequence[Submission], out: Path, place: grading.Place, *,
    at_once: int, tell: Callable[[GradingProgress], None],
) -> GradingProgress:  # fmt: skip
    """
    Delete what a killed grading into *out* left in the cluster, then do as ``mark``; others are kept away meanwhile.

    Raises:
        PodlabError: Another grading writes to *out*; and as ``mark``.
    """
    with alone(out):
        sweep(out, place)
        return mark(blueprint, submissions, out, place, at_once=at_once, tell=tell)


def mark(
    blueprint: Blueprint, submissions: Sequence[Submission], out: Path, place: grading.Place, *,
    at_once: int = 8, tell: Callable[[GradingProgress], None] = lambda _progress: None,
) -> GradingProgress:  # fmt: skip
    """
    Grade all *submissions* into *out*, *at_once* side by side or as many as have room on the nodes; can be run again
    after any end.

    Raises:
        PodlabError: *out* holds grades of another assignment.
        OSError: *out* cannot be written.
        ConnectionLostError: The cluster went away and did not come back; what was graded until then is kept.
        KeyboardInterrupt: As pressed; what was graded until then is kept.
    """
    folder = _made(out)
    refuse_other(folder, blueprint)
    _write(
        folder / "submissions.json",
        {
            "schema": SCHEMA,
            "assignment": blueprint.name,
            "submissions": [asdict(each) for each in submissions],
        },
    )
    todo = list(jobs(blueprint, submissions))
    progress = GradingProgress(len(todo))
    open_jobs = [job for job in todo if not _is_done(folder, job)]
    progress.done = progress.kept = len(todo) - len(open_jobs)
    place = replace(place, labels={LABEL: sweep_label(folder)})
    tell(progress)
    with _monitor(place) as monitor:
        place = replace(place, monitor=monitor, stop=threading.Event())
        Rounds(
            _Grading(folder, place, progress, tell), monitor=monitor, cpus=place.cpus or os.cpu_count() or 1,
            at_once=at_once, room=place.room,
        ).all(open_jobs)  # fmt: skip
    return progress


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """
    Hold a folder of grades while it is written: a second grading would delete the namespaces of the first as leftovers.

    Raises:
        PodlabError: Another grading holds it.
        OSError: It cannot be made.
    """
    descriptor = os.open(_made(out), os.O_RDONLY)
    try:
        if not take_lock(descriptor):
            raise PodlabError(
                f"another podlab grade writes to {out}",
                cause="two at once would mix their evidence",
                hint="wait until it ends, or --out ANOTHER-FOLDER",
            )
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _monitor(place: grading.Place) -> Iterator[DelayMonitor | None]:
    """Yield the delay monitor of a place; a new one where answers can run, and nobody measures it yet."""
    if place.client is None or place.monitor:
        yield place.monitor
    else:
        with DelayMonitor(place.client) as monitor:
            yield monitor


@dataclass
class _Grading:
    """Runs and judges the answers of one grading; see ``rounds.Grading``."""

    folder: Path
    place: grading.Place
    progress: GradingProgress
    tell: Callable[[GradingProgress], None]
    needed: dict[tuple[str, str], int] = field(default_factory=dict)
    long_s: dict[str, float] = field(default_factory=dict)

    def pods(self, job: Job) -> int:
        key = job.student, job.part.exercise.id
        if key not in self.needed:
            self.needed[key] = most_pods(job.part.exercise, job.text, job.part.seed)
        return self.needed[key]

    def longest_s(self, job: Job) -> float:
        key = job.part.exercise.id
        if key not in self.long_s:
            self.long_s[key] = longest_s(job.part.exercise, job.part.seed)
        return self.long_s[key]

    def run(self, job: Job) -> Report:
        report = _one(self.folder, job, self.place)
        if report.refused == AWAY and self.place.client:
            self._await_server(self.place.client, report.notes)
        return report

    def _await_server(self, client: Client, why: Sequence[str]) -> None:
        """
        Return when the API server answers.

        Raises:
            ConnectionLostError: It does not for ``_AWAY_S``: no further answer needs to be tried.
        """

        def answers() -> bool:
            try:
                if self.place.stop and self.place.stop.is_set():
                    return True  # somebody gave up already
                client.get("/version", timeout_s=_ANSWER_S)
            except PodlabError as error:
                return isinstance(error, ApiError)
            return True

        def late() -> ConnectionLostError:
            return ConnectionLostError(
                f"the cluster has not answered for {_AWAY_S:g} s; "
                f"{self.progress.done} of {self.progress.total} answers are graded",
                cause=" ".join(why[:1]),
                hint="start a cluster, then run the same command again: it goes on where it was",
            )

        waiting.until(answers, deadline_s=_AWAY_S, late=late, every_s=1.0)

    def doubt(self, job: Job) -> tuple[Sequence[Loss], float]:
        keep = evidence_of(self.folder, job.student)
        return self._judge(job, however_late=True).losses, evidence.late_s(keep, job.part.exercise.id)

    def accept(self, job: Job, why: str) -> Report:
        evidence.accept(evidence_of(self.folder, job.student), job.part.exercise.id, why)
        report = self._judge(job)
        store(self.folder, job, report, _took_s(self.folder, job))
        return report

    def end(self, state: str) -> None:
        with self.progress.lock:
            self.progress.done += 1
            self.progress.not_gradable += state == NOT_GRADABLE
            self.tell(self.progress)

    def stop(self) -> None:
        if self.place.stop:
            self.place.stop.set()

    def repeat(self) -> None:
        with self.progress.lock:
            self.progress.repeated += 1

    def _judge(self, job: Job, *, however_late: bool = False) -> Report:
        keep, part = evidence_of(self.folder, job.student), job.part
        return open_if_undecided(
            regrade(part.exercise, job.text, keep, seed=part.seed, however_late=however_late)
        )


def _one(folder: Path, job: Job, place: grading.Place) -> Report:
    keep, began = evidence_of(folder, job.student), time.monotonic()
    try:
        report = open_if_undecided(
            grading.grade(job.part.exercise, job.text, replace(place, keep=keep), seed=job.part.seed)
        )
    except PodlabError as error:
        report = Report(job.part.exercise.name, job.part.exercise.points, refused="not gradable: run it again",
                        notes=str(error).splitlines(), state=NOT_GRADABLE)  # fmt: skip
    store(folder, job, report, round(time.monotonic() - began, 3))
    return report


# -- what is kept --------------------------------------------------------------------------------------------


def results(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every stored result: student, row, points, digest, answer, report; unreadable files are left out."""
    for path in sorted((folder / "results").glob("*/*.json")):
        with suppress(OSError, ValueError):
            loaded = json.loads(path.read_text("utf-8"))
            if isinstance(loaded, dict) and loaded.get("schema") == SCHEMA:
                yield loaded


def read_submissions(folder: Path) -> list[Submission]:
    """
    Return the submissions of a grading.

    Raises:
        PodlabError: The folder holds no grading.
    """
    try:
        loaded = json.loads((folder / "submissions.json").read_text("utf-8"))
        return [Submission(**row) for row in loaded["submissions"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PodlabError(
            f"{folder} holds no grading", cause=f"submissions.json: {why}", hint="podlab grade … --out FOLDER"
        ) from error


def evidence_of(folder: Path, student: str) -> Path:
    """Return the folder of a student's evidence."""
    return folder / "evidence" / safe(student)


def safe(name: str) -> str:
    """Return a name that can be a file's: no path, no surprise, and different for different students."""
    kept = re.sub(r"[^A-Za-z0-9._@-]+", "-", name).lstrip(".-")[:60]
    return (
        kept
        if kept == name
        else f"{kept or 'student'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    )


def sweep_label(folder: Path) -> str:
    """Return the label of namespaces of this grading, by its folder: what a killed grader left can be found."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def sweep(folder: Path, place: grading.Place) -> int:
    """Delete the namespaces that an earlier, killed run of this grading left; returns how many."""
    if place.client is None:
        return 0
    left = f"{LABEL}={sweep_label(folder)}"
    found = place.client.get(resources.path("namespaces"), labelSelector=left).get("items") or []
    for each in found:
        with suppress(PodlabError):
            place.client.remove(resources.path("namespaces", name=each["metadata"]["name"]))
    return len(found)


def _path(folder: Path, job: Job) -> Path:
    return folder / "results" / safe(job.student) / f"{job.part.exercise.id}.json"


def _took_s(folder: Path, job: Job) -> float | None:
    """Return how long the answer took when it was run last; None where that is not known."""
    try:
        found = json.loads(_path(folder, job).read_text("utf-8"))["took_s"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(found) if isinstance(found, int | float) else None


def _is_done(folder: Path, job: Job) -> bool:
    try:
        loaded = json.loads(_path(folder, job).read_text("utf-8"))
        report = loaded["report"]
        open_ = report["state"] == NOT_GRADABLE or report.get("undecided")
        return bool(loaded["digest"] == job.digest and not open_)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def store(
    folder: Path, job: Job, report: Report, took_s: float | None, *, ran: Mapping[str, Any] | None = None
) -> None:
    """
    Write one result.

    Args:
        took_s: How long the answer was in grading; None where that was not measured.
        ran: The former result, where the answer was run by another play than today's: it keeps the digests of that
            one, so that podlab grade runs it again.
    """
    share = report.score / report.points if report.points else 0
    known = ran or {"digest": job.digest, "played": job.played}
    body = {
        "schema": SCHEMA, "student": job.student, "row": job.part.row, "seed": job.part.seed,
        "digest": known.get("digest"), "played": known.get("played"), "judged": job.judged(folder),
        "points": float(job.part.points), "answer": job.text,
        "earned": float(share * job.part.points) if report.gradable else None, "report": report.as_dict(),
        "text": str(report), "took_s": took_s,
    }  # fmt: skip
    _write(_path(folder, job), body)


def confirm(folder: Path, job: Job, result: Mapping[str, Any]) -> None:
    """Note in a result that today's code and checks change nothing in it."""
    _write(_path(folder, job), {**result, "judged": job.judged(folder)})


def _write(path: Path, body: Mapping[str, Any]) -> None:
    """In one step: a reader meets the old file or the new one, and a full disk leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(body, indent=1, ensure_ascii=True) + "\n")


def refuse_other(folder: Path, blueprint: Blueprint) -> None:
    """Keep two assignments apart: a report reads all results of a folder."""
    with suppress(OSError, ValueError, AttributeError):
        name = json.loads((folder / "submissions.json").read_text("utf-8")).get("assignment")
        if name not in (None, blueprint.name):
            raise PodlabError(
                f"{folder} holds grades of {name}, not of {blueprint.name}", hint="--out ANOTHER-FOLDER"
            )


def _made(out: Path) -> Path:
    make_output(out)
    return out
