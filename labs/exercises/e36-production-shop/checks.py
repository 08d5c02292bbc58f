"""
e36 production-shop: what the database, the log store and a customer saw of a Deployment, over two runs.

Run ``rollout``: three containers are killed, then a rollout under load. Run ``outage``: the database goes away, the
certificate is renewed, a bad release is rolled out. Both begin with nothing, and a database that is late.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from podlab.checks import KILLED, Case, Finding, Life, check, lateservice
from podlab.checks.notation import parse
from podlab.errors import CheckError

RUNS = ("rollout", "outage")
BUDGET = {"cpu": Fraction(200, 1000), "memory": Fraction(320 * 2**20)}
UNITS = {
    "": 1,
    "m": Fraction(1, 1000),
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
}
NOT_CALM = "the customer never got fifteen pages in a row"
GATE = "a sidecar counts as started when its startupProbe or postStart hook says so, not when it listens"
GRACE = "what still runs at the end of the grace period is killed"
RACE = "an init container runs in every Pod of the Deployment, at the same time"
PATIENCE_S = 10  # the customer's --timeout
SLOW = 1.5  # times the usual: a Pod that had its first process after 6 s
SLOWLY = "the cluster started Pods slowly at that time, and no container failed"
HANGS, HANGS_S = 4, 30  # an init container that takes so many times as long as at first, and so much more, s
STOPPED = 143  # the exit code of SIGTERM: a probe that is answered late ends a container, too
BOTH = "endpoint and SIGTERM are handled at the same time: nothing waits for the Service"


# ------------------------------------------------------------------------------------------------ what was seen


def shops(life: Life) -> list[str]:
    """Return the answer's Pods that have a container shop, oldest first: a Job's Pod is none of them."""
    return [name for name in life.answered if life.role("shop", name)]


def spec(life: Life) -> dict[str, Any]:
    """Return the spec of the first Pod of the Deployment; {} without a Pod."""
    found = shops(life)
    return life.latest(found[0])["spec"] if found else {}


def row(life: Life, container: str) -> dict[str, Any]:
    """Return a container of the first Pod as its spec has it; {} without one."""
    rows = [*(spec(life).get("initContainers") or []), *(spec(life).get("containers") or [])]
    return next((each for each in rows if each["name"] == container), {})


def evidence(life: Life) -> dict[str, Any]:
    """Return how often the stock was multiplied by twelve, and when: what the database held when Pods were Ready."""
    if not life.reached("evidence"):
        return {}
    found: dict[str, Any] = json.loads(str(life.act("evidence").output))
    return found


def lost(life: Life, since: str, until: str = "") -> list[str]:
    """Return the outcomes of failed calls between two steps of the play."""
    return [call["outcome"] for call in failed(life, since, until)]


def failed(life: Life, since: str, until: str = "") -> list[dict[str, Any]]:
    """Return the customer's lines about failed calls between two steps of the play."""
    first, last = life.act(since).at, life.act(until).at if until else float("inf")
    calls = life.said("customer", event="call", good=False)
    return [call for call in calls if first <= call["at"] < last]


def slowly(life: Life) -> bool:
    """
    Return whether the cluster started Pods slowly, and no container that stays failed by itself: time proves nothing.

    An init container may fail until the database is there.
    """
    slower = max((float(act.output or 1) for act in life.acts if act.verb == "wait"), default=1.0)
    return slower >= SLOW and not any(failed_by_itself(life, pod, "sidecar", "app") for pod in life.answered)


def failed_by_itself(life: Life, pod: str, *roles: str) -> bool:
    """Return whether a container of a Pod, of these roles, ended with an error other than a signal."""
    lanes = [lane for lane in life.timeline(pod).lanes if lane.role in roles]
    return any(set(life.exit_codes(lane.name, pod)) - {None, 0, STOPPED, KILLED} for lane in lanes)


def not_in_time(life: Life, found: str, *, hint: int | None = None) -> Finding:
    """Return what a deadline that passed says: *found*, or nothing on a cluster that was slow."""
    return Finding(None, found, SLOWLY) if slowly(life) else Finding(False, found, hint=hint)


