"""The voice of a verdict: first what holds, then one thing to do next; the same words on every run."""

from podlab.checks.verdict import Report, Verdict

HOLDS = Verdict("first call answered", 2, True)
FAILS = Verdict("shop started soon", 1, False, expected="soon", found="never", why="a gate", hint=2)
OPEN = Verdict("order kept", 2, None, expected="a | b")


def test_what_holds_comes_first():
    report = str(Report("e15 usable-first", 3, [FAILS, HOLDS]))

    assert report == (
        "e15 usable-first: 2 of 3\n"
        "  + first call answered                                  2\n"
        "  - shop started soon                                    0\n"
        "      expected  soon\n"
        "      found     never\n"
        "      why       a gate\n"
        "      next      %hint e15"
    )


def test_undecided_earns_nothing_and_says_what_to_do():
    report = Report("e15 usable-first", 4, [HOLDS, OPEN])

    assert report.score == 2
    assert report.undecided
    assert "run the cell again" in str(report)


def test_a_refused_answer_scores_nothing():
    report = Report("e15 usable-first", 4, refused="not answered yet", notes=["line 3: oops"])

    assert report.score == 0
    assert str(report) == "e15 usable-first: not answered yet\n  ! line 3: oops"


def test_the_first_failed_check_names_the_hint():
    assert Report("e1 x", 3, [HOLDS, FAILS]).hint == 2


def test_points_stand_below_one_another_whatever_the_texts_are_long():
    report = Report(
        "e14 x", 3, [Verdict("short", 1, True), Verdict("a text of a check that is very long " * 2, 2, True)]
    )

    assert {len(line) for line in str(report).splitlines()[1:]} == {4 + 72 + 2}
