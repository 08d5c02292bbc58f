"""Plant one fault in each expected trace and see that comparator.py finds it: a check of the check.

    python plant.py            # how many of the scenarios that can have each fault are found out

A fault that is not found is one that the tolerances of that scenario hide; a few are, where a pod was still in
motion when the recording stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import comparator
import corpus

Json = dict[str, Any]
Fault = Callable[[Json], bool]
"""Changes a normalised trace in place; False if this trace cannot have the fault."""


def _containers(trace: Json) -> Iterator[Json]:
    for pod in trace["pods"].values():
        yield from pod["containers"].values()


def _ended_runs(trace: Json) -> Iterator[Json]:
    for container in _containers(trace):
        yield from (run for run in container["runs"] if run["end"] != "running")


def wrong_exit_code(trace: Json) -> bool:
    """A container ended with another code."""
    run = next(_ended_runs(trace), None)
    if run:
        run["end"] = "Error/99"
    return run is not None


def ran_too_long(trace: Json) -> bool:
    """A container was stopped four seconds late."""
    run = next((r for r in _ended_runs(trace) if "ran_s" in r), None)
    if run:
        run["ran_s"] += 4
    return run is not None


def restarted_twice_more(trace: Json) -> bool:
    """A container had two more lives."""
    container = next((c for c in _containers(trace) if c["runs"]), None)
    if container:
        container["runs"] += [dict(container["runs"][-1]) for _ in range(2)]
    return container is not None


def wrong_waiting_reason(trace: Json) -> bool:
    """A container began with another waiting reason."""
    container = next(
        (c for c in _containers(trace) if c["states"] and c["states"][0].startswith("waiting ")), None
    )
    if container:
        container["states"][0] = "waiting Dawdling r0 unstarted unready"
    return container is not None


def event_missing(trace: Json) -> bool:
    """A Started event was not sent."""
    event = next((e for e in trace["events"] if e["reason"] == "Started"), None)
    if event:
        trace["events"].remove(event)
    return event is not None


def event_text_wrong(trace: Json) -> bool:
    """An event of the kubelet says something else."""
    event = next(
        (e for e in trace["events"] if e["reason"] in ("Killing", "Started", "Failed", "FailedMount")), None
    )
    if event:
        event["message"] += " or so"
    return event is not None


def started_in_wrong_order(trace: Json) -> bool:
    """Two containers started the other way round."""
    places = [i for i, e in enumerate(trace["events"]) if e["reason"] == "Started"][:2]
    if len(places) == 2:
        i, j = places
        trace["events"][i], trace["events"][j] = trace["events"][j], trace["events"][i]
    return len(places) == 2


def wrong_last_phase(trace: Json) -> bool:
    """The pod ended in another phase."""
    next(iter(trace["pods"].values()))["phases"][-1] = "Unknown"
    return True


def wrong_last_ready(trace: Json) -> bool:
    """The pod ended with the opposite Ready."""
    for pod in trace["pods"].values():
        ready = pod["conditions"].get("Ready")
        if ready and len(ready) > 1:
            ready[-1] = "False" if ready[-1] == "True" else "True"
            return True
    return False


def wrong_log(trace: Json) -> bool:
    """A container wrote something else."""
    for pod in trace["pods"].values():
        for name, text in pod["logs"].items():
            if not text.startswith("HTTP "):
                pod["logs"][name] = text + "?"
                return True
    return False


FAULTS: tuple[Fault, ...] = (
    wrong_exit_code,
    ran_too_long,
    restarted_twice_more,
    wrong_waiting_reason,
    event_missing,
    event_text_wrong,
    started_in_wrong_order,
    wrong_last_phase,
    wrong_last_ready,
    wrong_log,
)


def found(fault: Fault, scenarios: list[corpus.Scenario], folder: pathlib.Path) -> dict[str, bool]:
    """Scenario -> whether the fault was found, for the scenarios that can have it."""
    result = {}
    for scenario in scenarios:
        good = json.loads((folder / f"{scenario.name}.json").read_text(encoding="utf-8"))
        bad = copy.deepcopy(good)
        if fault(bad):
            result[scenario.name] = bool(
                comparator.compare(good, bad, comparator.Tolerance(scenario.tolerance))
            )
    return result


def main(argv: list[str] | None = None) -> int:
    """Print, for each fault, in how many scenarios it is found and where it is not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--expected", type=pathlib.Path, default=corpus.EXPECTED)
    args = parser.parse_args(argv)
    scenarios = corpus.load_all()
    seen = total = 0
    for fault in FAULTS:
        result = found(fault, scenarios, args.expected)
        hidden = [name for name, ok in result.items() if not ok]
        seen, total = seen + sum(result.values()), total + len(result)
        print(
            f"{fault.__name__:24} {sum(result.values())}/{len(result)}"
            + (f"  hidden in: {', '.join(hidden)}" if hidden else "")
        )
    print(f"{seen}/{total} planted faults found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