def came_home(life: Life, container: str, until: str, *others: str) -> Finding:
    """Return whether a killed container came back, and no other one was restarted until the step *until*."""
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM, hint=1)
    act = f"kill-{container}"
    if not life.reached(act):
        return Finding(False, f"no container {container} runs in the Pod")
    if not life.came_back(act, container):
        return Finding(False, f"{container} was not started again")
    met, later = life.act(act).restarts, life.act(until).restarts
    also = [name for name in others if met.get(name) != later.get(name)]
    return Finding(not also, f"{', '.join(also)} was restarted too")


# ------------------------------------------------------------------------------------------------ from nothing


@check("ready")
def ready(case: Case) -> Finding:
    """In both runs: two Pods, pages with the right word, and a stock that was multiplied once."""
    for name in RUNS:
        life = case.life(name)
        if len(shops(life)) < 2:
            return Finding(False, "there were fewer than two Pods with a container shop")
        times = evidence(life).get("times")
        if times and set(times) - {1, 12}:
            return Finding(
                False, "the migration was done twice: the replicas met at the database", RACE, hint=2
            )
        if not life.reached("ready"):
            return not_in_time(life, "the Pods did not become Ready")
        if times != [12]:
            return Finding(False, "the stock still counts in dozens", hint=2)
        if not life.reached("calm"):
            return not_in_time(life, NOT_CALM)
    return Finding(True)


@check("order")
def order(case: Case) -> Finding:
    """A third each: the claim, what must have ended before the shop, and the proxy."""
    life = case.life("rollout")
    if not shops(life) or not life.ran("shop", shops(life)[0]):
        return not_in_time(life, "shop never started")
    said = {3: claim(case), 2: early(life), 1: unsure(life)}
    faults = {hint: text for hint, text in said.items() if text}
    return Finding.counted(
        3 - len(faults), 3, found="; ".join(faults.values()), hint=min(faults, default=None)
    )


def claim(case: Case) -> str:
    """Say how the claimed order differs from the recorded one; empty where it does not."""
    said = case.answer.chose("order")
    life = case.life("rollout")
    seen = life.timeline(shops(life)[0]).start_order()
    if not said:
        return "you claim no order"
    try:
        return "" if parse(said) == parse(seen) else f"the order was {seen}"
    except CheckError as error:
        return error.summary


def early(life: Life) -> str:
    """Say for whom the first shops did not wait: the migration, or the certificate."""
    changed = evidence(life).get("changed")
    if changed is None:
        return "the stock was never migrated"
    begun = [at for at in (life.at("shop.start", pod) for pod in shops(life)[:2]) if at]
    first = min(hi for _, hi in begun)
    if first < float(changed):
        return "a shop started before the migration had ended"
    return "a shop started before there was a certificate" if first < life.act("issued").at else ""


def unsure(life: Life) -> str:
    """Say why the proxy was not sure to be there first."""
    if life.role("proxy", shops(life)[0]) != "sidecar":
        return "proxy is not a sidecar"
    return "" if gated(life) else "nothing holds shop back until the proxy listens"


def gated(life: Life) -> bool:
    """Return whether the next container has to wait for more than the start of the proxy's process."""
    proxy = row(life, "proxy")
    return "startupProbe" in proxy or "postStart" in (proxy.get("lifecycle") or {})


@check("usable")
def usable(case: Case) -> Finding:
    """The first two shops of each run are judged, and for a reason that holds every time."""
    for name in RUNS:
        life = case.life(name)
        firsts = [line for pod in shops(life)[:2] for line in life.said(pod, "shop", event="first-call")[:1]]
        if len(firsts) < 2:
            return not_in_time(life, "fewer than two shops started")
        if any("status" not in line for line in firsts):
            return Finding(False, "nobody answered the first call of a shop", GATE)
        if life.role("proxy", shops(life)[0]) != "sidecar" or not gated(life):
            return Finding(False, "the first call was answered by luck: nothing holds shop back", GATE)
    return Finding(True)


# ------------------------------------------------------------------------------------------------------- faults


@check("shipper")
def shipper(case: Case) -> Finding:
    """Back, and at work: lines of that Pod arrive after it came back."""
    life = case.life("rollout")
    found = came_home(life, "shipper", "kill-proxy", "shop")
    if not found.holds:
        return found
    pod, since = life.act("kill-shipper").pod, life.act("kill-proxy").at
    later = [line for line in received(life, pod) if (line["_at"] or 0) > since]
    return Finding(bool(later), "no line of that Pod arrived any more", hint=1)


