"""e37 renewed: judged by a customer's TLS client outside of the Pod."""

from podlab.checks import Case, Finding, check


def served(case: Case, run: str) -> Finding:
    """Whether every call after the first good one was accepted, by the same start of shop."""
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
    """The same with a renewer that is killed."""
    life = case.life("killed")
    if not life.role("renew"):
        return Finding(False, "the Pod has no container renew to kill")
    found = served(case, "killed")
    if found.holds and not life.came_back("crash", "renew"):
        return Finding(False, "renew did not come back")
    return found
