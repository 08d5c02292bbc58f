"""When a container was told to stop: SIGTERM where it is known, and no sharper than known where it is not."""

from __future__ import annotations

import podlab_traces as traces

from podlab.timeline import Timeline


def stopping(timeline, name):
    """The span of one container between SIGTERM and its end."""
    lane = next(lane for lane in timeline.lanes if lane.name == name)
    return next(span for span in lane.spans if span.state == "terminating")


def test_a_sidecar_may_be_told_at_any_time_after_the_announcement():
    """All Killing Events come at once; a sidecar's SIGTERM comes in its turn, which no Event tells."""
    timeline = Timeline.from_observations(*traces.observations("sidecar-reverse-at-delete"))

    app, sidecar = stopping(timeline, "app"), stopping(timeline, "one")
    assert app.start.hi - app.start.lo <= 1.0
    assert sidecar.start.lo <= app.start.hi
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
