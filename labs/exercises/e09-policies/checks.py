"""e09 policies: each question against three recorded Pods; a question counts when its three columns are right."""

import re

from podlab.checks import Case, Finding, Life, check

# The play ends with the third failure; a busy kubelet shows it so late that a fourth start may be recorded.
FAILURES = 3
POLICIES = ("Always", "OnFailure", "Never")
PHASE = "phase"


def rows(case: Case) -> tuple[str, str, str, str]:
    """Return the names of the four questions, in the order in which a row of the short form has them."""
    return (PHASE, case.values["names"][0], case.values["names"][1], "shop")


def given(case: Case, policy: str, row: str) -> str:
    """Return the answer for one field, from ``Never.phase: …`` (nested or not) or from ``Never: Failed 1 1 0``."""
    long = case.answer.chose(f"{policy}.{row}") or case.answer.chose(f"{policy} {row}")
    short = re.split(r"[\s,;|]+", case.answer.chose(policy).strip(" |"))
    if long or len(short) != len(rows(case)):
        return long
    return short[rows(case).index(row)]


def seen(life: Life) -> bool:
    """Return whether the Pod came so far that an answer can be compared: it has ended, or failed for the third time."""
    return life.reached("settled") and (life.reached("third") or not life.reached("again"))


def truth(life: Life, row: str) -> str:
    """Return what was recorded for one field."""
    return life.phase.lower() if row == PHASE else str(min(FAILURES, life.timeline().starts(row)))


def judged(case: Case, row: str, why: str) -> Finding:
    """Compare three columns; name the policies that are wrong, not what would be right."""
    if not all(seen(case.life(name)) for name in POLICIES):
        return Finding(None, "a Pod did not come so far that this can be compared")
    wrong = [name for name in POLICIES if given(case, name, row) != truth(case.life(name), row)]
    blank = [name for name in wrong if not given(case, name, row)]
    found = f"not right for {', '.join(wrong)}" + (f" (nothing read for {', '.join(blank)})" if blank else "")
    return Finding(not wrong, found, why)


@check("phase")
def phase(case: Case) -> Finding:
    """Pending is the phase of a Pod whose init containers are not done, however long that takes."""
    return judged(
        case, PHASE, "a Pod is Pending until all init containers have succeeded, or one has failed for good"
    )


@check("first")
def first(case: Case) -> Finding:
    """An init container that has succeeded is done."""
    return judged(case, rows(case)[1], "the kubelet starts one container again, not the Pod")


@check("second")
def second(case: Case) -> Finding:
    """Three failures are three starts; under Never a second one is never started."""
    return judged(case, rows(case)[2], "the policy decides whether the kubelet tries this container again")


@check("shop")
def shop(case: Case) -> Finding:
    """App containers wait for every init container."""
    return judged(case, "shop", "app containers start when every init container has succeeded")
