"""e30 migrate-once: what the database holds after two replicas have started, and after one lost its sandbox."""

import json

from podlab.checks import Case, Finding, Life, check

ONCE = "1.1000"
KNOWN = {
    "1.0000": "the prices are the old ones",
    "1.2100": "the prices rose twice",
    "1.3310": "the prices rose three times",
}
ALONE = "fewer than two Pods ran shop, so nobody was there to collide with"
RULE = "an init container runs in every Pod of the Deployment, at the same time"
AGAIN = "when the sandbox of a Pod is lost, all its init containers run again"


def evidence(life: Life, step: str) -> dict:
    """Return what the database held at *step*; empty when it was not asked."""
    if not life.reached(step):
        return {}
    return json.loads(str(life.act(step).output))


def factors(life: Life, step: str) -> list[str]:
    """Return by how much the prices had risen at *step*, without repetition."""
    return evidence(life, step).get("factors") or []


def opened(life: Life, step: str) -> list[dict]:
    """Return the openings of shops until *step*: who, and how much the price of tea had risen."""
    return evidence(life, step).get("opened") or []


def rose(life: Life, step: str) -> str:
    """Return how the prices rose, in words."""
    found = factors(life, step)
    if len(found) == 1:
        return KNOWN.get(found[0], "the prices are neither the old ones nor 10 % higher")
    return "not every price rose by the same share"


def replicas(life: Life) -> int:
    """Return how many Pods have a container shop."""
    return sum(any(lane.name == "shop" for lane in pod.lanes) for pod in life.pods())


@check("once")
def once(case: Case) -> Finding:
    """The two of them met: each change waits until two Pods have logged in."""
    life = case.life()
    if replicas(life) < 2:
        return Finding(False, ALONE, RULE)
    return Finding(factors(life, "before") == [ONCE], rose(life, "before"), RULE)


@check("starts")
def starts(case: Case) -> Finding:
    """Two shops opened, from two addresses, and saw new prices."""
    life = case.life()
    clients = {row["client"] for row in opened(life, "before") if row["factor"] == ONCE}
    if factors(life, "before") != [ONCE]:
        return Finding(False, rose(life, "before"))
    return Finding(len(clients) >= 2, f"{len(clients)} of two shops opened with the new prices", RULE)


@check("old")
def old(case: Case) -> Finding:
    """Every opening counts, also those after the sandbox was lost."""
    life = case.life()
    seen = opened(life, "after") or opened(life, "before")
    if not seen:
        return Finding(False, "no shop opened")
    wrong = [row for row in seen if row["factor"] != ONCE]
    return Finding(not wrong, "a shop opened with other prices than the new ones", RULE)


@check("lost")
def lost(case: Case) -> Finding:
    """The init containers of one Pod ran again."""
    life = case.life()
    if not life.reached("available"):
        return Finding(False, "the shops never became available, so no sandbox was ended", AGAIN)
    if not life.reached("again"):
        return Finding(False, "shop did not come back", AGAIN)
    if replicas(life) < 2:
        return Finding(False, ALONE, RULE)
    return Finding(factors(life, "after") == [ONCE], rose(life, "after"), AGAIN)
