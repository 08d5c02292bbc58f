"""e07 fetch-and-check: which file shop read at its start, and what its customers saw."""

from podlab.checks import Case, Finding, Life, check

BOUNDARY = "only the container that failed is run again: what must be repeated together belongs into one"


def read(life: Life) -> list[str]:
    """Return the sums of the files that shop read, one for each of its starts; empty text where it was missing."""
    return [str(line.get("sha256", "")) for line in life.said(None, "shop", event="file")]


@check("good")
def good(case: Case) -> Finding:
    """The customer is outside of the Pod and knows this run's word."""
    life = case.life("good")
    if not life.ran("shop"):
        return Finding(False, "shop never started", hint=2)
    if life.said("caller", event="call", good=True):
        return Finding(True)
    missing = "" in read(life)
    return Finding(False, "shop has no /etc/shop/prices.json" if missing else "the page shows other prices",
                   "a file is shared by the containers that mount its volume" if missing else "", hint=1)  # fmt: skip


@check("half")
def half(case: Case) -> Finding:
    """Two answers are half a file, so a shop that read the right one started after the third."""
    life = case.life("half")
    if not life.ran("shop"):
        return never(life)
    if read(life)[:1] == [case.values["sum"]]:
        return Finding(True)
    if "" in read(life)[:1]:
        return Finding(False, "shop has no /etc/shop/prices.json", hint=1)
    return Finding(False, "shop started with half a file", "an init container that ends with 0 has succeeded")


def never(life: Life) -> Finding:
    """Say why shop never started: not tried again, not fetched again, or fetched by another container."""
    if life.phase == "Failed":
        return Finding(False, "the Pod is Failed, and nothing is tried again", "restartPolicy Never means it")
    inits = [lane for lane in life.timeline().lanes if lane.role == "init"]
    asked = len(life.said("config", event="request"))
    if asked < 3 and len(inits) == 1:
        return Finding(False, "shop never started: the half file is kept, and not fetched again",
                       "a file under its final name passes for the whole one", hint=3)  # fmt: skip
    return Finding(False, "shop never started, though the third answer is the whole file", BOUNDARY)


@check("whole")
def whole(case: Case) -> Finding:
    """In both runs, at each start."""
    for life in case.lives.values():
        if not life.ran("shop"):
            return Finding(False, "shop never started")
        if any(found != case.values["sum"] for found in read(life)):
            return Finding(False, "shop read a file that has another sum, or none")
    return Finding(all(read(life) for life in case.lives.values()), "shop wrote nothing about its file")


@check("restarts")
def restarts(case: Case) -> Finding:
    """Restarting shop until its file is right is not a check of the file."""
    for life in case.lives.values():
        if not life.ran("shop"):
            return Finding(False, "shop never started")
        if life.exit_codes("shop"):
            return Finding(False, "shop ended")
    return Finding(True)
