"""e23 last-words: judged by exit codes, and by the lines of the shop that the sink counted."""

from typing import Any

from podlab.checks import KILLED, Case, Finding, Life, check

PROCESS_1 = "SIGTERM goes to process 1 of a container; a shell there does not pass it on"


def counted(case: Case, life: Life) -> list[dict[str, Any]]:
    """Return what the sink counted after each batch of lines of this run's shop."""
    lines = life.said("sink", event="received", nonce=case.values["nonce"])
    return [line for line in lines if line["source"].startswith("answer/shop/")]


def heard(life: Life) -> bool:
    """Return whether the program itself noted SIGTERM."""
    return bool(life.said(None, "shop", role="shop", event="signal", signal="SIGTERM"))


def nothing(case: Case, life: Life) -> Finding | None:
    """Return the finding for a Pod of which no line ever came; it was not deleted then."""
    if counted(case, life):
        return None
    ran = life.made and life.ran("shop")
    return Finding(
        False, "no line of shop arrived, with or without SIGTERM" if ran else "shop never started", hint=3
    )


@check("obeys")
def obeys(case: Case) -> Finding:
    """An exit code 0 alone may be that of a shell which left its child behind."""
    life = case.life()
    early = nothing(case, life)
    if early:
        return early
    codes = life.exit_codes("shop")
    if not codes:
        return Finding(False, "shop still ran when the wait for its end was over", PROCESS_1)
    if codes[-1] == KILLED:
        return Finding(
            False, "shop was killed (137)", "" if heard(life) else PROCESS_1, hint=2 if heard(life) else 1
        )
    if not heard(life):
        why = "when process 1 ends, the others of its container are killed"
        return Finding(False, "the program shop never heard SIGTERM", why, hint=3)
    return Finding(codes[-1] == 0, f"shop ended with {codes[-1]}", hint=3)


@check("in-time")
def in_time(case: Case) -> Finding:
    """Nobody may need the whole grace period."""
    life = case.life()
    early = nothing(case, life)
    if early:
        return early
    if not life.reached("gone"):
        return Finding(False, "the Pod was still there when the wait for its end was over")
    killed = life.killed()
    return Finding(not killed, f"killed by SIGKILL: {', '.join(killed)}", "the grace period was over")


@check("words")
def words(case: Case) -> Finding:
    """The last line of a shop is named `end`; the four before it are its last words."""
    life = case.life()
    early = nothing(case, life)
    if early:
        return early
    last = counted(case, life)[-1]
    said = len(life.said(None, "shop", role="shop", event="last-words"))
    if last["last"] == "end" and last["missing_total"] == 0 and said == 4:
        return Finding(True)
    short = last["last"] == "end"
    found = "shop did not say four last words" if short else "the last words of shop did not arrive"
    return Finding(False, found)
