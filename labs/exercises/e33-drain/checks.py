"""
e33 drain: a customer outside counts failed calls, during a rollout and after a delete.

Calls before the customer had fifteen good ones in a row are left out: the first Pods may still be starting then.
"""

from typing import Any

from podlab.checks import KILLED, Case, Finding, Life, check, lateservice

BOTH = "endpoint and SIGTERM are handled at the same time: nothing waits for the Service"
PATIENCE_S = 20  # the customer's --timeout


def failed(life: Life, since: str, until: str | None = None) -> list[dict[str, Any]]:
    """Return the failed calls that were written between two steps of the play."""
    first, last = life.act(since).at, life.act(until).at if until else float("inf")
    calls = life.said("customer", event="call", good=False)
    return [call for call in calls if first <= call["at"] < last]


def has(life: Life, container: str, *fields: str) -> bool:
    """Return whether a container of the newest Pod has one of these fields."""
    spec = life.latest(life.answered[-1])["spec"]
    rows = [*(spec.get("initContainers") or []), *spec["containers"]]
    return any(row["name"] == container and any(row.get(key) for key in fields) for row in rows)


def hint(life: Life) -> int:
    """Where to look next: at the start of new Pods, at the end of old ones, or at the time that a hook has."""
    if life.role("proxy") != "sidecar" or not (
        has(life, "shop", "lifecycle") or has(life, "proxy", "lifecycle")
    ):
        return 2
    return 3 if has(life, "shop", "readinessProbe") else 1


def judged(life: Life, since: str, until: str | None) -> Finding:
    """Return the finding about the calls between two steps."""
    if killed(life):
        return Finding(not failed(life, since, until), "calls failed: a container was killed", BOTH, hint=3)
    calls = failed(life, since, until)
    late = None
    if life.role("proxy") == "sidecar" and has(life, "shop", "readinessProbe"):
        old = life.act(since).output or ()
        late = lateservice.undecided(
            life, calls, app="shop", old=old, pods=life.answered, patience_s=PATIENCE_S
        )
    return late or Finding(not calls, "calls failed", BOTH, hint(life))


def killed(life: Life) -> bool:
    """Return whether a container of any Pod ended by SIGKILL."""
    return any(KILLED in life.exit_codes(name, pod) for pod in life.answered for name in ("shop", "proxy"))


@check("rollout")
def rollout(case: Case) -> Finding:
    """Both Pods have to be replaced, and nobody may notice."""
    life = case.life()
    if not life.reached("calm"):
        return Finding(False, "the customer never got fifteen answers in a row", hint=1)
    if not life.reached("settled"):
        return Finding(False, "the rollout did not end: not both Pods were replaced", hint=3)
    return judged(life, "rollout", "deletion")


@check("deleted")
def deleted(case: Case) -> Finding:
    """The calls under way at the delete, and those that the new Pod gets."""
    life = case.life()
    if not life.reached("deleted"):
        return Finding(False, "no Pod was deleted and gone in time", hint=3)
    return judged(life, "deletion", None)


@check("in-time")
def in_time(case: Case) -> Finding:
    """A hook that outlasts the grace period is cut off."""
    life = case.life()
    if not life.reached("deleted"):
        return Finding(False, "the Pods were not gone in time", hint=3)
    return Finding(not killed(life), "a container was killed at the end of its grace period", hint=3)
