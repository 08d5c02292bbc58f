"""e14 convert-shipper: a second app container becomes a sidecar, judged by the recorded life of the Pod."""

from podlab.checks import Case, Finding, Life, check

WHY = {
    "app": "in the containers list no order is promised, and the Pod's restartPolicy counts",
    "init": "a regular init container must end before the next one starts, and this one never ends",
}


def why(life: Life) -> str:
    """Return the rule behind the list that shipper stands in."""
    return WHY.get(life.role("shipper") or "app", "")


@check("first")
def first(case: Case) -> Finding:
    """A regular init container or a sidecar is sure to start before an app."""
    life = case.life()
    found = f"start order {life.start_order()}" if life.ran("shop") else "shop never started"
    return Finding(life.started_before("shipper", "shop"), found, why(life))


@check("back")
def back(case: Case) -> Finding:
    """Shipper's next run follows the kill, and shop has no new run."""
    life = case.life()
    if not life.reached("kill"):
        return Finding(False, "they never ran beside each other, so nothing was killed", why(life))
    if not life.came_back("kill", "shipper"):
        return Finding(False, "shipper was not started again", why(life))
    stayed = life.stayed("kill", "shop")
    return Finding(stayed, "it came back" if stayed else "shop was started again too", why(life))


@check("last")
def last(case: Case) -> Finding:
    """A Pod that does not end has no last container."""
    life = case.life()
    if life.phase not in ("Succeeded", "Failed"):
        stuck = "shop never started" if not life.ran("shop") else "the Pod has not ended, so nobody left last"
        return Finding(False, stuck, why(life))
    found = "shipper was gone before shop ended" if life.ran("shop") else "shop never started"
    return Finding(life.outlived("shipper", "shop"), found, why(life))


@check("ended")
def ended(case: Case) -> Finding:
    """Sidecars do not count for the phase; app containers do."""
    life = case.life()
    rule = "a Pod has ended when none of its app containers runs or will run again"
    return Finding(life.phase == "Succeeded", f"phase {life.phase}", rule)
