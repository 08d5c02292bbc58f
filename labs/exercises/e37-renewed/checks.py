"""e37 renewed: judged by a customer's TLS client outside of the Pod."""

from podlab.checks import Case, Finding, Life, check


def served(case: Case, run: str) -> Finding:
    """Return whether every call after the first good one was accepted, by the same start of shop."""
    life = case.life(run)
    if not life.ran("shop"):
        return Finding(
            False, "shop never started", "a regular init container must end before the app starts", hint=1
        )
    if not life.reached("open"):
        return Finding(False, "no customer got in")
    if life.restarts("shop"):
        return Finding(
            False, "shop was restarted", "nginx reads its files again on SIGHUP, without a restart"
        )
    calls = [line["outcome"] for line in life.said("caller", event="call")]
    refused = [each for each in calls[calls.index("ok") :] if each not in ("ok", "nobody answers")]
    if refused:
        return Finding(False, f"a customer's client says: {refused[0]}")
    return Finding(calls[-1] == "ok", "nobody answers customers any more")


@check("renewed")
def renewed(case: Case) -> Finding:
    """Longer than one certificate lives."""
    return served(case, "renewed")


@check("killed")
def killed(case: Case) -> Finding:
    """Killed while it asks: its round before that and the next one have to fit into the life of one certificate."""
    life = case.life("killed")
    if not life.role("renew"):
        return Finding(False, "the Pod has no container renew to kill")
    # The long certificate of "killed" hides a renewer that renews only once.
    for run in ("renewed", "killed"):
        found = served(case, run)
        if not found.holds:
            return found
    if not life.came_back("crash", "renew"):
        return Finding(False, "renew did not come back")
    if not (life.reached("asked") and life.reached("again")):
        return Finding(False, "no customer saw a certificate from after the kill", hint=2)
    return Finding(
        rounds_s(life) <= case.life("renewed").values["life_s"],
        "one certificate would have ended before renew had the next one",
        "renew may be killed just before it has the new certificate: its next round starts from the beginning",
        hint=3,
    )


def rounds_s(life: Life) -> float:
    """
    Return the seconds from the last certificate to the held request, and from renew's next start to its next one.

    A start is known to a second where the node's clock is not read: the latest moment is taken.
    """
    held = life.said("ca", event="held")[0]["_at"]
    issued = [line["_at"] for line in life.said("ca", event="issued")]
    back = life.act("crash").restarts["renew"] + 1
    start = next(run.start for run in life.timeline().lane("renew").runs if run.restart >= back and run.start)
    before = held - max(at for at in issued if at < held)
    return before + min(at for at in issued if at > held) - (life.timeline().zero + start.hi)
