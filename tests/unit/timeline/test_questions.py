"""Questions in a learner's words: answers, and evidence that forces them."""

from __future__ import annotations

import re

import podlab_traces as traces
import pytest

from podlab.errors import TimelineError
from podlab.timeline import Instant, Timeline


def life(name: str) -> Timeline:
    return Timeline.from_observations(*traces.observations(name))


def test_instants_are_ordered_only_where_the_evidence_forces_it():
    """Overlapping intervals have no order, in either direction."""
    early, late, wide = Instant(1, 2), Instant(2, 3), Instant(1.5, 2.5)
    assert early <= late
    assert not late <= early
    assert not early <= wide
    assert not wide <= early
    assert (early.order(late), late.order(Instant(0, 1)), early.order(wide)) == (True, False, None)


def test_an_init_container_comes_before_what_starts_after_its_end():
    timeline = life("sidecar-interleaved")
    inits = [lane.name for lane in timeline.lanes if lane.role == "init"]
    app = next(lane.name for lane in timeline.lanes if lane.role == "app")
    answer = timeline.before(inits[0], app)
    assert answer
    assert "ended before" in answer.text
    assert answer.evidence
    assert timeline.before(app, inits[0]).value is False


def test_what_cannot_be_told_is_none_and_says_so():
    """Two sidecars that ended in the same whole second: no order is invented."""
    answer = life("sidecar-reverse-at-delete").before("one.end", "two.end")
    assert answer.value is None
    assert not answer
    assert str(answer).startswith("cannot tell")


def test_a_sidecar_told_to_stop_after_completion_outlived_the_app():
    """The kubelet had seen the app ended: a rule decides although both lie in one second."""
    for name in ("sidecar-reverse-at-completion", "sidecar-exit-code-ignored"):
        timeline = life(name)
        app = next(lane.name for lane in timeline.lanes if lane.role == "app")
        for lane in timeline.lanes:
            if lane.role == "sidecar":
                assert timeline.outlived(lane.name, app).value is True


def test_stop_order_is_by_ends_once_the_grace_is_used_up():
    """A container was killed: the promise of turns no longer holds, and is not claimed."""
    assert "slow" in life("sidecar-grace-runs-out").stop_order()
    assert life("sidecar-grace-runs-out").stop_order() != "app | slow | quick"


def test_restarts_and_the_next_try():
    timeline = life("backoff-first-waits")
    assert timeline.restarts("app") == 4
    assert timeline.starts("app") == 5
    assert timeline.exit_codes("app") == [1] * 5
    assert "CrashLoopBackOff" in timeline.reasons("app")
    answer = timeline.next_try("app")
    assert answer
    assert "5th restart" in answer.text
    rule = answer.evidence[0]
    assert rule.lo - timeline.lane("app").last_end.lo == pytest.approx(80)


def test_ready_and_what_it_waited_for():
    timeline = life("sidecar-gate-http-startup")
    ready = timeline.ready_after()
    assert ready is not None
    assert ready.width <= 1
    assert timeline.waited_for().value is True
    assert "proxy" in timeline.waited_for().text


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("readiness-gate", "app to be ready, readiness gate example.com/lb"),
        ("image-repaired-by-patch", "the image of app, app to be ready"),
        ("config-volume-late", "a volume, init to end, app to be ready"),
    ],
)
def test_what_held_a_pod_back_is_named_whatever_it_was(name, step):
    """Not only containers: gates, images that could not be pulled, volumes."""
    assert life(name).waited_for().text.endswith(f"had waited for {step}")


def test_a_name_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(TimelineError) as caught:
        life("sidecar-reverse-at-delete").starts("three")
    assert "one, two, app, app2" in str(caught.value)
    with pytest.raises(TimelineError):
        life("sidecar-reverse-at-delete").before("one.middle", "two.end")


def test_answers_read_the_same_on_every_run():
    """No digit of a time in any sentence: notebooks compare them."""
    timeline = life("sidecar-interleaved")
    names = [lane.name for lane in timeline.lanes]
    for a in names:
        for b in names:
            for answer in (timeline.before(a, b), timeline.overlapped(a, b), timeline.outlived(a, b)):
                assert not re.search(r"\d\.\d", answer.text)


def test_whole_seconds_alone_cannot_tell_what_all_clocks_can():
    """The 1-second trap: three quick starts in one second."""
    recording = traces.observations("sidecar-reverse-at-delete")
    status = Timeline.from_observations(*recording, clocks={"status"})
    fused = Timeline.from_observations(*recording)
    assert status.before("app.start", "app2.start").value is None
    assert fused.before("app.start", "app2.start").value is True
    assert status.moment("app.start").sources == ("status",)
    assert "event" in fused.moment("app.start").sources
    with pytest.raises(TimelineError, match="unknown clock sundial"):
        Timeline.from_observations(*recording, clocks={"sundial"})
