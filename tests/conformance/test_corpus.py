"""The corpus itself: complete, and compared by something that notices faults."""

from __future__ import annotations

import json
import pathlib
import re

import comparator
import corpus
import normaliser
import plant
import pytest
import run

NAMES = [s.name for s in corpus.load_all()]


@pytest.mark.parametrize("version", corpus.VERSIONS)
def test_every_scenario_has_a_trace_and_what_is_expected_of_it(version: str) -> None:
    """Of each version that it names, and of no other; the reference has all."""
    recorded = sorted(s.name for s in corpus.load_all() if version in s.versions)
    for folder, suffix in (("traces", ".jsonl.gz"), ("expected", ".json")):
        found = (corpus.HERE / folder / version).glob(f"*{suffix}")
        assert sorted(p.name.removesuffix(suffix) for p in found) == recorded
    assert version != corpus.REFERENCE or set(recorded) == set(NAMES)


def test_only_scenarios_of_a_version_are_held_against_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """One that the older version could not run, or was not recorded there, is no difference."""
    asked: list[list[str]] = []
    monkeypatch.setattr(run.comparator, "compare_folders", lambda *a: asked.append(a[2]) or {})

    for version in corpus.VERSIONS:
        run.main(["--again", str(tmp_path), "--against", version])

    assert asked[0] == NAMES
    assert asked[1] == [s.name for s in corpus.load_all() if "v1.34.4" in s.versions] != NAMES


@pytest.mark.parametrize("name", NAMES[::9])
def test_the_expected_form_follows_from_the_trace(name: str) -> None:
    """Normalising again gives the same."""
    again = normaliser.normalise(*normaliser.read(corpus.TRACES / f"{name}.jsonl.gz"))

    assert again == json.loads((corpus.EXPECTED / f"{name}.json").read_text(encoding="utf-8"))


def test_planted_faults_are_found() -> None:
    """All but those that the tolerance of a scenario hides, most of them in Pods still in motion at the limit."""
    scenarios = corpus.load_all()
    results = [ok for fault in plant.FAULTS for ok in plant.found(fault, scenarios, corpus.EXPECTED).values()]

    assert len(results) > 1500
    assert sum(results) / len(results) > 0.98


@pytest.mark.parametrize(
    ("longer", "shorter", "left"),
    [
        (["a", "b", "c"], ["b", "c"], ["b", "c"]),
        (["False", "True", "False"], ["True", "False"], ["True", "False"]),
    ],
)
def test_a_missing_first_status_is_aligned_at_the_right_end(
    longer: list[str], shorter: list[str], left: list[str]
) -> None:
    """Also of a condition that goes to and fro, whichever side lacks it."""
    assert comparator.Tolerance({}).align(longer, shorter) == (left, shorter)
    assert comparator.Tolerance({}).align(shorter, longer) == (shorter, left)


def test_every_listed_difference_is_about_a_scenario_that_exists() -> None:
    """And each row of the page is read."""
    known = run.known_differences()
    rows = [
        line for line in run.DIFFERENCES.read_text(encoding="utf-8").splitlines() if re.match(r"\| `", line)
    ]

    assert set(known) <= set(NAMES)
    assert len(known) == len(rows)