@check("proxy")
def proxy(case: Case) -> Finding:
    """Back, alone, and in service."""
    life = case.life("rollout")
    found = came_home(life, "proxy", "kill-shop", "shop")
    if not found.holds:
        return found
    return Finding(life.reached("proxy-back"), "the Pod did not become Ready again", hint=1)


@check("shop")
def shop(case: Case) -> Finding:
    """Back, alone, and in service."""
    life = case.life("rollout")
    found = came_home(life, "shop", "after-kills", "proxy", "shipper")
    if not found.holds:
        return found
    return Finding(life.reached("shop-back"), "the Pod did not become Ready again", hint=1)


@check("database")
def database(case: Case) -> Finding:
    """No container may depend on the database for its life or for its Pod's readiness; the metrics tell of it."""
    life = case.life("outage")
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM, hint=1)
    if lost(life, "outage", "renewal"):
        return Finding(
            False, "calls failed while the database was away", "a Pod serves while all of it is Ready"
        )
    if restarted(life, "outage"):
        return Finding(False, "containers were restarted for it", "no restart mends a database", hint=1)
    seen = [str(life.act(name).output or "").strip() for name in ("away", "back")]
    return Finding(seen == ["pg_up 0", "pg_up 1"], "the metrics did not show it", hint=2)


def restarted(life: Life, since: str) -> list[str]:
    """Return the containers of the Pods at *since* that have been restarted since their Pod began to serve."""
    met = life.act("bad").output or ()
    lanes = [(pod, lane) for pod in met for lane in life.timeline(pod).lanes if lane.role != "init"]
    return sorted({lane.name for pod, lane in lanes if life.restarts(lane.name, pod)})


@check("certificate")
def certificate(case: Case) -> Finding:
    """The newest calls, of both replicas, show the new one."""
    life = case.life("outage")
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM, hint=1)
    if not life.reached("renewed"):
        return Finding(False, "customers still see the old certificate", "an init container runs once")
    if restarted(life, "renewal"):
        return Finding(False, "containers were restarted for it")
    end = life.act("bad").at
    calls = [call for call in life.said("customer", event="call", good=True) if end - 2 < call["at"] < end]
    new = str(life.values["second"])
    return Finding(
        bool(calls) and all(new in call["seen"] for call in calls), "one replica shows the old one"
    )


# ------------------------------------------------------------------------------------------------------ releases


def rolled(life: Life) -> Finding | None:
    """Return what kept the rollout from being one; None if both Pods were replaced."""
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM, hint=1)
    old = life.act("release").output or ()
    if len(old) >= 2 and life.reached("rolled"):
        return None
    new = [pod for pod in shops(life) if pod not in old]
    slower = float(life.act("rolled").output or 1) if old else 1.0
    if new and slower >= SLOW and not any(held_back(life, pod) for pod in new):
        return Finding(None, "the rollout was not over in time", SLOWLY)
    return Finding(False, "the rollout did not replace two Pods")


def held_back(life: Life, pod: str) -> bool:
    """Return whether a container of a new Pod failed by itself, or its init container runs on where the first ended."""
    if failed_by_itself(life, pod, "init", "sidecar", "app"):
        return True
    for lane in life.timeline(pod).lanes:
        usual = max((ran_s(life, lane.name, first) for first in shops(life)[:2]), default=0.0)
        if lane.role == "init" and ran_s(life, lane.name, pod) > HANGS * usual + HANGS_S:
            return True
    return False


def ran_s(life: Life, container: str, pod: str) -> float:
    """Return how long a container's last run was, or has been at the end of the recording; 0 without a run."""
    begun, ended = life.at(f"{container}.start", pod), life.at(f"{container}.end", pod)
    if not begun:
        return 0.0
    seen = life.timeline(pod)
    return (ended[0] if ended else seen.zero + seen.until) - begun[1]


def killed(life: Life) -> bool:
    """Return whether a container of the old Pods was killed since the rollout: earlier SIGKILLs are the play's."""
    met = life.act("release").output or ()
    codes = [
        code for pod in met for lane in life.timeline(pod).lanes for code in life.exit_codes(lane.name, pod)
    ]
    provoked = sum(life.reached(f"kill-{name}") for name in ("shipper", "proxy", "shop"))
    return codes.count(KILLED) > provoked


