"""e24 locked-out: shop leaves with 1 unless its call is answered; restarts of proxy show a gate that is a lock."""

from podlab.checks import Case, Finding, Life, check

RUNS = ("quick", "slow")
LOCK = "a container that does not pass its startup probe in time is stopped and started again"
OPEN = "without a startup probe the next container starts as soon as this one's process runs"


def answered(life: Life) -> bool | None:
    """Return whether the server behind proxy answered the first run of shop; None: its end was not seen."""
    slow_s = life.values["slow_s"]
    return life.first_call_answered("shop", "proxy", "prices", path="/prices.json", listens_after_s=slow_s)


def probes(life: Life) -> dict[str, dict]:
    """Return the probes of proxy, by kind: they decide about the hint alone."""
    spec = life.latest()["spec"]
    rows = (spec.get("initContainers") or []) + (spec.get("containers") or [])
    proxy = next((row for row in rows if row["name"] == "proxy"), {})
    return {key: proxy[key] for key in ("startupProbe", "livenessProbe", "readinessProbe") if proxy.get(key)}


def locked_hint(life: Life) -> int:
    """Wrong port: read the Event. Right port and yet closed: asked somewhere else."""
    probe = probes(life).get("startupProbe", {})
    asked = probe.get("tcpSocket") or probe.get("httpGet") or {}
    return 2 if str(asked.get("port")) == "9000" or asked.get("host") else 1


def judged(life: Life, locked: int) -> Finding:
    """Return the finding about shop's call; *locked* is the hint for a gate that stayed shut."""
    if not life.ran("shop"):
        return Finding(False, "proxy was stopped by its startup probe, and shop never started", LOCK, locked)
    hint = 3 if not probes(life) else 2
    return Finding(answered(life), "shop called before proxy listened", OPEN, hint)


@check("quick")
def quick(case: Case) -> Finding:
    """A gate that is shut here asks the wrong door."""
    life = case.life("quick")
    return judged(life, locked_hint(life))


@check("slow")
def slow(case: Case) -> Finding:
    """A gate that is shut only here gives up too early."""
    return judged(case.life("slow"), 3)


@check("stayed")
def stayed(case: Case) -> Finding:
    """One run of proxy, and an answered call behind it: a proxy without any gate was not stopped either."""
    lives = [case.life(name) for name in RUNS]
    if any(life.restarts("proxy") for life in lives):
        return Finding(False, "proxy was stopped and started again", LOCK)
    if False in [answered(life) for life in lives]:
        return Finding(False, "proxy stayed, but shop did not wait for it", OPEN)
    return Finding(True)
