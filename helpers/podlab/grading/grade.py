"""From the text of an answer cell to a report: read, fence, live through the play, judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from podlab.checks import Case
from podlab.checks.verdict import NOT_ANSWERED as STATE_EMPTY
from podlab.checks.verdict import NOT_GRADABLE, REFUSED, Report, Verdict, number
from podlab.errors import ApiError, ConnectionLostError, ManifestError, PodlabError
from podlab.grading import answers, loading
from podlab.grading.delays import SLOW_S
from podlab.grading.exercise import CheckRow, CrowdedOut, Exercise, Refused, Unreadable
from podlab.grading.player import is_the_graders
from podlab.grading.preparing import prepare, remarks
from podlab.grading.runs import Place, live, lived

NOT_ANSWERED = "not answered yet"
TOO_BUSY = "not gradable: the cluster was too busy, run it again"
AWAY = "not gradable: the cluster did not answer, run it again"
CROWDED = "not gradable: other answers left no room on the nodes, run it again beside fewer"
UNDECIDED = "not gradable: the recording does not decide every check, run it again"

_BY_CHANCE = {ConnectionLostError: AWAY, CrowdedOut: CROWDED}


def grade(exercise: str | Exercise, answer: str, place: Place, *, seed: int = 0) -> Report:
    """
    Judge *answer*, the text of one cell.

    Returns:
        A report. Its state tells whether the answer was judged, empty, refused, or not gradable.

    Raises:
        CheckError: There is no such exercise, or its folder has a fault.
    """
    wanted = exercise if isinstance(exercise, Exercise) else loading.find(exercise)
    if untouched(wanted, answer, seed):
        return _refuse(wanted, NOT_ANSWERED, state=STATE_EMPTY)
    _ = wanted.functions  # a fault of the folder shows before anything runs
    notes: list[str] = []
    try:
        case = prepare(wanted, answer, seed)
        notes = remarks(case)
        lives = live(wanted, case, place, seed)
    except PodlabError as error:
        return _failed(wanted, error, notes)
    return judge(wanted, replace(case, lives=lives), notes)


def _failed(exercise: Exercise, error: PodlabError, notes: Sequence[str]) -> Report:
    """An answer that was not lived through: by its own fault (refused), or by the grader's (not gradable)."""
    nothing = f"0 of {number(exercise.points)}"
    if isinstance(error, Refused):
        return _refuse(exercise, f"{nothing}, {error.summary}", *_why(error))
    if isinstance(error, Unreadable):
        return _refuse(exercise, f"{nothing}, the answer cannot be read", *str(error).splitlines())
    admission = isinstance(error, ApiError) and (not is_the_graders(error) or _is_admission(error))
    if isinstance(error, ManifestError) or admission:
        return _refuse(exercise, f"{nothing}, the API server refuses it", *str(error).splitlines(), *notes)
    why = next(
        (words for kind, words in _BY_CHANCE.items() if isinstance(error, kind)),
        "not gradable: no marks either way, run it again",
    )
    return _refuse(exercise, why, *str(error).splitlines(), state=NOT_GRADABLE)


def _why(error: PodlabError) -> list[str]:
    return [text for text in (error.cause, error.hint) if text]


def regrade(
    exercise: Exercise, answer: str, folder: Path, *, seed: int = 0, however_late: bool = False
) -> Report:
    """
    Judge *answer* by the recordings that an earlier grading kept in *folder*; needs no cluster.

    Where the answer was never run (empty, refused), the report is made from its text alone.

    Args:
        however_late: Judge as if the cluster had not been late: what would be lost.
    """
    if untouched(exercise, answer, seed):
        return _refuse(exercise, NOT_ANSWERED, state=STATE_EMPTY)
    try:
        case = prepare(exercise, answer, seed)
        case = replace(case, lives=lived(exercise, folder, seed))
        return judge(exercise, case, remarks(case), however_late=however_late)
    except PodlabError as error:
        return _failed(exercise, error, [])


def untouched(exercise: Exercise, answer: str, seed: int) -> bool:
    """Return whether the cell is empty, or holds nothing but the labels that it was shipped with."""
    if answers.empty(answer):
        return True
    if exercise.answer == "manifest":
        return False  # an unchanged manifest is refused with its own words
    return answers.bare(answer).split() == answers.bare(exercise.starter_text(exercise.values(seed))).split()


def judge(exercise: Exercise, case: Case, notes: Sequence[str] = (), *, however_late: bool = False) -> Report:
    """Run every check on a case whose lives were recorded; needs no cluster. See ``regrade``."""
    try:
        verdicts = [_verdict(exercise, row, case) for row in exercise.checks]
    except Refused as error:
        return _failed(exercise, error, notes)
    report = Report(exercise.name, exercise.points, verdicts, notes=list(notes))
    late_s = max((each.late_s for each in case.lives.values()), default=0.0)
    if report.score < exercise.points and late_s >= SLOW_S and not however_late:
        return _too_late(exercise, late_s, report)
    return report


def _too_late(exercise: Exercise, late_s: float, report: Report) -> Report:
    """Leave a grade open: on a cluster this late a right answer loses points, too. Full points are believed."""
    return _refuse(
        exercise, TOO_BUSY,
        f"it was {late_s:.1f} s late while the answer ran, and {number(exercise.points - report.score)} points "
        "would be lost", state=NOT_GRADABLE,
    )  # fmt: skip


def open_if_undecided(report: Report) -> Report:
    """Return *report*; not gradable where a check of it is undecided: its points are neither earned nor lost."""
    if not report.undecided:
        return report
    open_ = [each for each in report.verdicts if each.holds is None and each.visible]
    notes = [f"{each.text}: {each.found}" if each.found else each.text for each in open_]
    return replace(report, verdicts=(), refused=UNDECIDED, notes=[*report.notes, *notes], state=NOT_GRADABLE)


def _verdict(exercise: Exercise, row: CheckRow, case: Case) -> Verdict:
    finding = exercise.judge(row, case)
    return Verdict(
        row.text, row.points, finding.holds, expected=row.expected, found=finding.found, why=finding.why,
        hint=finding.hint if finding.hint is not None else row.hint, share=finding.share, id=row.id,
        visible=row.visible,
    )  # fmt: skip


def _refuse(exercise: Exercise, why: str, *notes: str, state: str = REFUSED) -> Report:
    return Report(exercise.name, exercise.points, refused=why, notes=notes, state=state)


def _is_admission(error: ApiError) -> bool:
    """A refusal by Pod Security, a quota or a name that is taken is about the answer, not about the grader."""
    text = f"{error.cause} {error.status.get('message', '')}"
    return any(word in text for word in ("violates PodSecurity", "exceeded quota", "forbidden: maximum"))
