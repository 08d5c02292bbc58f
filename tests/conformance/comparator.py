"""Compare normalised traces of two clusters, scenario by scenario, within the tolerances of the scenario files.

    python comparator.py expected/v1.36.3 other            # exit 1 if any scenario differs
    python comparator.py expected/v1.36.3 other -v NAME    # every difference of one

What a real kubelet itself varies on from run to run is tolerated, and only that: some of it in general (the
constants below), the rest per scenario (``tolerance`` in its file). See README.md.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import corpus

Json = dict[str, Any]

RAN_S = 2
"""Seconds by which two runs of the same container may differ in length (API times are whole seconds)."""

WAIT_S = 16
"""Seconds by which the wait before a restart may differ: it begins at the first sync after the back-off ended."""

BRIEF_S = 1
"""A container that ran no longer than this may or may not have been seen running: the kubelet looks once a second."""

FIRST_MISSING = 0.05
"""Share of scenarios in which the first status may have been missed on one side (overwritten before it is sent)."""

REPEATED = {
    "BackOff",
    "Failed",
    "FailedMount",
    "FailedScheduling",
    "Unhealthy",
    "ErrImageNeverPull",
    "InspectFailed",
    "Pulling",
    "DeadlineExceeded",
}
"""Reasons of events that repeat on a timer: their count depends on where the recording stops."""

REPEATED_SLACK = {"FailedScheduling": 100, "DeadlineExceeded": 100}
REPEATED_SLACK_DEFAULT = 3
"""How far the counts of those may be apart; the scheduler tries again at every change of the cluster."""

START_REASONS = {"Created", "Started"}
"""Events whose order across containers is the start order of the pod."""


class Tolerance:
    """What one scenario allows to vary."""

    def __init__(self, spec: Json) -> None:
        self.tail: int = spec.get("tail", 0)
        self.runs: int = spec.get("runs", 1 if self.tail else 0)
        self.ran_s: float = spec.get("ran_s", RAN_S)
        self.wait_s: float = spec.get("wait_s", WAIT_S)
        self.counts: int = spec.get("counts", self.runs)
        self.order: bool = spec.get("order", True)
        self.logs: bool = spec.get("logs", True)
        self.messages: bool = spec.get("messages", True)
        self.first_missing = False
        """Set by the comparison when one side lacks the first status of the pod."""
        self._optional: Json = {k: spec.get(k) or {} for k in ("states", "conditions")}
        self._lists: dict[str, list[str]] = {k: spec.get(k) or [] for k in ("phases", "events", "steps")}

    def drop(self, field: str, key: str, values: Sequence[str]) -> list[str]:
        """The sequence without what may be missing from it, and without the repetitions that this leaves."""
        patterns = [*self._optional[field].get(key, []), *self._optional[field].get("*", [])]
        return _collapse(v for v in values if not _matches(v, patterns))

    def align(self, a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
        """The two sequences, without the first entry of one that the other began too late to show."""
        if a[:1] == b[:1]:
            return a, b
        for longer, shorter in sorted(((a, b), (b, a)), key=lambda pair: -len(pair[0])):
            rest = longer[1:]
            # All that both show must fit, or a sequence that goes to and fro is cut at the wrong end.
            if shorter and rest and all(x == y for x, y in zip(rest, shorter, strict=False)):
                self.first_missing = True
                return (longer[1:], shorter) if longer is a else (shorter, longer[1:])
        return a, b

    def drop_phases(self, values: Sequence[str]) -> list[str]:
        """The phases without optional ones."""
        return _collapse(v for v in values if not _matches(v, self._lists["phases"]))

    def optional_event(self, text: str) -> bool:
        """True if this event is seen in some recordings only."""
        return _matches(text, self._lists["events"])

    def optional_step(self, text: str) -> bool:
        """True if the answer to this step varies."""
        return _matches(text, self._lists["steps"])


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, p.replace("[", "[[]")) for p in patterns)


def _collapse(values: Iterable[str]) -> list[str]:
    result: list[str] = []
    for value in values:
        if not result or result[-1] != value:
            result.append(value)
    return result


def compare(expected: Json, other: Json, tolerance: Tolerance) -> list[str]:
    """The differences between two normalised traces, one line each; empty when they agree."""
    if set(expected["pods"]) != set(other["pods"]):
        return [f"pods: {sorted(expected['pods'])} / {sorted(other['pods'])}"]
    lines: list[str] = []
    for name, pod in expected["pods"].items():
        lines += [f"{name} {line}" for line in _compare_pod(pod, other["pods"][name], tolerance)]
    lines += _compare_events(expected["events"], other["events"], tolerance)
    lines += _compare_steps(expected["steps"], other["steps"], tolerance)
    if expected["workload"] != other["workload"]:
        lines.append(f"workload: {expected['workload']} / {other['workload']}")
    return lines


def _compare_pod(a: Json, b: Json, tolerance: Tolerance) -> list[str]:
    lines: list[str] = []
    if set(a["containers"]) != set(b["containers"]):
        return [f"containers: {sorted(a['containers'])} / {sorted(b['containers'])}"]
    brief = False
    for name, container in a["containers"].items():
        other = b["containers"][name]
        brief = brief or bool(_brief(container) | _brief(other))
        lines += [f"{name} {line}" for line in _compare_container(name, container, other, tolerance)]
    phases = [_without(tolerance.drop_phases(pod["phases"]), "Running" if brief else None) for pod in (a, b)]
    lines += _sequences("phases", *phases, tolerance.tail)
    for kind in sorted(set(a["conditions"]) | set(b["conditions"])):
        passing = "True" if brief and kind in ("Ready", "ContainersReady") else None
        both = [
            _without(tolerance.drop("conditions", kind, pod["conditions"].get(kind, [])), passing)
            for pod in (a, b)
        ]
        lines += _sequences(f"condition {kind}", *tolerance.align(*both), tolerance.tail)
    if a["end"] != b["end"]:
        lines.append(f"end: {a['end']} / {b['end']}")
    if tolerance.logs:
        lines += _compare_logs(a["logs"], b["logs"])
    return lines


def _brief(container: Json) -> set[int]:
    """The indexes of the instances that ended too soon to be surely seen running."""
    return {
        i
        for i, run in enumerate(container["runs"])
        if run["end"] != "running" and run.get("ran_s", 0) <= BRIEF_S
    }


def _without(values: list[str], passing: str | None) -> list[str]:
    """The sequence without a value that need not be seen, except as its last entry."""
    return _collapse(v for i, v in enumerate(values) if v != passing or i == len(values) - 1)


def _compare_logs(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Logs by container; the wording of a refusal follows the state at that moment, which is compared elsewhere."""
    return [
        f"log of {c}: {a.get(c)!r} / {b.get(c)!r}"
        for c in sorted(set(a) | set(b))
        if a.get(c) != b.get(c)
        and not (a.get(c, "").startswith("HTTP ") and b.get(c, "").startswith("HTTP "))
    ]


