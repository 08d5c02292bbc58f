"""
Every recording of a real kubelet: builds a timeline, and agrees with what the corpus' own tools read from it.

Covered: runs, exit codes, roles, phases, STATUS words, conditions, the order of Started Events, and intervals
that hold every whole second the API printed. Not covered: truth to better than the API knows (see
test_coverage).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import podlab_traces as traces
import pytest

from podlab.timeline import Timeline

RESTARTING_ALL = "RestartingAllContainers/137"
LOST = ("ContainerStatusUnknown/137", RESTARTING_ALL)


def life(name: str, driver: str = "kind", pod: str | None = None) -> Timeline:
    header, observations = traces.observations(name, driver)
    return Timeline.from_observations(header, observations, pod)


def pods_of(name: str) -> list[tuple[str, dict[str, Any]]]:
    """(real name, expected) of each Pod that is compared."""
    expected = traces.expected(name)["pods"]
    _, observations = traces.observations(name)
    names = [n for n in Timeline.pods(observations) if not _helper(n, observations)]
    generated = [alias for alias in expected if re.fullmatch(r"pod-\d+", alias)]
    return [(names[int(a[4:]) - 1] if a in generated else a, value) for a, value in expected.items()]


def _restarts(state: str) -> int:
    found = re.search(r"\br(\d+)\b", state)
    return int(found[1]) if found else 0


def _helper(name: str, observations: list[dict[str, Any]]) -> bool:
    for item in observations:
        if item.get("resource") == "pods" and item["object"]["metadata"]["name"] == name:
            return "conformance.example/helper" in (item["object"]["metadata"].get("labels") or {})
    return False


def wanted_runs(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    The runs that a timeline is to show, of the instances that statuses spoke of.

    A record without times is no run of its own, but how one ended whose record was removed: a run that another
    followed.
    """
    lost = [r for r in runs if r["end"] in LOST and "ran_s" not in r]
    kept = [r for r in runs if r not in lost]
    if not any(r["end"] == RESTARTING_ALL for r in lost):
        return kept
    return [{**r, "end": RESTARTING_ALL} if r["end"] == "running" else r for r in kept[:-1]] + kept[-1:]


@pytest.mark.parametrize("name", traces.NAMES)
def test_runs_and_exit_codes_agree(name):
    """
    Each run that a status showed is a run of the lane, ended as the status says, as long as the seconds say.
    """
    for pod, expected in pods_of(name):
        timeline = life(name, pod=pod)
        for container, entry in expected["containers"].items():
            lane = timeline.lane(container)
            assert lane.role == entry["kind"]
            wanted = wanted_runs(entry["runs"])
            seen = [r for r in lane.runs if r.seen]
            ends = ["running" if r.end is None else f"{r.reason}/{r.exit_code}" for r in seen]
            assert ends == [r["end"] for r in wanted]
            assert timeline.restarts(container) == max((_restarts(s) for s in entry["states"]), default=0)
            assert sum(r.count for r in lane.runs) == max(
                len(seen), timeline.restarts(container) + bool(lane.runs)
            )
            for run, want in zip(seen, wanted, strict=True):
                if "ran_s" in want and run.start and run.end:
                    shortest, longest = run.end.lo - run.start.hi, run.end.hi - run.start.lo
                    assert shortest - 1e-6 <= want["ran_s"] + 1
                    assert longest + 1e-6 >= want["ran_s"] - 1


@pytest.mark.parametrize("name", traces.NAMES)
def test_words_agree(name):
    """Phases, STATUS words and conditions go through what the corpus' own reading found."""
    for pod, expected in pods_of(name):
        timeline = life(name, pod=pod)
        phases = [p.split()[0] for p in expected["phases"]]
        if phases[0] == "Running":  # the recording came late; the API server makes every Pod as Pending
            phases.insert(0, "Pending")
        assert timeline.phase_sequence() == [p for i, p in enumerate(phases) if i == 0 or phases[i - 1] != p]
        assert timeline.status_sequence() == expected["status"]
        for kind, values in expected["conditions"].items():
            words = [v.split()[0] for v in values]
            flips = [w for i, w in enumerate(words) if i == 0 or words[i - 1] != w]
            assert [s.word for s in timeline.conditions[kind]] == flips


