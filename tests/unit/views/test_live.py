"""The live view: grows, plays, scrubs, and sends hardly any messages. Time is a number that the test sets."""

from __future__ import annotations

import podlab_traces as traces
import pytest

pytest.importorskip("ipywidgets")

from podlab.views import _live
from podlab.views._live import FRAME_S, LiveView
from podlab.views.style import LOOKS


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def view():
    header, observations = traces.observations("sidecar-reverse-at-delete")
    clock = Clock()
    made = LiveView(header, clock=clock, start=False)
    made.test_clock, made.test_observations = clock, observations
    yield made
    made.close()


def feed(view, count=None):
    for observation in view.test_observations[:count]:
        view.observe(observation)


def later(view, seconds=10.0):
    view.test_clock.now += seconds
    return view.tick()


def test_it_grows_while_the_pod_lives(view):
    later(view)
    assert "waiting for the Pod" in view.picture.value
    pictures = []
    for observation in view.test_observations:
        view.observe(observation)
        if later(view):
            pictures.append(view.picture.value)
    view.finish()
    assert len(set(pictures)) > 10
    assert "recording" in pictures[0]
    assert "finished" in view.picture.value
    assert "incomplete" not in view.picture.value
    assert "one | two | (app app2)" in view.picture.value


def test_the_picture_is_as_wide_as_its_cell(view):
    """Never wider than it was drawn, and never with a scroll bar."""
    feed(view)
    later(view)
    head = view.picture.value.partition(">")[2].partition(">")[0]
    assert "width='100%'" in head
    assert "max-width:818px" in head
    assert "viewBox='0 0 818 " in head


def test_observations_between_two_frames_cost_no_message(view):
    """However many come: one picture and one move of the slider per frame."""
    sent = []
    for widget in (view.picture, view.scrub, view.play, view.follow):
        widget.send_state = lambda *a, **k: sent.append(1)
    feed(view, 5)
    later(view)
    before = len(sent)
    for _ in range(10_000):
        view.observe(view.test_observations[3])
        view.test_clock.now += FRAME_S / 2_500  # 10,000 observations in four frames
        view.tick()
    assert len(sent) - before <= 10
    assert len(sent) - before <= 0.001 * 10_000


def test_scrubbing_shows_the_past_and_stops_following(view):
    feed(view)
    later(view)
    whole = view.picture.value
    view.scrub.value = 2.0
    assert view.follow.value is False
    assert view.picture.value != whole
    assert "2.0 s" in view.picture.value
    view.follow.value = True
    assert "10.5 s</b> of 10.5 s" in view.picture.value


def test_the_past_shows_nothing_that_came_later(view):
    """Ends after the scrubber stand neither as boxes nor as words at the right edge."""
    feed(view)
    view.finish()
    assert "exit 0" in view.picture.value
    view.scrub.value = 3.0

    assert "exit 0" not in view.picture.value
    assert LOOKS["terminating"].fill not in view.picture.value.partition("seconds since")[0]


def test_the_slider_sends_back_only_what_a_hand_did(view):
    """With continuous_update it answers each value with its own rounding of it, as if the learner had moved it."""
    assert view.scrub.continuous_update is False


def test_play_moves_the_scrubber_and_pause_holds_it(view):
    feed(view)
    view.finish()
    view.play.value = True
    assert view.play.description == "pause"
    later(view, 1.0)
    assert view.scrub.value == pytest.approx(1.0, abs=0.02)
    view.speed.value = 5.0
    later(view, 1.0)
    assert view.scrub.value == pytest.approx(6.0, abs=0.02)  # goes on from 1 s, no jump
    view.speed.value = 0.25
    later(view, 2.0)
    assert view.scrub.value == pytest.approx(6.5, abs=0.02)
    view.play.value = False
    held = view.scrub.value
    later(view, 3.0)
    assert view.scrub.value == held


def test_playing_ends_at_the_end(view):
    feed(view)
    view.finish()
    view.play.value = True
    later(view, 60.0)
    assert view.play.value is False
    assert view.scrub.value == pytest.approx(view.timeline.until)


def test_zoom_shows_the_last_seconds(view):
    feed(view)
    later(view)
    view.zoom.value = 5.0
    assert "2.0 s</b>" not in view.picture.value
    assert view._window(view.timeline.until)[0] == pytest.approx(view.timeline.until - 5.0)


def test_the_last_frames_of_a_play_come_as_often_as_the_first(view, monkeypatch):
    """What a picture costs is the cost of one, not of all so far."""
    feed(view)
    view.finish()
    painted = _live.svg

    def slow(*args, **kwargs):
        view.test_clock.now += FRAME_S / 20
        return painted(*args, **kwargs)

    monkeypatch.setattr(_live, "svg", slow)
    view.play.value = True
    frames = [later(view, FRAME_S) for _ in range(30)]

    assert all(frames)


def test_a_costly_picture_is_painted_less_often(view):
    feed(view, 10)
    later(view)
    view._cost = 3.0
    feed(view, 11)
    view.test_clock.now += 5.0
    assert not view.tick()
    view.test_clock.now += 26.0
    assert view.tick()


def test_hover_texts_are_there(view):
    feed(view)
    later(view)
    assert "<title>Killing" in view.picture.value
