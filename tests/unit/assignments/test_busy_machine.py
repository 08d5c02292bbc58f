"""Answers on a machine that is too busy: points are never lost by it, nor gained."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from steered_pulse import Steered

from podlab.assignments import marking
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.checks import Life
from podlab.checks.verdict import NOT_GRADABLE, Report, Verdict
from podlab.grading import Place, evidence, find, judge, regrade
from podlab.grading.grade import TOO_BUSY
from podlab.grading.prove import samples
from podlab.grading.pulse import SLOW_S
from podlab.grading.reading import prepare
from podlab.grading.runs import lived

STUCK = find("e25")
RECORDING = STUCK.folder / "recordings/stuck.jsonl"
MANIFEST = next(s.text for s in samples(find("e14")) if s.kind == "mistakes")


@pytest.mark.parametrize("late_s", [0.0, SLOW_S])
@pytest.mark.parametrize("sample", list(samples(STUCK)), ids=lambda s: f"{s.kind}-{s.name}")
def test_lost_points_do_not_count_on_a_late_cluster_and_earned_ones_do(sample: Any, late_s: float) -> None:
    """Every answer to e25: the same report as on a calm cluster if it is full, else an open grade."""
    if sample.kind == "empty":
        return
    case = prepare(STUCK, sample.text, 0)
    calm = judge(STUCK, replace(case, lives=lived(STUCK, Path(), 0)))
    late = judge(STUCK, replace(case, lives={"x": with_delay(lived(STUCK, Path(), 0), late_s)}))

    if calm.score == STUCK.points or not late_s:
        assert late.as_dict() == calm.as_dict()
    else:
        assert (late.state, late.refused, late.as_dict()["score"]) == (NOT_GRADABLE, TOO_BUSY, None)


def with_delay(lives: dict[str, Life], late_s: float) -> Life:
    """The first life, as on a cluster that was late."""
    return replace(next(iter(lives.values())), late_s=late_s)


class Graded:
    """In place of a cluster: answers spoiled a number of times, each kept with evidence of a late cluster."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, spoiled: int) -> None:
        self.spoiled, self.runs = spoiled, Counter[str]()
        monkeypatch.setattr("podlab.grading.grade", self)

    def __call__(self, exercise: Any, text: str, place: Place, *, seed: int) -> Report:
        assert place.keep is not None
        self.runs[place.keep.name] += 1
        late = self.runs[place.keep.name] <= self.spoiled
        shutil.copy(RECORDING, evidence.recording(place.keep, exercise.id, exercise.runs[0].name))
        evidence.keep(place.keep, exercise.id, exercise.runs[0].name, [], SLOW_S if late else 0.0)
        if late:
            return Report(exercise.name, exercise.points, refused=TOO_BUSY, state=NOT_GRADABLE)
        return Report(exercise.name, exercise.points, [Verdict("all", exercise.points, True)])


def mark(plan: Blueprint, out: Path, pulse: Steered, *students: str) -> marking.Tally:
    """Grade a manifest of each of *students*; the other exercise is empty."""
    one = replace(plan, rows=plan.rows[:1])
    found = [Submission(name, True, [name], {"e14": MANIFEST}) for name in students]
    return marking.mark(one, found, out, Place(client=None, pulse=pulse), at_once=4)


def states(out: Path) -> list[str]:
    """The state of each grade."""
    return [result["report"]["state"] for result in marking.results(out)]


@pytest.mark.parametrize("spoiled", [1, 2, 3])
def test_a_spoiled_answer_is_run_again_until_it_is_judged(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: int
) -> None:
    """With fewer beside it, then alone, then alone once more."""
    graded = Graded(monkeypatch, spoiled)

    tally = mark(plan, tmp_path, Steered(), "ada", "bob")

    assert set(graded.runs.values()) == {spoiled + 1}
    assert states(tmp_path) == ["answered"] * 2
    assert (tally.done, tally.repeated, tally.not_gradable) == (2, 2, 0)


def test_on_a_machine_that_stays_busy_grades_stay_open(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three answers in a row for which it did not get calm the others are not tried alone."""
    graded = Graded(monkeypatch, 99)
    names = [f"s{number}" for number in range(6)]

    tally = mark(plan, tmp_path, Steered(SLOW_S), *names)

    assert states(tmp_path) == [NOT_GRADABLE] * 6
    assert (tally.done, tally.not_gradable) == (6, 6)
    assert sum(graded.runs.values()) == 6 + 6 + 3


def test_an_answer_that_makes_the_machine_late_itself_gains_nothing_by_it(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calm before and after it, late while it ran alone, twice: its lost points count, and do so again later."""
    Graded(monkeypatch, 99)

    tally = mark(plan, tmp_path, Steered(), "ada")
    (result,) = marking.results(tmp_path)
    again = regrade(find("e14"), MANIFEST, marking.evidence_of(tmp_path, "ada"), seed=result["seed"])

    assert (tally.done, tally.not_gradable) == (1, 0)
    assert (result["report"]["state"], result["earned"] < result["points"]) == ("answered", True)
    assert again.as_dict() == result["report"]