@pytest.mark.parametrize("name", traces.NAMES)
def test_no_claim_contradicts_the_order_of_started_events(name):
    """Where two first starts are told apart, the kubelet's own Started Events stood in that order."""
    for pod, _ in pods_of(name):
        timeline = life(name, pod=pod)
        _, observations = traces.observations(name)
        order: list[str] = []
        for item in observations:
            about = item.get("object", {}).get("involvedObject") or {}
            path = str(about.get("fieldPath") or "")
            if (
                item.get("resource") == "events"
                and item["object"]["reason"] == "Started"
                and about["name"] == pod
            ):
                container = path[path.index("{") + 1 : -1]
                if container not in order:
                    order.append(container)
        starts = {
            lane.name: lane.first_start for lane in timeline.lanes if lane.first_start and lane.name in order
        }
        for a, one in starts.items():
            for b, two in starts.items():
                if a != b and one < two:
                    assert order.index(a) < order.index(b)


@pytest.mark.parametrize("name", traces.NAMES)
def test_intervals_are_sound(name):
    """
    Intervals are not empty, runs follow each other, and nothing real needs a note about contradicting clocks.
    """
    for pod, _ in pods_of(name):
        timeline = life(name, pod=pod)
        assert [n for n in timeline.notes if "contradict" in n or "disagree" in n] == []
        for lane in timeline.lanes:
            for run in lane.runs:
                for at in (run.start, run.end):
                    assert at is None or at.lo <= at.hi
                    assert at is None or at.evidence
            for one, two in pairwise(r for r in lane.runs if r.ran):
                assert one.end is not None
                assert one.end.lo <= two.start.hi + 1e-6
            for span in lane.spans:
                assert span.end is None or span.start.lo <= span.end.hi + 1e-6


def test_first_starts_are_known_to_a_tenth_of_a_second():
    """
    Names of Events carry nanoseconds: the median first start is an order of magnitude sharper than a second.
    """
    widths = []
    for name in traces.NAMES:
        for pod, _ in pods_of(name):
            widths += [lane.first_start.width for lane in life(name, pod=pod).lanes if lane.first_start]
    widths.sort()
    assert len(widths) > 200
    assert widths[len(widths) // 2] < 0.15


def test_the_recorders_wall_clock_does_not_matter():
    """The same recording, stamped by a clock that is years off, gives the same timeline."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    shifted = {**header, "started_at": "1999-12-31T23:59:59.123456Z"}
    one = Timeline.from_observations(header, observations)
    two = Timeline.from_observations(shifted, observations)
    for a, b in zip(one.lanes, two.lanes, strict=True):
        for r, s in zip(a.runs, b.runs, strict=True):
            assert r.start.lo == pytest.approx(s.start.lo, abs=1e-3)
            assert r.end.hi == pytest.approx(s.end.hi, abs=1e-3)


def test_without_anything_that_bounds_the_recorder_its_arrivals_are_not_used():
    """No apply and no delete in the recording: arrival times prove nothing, and a note says so."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    timeline = Timeline.from_observations(header, [o for o in observations if o["source"] != "recorder"])
    sources = {s for lane in timeline.lanes for run in lane.runs for s in run.start.sources}
    assert "watch" not in sources
    assert any("arrival times are not used" in note for note in timeline.notes)
    assert not timeline.complete


def test_orders_on_real_recordings():
    """The order of starts and of stops, as the scenarios were written to show them."""
    timeline = life("sidecar-reverse-at-delete")
    assert timeline.start_order() == "one | two | (app app2)"
    assert timeline.stop_order() == "(app app2) | two | one"
    assert timeline.before("one", "two").value is True
    assert timeline.overlapped("one", "app").value is True
    assert timeline.outlived("app", "app2").value is True
    assert timeline.outlived("two", "one").value is None  # both in one second: the API alone cannot tell


def test_a_pod_that_was_first_seen_running_was_pending_until_its_apps_had_started():
    """A recording that came late must not draw Running, nor its STATUS, while the app containers waited."""
    timeline = life("net-service-unready-and-back", pod="caller")
    first, running = timeline.phases[:2]

    assert (first.word, running.word) == ("Pending", "Running")
    assert running.start.lo == max(lane.first_start.lo for lane in timeline.lanes if lane.role == "app")
    assert running.start.hi < float("inf")
    assert timeline.status_words[0].start == running.start
