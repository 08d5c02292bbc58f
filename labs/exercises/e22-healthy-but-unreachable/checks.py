"""e22 healthy-but-unreachable: judged by a customer outside, in two runs: proxy is ready, proxy never is."""

from podlab.checks import Case, Finding, Life, check

COUNTS = "the Pod is Ready only if the readinessProbe of each container, sidecars too, says so"


@check("cause")
def cause(case: Case) -> Finding:
    """The letter is compared with the key."""
    chosen = case.answer.chose("cause")
    return Finding(
        case.key.accepts("cause", chosen), f"you chose {chosen}" if chosen else "no cause was chosen"
    )


@check("answers")
def answers(case: Case) -> Finding:
    """Twenty in a row where proxy is ready; where it is not, the probe must say so."""
    quick, never = case.life("quick"), case.life("never")
    if not (quick.made and quick.ran("shop")):
        return Finding(False, "shop never started", "a startupProbe holds back what comes next", hint=2)
    if never.reached("ready"):
        found = "a Pod whose proxy is not ready became Ready: customers were sent to it"
        return Finding(False, found, COUNTS, hint=2)
    if not quick.reached("ready"):
        hidden = bool(quick.said("caller", event="call", good=True))
        found = (
            "customers got answers from a Pod that is not Ready" if hidden else "the Pod never became Ready"
        )
        return Finding(False, found, COUNTS, hint=1 if hidden else None)
    if sent(never):
        return Finding(False, "customers were sent to a Pod that is not Ready", COUNTS, hint=1)
    return Finding(
        quick.reached("answered"), "the Pod was Ready, but customers got no 20 answers in a row", hint=1
    )


def sent(life: Life) -> bool:
    """Return whether the Service had an address of a Pod to send customers to."""
    subsets = (life.act("endpoints").output or {}).get("subsets") or []
    return any(subset.get("addresses") for subset in subsets)


@check("untouched")
def untouched(case: Case) -> Finding:
    """Only of a Pod that became Ready: where nothing works, nothing needs to be restarted either."""
    life = case.life("quick")
    if not life.reached("ready"):
        return Finding(False, "the Pod never became Ready")
    again = [name for name in ("shop", "proxy") if life.restarts(name)]
    return Finding(not again, f"restarted: {', '.join(again)}")
