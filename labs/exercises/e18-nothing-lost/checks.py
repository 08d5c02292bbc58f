"""e18 nothing-lost: judged by the numbers that arrived at the sink, per process of the shop."""

from typing import Any

from podlab.checks import KILLED, Case, Finding, Life, check

MOST_TWICE = 5  # a shipper that sends five lines and is killed before it notes that sends these five again
LATE = "SIGTERM reaches all app containers at once, sidecars only after the last app container has ended"


def arrived(case: Case, life: Life, process: int) -> dict[str, Any]:
    """Return the sink's last count of the lines of one process of the shop; its word is on the shop's stdout."""
    said = life.said(None, "shop", nonce=case.values["nonce"]) if life.made else []
    words = list(dict.fromkeys(line["run"] for line in said))
    source = f"answer/shop/{words[process]}" if words else ""
    counts = life.said("sink", event="received", source=source)
    return counts[-1] if counts else {}


def whole(count: dict[str, Any]) -> bool:
    """Return whether every number up to the line with which a shop says goodbye came."""
    return count.get("missing_total") == 0 and count.get("last") == "end"


def lost(count: dict[str, Any]) -> str:
    """Return what is not there, in words without numbers: how much is lost differs from run to run."""
    if not count:
        return "no line of shop arrived"
    return (
        "lines in between are missing" if count["missing_total"] else "the last lines of shop did not arrive"
    )


@check("ends")
def ends(case: Case) -> Finding:
    """The first process of the shop leaves after a few seconds."""
    count = arrived(case, case.life("ends"), 0)
    return Finding(whole(count), lost(count), hint=2 if count else nothing(case.life("ends")))


@check("deleted")
def deleted(case: Case) -> Finding:
    """The process that the deletion met writes last words, if it is given the time."""
    life = case.life("deleted")
    count = arrived(case, life, -1)
    if whole(count):
        return Finding(True)
    if not count:
        return Finding(False, lost(count), hint=nothing(life))
    if KILLED in life.exit_codes("shop"):
        return Finding(False, "shop was killed before its last words", "the grace period was over", hint=2)
    late = life.role("shipper") != "sidecar"
    return Finding(False, lost(count), LATE if late else "", hint=1 if late else 2)


def nothing(life: Life) -> int:
    """Return the hint where nothing came: about the lanes where the shop never ran, else the last one."""
    return 3 if life.made and life.ran("shop") else 1


@check("crashed")
def crashed(case: Case) -> Finding:
    """Sent again is allowed for one batch; a gap never."""
    life = case.life("crashed")
    count = arrived(case, life, 0)
    if not count or not life.reached("crash"):
        return Finding(False, lost(count) if not count else "no container shipper ran that could be killed")
    if not life.came_back("crash", "shipper"):
        return Finding(
            False, "shipper was not started again", "a sidecar comes back under each restartPolicy"
        )
    if count["doubled"] > MOST_TWICE:
        return Finding(
            False, f"more than {MOST_TWICE} lines arrived twice", "the new process began at the first line"
        )
    if count["missing_total"]:
        return Finding(False, lost(count))
    return Finding(went_on(case, life), "no further line arrived after the crash")


def went_on(case: Case, life: Life) -> bool:
    """Return whether numbers beyond those before the crash came after it."""
    source = arrived(case, life, 0)["source"]
    counts = life.said("sink", event="received", source=source)
    before = [line["highest"] for line in counts if line["_at"] <= life.act("crash").at]
    return counts[-1]["highest"] > max(before, default=0) + 1


@check("in-time")
def in_time(case: Case) -> Finding:
    """A Pod that ships nothing is gone soon, too: that is not asked for."""
    life = case.life("deleted")
    if not arrived(case, life, -1):
        return Finding(False, "no line of shop arrived", hint=nothing(life))
    if not life.reached("gone"):
        return Finding(False, "the Pod was still there when the wait for its end was over")
    killed = life.killed()
    return Finding(not killed, f"killed by SIGKILL: {', '.join(killed)}", "the grace period was over")
