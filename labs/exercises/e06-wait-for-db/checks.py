"""e06 wait-for-db: shop's start beside the moment at which the database began to listen, at two latenesses."""

from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from podlab.checks import Case, Finding, Life, check

ALIKE_S = 6.0  # of one pause in two runs; who really waits is later by far where the database is late
TOO_LONG = "shop is as late as ever although the database was early: that is a pause, not a wait"
TOO_SHORT = "shop waited for an early database and not for a late one: that is a pause, not a wait"


def after(life: Life) -> Finding:
    """
    Return whether shop started after the database did.

    Where both fall into one second that the evidence cannot part, shop's question decides: it ends if nobody answers.
    """
    if not life.ran("shop"):
        return Finding(False, "shop never started, though the database answers", why(life))
    opened = life.said("db", event="listening")
    if not opened:
        return Finding(None, "the database has not started")
    holds = life.before((opened[0]["_at"],) * 2, let_in(life))
    if holds is None:
        holds = not life.exit_codes("shop")
    return Finding(holds, "shop started before the database answered", why(life))


def let_in(life: Life) -> tuple[float, float] | None:
    """
    Return when the Pod first let shop in, at the latest when shop started.

    A node that is late starts shop late; whoever let it in before the database answered did not wait for that. The
    last init container lets shop in: a regular one by its end, a sidecar by its start, or by its startup probe or
    postStart hook, which the Pod's condition Initialized shows. Without any, that condition is True at once. The
    postStart hook of a container that stands before shop holds it back too, and shows nowhere but in shop's start.
    """
    spec = life.latest()["spec"]
    earlier = takewhile(lambda row: row["name"] != "shop", spec["containers"])
    moments = [] if has_hook(earlier) else gates(life, spec)
    found = [at for at in map(life.at, ["shop.start", *moments]) if at]
    return (min(at[0] for at in found), min(at[1] for at in found)) if found else None


def gates(life: Life, spec: dict[str, Any]) -> list[str]:
    """Return the moments after which nothing in the Pod holds shop back; the first of them counts."""
    rows = spec.get("initContainers") or []
    if not rows:
        return ["pod.initialized", *(f"{row['name']}.start" for row in spec["containers"])]
    last = rows[-1]
    if "startupProbe" in last or has_hook([last]):
        return ["pod.initialized"]
    return [f"{last['name']}.{'end' if life.role(last['name']) == 'init' else 'start'}"]


def has_hook(rows: Iterable[dict[str, Any]]) -> bool:
    """Return whether one of these containers has a postStart hook."""
    return any("postStart" in (row.get("lifecycle") or {}) for row in rows)


def why(life: Life) -> str:
    """Return the rule behind the containers that stand beside shop."""
    roles = {lane.role for lane in life.timeline().lanes if lane.name != "shop"}
    if "init" in roles:
        return "a regular init container lets the next one start when it ends with 0, and only then"
    if "sidecar" in roles:
        return "a sidecar lets the next one start once it has started, not when it has ended"
    return "containers of one list under containers do not wait for each other"


def waited_s(life: Life) -> float | None:
    """Return the seconds between the Pod's first start and shop's, at most; None if shop never started."""
    starts = [lane.first_start.lo for lane in life.timeline().lanes if lane.first_start]
    shop = life.timeline().lane("shop").first_start
    return shop.hi - min(starts) if shop else None


def failed_first(life: Life) -> bool:
    """Return whether a container before shop failed and was run again: it asked, and a pause does not fail."""
    others = [lane.name for lane in life.timeline().lanes if lane.name != "shop"]
    return any(life.restarts(name) and any(life.exit_codes(name)) for name in others)


def demanded_s(life: Life) -> float:
    """Return the seconds between the Pod's first start and the database's first word."""
    starts = [life.at(f"{lane.name}.start") for lane in life.timeline().lanes]
    return float(life.said("db", event="listening")[0]["_at"]) - min(at[0] for at in starts if at)


def pause(case: Case) -> str:
    """
    Return how shop's start shows a pause of fixed length; empty where it does not.

    The limit is taken from the late run, not from a clock: a slow cluster is slow in both.
    """
    early, late = case.life("early"), case.life("late")
    waited = waited_s(early)
    if waited is None or not after(early).holds or failed_first(early):
        return ""
    again, opened = waited_s(late), late.said("db", event="listening")
    if again is None or not opened:
        return ""
    if waited >= demanded_s(late) and again - waited < ALIKE_S:
        return TOO_LONG
    return TOO_SHORT if after(late).holds is False else ""


def waits(case: Case, run: str) -> Finding:
    """A pause waits for no database, so it earns nothing, even on a day that suits it."""
    found = pause(case)
    return Finding(False, found, hint=2) if found else after(case.life(run))


@check("early")
def early(case: Case) -> Finding:
    """The database comes 4 s after the Pod."""
    return waits(case, "early")


@check("late")
def late(case: Case) -> Finding:
    """The same manifest, another day."""
    return waits(case, "late")


@check("soon")
def soon(case: Case) -> Finding:
    """Soon, and not by starting before the database."""
    return waits(case, "early")


@check("alive")
def alive(case: Case) -> Finding:
    """In both runs shop ran, and no run of it ended."""
    for life in (case.life("early"), case.life("late")):
        if not life.ran("shop"):
            return Finding(False, "shop never started", why(life))
        if life.exit_codes("shop"):
            return Finding(False, "shop found no database and ended", why(life))
    return Finding(True)