def _compare_container(name: str, a: Json, b: Json, tolerance: Tolerance) -> list[str]:
    if a["kind"] != b["kind"]:
        return [f"kind: {a['kind']} / {b['kind']}"]
    brief = tuple(f"running r{i} " for i in _brief(a) | _brief(b))
    states = [
        tolerance.drop(
            "states", name, [_forget_last(s) for s in c["states"] if not (brief and s.startswith(brief))]
        )
        for c in (a, b)
    ]
    lines = _sequences("states", *tolerance.align(*states), tolerance.tail)
    lines += _compare_runs(a["runs"], b["runs"], tolerance)
    if tolerance.messages and not tolerance.tail:
        lines += _compare_waiting(a["waiting"], b["waiting"], *states)
    return lines


def _forget_last(state: str) -> str:
    """A terminated state without its lastState: the runtime's older record may already be collected."""
    return state.partition(" last=")[0] if state.startswith("terminated") else state


def _compare_waiting(a: list[str], b: list[str], states_a: list[str], states_b: list[str]) -> list[str]:
    """The messages of the waiting states that both recordings show."""
    shown = [{s.split()[1] for s in states if s.startswith("waiting ")} for states in (states_a, states_b)]
    kept = [{w for w in waiting if w.partition(":")[0] in shown[0] & shown[1]} for waiting in (a, b)]
    return [] if kept[0] == kept[1] else [f"waiting messages: {sorted(kept[0])} / {sorted(kept[1])}"]


def _sequences(what: str, a: list[str], b: list[str], tail: int) -> list[str]:
    """Equal, or one a beginning of the other that is at most ``tail`` shorter."""
    shorter = min(len(a), len(b))
    if a[:shorter] == b[:shorter] and abs(len(a) - len(b)) <= tail:
        return []
    at = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    return [f"{what} differ from entry {at}: {a[at : at + 3]} / {b[at : at + 3]}"]


def _compare_runs(a: list[Json], b: list[Json], tolerance: Tolerance) -> list[str]:
    """The instances of a container, pairwise; a recording may have stopped before the last one."""
    if abs(len(a) - len(b)) > tolerance.runs:
        return [f"number of runs: {len(a)} / {len(b)}"]
    lines = []
    last = max(len(a), len(b)) - 1
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        cut = tolerance.tail and i >= last - tolerance.runs and "running" in (x["end"], y["end"])
        if x["end"] != y["end"] and not cut:
            lines.append(f"run {i} ended: {x['end']} / {y['end']}")
        if x.get("message") != y.get("message") and not cut and tolerance.messages:
            lines.append(f"run {i} message: {x.get('message')!r} / {y.get('message')!r}")
        for key, slack in (("ran_s", tolerance.ran_s), ("wait_s", tolerance.wait_s)):
            if key in x and key in y and abs(x[key] - y[key]) > slack:
                lines.append(f"run {i} {key}: {x[key]} / {y[key]}, more than {slack} apart")
    return lines


