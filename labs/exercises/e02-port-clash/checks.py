"""e02 port-clash: what the callers of both Services got, and whether both servers stayed alive."""

from podlab.checks import Case, Finding, Life, check

SERVERS = ("web", "admin")
RULE = (
    "the containers of a Pod share its ports: the second one that wants a port gets Address in use and ends"
)


@check("pages")
def pages(case: Case) -> Finding:
    """Each server has a word of its own, so that the page of the other one is seen to be wrong."""
    life = case.life()
    if all(life.said(f"ask-{name}", event="call", good=True) for name in SERVERS):
        return Finding(True)
    if ended(life):
        return Finding(False, "the two servers cannot both listen: one of them ends", RULE, 2)
    return Finding(False, "a Service answers with the wrong page, or not at all",
                   "a Service sends calls to the targetPort of the Pods that its selector names", 1)  # fmt: skip


@check("stay")
def stay(case: Case) -> Finding:
    """Both servers run somewhere, in one Pod or in two, and no run of either has ended."""
    life = case.life()
    if not all(any(life.ran(name, pod) for pod in life.answered) for name in SERVERS):
        return Finding(False, "one of them never started")
    return Finding(not ended(life), "one of them ends and is started again, or stays away", RULE)


def ended(life: Life) -> bool:
    """Return whether a run of one of the servers ended, in whichever Pod."""
    return any(life.exit_codes(name, pod) for name in SERVERS for pod in life.answered)
