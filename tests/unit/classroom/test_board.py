"""The board: what students wrote themselves can be anything, and is never active."""

from __future__ import annotations

import json

from podlab.assignments.roster import Student
from podlab.classroom import board, objects

SPACE = {"metadata": {"name": "spring-ada", "annotations": {"podlab/student": "ada"}}}


def wrote(*events: object) -> dict[str, object]:
    """A progress ConfigMap."""
    return {"data": {"events": "\n".join(e if isinstance(e, str) else json.dumps(e) for e in events)}}


def answer(exercise: str, score: object, points: object = 5) -> dict[str, object]:
    """One event."""
    return {"event": "answer", "exercise": exercise, "score": score, "points": points}


def test_a_seat_has_the_best_score_and_the_tries() -> None:
    """A later, worse answer takes nothing away."""
    row = board.student_row(SPACE, wrote(answer("e14", 5), answer("e14", 2), answer("e06", 1)), [])

    assert (row.student, row.solved) == ("ada", 1)
    assert (row.best, row.tries) == ({"e14": 1.0, "e06": 0.2}, {"e14": 2, "e06": 1})


def test_what_is_no_event_is_left_out() -> None:
    """A student can write anything into the ConfigMap."""
    odd = (
        "{",
        "7",
        "null",
        answer("e14", "many"),
        answer("e14", 9, 0),
        answer("e14", 1, "x"),
        {"event": "answer"},
    )

    assert board.student_row(SPACE, wrote(*odd), []).tries == {}
    assert board.student_row(SPACE, {"data": None}, []).tries == {}
    assert board.student_row(SPACE, None, []).student == "ada"


def test_a_share_lies_between_nothing_and_all() -> None:
    """More points than there are would still be one solved exercise, and are not marks anyway."""
    row = board.student_row(SPACE, wrote(answer("e14", 500), answer("e06", -3)), [])

    assert row.best == {"e14": 1.0, "e06": 0.0}


def test_a_stuck_pod_is_named_with_its_reason() -> None:
    """Containers that are being created are not stuck."""
    waiting = {"name": "shop", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    creating = {"name": "shop", "state": {"waiting": {"reason": "ContainerCreating"}}}
    pods = [
        {"metadata": {"name": n}, "status": {"containerStatuses": [row]}}
        for n, row in (("a", creating), ("b", waiting))
    ]

    assert board.student_row(SPACE, None, pods).stuck == ["b/shop: CrashLoopBackOff"]


def test_the_board_lists_those_who_are_furthest_first() -> None:
    """A plus for solved, the number of tries for open ones, a dot for not tried."""
    students = [
        board.StudentRow("ada", {"e06": 0.2}, {"e06": 3}),
        board.StudentRow("bob", {"e14": 1.0}, {"e14": 1}),
    ]

    assert board.text(students).splitlines() == [
        "student solved  e06 e14",
        "bob          1   .   +",
        "ada          0   3   .",
    ]


def test_the_page_is_inert() -> None:
    """Names and reasons are text, and the page's policy forbids scripts."""
    page = board.page("spring", [board.StudentRow("<script>x</script>", stuck=["<img src=x onerror=y>"])])

    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page


def test_namespaces_are_valid_and_different() -> None:
    """Ids that differ only in what a namespace cannot hold get namespaces of their own."""
    names = {
        objects.namespace_of("spring", Student(name))
        for name in ("ada", "Ada", "ada.l", "ada@l", "a" * 60, "._-")
    }

    assert len(names) == 6
    assert all(len(name) <= 63 and name == name.lower() and name.replace("-", "").isalnum() for name in names)
    assert objects.namespace_of("spring", Student("ada")) == "spring-ada"
