"""e31 reload: judged by the customer's pages, the restarts, and how often shop was told to reload."""

from typing import Any

from podlab.checks import Case, Finding, Life, check

ONCE = "a container of initContainers without restartPolicy Always runs once, before the app"
MOUNTED = "a subPath mount is made when the container starts, and never changed"


def seen(life: Life, word: str) -> bool:
    """Return whether a customer got a page with these prices."""
    return any(word in line.get("seen", []) for line in life.said("caller", event="call"))


def reloads(life: Life) -> list[bool]:
    """Return for each reload whether it changed anything."""
    return [bool(line["changed"]) for line in life.said(None, "shop", event="reload")]


def stands(life: Life) -> Finding | None:
    """Return what is wrong before any change was made; None if the shop is open."""
    if not life.ran("shop"):
        return Finding(False, "shop never started", ONCE, hint=3)
    if not seen(life, str(life.values["nonce"])):
        return Finding(
            False, "no customer saw the first prices: /etc/shop is not the ConfigMap prices", hint=1
        )
    return None


@check("served")
def served(case: Case) -> Finding:
    """Two changes, and the process that serves them is the one that served the first prices."""
    life = case.life("changes")
    wrong = stands(life)
    if wrong:
        return wrong
    if life.restarts("shop"):
        return Finding(
            False, "shop was restarted to read the prices", "a new process is not a reload", hint=3
        )
    arrived = [life.reached(word) for word in ("second", "third")]
    return Finding.counted(sum(arrived), 2, **({} if all(arrived) else missing(life)))


def missing(life: Life) -> dict[str, Any]:
    """Say where a change stopped: not called at all, or called in vain."""
    if not life.role("reloader"):
        return {"found": "the Pod has no container reloader", "hint": 1}
    if life.role("reloader") == "init":
        return {"found": "reloader is a regular init container: it runs once", "why": ONCE, "hint": 3}
    calls = reloads(life)
    if not calls:
        blind = not mounts(life.latest(), "reloader")
        found = "reloader never called /reload" + (": it does not mount the prices" if blind else "")
        return {"found": found, "hint": 1 if blind else 2}
    if not any(calls):
        return {"found": "shop was told to reload, and found the old file", "why": MOUNTED, "hint": 1}
    return {"found": "only the first change was served", "hint": 3}


def mounts(pod: dict[str, Any], container: str) -> list[str]:
    """Return the volumes of the Pod that a container of either list mounts; only for the words of a finding."""
    rows = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    names = {volume["name"] for volume in pod["spec"].get("volumes", []) if "configMap" in volume}
    mine = next(row for row in rows if row["name"] == container)
    return [each["name"] for each in mine.get("volumeMounts", []) if each["name"] in names]


@check("untouched")
def untouched(case: Case) -> Finding:
    """The shop stays in both runs, where a change was served: without one it is untouched too."""
    for life in case.lives.values():
        if not life.made or not life.reached("second"):
            return Finding(False, "no change was served")
        if life.restarts("shop"):
            return Finding(False, "shop was restarted")
    return Finding(True)


@check("quiet")
def quiet(case: Case) -> Finding:
    """Each start of reloader may reload once, since it cannot know what it missed."""
    life = case.life("changes")
    if not life.made or not life.reached("second") or life.restarts("shop"):
        return Finding(False, "no change was served")
    idle = reloads(life).count(False)
    return Finding(idle <= 1 + life.restarts("reloader"), "shop reloads without a change")


@check("killed")
def killed(case: Case) -> Finding:
    """SIGKILL, then the next change."""
    life = case.life("killed")
    if not life.made or not life.reached("kill"):
        return Finding(False, "no change was served, so reloader was not killed")
    if life.restarts("shop"):
        return Finding(False, "shop was restarted")
    if not life.came_back("kill", "reloader"):
        return Finding(False, "reloader was killed and did not come back")
    return Finding(life.reached("third"), "after reloader was killed, a change was not served")
