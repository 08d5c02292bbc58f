"""e17 stop-order: the answer against the moments at which the containers noted SIGTERM."""

from podlab.checks import KILLED, Case, Finding, Life, check, notation
from podlab.errors import CheckError
from podlab.grading.exercise import Refused

WORDS = 2  # each container says at least so many last words, half a second apart
NEVER = "fetch ended long before"


def signalled(life: Life) -> dict[str, float]:
    """Return container -> when its process took SIGTERM, seconds since the epoch."""
    lanes = [lane.name for lane in life.timeline().lanes]
    said = {name: life.said(None, name, event="signal") for name in lanes}
    return {name: lines[0]["at"] for name, lines in said.items() if lines}


def truth(life: Life) -> set[tuple[str, str]]:
    """
    Return every pair (earlier, later) where the later container took SIGTERM after the earlier one had spoken.

    Whoever waits for a container gets SIGTERM after the end of that one, and so after its words, however slow the
    node is. Containers that get it together have not said anything by then. The processes themselves note the times:
    the stamps of the log are as late as its reader.
    """
    moments = signalled(life)
    spoken = {name: life.said(None, name, event="last-words")[WORDS - 1 :] for name in moments}
    return {(a, b) for a in moments for b in moments if spoken[a] and moments[b] > spoken[a][0]["at"]}


def claimed(case: Case, pod: str) -> set[tuple[str, str]]:
    """Return the pairs that the answer claims: of one line, or of a list with one step an item."""
    steps = [case.answer.chose(f"{pod}.{number}") for number in range(1, 9)]
    text = case.answer.chose(pod) or " | ".join(f"({step})" for step in steps if step)
    if not text:
        return set()
    try:
        return notation.pairs(notation.parse(text.replace("->", "|").replace("→", "|")))
    except CheckError as error:
        raise Refused(f"the order of Pod {pod.upper()} cannot be read", cause=str(error)) from error


def ordered(case: Case, pod: str, hint: int) -> Finding:
    """Score an order: each wrong pair takes back a right one."""
    life = case.life(pod)
    right, said = truth(life), claimed(case, pod)
    strange = sorted({name for pair in said for name in pair} - set(signalled(life)))
    if strange:
        return Finding(
            False, f"{', '.join(strange)} gets no SIGTERM", NEVER if "fetch" in strange else "", hint=1
        )
    if not life.reached("gone"):
        return Finding(None, "the Pod was not deleted in time")
    earned = max(0, len(said & right) - len(said - right))
    wrong = first_wrong(life, right, said)
    return Finding.counted(earned, len(right), found=wrong[0], hint=wrong[1] or hint)


def first_wrong(
    life: Life, right: set[tuple[str, str]], said: set[tuple[str, str]]
) -> tuple[str, int | None]:
    """Return a sentence about the worst fault of an order, and the hint that fits it."""
    apps = {lane.name for lane in life.timeline().lanes if lane.role == "app"}
    if not said:
        return "the answer claims no order", 1
    if any(later in apps for _, later in said - right):
        return "the answer puts an app after another container", 1
    if any(pair[::-1] in right for pair in said):
        return "the answer has two sidecars the wrong way round", 2
    if said - right:
        return "the answer puts a container after another that got SIGTERM at the same moment", 3
    if right - said:
        return "the answer leaves out that a container waits for another to end", 2
    return "", None


@check("order-a")
def order_a(case: Case) -> Finding:
    """Time enough for the whole staircase."""
    return ordered(case, "a", 2)


@check("order-b")
def order_b(case: Case) -> Finding:
    """The grace period ends while an app still talks."""
    return ordered(case, "b", 3)


@check("ends")
def ends(case: Case) -> Finding:
    """Two facts of each Pod."""
    if not all(case.life(pod).reached("gone") for pod in ("a", "b")):
        return Finding(None, "a Pod was not deleted in time")
    wrong = [what for pod in ("a", "b") for what in wrong_ends(case, pod)]
    found = f"not as it was: {', '.join(wrong)}"
    return Finding.counted(4 - len(wrong), 4, found=found, why="Completed and Error are words of kubectl, not phases"
                           if any(word in case.answer.text for word in ("Completed", "Error")) else "")  # fmt: skip


def wrong_ends(case: Case, pod: str) -> list[str]:
    """Return the names of the items about one Pod that do not hold."""
    life = case.life(pod)
    killed = {lane.name for lane in life.timeline().lanes if KILLED in life.exit_codes(lane.name)}
    named = set(case.answer.chose(f"{pod} killed").replace(",", " ").split())
    found = [] if named and named - {"none", "nobody"} == killed else [f"{pod.upper()} killed"]
    return (
        found if case.answer.chose(f"{pod} phase") == life.phase.lower() else [*found, f"{pod.upper()} phase"]
    )
