"""Scenarios whose containers can be told as scripts, and their simulation as a trace that the comparator reads.

The scripts are written by hand from the commands in the scenario files: what a container does is given, what the
node makes of it is tested.
"""

from __future__ import annotations

from typing import Any

import corpus
import normaliser

from podlab.simulation.simulate import Simulation, simulate

Json = dict[str, Any]

TRAPS = {"on_term": 0.02}  # `trap 'exit 0' TERM; sleep 1000 & wait`
AT_ONCE = {"runs_s": 0.01}

SCRIPTS: dict[str, dict[str, Json]] = {
    "backoff-after-exit-zero": {"app": AT_ONCE},
    "backoff-first-waits": {"app": {"runs_s": 0.01, "exit_code": 1}},
    "deadline-in-crash-loop": {"app": {"runs_s": 1.0, "exit_code": 1}},
    "deadline-with-sidecar": {"side": {**TRAPS, "message": "app\nside"}, "app": TRAPS},
    "init-delete-unhandled-term": {},
    "init-first-fails-never": {"first": {"runs_s": 0.01, "exit_code": 42}},
    "init-last-fails-always": {"good": AT_ONCE, "bad": {"runs_s": 0.01, "exit_code": 5}},
    "init-not-rerun-after-app-crash": {"prepare": AT_ONCE, "app": {"runs_s": 2.0, "exit_code": 1}},
    "init-own-never-under-always": {"once": {"runs_s": 2.0, "exit_code": 1}},
    "init-own-onfailure-under-never": {"shy": {"runs_s": 2.0, "exit_code": [1, 0]}, "app": {"runs_s": 2.0}},
    "init-three-in-order": {"fetch": AT_ONCE, "unpack": AT_ONCE, "check": AT_ONCE, "report": AT_ONCE},
    "init-two-fail-different-times": {
        "one": {"runs_s": 0.01, "exit_code": [1, 1, 0]},
        "two": {"runs_s": 0.01, "exit_code": [1, 0]},
        "app": AT_ONCE,
    },
    "liveness-never-beside-other": {
        "app": {"on_term": 0.02, "term_code": 3, "fails_after_s": 0},
        "other": {"runs_s": 9.0},
    },
    "poststart-before-second-app": {"first": {**TRAPS, "post_start_s": 3.0}, "second": TRAPS},
    "prestop-eats-the-grace": {"app": {"on_term": 1.0, "pre_stop_s": 100.0, "message": "clean"}},
    "prestop-sleep-action": {"app": TRAPS},
    "readiness-success-threshold": {"app": TRAPS},
    "restart-never-three-codes": {
        "a": AT_ONCE,
        "b": {"runs_s": 1.0, "exit_code": 1},
        "c": {"runs_s": 3.0, "exit_code": 255},
    },
    "restart-one-of-two-crashes": {"bad": {"runs_s": 1.0, "exit_code": 1}, "good": TRAPS},
    "restart-onfailure-third-try": {"app": {"runs_s": 0.01, "exit_code": [1, 1, 0]}},
    "restart-own-always-beside-job": {"loop": {"runs_s": 4.0}, "job": {"runs_s": 2.0}},
    "restart-own-never-all-ended": {"a": {"runs_s": 2.0}, "b": {"runs_s": 4.0, "exit_code": 1}},
    "restart-own-never-under-always": {"once": {"runs_s": 2.0, "exit_code": 3}, "other": TRAPS},
    "restart-own-onfailure-under-never": {
        "app": {"runs_s": 2.0, "exit_code": [1, 0]},
        "other": {"runs_s": 7.0, "exit_code": 1},
    },
    "restart-rule-in": {"app": {"runs_s": 2.0, "exit_code": [42, 7]}},
    "restart-rule-not-in": {"app": {"runs_s": 2.0, "exit_code": 9}},
    "seed-web-and-log-sidecar": {
        "fetch": AT_ONCE,
        "shipper": {"on_term": 0.02, "message": "line 1\nline 2\nline 3"},
        "app": {"runs_s": 3.0},
    },
    "sidecar-app-fails-never": {"side": TRAPS, "app": {"runs_s": 2.0, "exit_code": 4}},
    "sidecar-crash-loops-beside-app": {"side": {"runs_s": 1.0, "exit_code": 1}, "app": TRAPS},
    "sidecar-dies-while-init-runs": {
        "side": {"runs_s": 3.0, "exit_code": 9},
        "long": {"runs_s": 9.0},
        "app": AT_ONCE,
    },
    "sidecar-exit-zero-onfailure": {"side": {"runs_s": 4.0}, "app": {"runs_s": 12.0}},
    "sidecar-exits-before-gate": {"short": {"runs_s": 1.0, "answers_after_s": 100.0}},
    "sidecar-gate-initial-delay": {"late": TRAPS, "app": AT_ONCE},
    "sidecar-grace-runs-out": {"quick": TRAPS, "slow": {"on_term": 9.0}},
    "sidecar-init-after-fails-once": {
        "side": TRAPS,
        "shy": {"runs_s": 0.01, "exit_code": [1, 0]},
        "app": AT_ONCE,
    },
    "sidecar-interleaved": {
        "side1": TRAPS,
        "init1": {"runs_s": 1.0},
        "side2": TRAPS,
        "init2": {"runs_s": 1.0},
        "app": AT_ONCE,
    },
    "sidecar-killed-at-completion": {"app": {"runs_s": 2.0}},
    "sidecar-onfailure-app-second-try": {
        "side": TRAPS,
        "app": {"runs_s": [1.0, 0.05], "exit_code": [2, 0]},
    },
    "sidecar-poststart-sleep-gates": {"side": TRAPS, "app": AT_ONCE},
    "sidecar-prestop-all-at-once": {
        "one": {**TRAPS, "pre_stop_s": 3.0, "message": "pre\npre\npre\napp-term\ntwo-term\none-term"},
        "two": {**TRAPS, "pre_stop_s": 3.0},
        "app": {**TRAPS, "pre_stop_s": 3.0},
    },
    "sidecar-reverse-at-completion": {
        "one": {"on_term": 0.02, "message": "app\nthree\ntwo\none"},
        "two": TRAPS,
        "three": {"on_term": 2.0},
        "app": {"runs_s": 2.0},
    },
    "sidecar-stays-until-last-app": {"side": TRAPS, "long": {"runs_s": 7.0}, "short": {"runs_s": 1.0}},
    "startup-fails-never": {"app": {"on_term": 0.02, "term_code": 20, "fails_after_s": 0}},
    "term-delete-with-grace": {},
    "term-delete-twice-shorter": {},
    "term-during-poststart": {"app": {**TRAPS, "post_start_s": 8.0}},
    "term-in-crash-backoff": {"app": {"runs_s": 0.01, "exit_code": 1}},
    "term-minimum-two-seconds": {"app": {"on_term": 1.4, "message": "done"}},
    "term-own-code": {"app": {"on_term": 0.02, "term_code": 7}},
    "term-plain-sleep-137": {},
    "term-two-containers": {"a": {"on_term": 2.0}, "b": {"on_term": 0.02, "term_code": 1}},
}


