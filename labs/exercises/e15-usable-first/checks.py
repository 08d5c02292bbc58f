"""
e15 usable-first: shop leaves with 1 unless its first call is answered; its exit code and its start are the evidence.

The answer comes from the fixture behind the proxy, which notes each request.
"""

from podlab.checks import Case, Finding, Life, check

PATIENCE_S = 15
STARTED = "a sidecar counts as started when its process runs, not when it listens"
LOCK = "a gate that gives up too early is a lock"


def answered(life: Life) -> bool | None:
    """Return whether the server behind proxy answered the first run of shop; None: its end was not seen."""
    slow_s = life.values["slow_s"]
    return life.first_call_answered("shop", "proxy", "prices", path="/prices.json", listens_after_s=slow_s)


def judged(life: Life) -> Finding:
    """Return the finding about the first call, with the reason if it was not answered."""
    if not life.ran("shop"):
        return never_started(life)
    hint = 2 if has_gate(life) else 1
    return Finding(answered(life), "shop called before proxy listened", STARTED, hint)


def never_started(life: Life) -> Finding:
    """Return why the gate did not open."""
    if not life.ran("proxy"):
        return Finding(
            False,
            "the wait stands before proxy: nobody is there yet",
            "init containers start in list order",
            3,
        )
    if life.restarts("proxy"):
        return Finding(False, "proxy was stopped by its startup probe, and shop never started", LOCK, 3)
    return Finding(False, "shop never started", LOCK, 3)


def has_gate(life: Life) -> bool:
    """Return whether the sidecar has a probe or a hook, of whatever kind: this decides about the hint alone."""
    rows = life.latest()["spec"].get("initContainers") or []
    fields = ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
    return any(row["name"] == "proxy" and any(row.get(key) for key in fields) for row in rows)


@check("early")
def early(case: Case) -> Finding:
    """The first call, where the proxy is quick."""
    return judged(case.life("early"))


@check("late")
def late(case: Case) -> Finding:
    """The first call, where it is not."""
    return judged(case.life("late"))


@check("soon")
def soon(case: Case) -> Finding:
    """A long fixed pause before shop would be answered too: this is why it costs."""
    life = case.life("early")
    if answered(life) is False:
        return Finding(False, "no answered call to measure", STARTED)
    proxy, shop = life.at("proxy.start"), life.at("shop.start")
    limit = life.values["slow_s"] + PATIENCE_S
    holds = bool(proxy and shop) and shop[0] - proxy[1] <= limit
    return Finding(
        holds,
        f"shop started more than {PATIENCE_S} s after proxy listened",
        "wait for the port, not for time",
    )
