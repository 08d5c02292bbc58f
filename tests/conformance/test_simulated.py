"""The simulated node shows what a real kubelet showed, for the scenarios that can be scripted."""

from __future__ import annotations

import json

import comparator
import corpus
import pytest
import simulated


@pytest.mark.parametrize("pace", ["prompt", "kubelet"])
@pytest.mark.parametrize("name", sorted(simulated.SCRIPTS))
def test_a_simulated_pod_lives_as_the_recorded_one_did(name: str, pace: str) -> None:
    """States, reasons, exit codes, restarts, phases, conditions, Events and their order agree."""
    (scenario,) = corpus.load_all([name])
    expected = json.loads((corpus.EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    # At the prompt pace a node adds no seconds of its own, so what waits for others waits less.
    slack = {"ran_s": 4} if pace == "prompt" else {}
    tolerance = comparator.Tolerance({**scenario.tolerance, **slack, "logs": False})

    differences = comparator.compare(expected, simulated.run(scenario, pace), tolerance)

    assert differences == []


def test_the_simulated_scenarios_are_not_a_handful() -> None:
    """About a quarter of the corpus needs no processes."""
    assert len(simulated.SCRIPTS) >= 30
