"""Answers on a machine that is too busy: points are never lost by it, nor gained."""

from __future__ import annotations

import importlib
import json
import shutil
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from steered_delays import Steered

from podlab.assignments import marking, rounds
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.checks import Act, Life
from podlab.checks.verdict import NOT_GRADABLE, Report, Verdict
from podlab.client import Client, Kubeconfig
from podlab.errors import ApiError, ConnectionLostError
from podlab.grading import Place, evidence, find, grade, judge, regrade
from podlab.grading.delays import BEARABLE_S, SLOW_S
from podlab.grading.exercise import CrowdedOut
from podlab.grading.grade import AWAY, CROWDED, TOO_BUSY, UNDECIDED
from podlab.grading.preparing import prepare
from podlab.grading.prove import samples
from podlab.grading.runs import lived

NOWHERE = "http://127.0.0.1:1"
STUCK = find("e25")
RECORDING = STUCK.folder / "recordings/stuck.jsonl"
KILLED = Act("kill", "kill", "shipper", True, 0.0)
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
    """
    In place of a cluster: the first *spoiled* runs of each answer are kept with evidence of a cluster so late.

    *differ*: in every other run something was killed, so that e14 loses its points for another reason.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, spoiled: int, late_s: float = BEARABLE_S, differ: bool = False
    ) -> None:
        self.spoiled, self.late_s, self.differ = spoiled, late_s, differ
        self.runs = Counter[str]()
        monkeypatch.setattr("podlab.grading.grade", self)

    def __call__(self, exercise: Any, text: str, place: Place, *, seed: int) -> Report:
        assert place.keep is not None
        name, run = place.keep.name, exercise.runs[0].name
        late = self.runs[name] < self.spoiled
        shutil.copy(RECORDING, evidence.recording(place.keep, exercise.id, run))
        acts = [KILLED] if self.differ and self.runs[name] % 2 else []
        self.runs[name] += 1
        evidence.keep(place.keep, exercise.id, run, acts, self.late_s if late else 0.0)
        if late:
            return Report(exercise.name, exercise.points, refused=TOO_BUSY, state=NOT_GRADABLE)
        return Report(exercise.name, exercise.points, [Verdict("all", exercise.points, True)])


def mark(
    plan: Blueprint, out: Path, monitor: Steered, *students: str, client: Client | None = None
) -> marking.GradingProgress:
    """Grade a manifest of each of *students*; the other exercise is empty."""
    one = replace(plan, rows=plan.rows[:1])
    found = [Submission(name, True, [name], {"e14": MANIFEST}) for name in students]
    return marking.mark(one, found, out, Place(client=client, monitor=monitor), at_once=4)


def states(out: Path) -> list[str]:
    """The state of each grade."""
    return [result["report"]["state"] for result in marking.results(out)]


def assert_accepted(out: Path, why: str) -> None:
    """The points that ada lost count for that reason, and do so again later."""
    (result,) = marking.results(out)
    keep = marking.evidence_of(out, "ada")
    again = regrade(find("e14"), MANIFEST, keep, seed=result["seed"])

    assert (result["report"]["state"], result["earned"] < result["points"]) == ("answered", True)
    assert again.as_dict() == result["report"]
    assert result["took_s"] is not None
    assert [json.loads(path.read_text())["accepted"] for path in keep.glob("*.acts.json")] == [why]


@pytest.mark.parametrize("spoiled", [1, 2, 3, 4])
def test_a_spoiled_answer_is_run_again_until_it_is_judged(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: int
) -> None:
    """Twice more with fewer beside it, then alone, then alone once more; delays are too long to compare its runs."""
    graded = Graded(monkeypatch, spoiled)

    progress = mark(plan, tmp_path, Steered(), "ada", "bob")

    assert set(graded.runs.values()) == {spoiled + 1}
    assert states(tmp_path) == ["answered"] * 2
    assert (progress.done, progress.repeated, progress.not_gradable) == (2, 2, 0)


def test_points_that_two_runs_lose_alike_count_although_the_machine_was_late(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delays are such that a right answer bears them nearly always: so a wrong one is not run on and on."""
    graded = Graded(monkeypatch, 99, SLOW_S)

    progress = mark(plan, tmp_path, Steered(SLOW_S), "ada")

    assert (graded.runs["ada"], progress.done, progress.repeated, progress.not_gradable) == (2, 1, 1, 0)
    assert_accepted(tmp_path, rounds.TWICE)


@pytest.mark.parametrize(("late_s", "differ"), [(BEARABLE_S, False), (SLOW_S, True)])
def test_two_runs_prove_nothing_where_they_differ_or_a_delay_was_long(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_s: float, differ: bool
) -> None:
    """The third run earns all points, and they count."""
    graded = Graded(monkeypatch, 2, late_s, differ)

    mark(plan, tmp_path, Steered(late_s), "ada")
    (result,) = marking.results(tmp_path)

    assert graded.runs["ada"] == 3
    assert result["earned"] == result["points"]


