"""e05 start-order: which order the answer claims, pair by pair, against the order that was recorded."""

import re
from itertools import product

from podlab.checks import Case, Finding, check, notation
from podlab.errors import CheckError
from podlab.grading.exercise import Refused

Pairs = set[tuple[str, str]]
_PAIR = re.compile(r"([\w-]+)\s+before\s+([\w-]+)")
_MARK = re.compile(r"^\s*(?:[-*]|\d+[.)])\s+")


def claimed(case: Case) -> Pairs:
    """Return each "a before b" that the answer claims; Refused where it cannot be read."""
    lines = [line.strip() for line in case.answer.text.splitlines() if line.strip()]
    claims = [_PAIR.fullmatch(line.rstrip(".,;").lower()) for line in lines]
    try:
        found = (
            closed({(match[1], match[2]) for match in claims if match})
            if all(claims)
            else notation.pairs(notation.parse(" | ".join(map(step, lines)) if len(lines) > 1 else lines[0]))
        )
    except CheckError as error:
        raise Refused("this cannot be read", cause=str(error)) from error
    strange = {name for pair in found for name in pair} - names(case)
    if strange:
        raise Refused(f"name only these containers: {', '.join(sorted(names(case)))}")
    return found


def step(line: str) -> str:
    """Return one line of a list as a step of the notation: several names share it."""
    words = re.split(r"[\s,]+", _MARK.sub("", line).strip("() "))
    return words[0] if len(words) == 1 else f"({' '.join(words)})"


def closed(pairs: Pairs) -> Pairs:
    """Return *pairs* and all that follows from them: a before b, b before c, so a before c."""
    while more := {(a, d) for (a, b), (c, d) in product(pairs, pairs) if b == c and a != d} - pairs:
        pairs = pairs | more
    return pairs


def truth(case: Case) -> Pairs:
    """Return the recorded order of first starts."""
    return notation.pairs(notation.parse(case.life().start_order()))


def names(case: Case, *roles: str) -> set[str]:
    """Return the names of all containers, or of those with one of *roles*."""
    return {lane.name for lane in case.life().timeline().lanes if not roles or lane.role in roles}


@check("first")
def first(case: Case) -> Finding:
    """The pairs among regular init containers and sidecars; no app is claimed to be before one of them."""
    chain, said, held = names(case, "init", "sidecar"), claimed(case), truth(case)
    if any(later in chain and earlier not in chain for earlier, later in said):
        return Finding(False, "an app container stands before one of initContainers",
                       "app containers start when all of initContainers have ended or started", 1)  # fmt: skip
    mine, wanted = ({pair for pair in pairs if set(pair) <= chain} for pairs in (said, held))
    if any((later, earlier) in wanted for earlier, later in mine):
        return Finding(
            False, "two of them are the wrong way round", "the order of the list is the order of starts"
        )
    return Finding(mine == wanted, "an order among them is promised, and missing in the answer",
                   "each waits for the one before it: for its end or for its start")  # fmt: skip


@check("last")
def last(case: Case) -> Finding:
    """All pairs with an app container in them."""
    apps = names(case, "app")
    mine, wanted = ({pair for pair in pairs if set(pair) & apps} for pairs in (claimed(case), truth(case)))
    if any(set(pair) <= apps for pair in mine):
        return Finding(
            False, "an order among app containers", "no order is promised among the entries of containers"
        )
    early = any(earlier in apps for earlier, _ in mine)
    return Finding(mine == wanted, "an app container stands too early" if early else "an order is missing",
                   "app containers wait for all of initContainers", 1 if early else 2)  # fmt: skip
