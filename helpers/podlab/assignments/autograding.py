"""
Grades one submission inside Gradescope's container, on an embedded cluster of its own.

Reads ``/autograder/submission`` and ``submission_metadata.json``, and writes ``results/results.json`` in one step,
whatever happens. A score is written where every exercise was graded; a fault of the cluster or the grader leaves the
grade open. ``autograder`` packs the zip that starts this module.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab import drivers, grading
from podlab.assignments import autograder, blueprint, gradebook, marking, submissions
from podlab.assignments.blueprint import FILE, Blueprint
from podlab.assignments.formats import gradescope
from podlab.assignments.roster import Student, plain
from podlab.drivers import Profile, process
from podlab.errors import PodlabError
from podlab.files import write_whole

TOP = Path("/autograder")
CLUSTER = "autograder"
AT_ONCE = 8  # answers mostly wait, and the container has half a processor


def main(arguments: Sequence[str] = (), top: Path = TOP) -> int:
    """Grade what was handed in; with ``--check`` only start a cluster, and print whether answers can be run here."""
    if "--check" in arguments:
        return _check()
    began = time.monotonic()
    try:
        with process.ended_by_signals():
            body = results(top)
    except PodlabError as error:
        traceback.print_exc()  # Gradescope shows this output to instructors alone
        body = autograder.open_result(
            f"not gradable: {error.summary}. No marks either way; it can be run again."
        )
    except BaseException:
        traceback.print_exc()
        body = autograder.open_result(autograder.UNFINISHED)
    body["execution_time"] = round(time.monotonic() - began, 1)
    (top / "results").mkdir(exist_ok=True)
    write_whole(top / "results" / "results.json", json.dumps(body, indent=1) + "\n")
    return 0


def results(top: Path) -> dict[str, Any]:
    """
    Return the body of results.json.

    Raises:
        PodlabError: No cluster can be made, or the roster has no such student.
    """
    source = top / "source"
    plan = blueprint.read(source / FILE)
    student = _student(plan, source, json.loads((top / "submission_metadata.json").read_text("utf-8")))
    found = submissions.of_one(top / "submission", student, plan)
    if found.fault:
        # The student's own file is at fault, and can be handed in again: so this is a score.
        return {**autograder.open_result(f"0 of {float(plan.points):g}: {found.fault}"), "score": 0.0}
    with tempfile.TemporaryDirectory() as out:
        return gradescope.results(_mark(plan, student, found, Path(out)))


def _mark(
    plan: Blueprint, student: Student, found: submissions.Submission, out: Path
) -> gradebook.StudentMarks:
    driver = drivers.get("embedded")
    cluster = driver.make(Profile(name=CLUSTER), progress=print)
    try:
        marking.mark(plan, [found], out, grading.Place.on(cluster), at_once=AT_ONCE)
    finally:
        driver.stop(CLUSTER)
    (mark,) = gradebook.marks(plan, out, [student])
    return mark


def _student(plan: Blueprint, source: Path, metadata: Mapping[str, Any]) -> Student:
    """The first of the submission's students that the roster knows; anybody, where all have the same variant."""
    users = metadata.get("users") or []
    emails = [str(user.get("email") or "") for user in users if isinstance(user, dict)]
    if plan.seed != "student":
        return Student("student", email=next(iter(emails), ""))
    roster = [Student(**row) for row in json.loads((source / autograder.STUDENTS).read_text("utf-8"))]
    by_email = {plain(student.email): student for student in roster}
    known = [by_email[plain(email)] for email in emails if plain(email) in by_email]
    if not known:
        raise PodlabError(
            f"the autograder's roster has no student with the address {', '.join(emails) or '(none)'}",
            hint="podlab release … --roster roster.csv --format gradescope, and upload the zip again",
        )
    return known[0]


def _check() -> int:
    driver = drivers.get("embedded")
    try:
        driver.make(Profile(name=CLUSTER), progress=print)
        print(driver.status(CLUSTER).note or "podlab: answers can be run in this container")
    except PodlabError as error:
        print(error)
    finally:
        driver.stop(CLUSTER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
