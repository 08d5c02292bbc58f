"""
e32 metrics-beside: what Prometheus read, what a client of the database got, and how the Pod of the Job run ended.

The database is locked, so that its own lines show who asked it and from where.
"""

from podlab.checks import Case, Finding, Life, check

READY = "a Pod is Ready only if each of its containers is, sidecars too"
ENOUGH = 3


def pages(life: Life) -> list[dict[str, float]]:
    """Return the samples of each page that held this run's word, oldest first."""
    scrapes = life.said("prometheus", event="scrape", up=1)
    return [line["samples"] for line in scrapes if life.values["nonce"] in line["seen"]]


def grows(samples: list[dict[str, float]]) -> bool:
    """Return whether some counter has grown from the first page to the last."""
    return any(value < samples[-1].get(name, value) for name, value in samples[0].items())


def asked(life: Life) -> list[str]:
    """Return from where the database was asked for its counters."""
    return [line["peer"] for line in life.said(container="db", event="query", text="STATS")]


def missing(life: Life) -> str:
    """Return what metrics lack; empty where the database's own counters were read."""
    samples = pages(life)
    if not life.ran("db"):
        return "db never started"
    if len(samples) < ENOUGH:
        return "Prometheus never read a page with this run's word"
    if not asked(life):
        return "nobody asked db for its counters"
    return "" if grows(samples) else "no counter on the page grows"


@check("metrics")
def metrics(case: Case) -> Finding:
    """A page with the word alone, or with made-up counters, is not enough."""
    life = case.life("beside")
    lacks = missing(life)
    if lacks:
        return Finding(False, lacks)
    local = all(peer.startswith("127.") for peer in asked(life))
    return Finding(
        local, "db was asked through its Service: such an exporter fails whenever the Pod is not Ready"
    )


@check("killed")
def killed(case: Case) -> Finding:
    """Both kills, and the long pause before the third run."""
    life = case.life("beside")
    if missing(life) or not life.reached("kill"):
        return Finding(False, "no exporter works")
    if life.restarts("db"):
        return Finding(False, "db was restarted")
    return Finding(life.reached("back-again"), "exporter did not come back")


@check("reachable")
def reachable(case: Case) -> Finding:
    """From the second kill until exporter runs again."""
    life = case.life("beside")
    if missing(life) or not life.reached("back-again"):
        return Finding(False, "no exporter comes back")
    first, last = life.act("again").at, life.act("back-again").at + 1
    calls = [line for line in life.said("client", event="call") if first <= line["_at"]]
    failed = [line["outcome"] for line in calls if line["outcome"] != "ok"]
    probed = any("readinessProbe" in row for row in rows(life) if row["name"] == "exporter")
    return Finding(
        bool(calls) and not failed and last > first, "queries failed", READY, hint=1 if probed else 2
    )


def rows(life: Life) -> list[dict[str, object]]:
    """Return the containers of both lists: this decides about the hint alone."""
    spec = life.latest()["spec"]
    return [*(spec.get("initContainers") or []), *spec["containers"]]


@check("job")
def job(case: Case) -> Finding:
    """An exporter that runs on keeps the Pod from ending."""
    life = case.life("job")
    if missing(life):
        return Finding(False, "no exporter works")
    return Finding(
        life.reached("ended") and life.phase == "Succeeded",
        "db had ended, and the Pod ran on",
        "a Pod ends once all containers under containers have ended; sidecars do not count",
    )
