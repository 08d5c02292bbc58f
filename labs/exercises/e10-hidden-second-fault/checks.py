"""
e10 hidden-second-fault: the answer against what was recorded in two runs, as printed and with the first fault mended.

What counts as a fault is what showed itself: an Event about a container, or a line of the init container's log.
"""

import re

from podlab.checks import Case, Finding, Life, check

FAULTS, EVIDENCE = "abcde", "12345"
HIDDEN = "an image is pulled when its container is about to start"


def failed(life: Life, container: str) -> bool:
    """Return whether an Event of the reason Failed is about this container."""
    field = f"{{{container}}}"
    return any(
        field in event["involvedObject"].get("fieldPath", "") for event in life.events(reason="Failed")
    )


def shown(life: Life) -> dict[str, str]:
    """Return fault -> its evidence, for what showed itself in one run."""
    log = "\n".join(life.log(container="wait-for-db"))
    seen = {
        "a": ("1", failed(life, "wait-for-db")),
        "b": ("3", "not found" in log),
        "c": ("3", "bad address" in log),
        "d": ("2", failed(life, "app")),
        "e": ("5", bool(life.events(reason="FailedScheduling"))),
    }
    return {fault: evidence for fault, (evidence, there) in seen.items() if there}


def truth(case: Case) -> dict[str, str]:
    """Return the faults of both runs in the order in which they are met; empty where a run did not come so far."""
    if not (case.life("as-printed").log(container="wait-for-db") and case.life("with-db").reached("pulled")):
        return {}
    first = shown(case.life("as-printed"))
    return first | {fault: why for fault, why in shown(case.life("with-db")).items() if fault not in first}


def marks(case: Case, name: str, allowed: str) -> list[str]:
    """Return the letters or numbers of one line, or of a list below its name."""
    rows = [text for key, text in case.answer.choices.items() if key.lower().split(".")[0] == name]
    return re.findall(rf"\b[{allowed}]\b", " ".join(rows).lower())


def judged(case: Case, holds: bool, found: str, why: str, hint: int) -> Finding:
    """Return the finding, or the one for a play that did not show both faults."""
    if not truth(case):
        return Finding(None, "the faults did not show themselves in time")
    return Finding(holds, found, why, hint)


@check("set")
def which(case: Case) -> Finding:
    """One too many costs as one too few."""
    named = marks(case, "faults", FAULTS)
    missing, strange = len(set(truth(case)) - set(named)), len(set(named) - set(truth(case)))
    found = f"{missing} missing, {strange} that this cluster does not show"
    return judged(case, set(named) == set(truth(case)), found, HIDDEN, 1 if named else 3)


@check("order")
def order(case: Case) -> Finding:
    """The faults that are named must all be there, in order."""
    named = marks(case, "faults", FAULTS)
    complete = set(named) >= set(truth(case))
    found = "another one shows first" if complete else "name all faults first: only then they have an order"
    return judged(case, named == list(truth(case)), found, HIDDEN, 2)


@check("evidence")
def evidence(case: Case) -> Finding:
    """Paired with the faults by their places."""
    named, numbers = marks(case, "faults", FAULTS), marks(case, "evidence", EVIDENCE)
    pairs = dict(zip(named, numbers, strict=False))
    right = len(named) == len(numbers) and pairs == truth(case)
    why = "an Event names the container that it is about; a program that waits writes to its log alone"
    return judged(case, right, "not the first evidence of each fault", why, 1)
