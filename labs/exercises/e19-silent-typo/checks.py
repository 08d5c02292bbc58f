"""e19 silent-typo: the cause is chosen; the repair is judged by two lanes, and by what follows a stop of proxy."""

from podlab.checks import Case, Finding, Life, check

WAITS = "a regular init container must end before the next container starts, and proxy never ends"
POLICY = "under containers the Pod's restartPolicy decides, unless the container has its own"


def untouched(life: Life) -> bool:
    """Return whether both policies are still those of the starter: this decides about the hint alone."""
    spec = life.latest()["spec"]
    rows = spec.get("initContainers") or []
    return spec["restartPolicy"] == "Never" and any(row.get("restartPolicy") == "OnFailure" for row in rows)


@check("cause")
def cause(case: Case) -> Finding:
    """One letter."""
    chosen = case.answer.chose("cause")
    found = f"you chose {chosen}" if chosen else "no letter stands behind '# cause:'"
    return Finding(case.key.accepts("cause", chosen), found, "compare it with the two lanes")


@check("beside")
def beside(case: Case) -> Finding:
    """Two lanes at once."""
    life = case.life()
    if life.ran("shop"):
        return Finding(life.overlapped("proxy", "shop"), "proxy and shop did not run at the same time")
    return Finding(False, "shop never started", WAITS, 1 if untouched(life) else 2)


@check("back")
def back(case: Case) -> Finding:
    """The next run of proxy follows its stop; shop has no new run."""
    life = case.life()
    if not life.reached("kill"):
        return Finding(False, "they never ran beside each other, so nothing was stopped", WAITS, 2)
    if not life.came_back("kill", "proxy"):
        return Finding(False, "proxy was not started again", POLICY)
    return Finding(life.stayed("kill", "shop"), "shop was started again too", POLICY)
