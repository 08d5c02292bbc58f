"""
Intervals hold the truth, whatever goes wrong between the node and the recorder.

Lives are simulated, so the truth is known. Planted faults may make intervals wider; they may never make one
miss.
"""

from __future__ import annotations

import statistics

import pytest
from simulated_pods import Faults, life, misses, widths

from podlab.errors import TimelineError
from podlab.timeline import Timeline

SEEDS = range(40)

PLANTED = {
    "nothing": {},
    "the recorder's clock is 37 s behind": {"local_shift_s": -37.3},
    "the recorder's clock is a day ahead": {"local_shift_s": 86_400.0},
    "the API server's clock is ahead": {"api_shift_s": 0.7, "driver": "context"},
    "the API server's clock is behind": {"api_shift_s": -1.3, "driver": "context"},
    "a third of the Events are dropped": {"drop_events": 0.3},
    "most Events are dropped": {"drop_events": 0.8},
    "repeated Events are merged": {"merge_events": 0.6},
    "states are missed": {"miss_states": 0.5},
    "most states are missed": {"miss_states": 0.85},
    "no logs": {"logs": False},
    "names of Events say nothing": {"events_named": False},
    "observations come twice and late": {"duplicate": 0.3, "reorder": True},
    "the recording is cut short": {"cut": True},
    "the node is asked who is over": {"asked": True},
    "the node is asked for its time": {"asked": True, "timed": True, "driver": "context", "local_shift_s": 3.3},
    "it is asked, and other clocks are wrong": {
        "asked": True, "timed": True, "driver": "context", "local_shift_s": -86_400.7, "api_shift_s": 0.9,
        "drop_events": 0.5, "miss_states": 0.5, "reorder": True, "cut": True,
    },
    "the node's own record": {"node": True},
    "all at once": {
        "drop_events": 0.3, "merge_events": 0.5, "miss_states": 0.5, "local_shift_s": 5.0, "duplicate": 0.2,
        "reorder": True, "cut": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_every_interval_holds_the_truth(fault):
    """No start and no end lies outside of its interval, and no claimed order is false."""
    for seed in SEEDS:
        found = life(seed, Faults(**PLANTED[fault]))
        try:
            timeline = Timeline.from_observations(found.header, found.observations)
        except TimelineError:
            assert PLANTED[fault].get("cut")
            continue
        assert misses(found, timeline) == [], f"seed {seed}"
        assert not [n for n in timeline.notes if "contradict" in n or "disagree" in n], f"seed {seed}"
        _check_orders(timeline, found.truth)


def _check_orders(timeline: Timeline, truth: dict[str, list[tuple[float, float]]]) -> None:
    names = [lane.name for lane in timeline.lanes if lane.starts]
    for a in names:
        for b in names:
            if a == b:
                continue
            if (answer := timeline.before(f"{a}.start", f"{b}.start")).value is not None:
                assert answer.value is (truth[a][0][0] <= truth[b][0][0])
            if timeline.overlapped(a, b).value is True:
                assert any(s < f and u < e for s, e in truth[a] for u, f in truth[b])
            if timeline.overlapped(a, b).value is False and timeline.complete:
                assert not any(s < f and u < e for s, e in truth[a] for u, f in truth[b])


@pytest.mark.parametrize(
    "fault",
    ["a third of the Events are dropped", "no logs", "names of Events say nothing", "states are missed"],
)
def test_faults_widen(fault):
    """Less evidence gives wider intervals, not sharper ones that happen to hold."""

    def mean(faults: Faults) -> float:
        found: list[float] = []
        for seed in SEEDS:
            one = life(seed, faults)
            found += widths(Timeline.from_observations(one.header, one.observations))
        return statistics.mean(found)

    assert mean(Faults(**PLANTED[fault])) > mean(Faults())


def test_asking_the_node_makes_ends_sharper():
    """Its word that a run is over bounds the end; the run keeps its start and its exit code from the status."""

    def mean(faults: Faults) -> float:
        found = [life(seed, faults) for seed in SEEDS]
        lives = [Timeline.from_observations(one.header, one.observations) for one in found]
        return statistics.mean(width for one in lives for width in widths(one))

    assert mean(Faults(asked=True)) < 0.85 * mean(Faults())


def test_a_node_that_tells_its_time_makes_arrivals_worth_something():
    """On a cluster with clocks of its own nothing else bounds the recorder's clock well from above."""

    def mean(faults: Faults) -> float:
        found = [life(seed, faults) for seed in SEEDS]
        lives = [Timeline.from_observations(one.header, one.observations) for one in found]
        return statistics.mean(width for one in lives for width in widths(one))

    apart = {"asked": True, "driver": "context", "local_shift_s": 3.3}
    assert mean(Faults(**apart, timed=True)) < 0.85 * mean(Faults(**apart))


def test_an_earlier_pod_of_the_same_name_bounds_nothing():
    """What was heard of its containers, runs with the same numbers, is not about those of its successor."""
    for seed in SEEDS:
        found = life(seed, Faults(asked=True))
        earlier = [
            {**one, "pod_uid": "an-earlier-one", "t": 0.0, "at": "2027-01-15T07:59:00Z"}
            for one in found.observations
            if one["source"] == "log" or one.get("event") == "over"
        ]
        timeline = Timeline.from_observations(found.header, [*earlier, *found.observations])
        assert misses(found, timeline) == [], f"seed {seed}"
        assert timeline.notes == Timeline.from_observations(found.header, found.observations).notes


def test_the_nodes_record_is_exact():
    """With the node's own record, starts and ends are known to microseconds."""
    found = life(3, Faults(node=True))
    timeline = Timeline.from_observations(found.header, found.observations)
    assert max(widths(timeline)) < 1e-3


def test_a_status_clock_that_is_wrong_for_one_container_widens_and_is_noted():
    """One stamp is 7 s off: the interval still holds the truth, and a note names the sources."""
    found = life(5, Faults())
    for item in found.observations:
        if item.get("resource") != "pods":
            continue
        for status in item["object"]["status"]["initContainerStatuses"]:
            for state in (status["state"], status["lastState"]):
                for value in state.values():
                    if value.get("startedAt"):
                        value["startedAt"] = "2027-01-15T08:00:05Z"
    timeline = Timeline.from_observations(found.header, found.observations)
    assert any("contradict" in note or "disagree" in note for note in timeline.notes)
    assert misses(found, timeline) == []


def test_runs_that_nobody_saw_are_there_without_times():
    """A jump of the restart count stands for runs; how many is known, when is not."""
    found = life(8, Faults())
    pods = [o for o in found.observations if o.get("resource") == "pods"]
    last = pods[-1]["object"]
    both = [*last["status"]["initContainerStatuses"], *last["status"]["containerStatuses"]]
    status = next(s for s in both if "terminated" in s["state"])
    status["restartCount"] = 12
    rest = [o for o in found.observations if o["source"] == "recorder"]
    timeline = Timeline.from_observations(
        found.header, [*rest[:1], {**pods[-1], "type": "MODIFIED"}, *rest[1:]]
    )
    lane = timeline.lane(status["name"])
    assert timeline.restarts(status["name"]) == 12
    assert lane.starts == 13
    assert any(not run.seen and run.count >= 11 for run in lane.runs)
    assert any(span.state == "unseen" for span in lane.spans)


def test_damage_is_noted_and_never_crashes():
    """Observations that are no observations are left out with a note."""
    found = life(2, Faults())
    junk = [
        {
            "t": 1.0,
            "source": "watch",
            "resource": "pods",
            "type": "MODIFIED",
            "object": {"metadata": {"name": "web"}},
        },
        {"t": 1.0, "source": "watch", "resource": "events", "type": "ADDED", "object": None},
        {"t": "soon", "source": "log", "pod": "web", "container": 3, "at": "never"},
        {"source": "node", "at": "2027-01-15T08:00:05Z"},
        {"t": 1.0, "source": "recorder", "event": "clock", "node": "n"},
        {"t": 1.0, "source": "recorder", "event": "over", "pod": "web", "restart": None},
        {},
        ["not", "a", "mapping"],
    ]
    mixed = [*found.observations[:10], *junk, *found.observations[10:]]
    timeline = Timeline.from_observations(found.header, mixed)
    assert any("could not be read" in note for note in timeline.notes)
    assert timeline.lanes


def test_no_pod_is_an_error_that_names_what_there_is():
    found = life(2, Faults())
    with pytest.raises(TimelineError, match="no Pod other") as caught:
        Timeline.from_observations(found.header, found.observations, "other")
    assert "web" in str(caught.value)
