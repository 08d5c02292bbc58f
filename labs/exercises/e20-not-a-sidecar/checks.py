"""e20 not-a-sidecar: the lanes of warm and shop, and what a customer outside of the Pod got as its first answer."""

from typing import Any

from podlab.checks import Case, Finding, Life, check

RUNS = ("quick", "slow")
WIDTH_S = 1.0  # a start or an end is known to a second where the node's clock is not read
SIDECAR = "a sidecar counts as done when it has started, and is started again after every exit"
APP = "containers of the containers list do not wait for one another"


def why(life: Life) -> str:
    """Return the rule behind the list that warm stands in."""
    return APP if life.role("warm") == "app" else SIDECAR


def hint(life: Life) -> int:
    """A wrong exit code shows in the lane; a gate that opens too early is the third hint's matter."""
    rows = life.latest()["spec"].get("initContainers") or []
    probed = any(row["name"] == "warm" and row.get("startupProbe") for row in rows)
    failed = any(life.exit_codes("warm"))
    return 3 if probed else 1 if failed else 2


def waited(life: Life) -> bool:
    """Return whether shop started after the work: not before it can be done, and let in by who waited for it."""
    least_s = life.values["least_s"]
    begun = life.at("warm.start") if least_s else life.at("prices.start", "prices")
    shop = life.at("shop.start")
    done = [line["at"] for line in life.said(container="warm", event="warmed", nonce=life.values["nonce"])]
    if not (begun and shop and done) or shop[1] - begun[0] < least_s:
        return False
    return min(shop[1], opened(life, shop[1])) >= done[0] - WIDTH_S


def opened(life: Life, otherwise: float) -> float:
    """
    Return when shop was let in, seconds since the epoch, at the latest.

    A sidecar without a gate holds nobody back, so what stands between it and shop does: the end of the last init
    container. Else it is *otherwise*, the start of shop.
    """
    rows = life.latest()["spec"].get("initContainers") or []
    names = [row["name"] for row in rows]
    if life.role("warm") != "sidecar" or gated(rows[names.index("warm")]):
        return otherwise
    ends = [life.at(f"{name}.end") for name in names[names.index("warm") + 1 :] if life.role(name) == "init"]
    return max((end[1] for end in ends if end), default=otherwise)


def gated(row: dict[str, Any]) -> bool:
    """Return whether the next container waits for more than the start of this one's process."""
    return "startupProbe" in row or "postStart" in (row.get("lifecycle") or {})


@check("full")
def full(case: Case) -> Finding:
    """Both runs count for themselves: a fixed pause fits one of them."""
    lives = [case.life(name) for name in RUNS]
    first = next((life for life in lives if not waited(life)), lives[0])
    found = "shop started while warm was at work" if first.ran("shop") else "shop never started"
    return Finding.counted(sum(map(waited, lives)), len(lives), found=found, why=why(first), hint=hint(first))


@check("once")
def once(case: Case) -> Finding:
    """A run that was begun again is one too many, whatever its exit code."""
    again = [life for life in map(case.life, RUNS) if life.restarts("warm") or not life.ran("warm")]
    stuck = [life for life in map(case.life, RUNS) if not life.ran("shop")]
    if stuck and not again:
        return Finding(False, "shop never started", why(stuck[0]), hint(stuck[0]))
    return Finding(not again, "warm was started again", SIDECAR)


@check("hit")
def hit(case: Case) -> Finding:
    """The caller knows a page of warm by the run's word in it."""
    lives = [case.life(name) for name in RUNS]
    answers = [life.said("caller", event="call", outcome="ok") for life in lives]
    holds = all(found and found[0]["good"] for found in answers)
    found = "the first page was not one of warm's" if all(answers) else "no customer got an answer"
    return Finding(holds, found, why(lives[0]), hint(lives[0]))