def run(scenario: corpus.Scenario, pace: str = "prompt") -> Json:
    """Simulate a scenario and normalise what it showed."""
    recording = simulate(
        scenario.subject,
        SCRIPTS[scenario.name],
        until_s=scenario.limit_s,
        steps=[(step.at_s, _action(step)) for step in scenario.steps],
        pace=pace,
    )
    header = {"kind": "header", "scenario": scenario.name, "server": "simulated"}
    steps = [{"kind": "step", "verb": s.verb, "at_s": s.at_s, "result": f"{s.verb}d"} for s in scenario.steps]
    return normaliser.normalise(header, [*_records(recording.observations), *steps])


def _action(step: corpus.Step) -> Any:
    if step.verb != "delete":
        raise ValueError(f"the simulated scenarios know no {step.verb}")

    def act(simulation: Simulation) -> None:
        simulation.delete(step.args.get("grace"))

    return act


def _records(observations: list[Json]) -> list[Json]:
    """Observations of Pods and Events in the form of a recorded trace."""
    kinds = {"pods": "pod", "events": "event"}
    return [
        {"t_ms": round(o["t"] * 1000), "kind": kinds[o["resource"]], "type": o["type"], "object": o["object"]}
        for o in observations
        if o.get("resource") in kinds
    ]