@check("calls")
def calls(case: Case) -> Finding:
    """From the rollout on."""
    life = case.life("rollout")
    wrong = rolled(life)
    if wrong:
        return wrong
    if killed(life):
        return Finding(not lost(life, "release"), "calls failed: a container was killed", GRACE, hint=1)
    calls = failed(life, "release")
    late = None
    if reached_only_when_ready(life):
        old = life.act("release").output
        late = lateservice.undecided(
            life, calls, app="shop", old=old, pods=shops(life), patience_s=PATIENCE_S
        )
    return late or Finding(not calls, "calls failed", BOTH)


def reached_only_when_ready(life: Life) -> bool:
    """Return whether nothing reaches a new Pod before its containers are ready."""
    ready = all("readinessProbe" in row(life, name) for name in ("shop", "proxy"))
    return ready and gated(life) and life.role("proxy", shops(life)[0]) == "sidecar"


@check("lines")
def lines(case: Case) -> Finding:
    """Each process of each old shop: no number is missing, and the last process wrote its last line."""
    life = case.life("rollout")
    wrong = rolled(life)
    if wrong:
        return wrong
    for pod in life.act("release").output:
        runs = {line["source"]: line for line in received(life, pod)}
        if not runs:
            return Finding(False, "no line of an old shop arrived", hint=2)
        ended = any(run["last"] == "end" for run in runs.values())
        if any(run["missing_total"] for run in runs.values()) or not ended:
            if killed(life):
                return Finding(False, "the last lines did not arrive: a container was killed", GRACE, hint=1)
            return Finding(
                False, "the last lines did not arrive", "a helper that stops with the app misses its end"
            )
    return Finding(True)


def received(life: Life, pod: str) -> list[dict[str, Any]]:
    """Return the log store's counts of the lines of a Pod's shop, oldest first."""
    wanted = f"{pod}/shop/"
    return [line for line in life.said("sink", event="received") if line["source"].startswith(wanted)]


@check("bad-release")
def bad_release(case: Case) -> Finding:
    """A new Pod came and its shop never started; the old ones went on."""
    life = case.life("outage")
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM, hint=1)
    old = set(life.act("bad").output or ())
    if 1 in evidence(life).get("times", [1]):
        return Finding(False, "no good release ran before")
    new = [pod for pod in shops(life) if pod not in old]
    if any(life.ran("shop", pod) for pod in new):
        return Finding(False, "the shop of the bad release started")
    if life.reached("bad-rolled") or lost(life, "bad"):
        return Finding(False, "the old Pods did not go on serving", hint=3)
    return Finding(bool(new), "no new Pod was made")


# -------------------------------------------------------------------------------------------------- reservation


@check("budget")
def budget(case: Case) -> Finding:
    """Requests as the scheduler counts them, and none left out."""
    life = case.life("rollout")
    if not life.reached("calm"):
        return not_in_time(life, NOT_CALM)
    staying = [each["name"] for each in rows_that_stay(spec(life))]
    bare = [name for name in staying if not all(asked(row(life, name), key) for key in BUDGET)]
    if bare:
        return Finding(False, f"{', '.join(bare)} reserves nothing of CPU or memory")
    over = [key for key, most in BUDGET.items() if reserved(spec(life), key) > most]
    return Finding(not over, f"the Pod reserves more {' and '.join(over)} than that")


def rows_that_stay(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield sidecars and apps."""
    yield from (each for each in pod.get("initContainers") or [] if each.get("restartPolicy") == "Always")
    yield from pod["containers"]


def reserved(pod: dict[str, Any], key: str) -> Fraction:
    """Return what a Pod reserves: the sum of what stays, or an init container with the sidecars before it."""
    most = sum((asked(each, key) for each in rows_that_stay(pod)), Fraction(0))
    beside = Fraction(0)
    for each in pod.get("initContainers") or []:
        most = max(most, beside + asked(each, key))
        beside += asked(each, key) if each.get("restartPolicy") == "Always" else 0
    return most


def asked(container: dict[str, Any], key: str) -> Fraction:
    """Return a container's request in whole CPUs or bytes; 0 for none."""
    text = str((container.get("resources") or {}).get("requests", {}).get(key, "0"))
    unit = text.lstrip("0123456789.")
    return Fraction(text.removesuffix(unit)) * UNITS.get(unit, 10**15)
