"""A Pod that runs and is not Ready: probes, gates, a node that is silent, containers that have ended."""

from __future__ import annotations

from podlab.timeline.events import short
from podlab.timeline.situations.observed import Observed, ObservedContainer
from podlab.timeline.situations.table import Details, Situation


def _runs(o: Observed) -> bool:
    return o.phase == "Running" and not o.holds("Ready")


def _silent_node(o: Observed) -> Details | None:
    lost = o.status.get("reason") == "NodeLost" or (_runs(o) and o.event("NodeNotReady"))
    return (
        {"node": str(o.spec.get("nodeName") or "")} if lost and (_runs(o) or o.phase == "Unknown") else None
    )


def _unprobed(c: ObservedContainer) -> Details | None:
    if (
        c.role == "init"
        or not c.runs
        or c.status.get("ready")
        or c.of.phase != "Running"
        or c.of.holds("Ready")
    ):
        return None
    probe = "readiness" if c.status.get("started") else "startup"
    if not c.spec.get(f"{probe}Probe"):
        return None
    failed = c.says("Unhealthy")
    why = f"{c.title} runs but its {probe} probe has not passed{': ' + failed if failed else ''}"
    return {"why": short(why), "probe": probe, "name": c.name}


def _apps(o: Observed) -> list[ObservedContainer]:
    return [c for c in o.containers if c.role == "app"]


def _helper_holds(o: Observed) -> Details | None:
    """An app container has done its work, and another, which will not end, keeps the Pod from being over."""
    apps = _apps(o)
    done = [c.name for c in apps if c.ended.get("exitCode") == 0 and not c.comes_back]
    on = [c.name for c in apps if c.runs]
    if not _runs(o) or not done or not on or len(done) + len(on) != len(apps):
        return None
    job = o.owner == "Job"
    return {"done": ", ".join(done), "on": ", ".join(on), "verb": "run" if len(on) > 1 else "runs",
            "whole": "a Job is complete" if job else "a Pod is over",
            "what": "keeps its Job open" if job else "runs but is not Ready", "first": on[0]}  # fmt: skip


def _comes_again(o: Observed) -> Details | None:
    again = [c.name for c in _apps(o) if c.ended and c.comes_back]
    return {**_ends(o), "again": ", ".join(again), "first": again[0]} if _runs(o) and again else None


def _is_ending(o: Observed) -> Details | None:
    apps = _apps(o)
    if not _runs(o) or not apps or not all(c.ended for c in apps):
        return None
    return {**_ends(o), "first": apps[0].name}


def _one_ended(o: Observed) -> Details | None:
    over = [c.name for c in _apps(o) if c.ended]
    return {**_ends(o), "first": over[0]} if _runs(o) and over else None


def _ends(o: Observed) -> dict[str, str]:
    over = [c for c in _apps(o) if c.ended]
    names = ", ".join(f"{c.name} (exit code {c.ended.get('exitCode')})" for c in over)
    left = [c.name for c in o.containers if c.runs]
    rest = f"still running: {', '.join(left)}" if left else "nothing runs any more"
    return {"ends": short(f"ended: {names}; {rest}")}


def _unready(o: Observed) -> Details | None:
    said = o.condition("Ready").get("message") or "its condition Ready is not True"
    return {"why": short(said)} if _runs(o) else None


def _gates(o: Observed) -> Details | None:
    gates = [str(gate.get("conditionType")) for gate in o.spec.get("readinessGates") or []]
    missing = [gate for gate in gates if not o.holds(gate)]
    if not _runs(o) or not missing or not o.holds("ContainersReady"):
        return None
    return {"why": short(o.condition("Ready").get("message") or ""), "names": ", ".join(missing)}


NODE: tuple[Situation[Observed], ...] = (
    Situation(
        "a node that does not answer", _silent_node,
        "runs but is not Ready",
        "its node {node} does not answer any more (NodeNotReady): what its containers do is not known",
        "see why the node is silent (with kubectl: kubectl describe node {node}); podlab status",
    ),
)  # fmt: skip
PROBES: tuple[Situation[ObservedContainer], ...] = (
    Situation(
        "a probe that does not pass", _unprobed,
        "runs but is not Ready", "{why}", "check {probe}Probe of {name}; podlab logs {pod} -c {name}",
    ),
)  # fmt: skip
OTHERS: tuple[Situation[Observed], ...] = (
    Situation(
        "an old-style sidecar that keeps a Pod from being over", _helper_holds,
        "{what}",
        "ended: {done}; still running: {on}; {whole} when all app containers have ended, and {on} {verb} on",
        "does it only help? then it is a sidecar: an entry of initContainers with restartPolicy: Always; "
        "podlab logs {pod} -c {first}",
    ),
    Situation(
        "work that ends under restartPolicy Always", _comes_again,
        "does its work again and again", "{ends}; restartPolicy Always starts {again} again",
        "for work that ends, restartPolicy OnFailure, or a Job; podlab logs {pod} -c {first}",
    ),
    Situation(
        "a Pod that is about to be over", _is_ending,
        "is about to be over", "{ends}", "wait a few seconds; podlab logs {pod} -c {first}",
    ),
    Situation(
        "a container that has ended beside others", _one_ended,
        "runs but is not Ready", "{ends}", "podlab logs {pod} -c {first}",
    ),
    Situation(
        "a readiness gate that nobody opens", _gates,
        "runs but is not Ready", "{why}",
        "whoever serves the gate has to set the condition {names} to True; podlab events --for {pod}",
    ),
    Situation("not Ready for another reason", _unready, "runs but is not Ready", "{why}", "podlab events --for {pod}"),
)  # fmt: skip