def test_on_a_machine_that_stays_busy_grades_stay_open(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three answers in a row for which it did not get calm the others are not tried alone."""
    graded = Graded(monkeypatch, 99)
    names = [f"s{number}" for number in range(6)]

    progress = mark(plan, tmp_path, Steered(BEARABLE_S), *names)

    assert states(tmp_path) == [NOT_GRADABLE] * 6
    assert (progress.done, progress.not_gradable) == (6, 6)
    assert sum(graded.runs.values()) == 3 * 6 + 3


def test_an_answer_that_makes_the_machine_late_itself_gains_nothing_by_it(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calm before and after it, late while it ran alone, twice, with one loss: it counts."""
    Graded(monkeypatch, 99)

    progress = mark(plan, tmp_path, Steered(), "ada")

    assert (progress.done, progress.not_gradable) == (1, 0)
    assert_accepted(tmp_path, rounds.OWN)


def test_an_answer_that_loses_now_this_and_now_that_alone_stays_open(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance decides such runs, such as other work on the machine: somebody has to look at it."""
    Graded(monkeypatch, 99, differ=True)

    progress = mark(plan, tmp_path, Steered(), "ada")

    assert (states(tmp_path), progress.not_gradable) == ([NOT_GRADABLE], 1)


def undecided(exercise: Any, *_text: object, **_more: object) -> Report:
    """A report in which one check earned its points and the other is open."""
    half = exercise.points / 2
    verdicts = [Verdict("one", half, True), Verdict("two", half, None, found="it was not over in time")]
    return Report(exercise.name, exercise.points, verdicts)


@pytest.mark.parametrize("opened", [1, 4])
def test_an_undecided_check_is_run_again_until_it_is_decided(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: int
) -> None:
    """The machine was calm by its monitor, and yet a rollout took too long to tell: also alone, twice."""
    runs = list[str]()

    def at_last(exercise: Any, text: str, _place: Place, *, seed: int) -> Report:
        runs.append(exercise.id)
        full = Report(exercise.name, exercise.points, [Verdict("all", exercise.points, True)])
        return undecided(exercise) if len(runs) <= opened else full

    monkeypatch.setattr("podlab.grading.grade", at_last)
    progress = mark(plan, tmp_path, Steered(), "ada")
    (result,) = marking.results(tmp_path)

    assert (len(runs), progress.done, progress.repeated, progress.not_gradable) == (opened + 1, 1, 1, 0)
    assert result["earned"] == result["points"]


def test_a_check_that_is_never_decided_loses_nothing_and_never_counts_as_done(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open and listed, for as many answers as there are; the next grading runs them again."""
    runs = list[str]()

    def never(exercise: Any, text: str, _place: Place, *, seed: int) -> Report:
        runs.append(exercise.id)
        return undecided(exercise)

    monkeypatch.setattr("podlab.grading.grade", never)
    names = [f"s{number}" for number in range(5)]
    progress = mark(plan, tmp_path, Steered(), *names)
    found = list(marking.results(tmp_path))

    assert (progress.done, progress.not_gradable, len(runs)) == (5, 5, 5 * (3 + 2))
    assert [(each["report"]["state"], each["earned"]) for each in found] == [(NOT_GRADABLE, None)] * 5
    assert {each["report"]["reason"] for each in found} == {UNDECIDED}
    assert found[0]["report"]["notes"] == ["two: it was not over in time"]
    assert mark(plan, tmp_path, Steered(), *names).kept == 0


@pytest.mark.parametrize("late_s", [SLOW_S, BEARABLE_S])
def test_late_runs_that_leave_a_check_open_prove_no_loss(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_s: float
) -> None:
    """Neither two beside others nor two alone: a right answer is as open as a wrong one."""
    graded = Graded(monkeypatch, 99, late_s)
    monkeypatch.setattr("podlab.assignments.marking.regrade", undecided)

    progress = mark(plan, tmp_path, Steered(), "ada")

    assert (states(tmp_path), progress.not_gradable, graded.runs["ada"]) == ([NOT_GRADABLE], 1, 3 + 2)


def test_without_a_cluster_an_undecided_check_is_open_at_once(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is judged by a recording: no other run would give another one."""
    runs = list[str]()
    monkeypatch.setattr("podlab.grading.grade", lambda *a, **k: runs.append("run") or undecided(*a, **k))
    one = replace(plan, rows=plan.rows[:1])
    progress = marking.mark(
        one, [Submission("ada", True, ["a"], {"e14": MANIFEST})], tmp_path, Place(client=None)
    )

    assert (runs, states(tmp_path), progress.not_gradable) == (["run"], [NOT_GRADABLE], 1)


@pytest.mark.parametrize(("crowded", "earned"), [(4, True), (99, False)])
def test_an_answer_that_others_left_no_room_for_is_run_beside_fewer_and_alone(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowded: int, earned: bool
) -> None:
    """It lost nothing, whatever an earlier run lost: the evidence of a late run is still there, and proves no loss."""
    graded = Graded(monkeypatch, 1, BEARABLE_S)
    runs = list[str]()

    def no_room(exercise: Any, text: str, place: Place, *, seed: int) -> Report:
        runs.append(exercise.id)
        if 1 < len(runs) <= crowded:
            return Report(exercise.name, exercise.points, refused=CROWDED, state=NOT_GRADABLE)
        return graded(exercise, text, place, seed=seed)

    monkeypatch.setattr("podlab.grading.grade", no_room)
    progress = mark(plan, tmp_path, Steered(), "ada")

    assert (len(runs), progress.done, progress.not_gradable) == (5, 1, 0 if earned else 1)
    assert states(tmp_path) == ["answered" if earned else NOT_GRADABLE]


@pytest.mark.parametrize(
    ("error", "why"),
    [(CrowdedOut("no room"), CROWDED), (ConnectionLostError("gone"), AWAY)],
    ids=["room", "away"],
)
def test_a_report_says_by_which_chance_an_answer_was_not_gradable(
    monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    """Another moment may give a grade; what is left open for another reason would be so again."""

    def failing(*_args: object) -> None:
        raise error

    monkeypatch.setattr(importlib.import_module("podlab.grading.grade"), "live", failing)
    report = grade(find("e14"), MANIFEST, Place(client=None))

    assert (report.state, report.refused) == (NOT_GRADABLE, why)


def test_an_interrupted_grading_stops_the_answers_that_run(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A play may take a minute: Ctrl-C, and an error such as a full disk, do not wait for its end."""
    met = threading.Barrier(2, timeout=60)

    def stuck(exercise: Any, _text: str, place: Place, *, seed: int) -> Report:
        met.wait()
        if place.keep and place.keep.name == "ada":
            raise KeyboardInterrupt
        assert place.stop is not None
        assert place.stop.wait(60)
        return Report(exercise.name, exercise.points, refused="interrupted", state=NOT_GRADABLE)

    monkeypatch.setattr("podlab.grading.grade", stuck)
    with pytest.raises(KeyboardInterrupt):
        mark(plan, tmp_path, Steered(), "ada", "bob")

    assert states(tmp_path) == [NOT_GRADABLE]


def test_an_answer_that_met_an_absent_cluster_is_run_again_once_it_is_back(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was never late, and the server answers again: 403 is an answer, too."""
    asked, runs = list[str](), list[str]()

    class Server(Client):
        def get(self, path: str, **_params: object) -> dict[str, object]:  # type: ignore[override]
            asked.append(path)
            if len(asked) < 3:
                raise ConnectionLostError("gone")
            raise ApiError("no", code=403)

    def away_once(exercise: Any, _text: str, _place: Place, *, seed: int) -> Report:
        runs.append(exercise.id)
        if len(runs) == 1:
            return Report(exercise.name, exercise.points, refused=AWAY, notes=["gone"], state=NOT_GRADABLE)
        return Report(exercise.name, exercise.points, [Verdict("all", exercise.points, True)])

    monkeypatch.setattr("podlab.grading.grade", away_once)
    monkeypatch.setattr("podlab.client.waiting.time.sleep", lambda _s: None)
    progress = mark(plan, tmp_path, Steered(), "ada", client=Server(Kubeconfig(NOWHERE, "c", "n", {}, {})))

    assert (len(runs), len(asked), progress.repeated, states(tmp_path)) == (2, 3, 1, ["answered"])


def test_a_cluster_that_stays_away_ends_the_grading_with_one_error(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells how far the grading came and what to do; the answer under way stays open, the others are not tried."""
    runs = list[str]()

    def away(exercise: Any, _text: str, _place: Place, *, seed: int) -> Report:
        runs.append(exercise.id)
        return Report(exercise.name, exercise.points, refused=AWAY, notes=["gone"], state=NOT_GRADABLE)

    monkeypatch.setattr("podlab.grading.grade", away)
    monkeypatch.setattr("podlab.assignments.marking._AWAY_S", 0.0)
    names = [f"s{number}" for number in range(9)]

    with pytest.raises(
        ConnectionLostError, match="has not answered for 0 s; 0 of 9 answers are graded"
    ) as error:
        mark(plan, tmp_path, Steered(), *names, client=Client(Kubeconfig(NOWHERE, "c", "n", {}, {})))

    assert "gone" in str(error.value)
    assert "same command again" in str(error.value)
    assert 1 <= len(runs) <= 4
    assert states(tmp_path) == [NOT_GRADABLE] * len(runs)
