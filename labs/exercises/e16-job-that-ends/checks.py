"""e16 job-that-ends: the Job's own condition, the ends of the lanes, and the numbers that arrived at the sink."""

from podlab.checks import Case, Finding, Life, check

PATIENCE_S = 10  # between the end of report and the end of the Pod; a sidecar's grace is part of it
WAITS = "a Job waits for all containers under containers, and for no sidecar"
INIT = "a regular init container must end before the next one starts, and shipper never ends"
KILLED = "a shipper with a time limit does not know how long a report takes"


def conditions(life: Life) -> set[str]:
    """Return the conditions of the Job that are True."""
    job = life.act("job").output or {}
    return {
        one["type"] for one in (job.get("status") or {}).get("conditions") or [] if one["status"] == "True"
    }


def whole(life: Life) -> bool:
    """Return whether all lines of one run of report arrived, from the first to the one that it leaves with."""
    return any(
        line["lowest"] == 1 and line["missing_total"] == 0 and line["last"] == "end"
        for line in life.said("sink", event="received", nonce=life.values["nonce"])
    )


def late(life: Life) -> bool:
    """Return whether a container under containers went on for long after report."""
    report, shipper = life.at("report.end"), life.at("shipper.end")
    if not report or not shipper or life.role("shipper") != "app":
        return False
    return shipper[0] - report[1] > PATIENCE_S


def judged(life: Life) -> Finding:
    """The Job is complete in time, and nothing got lost."""
    if not life.ran("report"):
        return Finding(False, "report never started", INIT, 3)
    if not life.reached("complete") and "Failed" in conditions(life):
        return Finding(False, "the Job has failed", "a deadline ends a Job without completing it", 2)
    # The same words, whether a late end came before the deadline or not.
    if late(life) or not life.reached("complete"):
        return Finding(False, f"the Job goes on for more than {PATIENCE_S} s after report", WAITS, 1)
    return Finding(whole(life), "lines are missing at the sink", KILLED, 2)


@check("short")
def short(case: Case) -> Finding:
    """A report of a few seconds."""
    return judged(case.life("short"))


@check("long")
def long(case: Case) -> Finding:
    """A report that outlasts any short time limit."""
    return judged(case.life("long"))


@check("beside")
def beside(case: Case) -> Finding:
    """Both lanes at once: shown by one run, and denied by none."""
    lives = [case.life("short"), case.life("long")]
    if not all(life.ran("report") for life in lives):
        return Finding(False, "report never started", INIT)
    answers = [together(life) for life in lives]
    holds = False if False in answers else True if True in answers else None
    return Finding(holds, "shipper and report did not run at the same time")


def together(life: Life) -> bool | None:
    """
    Return whether both ran at once; None where a late node alone may have kept them apart.

    Nothing holds back a container of the list ``containers``; a busy node started shipper after a report of 3 s. One
    that never started cannot start: a grading waits for a node that is late.
    """
    seen = life.overlapped("shipper", "report")
    free = {life.role("shipper"), life.role("report")} == {"app"}
    return None if free and life.ran("shipper") and seen is False else seen
