"""e27 draw-a-life: each line of the drawing against the recorded life."""

from dataclasses import replace
from itertools import pairwise

from podlab.checks import Case, Finding, Life, check
from podlab.errors import TimelineError
from podlab.grading.exercise import Refused
from podlab.timeline import prediction
from podlab.timeline.prediction import Prediction

ORDER = ("fetch", "proxy", "tokens", "shop")
GATES = ("end", "started", "probe")
UNDECIDED = Finding(None, "the Pod did not live to its end in time")
EARLY_S = 1.0  # a server listens 5 s after its start; whoever waits for that starts at most this much before its line


def lines(case: Case, *, gates: bool) -> str:
    """Return the line that begins with "gates:", or all others."""
    wanted = [
        line for line in case.answer.text.splitlines() if line.strip().lower().startswith("gates") is gates
    ]
    return "\n".join(wanted)


def drawn(case: Case) -> Prediction:
    """Return what was drawn, without the gates; Refused where it cannot be read."""
    try:
        return prediction.parse(lines(case, gates=False).replace("->", " ").replace("→", " "), ORDER)
    except TimelineError as error:
        raise Refused("the drawing cannot be read", cause=error.summary, hint=error.hint) from error


def whole(life: Life) -> bool:
    """Return whether the play came to its end; else nothing can be decided."""
    return life.reached("again") and life.reached("gone")


def scored(case: Case, part: Prediction, said: bool) -> Finding:
    """Score one part by statements: an order that held and was not claimed counts as much as one that did not hold."""
    if not said:
        return Finding(False, "nothing is drawn")
    if not whole(case.life()):
        return UNDECIDED
    statements = part.score(case.life().timeline()).statements
    wrong = [statement.text for statement in statements if not statement.right]
    return Finding.counted(
        len(statements) - len(wrong), len(statements), found=f"not as it was: {'; '.join(wrong)}"
    )


@check("starts")
def starts(case: Case) -> Finding:
    """Orders that nothing promises cost as much as orders that are missing."""
    part = replace(drawn(case), stop=(), phases=(), restarts={}, never=())
    return scored(case, part, bool(part.start))


@check("gates")
def gates(case: Case) -> Finding:
    """Three gates, each by what had happened when the next container started."""
    words = lines(case, gates=True).partition(":")[2].replace(",", " ").lower().split()
    said = dict(zip(words[::2], words[1::2], strict=False))
    if set(said) - set(ORDER) or set(said.values()) - set(GATES):
        return Finding(False, "the gates cannot be read", "write: gates: a end, b started, c probe")
    life = case.life()
    if not whole(life):
        return UNDECIDED
    wrong = [name for name, after in pairwise(ORDER) if said.get(name) != gate(life, name, after)]
    return Finding.counted(3 - len(wrong), 3, found=f"the gate of {', '.join(wrong)} is another one")


def gate(life: Life, name: str, after: str) -> str:
    """Return what container *after* waited for, as recorded: the end of *name*, its start, or that it listened."""
    following = life.at(f"{after}.start")
    if following is None or life.before(life.at(f"{name}.end"), following):
        return "end"
    listens = life.said(None, name, event="listening")
    return "probe" if listens and following[0] >= listens[0]["_at"] - EARLY_S else "started"


@check("restarts")
def restarts(case: Case) -> Finding:
    """Who is not named is claimed to be started once."""
    life, said = case.life(), drawn(case).restarts
    if not whole(life):
        return UNDECIDED
    wrong = [name for name in ORDER if said.get(name, (0, 0))[0] != life.restarts(name)]
    return Finding(not wrong, f"not as often as drawn: {', '.join(wrong)}")


@check("stop")
def stop(case: Case) -> Finding:
    """Ends after the deletion."""
    part = replace(drawn(case), start=(), phases=(), restarts={}, never=())
    return scored(case, part, bool(part.stop))


@check("phases")
def phases(case: Case) -> Finding:
    """The whole sequence."""
    part = replace(drawn(case), start=(), stop=(), restarts={}, never=())
    return scored(case, part, bool(part.phases))