def event_text(event: Json) -> str:
    """An event in one line, without its count."""
    about = event["fieldPath"] or event["kind"]
    return f"{event['name']} {about} {event['type']} {event['reason']}: {event['message']}"


def _compare_events(a: list[Json], b: list[Json], tolerance: Tolerance) -> list[str]:
    lines: list[str] = []
    counts_a, counts_b = ({event_text(e): e for e in events} for events in (a, b))
    for text in sorted(set(counts_a) ^ set(counts_b)):
        if not tolerance.optional_event(text):
            lines.append(
                ("event only in the first: " if text in counts_a else "event only in the second: ") + text
            )
    for text in sorted(set(counts_a) & set(counts_b)):
        x, y = counts_a[text], counts_b[text]
        slack = max(
            tolerance.counts,
            REPEATED_SLACK.get(x["reason"], REPEATED_SLACK_DEFAULT) if x["reason"] in REPEATED else 0,
        )
        if abs(x["count"] - y["count"]) > slack:
            lines.append(f"count of event: {x['count']} / {y['count']}: {text}")
    if tolerance.order:
        common = set(counts_a) & set(counts_b)
        lines += _compare_order(*([e for e in events if event_text(e) in common] for events in (a, b)))
    return lines


def _compare_order(a: list[Json], b: list[Json]) -> list[str]:
    """The order of events that one actor emits one after the other: of each container, and of all starts."""
    lines = []
    starts_a, starts_b = (
        [event_text(e) for e in events if e["reason"] in START_REASONS] for events in (a, b)
    )
    if starts_a != starts_b:
        lines.append(f"start order: {starts_a} / {starts_b}")
    for path in {(e["name"], e["fieldPath"]) for e in a if e["fieldPath"]}:
        of_path = [
            [
                event_text(e)
                for e in events
                if (e["name"], e["fieldPath"]) == path and e["reason"] not in REPEATED
            ]
            for events in (a, b)
        ]
        if of_path[0] != of_path[1]:
            lines.append(f"order of events of {path[1]}: {of_path[0]} / {of_path[1]}")
    return lines


def _compare_steps(a: list[str], b: list[str], tolerance: Tolerance) -> list[str]:
    kept_a, kept_b = ([s for s in steps if not tolerance.optional_step(s)] for steps in (a, b))
    return [f"steps: {x!r} / {y!r}" for x, y in zip(kept_a, kept_b, strict=False) if x != y] + (
        [f"number of steps: {len(kept_a)} / {len(kept_b)}"] if len(kept_a) != len(kept_b) else []
    )


def compare_folders(
    expected: pathlib.Path, other: pathlib.Path, names: list[str], skip: set[str]
) -> dict[str, list[str]]:
    """Differences by scenario; scenarios that need something in ``skip`` are left out.

    A missing first status is no difference in one scenario, but it is one when it happens too often.
    """
    result, late = {}, []
    for scenario in corpus.load_all(names):
        if skip & set(scenario.needs):
            continue
        paths = [folder / f"{scenario.name}.json" for folder in (expected, other)]
        absent = [p.parent.name for p in paths if not p.exists()]
        if absent:
            result[scenario.name] = [f"not recorded in {', '.join(absent)}"]
            continue
        tolerance = Tolerance(scenario.tolerance)
        result[scenario.name] = compare(
            *(json.loads(p.read_text(encoding="utf-8")) for p in paths), tolerance
        )
        if tolerance.first_missing:
            late.append(scenario.name)
    if len(late) > max(1, FIRST_MISSING * len(result)):
        for name in late:
            result[name].append(
                f"the first status is missing on one side, as in {len(late)} of {len(result)} scenarios"
            )
    return result


def main(argv: list[str] | None = None) -> int:
    """Print the differences and how many scenarios agree; 1 if any differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("expected", type=pathlib.Path)
    parser.add_argument("other", type=pathlib.Path)
    parser.add_argument("names", nargs="*", help="scenarios to compare (default: all)")
    parser.add_argument(
        "--skip-needs",
        nargs="*",
        default=[],
        metavar="NEED",
        help="leave out scenarios that need this (jobs, deployments, services, dns, cgroups, offline)",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print all differences, not the first six of each"
    )
    args = parser.parse_args(argv)
    try:
        results = compare_folders(args.expected, args.other, args.names, set(args.skip_needs))
    except corpus.ScenarioError as e:
        print(f"cannot compare: {e}", file=sys.stderr)
        return 2
    for name, lines in results.items():
        if lines:
            print(name)
            for line in lines if args.verbose else lines[:6]:
                print(f"    {line}")
    same = sum(not lines for lines in results.values())
    print(f"{same}/{len(results)} scenarios agree")
    return 0 if same == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
