"""e35 guard: judged by callers outside, with the right token, a wrong one, none, and one at shop's own port."""

from podlab.checks import Case, Finding, Life, check


def pages(life: Life, caller: str) -> bool:
    """Return whether this caller ever got shop's page."""
    return bool(life.said(caller, event="call", good=True))


def refused(life: Life, caller: str) -> bool:
    """Return whether this caller was answered with 401."""
    return bool(life.said(caller, event="call", outcome="status 401"))


@check("tokens")
def tokens(case: Case) -> Finding:
    """Today's token opens, the others do not."""
    life = case.life()
    if not life.ran("shop"):
        return Finding(False, "shop never started", "an init container must end before the app starts")
    for caller, token in (("wrong", "a wrong token"), ("nobody", "no token")):
        if pages(life, caller):
            return Finding(False, f"a caller with {token} got the page", hint=1)
    if not pages(life, "today"):
        return Finding(False, "callers with today's token got no page")
    for caller, token in (("wrong", "a wrong token"), ("nobody", "no token")):
        if not refused(life, caller):
            return Finding(False, f"a caller with {token} got no status 401")
    return Finding(True)


@check("closed")
def closed(case: Case) -> Finding:
    """Only of a shop that is open to those who may come in."""
    life = case.life()
    if not life.ran("shop") or not pages(life, "today"):
        return Finding(False, "callers with today's token got no page")
    if pages(life, "nobody") or pages(life, "wrong"):
        return Finding(False, "the Service leads round the guard")
    return Finding(not pages(life, "walker"), "a caller got the page at port 8080, without a token")


@check("rotated")
def rotated(case: Case) -> Finding:
    """After the change tomorrow's token opens, and today's is answered with 401 at last."""
    life = case.life()
    if not life.made or not life.reached("open") or pages(life, "nobody"):
        return Finding(False, "no guarded shop ran whose token could change")
    if not life.reached("rotated"):
        return Finding(False, "the new token does not open")
    if any(life.restarts(lane.name) for lane in life.timeline().lanes):
        return Finding(False, "a container was restarted")
    last = life.said("today", event="call")[-1]
    return Finding(last["outcome"] == "status 401", "the old token still opens")


@check("first")
def first(case: Case) -> Finding:
    """Seen order, and a reason for it that holds every time: a startupProbe or a postStart hook."""
    life = case.life()
    if not life.made or not life.reached("open") or not refused(life, "nobody"):
        return Finding(False, "no guard answers")
    if life.role("guard") != "sidecar":
        return Finding(False, f"guard is {life.role('guard') or 'no container'}, not a sidecar", hint=2)
    if not life.started_before("guard", "shop"):
        return Finding(False, "shop started before guard")
    spec = next(row for row in life.latest()["spec"]["initContainers"] if row["name"] == "guard")
    held = "startupProbe" in spec or "postStart" in spec.get("lifecycle", {})
    return Finding(held, "nothing holds shop back until guard answers", "started is not the same as usable")
