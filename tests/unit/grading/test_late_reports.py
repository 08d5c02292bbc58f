"""e16: a Job that goes on for long after its report is judged in the same words, complete in the end or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from podlab import grading
from podlab.checks import Finding


class Job:
    """A Job whose report ended at 3 s and whose shipper, an app container, ended *shipper_s* after its start."""

    def __init__(self, *, shipper_s: float, complete: bool) -> None:
        self.values = {"nonce": "word"}
        self.shipper_s, self.complete = shipper_s, complete

    def ran(self, _name: str) -> bool:
        return True

    def reached(self, _name: str) -> bool:
        return self.complete

    def act(self, _name: str) -> Any:
        return SimpleNamespace(output={"status": {}})

    def role(self, _name: str) -> str:
        return "app"

    def at(self, moment: str) -> tuple[float, float]:
        end = 3.0 if moment == "report.end" else self.shipper_s
        return end, end

    def said(self, _pod: str, **_wanted: Any) -> list[dict[str, Any]]:
        return [{"lowest": 1, "missing_total": 0, "last": "end"}]


def short(life: Job) -> Finding:
    """Return the finding of the check ``short``."""
    return found_by("short", short=life)


def found_by(check: str, **lives: Any) -> Finding:
    """Return the finding of a check on these lives."""
    exercise = grading.find("e16")
    row = next(each for each in exercise.checks if each.id == check)
    case: Any = SimpleNamespace(life=lives.__getitem__)
    return exercise.judge(row, case)


def beside(role: str, *, short: bool, long: bool, started: bool = True) -> bool | None:
    """
    Return the verdict of the check ``beside`` for a shipper of this role, which overlapped report or did not.

    Args:
        started: False: shipper never ran.
    """

    def ran(name: str) -> bool:
        return started or name != "shipper"

    def life(overlapped: bool) -> Any:
        roles = {"shipper": role, "report": "app"}
        return SimpleNamespace(ran=ran, role=roles.get, overlapped=lambda _a, _b: overlapped)

    return found_by("beside", short=life(short), long=life(long)).holds


def test_the_words_do_not_depend_on_which_came_first_the_end_or_the_deadline() -> None:
    """A limit of 22 s ends 19 s after a report of 3 s, and the play waits for 20: kind was a second later, once."""
    before, after = (short(Job(shipper_s=22, complete=complete)) for complete in (True, False))

    assert before == after
    assert before.holds is False


def test_a_job_that_ends_soon_after_its_report_is_right() -> None:
    """Five seconds are less than the ten that a sidecar's grace may take."""
    assert short(Job(shipper_s=8, complete=True)).holds is True


def test_a_node_that_starts_the_shipper_after_a_short_report_takes_no_points() -> None:
    """Nothing holds back an app container: the long report shows that both run at once, or no run does."""
    assert beside("app", short=False, long=True) is True
    assert beside("app", short=False, long=False) is None


def test_a_shipper_that_cannot_start_is_not_late() -> None:
    """Its command names no program, such as /ship: running it again would give the same, so the grade is not open."""
    assert beside("app", short=False, long=False, started=False) is False


def test_a_shipper_that_ends_before_the_report_does_not_run_beside_it() -> None:
    """A regular init container, in either run; a sidecar that stays does."""
    assert beside("init", short=False, long=False) is False
    assert beside("sidecar", short=True, long=True) is True
