"""When a container was told to stop: SIGTERM where it is known, and no sharper than known where it is not."""

from __future__ import annotations

import podlab_traces as traces

from podlab.timeline import Timeline
from podlab.timeline.stopping import TOLD_LAG_S


def stopping(timeline, name):
    """The span of one container between SIGTERM and its end."""
    lane = next(lane for lane in timeline.lanes if lane.name == name)
    return next(span for span in lane.spans if span.state == "terminating")


def test_a_sidecar_is_told_at_some_time_after_those_before_it_have_ended():
    """All Killing Events come at once; a sidecar's SIGTERM comes in its turn, which no Event tells."""
    timeline = Timeline.from_observations(*traces.observations("sidecar-reverse-at-delete"))

    app, sidecar = stopping(timeline, "app"), stopping(timeline, "one")
    assert app.start.hi - app.start.lo <= 1.0
    assert sidecar.start.lo >= app.end.lo > app.start.hi
    assert sidecar.start.hi == sidecar.end.hi


def test_the_node_knows_the_moment_of_the_signal():
    """With the node's record the span starts at SIGTERM, after the app has ended."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    without = Timeline.from_observations(header, observations)
    app_end = stopping(without, "app").end.hi
    at = without.zero + app_end + 0.25
    stamp = f"{traces.rfc3339(at)}"
    signal = {"t": 99.0, "source": "node", "event": "signal", "signal": 15, "container": "one"}
    signal |= {"pod_uid": without.uid, "attempt": 0, "at": stamp}

    timeline = Timeline.from_observations(header, [*observations[:-1], signal, observations[-1]])

    told = stopping(timeline, "one").start
    assert told.width < 1e-3
    assert abs(told.mid - (app_end + 0.25)) < 1e-3


def test_a_signal_that_node_and_app_note_has_one_mark_where_its_lane_is_told_to_stop():
    """The app's line is stamped a moment after the node's record; a mark in between would precede its cause."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    without = Timeline.from_observations(header, observations)
    at = without.zero + stopping(without, "app").end.hi + 0.02
    record = {"t": 99.0, "source": "node", "event": "signal", "signal": 15, "container": "one"}
    record |= {"pod_uid": without.uid, "attempt": 0, "at": traces.rfc3339(at)}
    line = {
        "t": 99.1,
        "source": "log",
        "pod": without.name,
        "pod_uid": without.uid,
        "container": "one",
        "restart": 0,
    }
    line |= {"at": traces.rfc3339(at + 0.01), "line": '{"event": "signal", "signal": "SIGTERM"}'}

    for said in ([record, line], [line]):
        timeline = Timeline.from_observations(header, [*observations[:-1], *said, observations[-1]])
        marks = [m for m in timeline.markers if (m.kind, m.container) == ("signal", "one")]

        assert [m.at.mid for m in marks] == [stopping(timeline, "one").start.mid]
        assert marks[0].at.mid >= stopping(timeline, "app").end.lo


def test_a_sidecar_whose_turn_has_not_come_is_not_drawn_as_told():
    """While an app still runs, the Killing Event of its sidecar is an announcement only."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    killed = [
        i
        for i, o in enumerate(observations)
        if "Stopping container" in str(o.get("object", {}).get("message"))
    ]

    timeline = Timeline.from_observations(header, observations[: killed[-1] + 1])

    told = {lane.name for lane in timeline.lanes if any(s.state == "terminating" for s in lane.spans)}
    assert told == {"app", "app2"}


def test_the_last_sidecar_of_a_pod_that_completes_is_told_at_once():
    """Nothing is left to wait for, so its Killing Event is the moment, as for an app without a hook."""
    timeline = Timeline.from_observations(*traces.observations("sidecar-reverse-at-completion"))

    assert stopping(timeline, "three").start.width <= TOLD_LAG_S + 1e-6
    assert stopping(timeline, "two").start.lo >= stopping(timeline, "three").end.lo


def test_a_live_view_knows_when_a_completing_pod_tells_its_sidecar():
    """Before the phase says so, the Killing Event of the sidecar says that the apps had ended."""
    header, observations = traces.observations("sidecar-job-like-completes")
    told = [
        i
        for i, o in enumerate(observations)
        if "Stopping container" in str(o.get("object", {}).get("message"))
    ]
    timeline = Timeline.from_observations(
        header, observations[: told[-1] + 2], live=True
    )  # and the apps' end

    assert timeline.phase == "Running"
    assert stopping(timeline, "proxy").start.width <= TOLD_LAG_S + 1e-6
    assert timeline.lane("app").last_end.hi <= stopping(timeline, "proxy").start.hi
