"""Back-off, probe thresholds, grace and order of termination; kubelet-rules 1.6, 1.11 and 1.12."""

from __future__ import annotations

from typing import Any

import pytest
from pods import SECOND, T0, container, pod, sidecar

from podlab.embedded.lifecycle import termination
from podlab.embedded.lifecycle.backoff import Backoff, go_duration
from podlab.embedded.lifecycle.probes import Counter, Result


def _waits(runs_s: list[int]) -> list[int]:
    """The waits, in seconds, of a container whose runs last so long."""
    backoff, now, waits = Backoff(), T0, []
    for run_s in runs_s:
        now += run_s * SECOND
        finished = now
        ends = backoff.ends_at("k", finished)
        now = max(now, ends or now)
        waits.append((now - finished) // SECOND)
        backoff.advance("k", finished, now)
    return waits


def test_the_first_restart_is_free_and_then_waits_double_to_five_minutes() -> None:
    """For a container that dies at once."""
    assert _waits([0] * 8) == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_run_of_more_than_ten_minutes_forgives() -> None:
    """Ten minutes do not, a second more does."""
    assert _waits([0, 0, 0, 601, 0]) == [0, 10, 20, 0, 10]
    assert _waits([0, 0, 0, 600, 0]) == [0, 10, 20, 40, 80]


def test_other_keys_wait_for_themselves() -> None:
    """A new image is another key."""
    backoff = Backoff()
    backoff.advance("pod_app_a", T0, T0)

    assert backoff.ends_at("pod_app_b", T0) is None
    backoff.forget("pod_")
    assert backoff.ends_at("pod_app_a", T0) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(10, "10s"), (80, "1m20s"), (160, "2m40s"), (300, "5m0s"), (3600, "1h0m0s")]
)
def test_durations_are_printed_as_go_prints_them(seconds: int, text: str) -> None:
    """They stand in messages that learners read."""
    assert go_duration(seconds * SECOND) == text


@pytest.mark.parametrize(
    ("probe", "outcomes", "expected"),
    [
        ({}, "fff", [None, None, Result.FAILURE]),
        ({}, "ffpff", [None, None, Result.SUCCESS, None, None]),
        ({"failureThreshold": 1}, "f", [Result.FAILURE]),
        ({"successThreshold": 3}, "ppp", [None, None, Result.SUCCESS]),
        ({"successThreshold": 2}, "pfpp", [None, None, None, Result.SUCCESS]),
    ],
)
def test_thresholds_need_equal_outcomes_in_a_row(
    probe: dict[str, Any], outcomes: str, expected: list[Result | None]
) -> None:
    """p passes, f fails."""
    counter = Counter(probe)

    assert [counter.add(o == "p") for o in outcomes] == expected


def test_regular_containers_stop_together_then_sidecars_in_reverse() -> None:
    """A regular init container waits for nobody."""
    ordered = pod("Always", inits=(sidecar("one"), "i", sidecar("two")), apps=("a", "b"))

    assert termination.stop_order(ordered, ["one", "two", "a", "b"]) == [["a", "b"], ["two"], ["one"]]
    assert termination.stop_order(ordered, ["one", "i"]) == [["one", "i"]]


def test_nobody_waits_for_what_does_not_run() -> None:
    """A sidecar alone stops at once."""
    ordered = pod("Always", inits=(sidecar("one"), sidecar("two")), apps=("a",))

    assert termination.waits_for(ordered, "one", ["one"]) == []
    assert termination.waits_for(ordered, "one", ["one", "two"]) == ["two"]


@pytest.mark.parametrize(
    ("spec_s", "deletion_s", "expected"), [(30, None, 30), (30, 5, 5), (30, 0, 1), (0, None, 1), (5, 60, 60)]
)
def test_the_grace_of_a_pod(spec_s: int, deletion_s: int | None, expected: int) -> None:
    """What the deletion says beats the spec; one second is the least."""
    leaving = pod("Always")
    leaving["spec"]["terminationGracePeriodSeconds"] = spec_s
    if deletion_s is not None:
        leaving["metadata"]["deletionGracePeriodSeconds"] = deletion_s

    assert termination.pod_grace_s(leaving) == expected


def test_a_probe_may_have_a_grace_of_its_own() -> None:
    """It counts for kills by that probe only, and never against a deletion."""
    own = container("app", livenessProbe={"terminationGracePeriodSeconds": 2}, startupProbe={})
    watched = pod("Always", apps=(own,))

    assert termination.container_grace_s(watched, own, "liveness") == 2
    assert termination.container_grace_s(watched, own, "startup") == 30
    assert termination.container_grace_s(watched, own) == 30
    watched["metadata"]["deletionGracePeriodSeconds"] = 7
    assert termination.container_grace_s(watched, own, "liveness") == 7
