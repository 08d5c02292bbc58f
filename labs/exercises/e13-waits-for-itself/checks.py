"""e13 waits-for-itself: the requests to the registry are the evidence; only the shop's page has this run's word."""

from podlab.checks import Case, Finding, Life, check

CIRCLE = "an init container that waits for the app waits for itself: the app starts when it has ended"
AGAIN = "under a policy of Always a container that ends beside the app is started again"


def hellos(life: Life) -> list[dict]:
    """Return the requests to the registry that brought the right word."""
    return life.said("registry", event="hello", good=True)


def probed(life: Life) -> bool:
    """Return whether shop has a probe: this decides about the hint alone."""
    rows = life.latest()["spec"].get("containers") or []
    return any(row["name"] == "shop" and ("readinessProbe" in row or "startupProbe" in row) for row in rows)


def stuck(life: Life) -> Finding:
    """The shop never came."""
    return Finding(False, "shop never started", CIRCLE, 1 if probed(life) else 2)


@check("cause")
def cause(case: Case) -> Finding:
    """One letter."""
    chosen = case.answer.chose("cause")
    found = f"you chose {chosen}" if chosen else "no letter stands behind '# cause:'"
    return Finding(
        case.key.accepts("cause", chosen), found, "draw an arrow from who waits to what it waits for"
    )


@check("runs")
def runs(case: Case) -> Finding:
    """The lane of the shop."""
    return Finding(True) if case.life().ran("shop") else stuck(case.life())


@check("registered")
def registered(case: Case) -> Finding:
    """The word can come from nowhere but a page of the running shop."""
    life = case.life()
    if not life.ran("shop"):
        return stuck(life)
    if not life.said("registry", event="hello"):
        return Finding(False, "the registry got no request", "whoever registers the shop must wait for it", 2)
    return Finding(
        bool(hellos(life)),
        "the registry got a word that is not on the shop's page",
        "send the shop's own page",
    )


@check("once")
def once(case: Case) -> Finding:
    """Every request counts, whatever word it brings."""
    count = len(case.life().said("registry", event="hello"))
    if not hellos(case.life()):
        return Finding(False, "no request to count", CIRCLE, 2)
    return Finding(count == 1, "the shop was registered again and again", AGAIN)
