"""e01 shared-logs: what the log store received of this run, and whether both containers lived through it."""

from collections.abc import Iterator, Mapping
from typing import Any

from podlab.checks import Case, Finding, check

BOTH = ("app-container", "log-collector")
FOLDER = "/var/log/app"
IN_A_ROW = 20
MOUNT = "a volume is shared by the containers that mount it, and by no others"


@check("arrives")
def arrives(case: Case) -> Finding:
    """The numbers of one process with this run's word; lines that somebody made up have another word."""
    received = case.life().said("sink", event="received", nonce=case.values["nonce"])
    longest = max((line["in_a_row"] for line in received), default=0)
    if longest >= IN_A_ROW:
        return Finding(True)
    found = "some lines arrived, not 20 in a row" if longest else "no line of app-container arrived"
    return Finding(False, found, *reason(case.answer.pod()))


def reason(pod: Mapping[str, Any]) -> tuple[str, int]:
    """Return why the collector sees nothing, and the hint: a folder that cannot be written comes first."""
    mine, theirs = (list(mounts(pod, name)) for name in BOTH)
    if not mine:
        return MOUNT, 2
    if any(mount.get("readOnly") for mount in mine):
        return "a mount with readOnly takes no lines: read what app-container prints", 1
    if not any(mount.get("mountPath", "").rstrip("/") == FOLDER for mount in mine):
        return f"app-container writes to {FOLDER}, and its volume is mounted elsewhere", 1
    if {m.get("name") for m in mine}.isdisjoint(m.get("name") for m in theirs):
        return "the containers mount two different volumes", 2
    return "both mount the volume, but not the same folder of it", 2


def mounts(pod: Mapping[str, Any], container: str) -> Iterator[Mapping[str, Any]]:
    """Yield the volumeMounts of a container in either list."""
    spec = pod.get("spec") or {}
    for row in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if row.get("name") == container:
            yield from row.get("volumeMounts") or []


@check("beside")
def beside(case: Case) -> Finding:
    """Running together was reached, then 10 s passed without an end of either."""
    life = case.life()
    ended = [name for name in BOTH if life.exit_codes(name)]
    if ended:
        return Finding(False, f"{ended[0]} ended")
    return Finding(life.reached("watched"), "they never ran beside each other")


@check("restarts")
def restarts(case: Case) -> Finding:
    """Neither container may restart: the back-off of one leaves the other alone, but no lines arrive meanwhile."""
    life = case.life()
    again = [name for name in BOTH if life.restarts(name) or not life.ran(name)]
    return Finding(not again, f"{again[0]} was started again or never ran" if again else "")
