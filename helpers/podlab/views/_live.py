"""
The live view: a timeline that grows in a notebook while the Pod lives, to be played, paused, scrubbed and
zoomed.

It is made of plain ipywidgets (an HTML widget that holds an SVG, and controls), so JupyterLab needs no
extension beyond ipywidgets' own. Nothing is printed: the picture is one widget value that is replaced, at
most a few times a second however many observations come in. So the notebook's output limits are never met,
and a closed browser or a hidden tab costs nothing more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from podlab.errors import TimelineError
from podlab.extras import need
from podlab.timeline import Timeline
from podlab.views._alt import alt_text
from podlab.views._svg import svg

FRAME_S = 0.25
"""
Shortest time between two pictures sent to the browser; doubled and more while pictures cost long to make.
"""

SPEEDS = (("real time", 1.0), ("quarter", 0.25), ("2x", 2.0), ("5x", 5.0), ("20x", 20.0))
"""
What "play" can do: a first Pod lives for two seconds, which only a slower look can follow; others for minutes.
"""

ZOOMS = (("all", 0.0), ("last 60 s", 60.0), ("last 20 s", 20.0), ("last 5 s", 5.0))


class LiveView:
    """
    A widget that follows a recording while it is made, or plays one that is finished.

    Feed it with ``observe`` (cheap: it appends and returns) from any thread, for example as
    ``on_observation`` of the recorder, and call ``finish`` at the end. Display ``view.widget``, or leave the
    view as a cell's last value.

    Args:
        header: The recording's first line; its driver tells which clocks are one.
        pod: Name of the Pod; None takes the first one seen.
        clock: Seconds that only go forward; also measures what a picture costs. A test passes its own.
        start: Whether a thread paints by itself. Without it, ``tick`` does.
    """

    def __init__(
        self,
        header: Mapping[str, Any] | None = None,
        pod: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: bool = True,
    ) -> None:
        self.header, self.pod = dict(header or {}), pod
        self.observations: list[Mapping[str, Any]] = []
        self.messages = 0
        self.timeline: Timeline | None = None
        self._clock, self._lock = clock, threading.Lock()
        self._drawn, self._painted_at, self._cost = 0, -1e9, 0.0
        self._shown: tuple[Any, ...] = ()
        self._done = threading.Event()
        self._closed = False
        self._playing_from: tuple[float, float] | None = None
        self._build()
        self._thread: threading.Thread | None = None
        if start:
            self._thread = threading.Thread(target=self._loop, name="podlab-live", daemon=True)
            self._thread.start()

    # -- feeding ---------------------------------------------------------------------------------------------

    def observe(self, observation: Mapping[str, Any]) -> None:
        """Take one observation; returns at once."""
        self.observations.append(observation)

    __call__ = observe

    def finish(self) -> None:
        """No more observations come: paint the last state. Safe to call again."""
        self._done.set()
        self._drawn = 0  # it is no longer live, so the picture changes although nothing has come
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        self.tick(force=True)

    def close(self) -> None:
        """Stop and take the widget away."""
        self._closed = True
        self._done.set()
        self.widget.close()

    # -- painting --------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._done.wait(FRAME_S):
            self.tick()

    def tick(self, *, force: bool = False) -> bool:
        """
        Paint if there is something new and the last picture is old enough; returns whether it painted.

        The wait grows with what a picture costs, so that painting takes a tenth of one processor at most.
        """
        now = self._clock()
        due = now - self._painted_at >= max(FRAME_S, 10 * self._cost)
        if self._closed or not (due or force):
            return False
        with self._lock:
            self._advance(now)
            if len(self.observations) != self._drawn:
                self._refresh()
            painted = self._paint(now)
        if painted:
            self._cost = self._clock() - now
        return painted

    @property
    def live(self) -> bool:
        """Whether observations still come."""
        return not self._done.is_set()

    def _refresh(self) -> None:
        count = len(self.observations)
        try:
            self.timeline = Timeline.from_observations(
                self.header, self.observations[:count], self.pod, live=self.live
            )
        except TimelineError:
            self.timeline = None  # the Pod has not been seen yet
        self._drawn = count

    def _paint(self, now: float) -> bool:
        timeline = self.timeline
        if timeline is None:
            return False
        live = self.live
        until = max(timeline.until, 0.5)
        if self.follow.value and self._playing_from is None and self.scrub.value != until:
            self._set_scrub(until)
        shown = (self._drawn, round(self.scrub.value, 2), self.zoom.value, live)
        if shown == self._shown:
            return False
        state = "recording" if live else "finished" if timeline.complete else "finished, incomplete"
        order = escape(timeline.start_order() or "-")
        facts = (
            f"<b>{self.scrub.value:.1f} s</b> of {until:.1f} s, {timeline.phase}, {state}; starts: {order}"
        )
        picture = svg(timeline, window=self._window(until), shrinks=True)
        self.picture.value = f"<div>{picture}</div><div class='podlab-facts'>{facts}</div>"
        self.messages += 1
        self._shown, self._painted_at = shown, now
        return True

    def _window(self, until: float) -> tuple[float, float]:
        """Return what is shown: everything up to the scrubber, or a stretch of the chosen length that ends there."""
        end = max(min(self.scrub.value, until), 0.5)
        if not self.zoom.value:
            return 0.0, end
        return max(0.0, end - self.zoom.value), max(end, self.zoom.value)

    # -- controls --------------------------------------------------------------------------------------------

    def _build(self) -> None:
        need("ipywidgets")
        import ipywidgets as widgets

        self.picture = widgets.HTML(value="<p>waiting for the Pod to be seen…</p>")
        wide = widgets.Layout(width="340px")
        # Not continuous_update: the slider would then send back, rounded or cut off at its former end, each value
        # that it is given, and those words come late, when the cell has ended: as if the learner had moved it.
        self.scrub = widgets.FloatSlider(
            value=0.5,
            min=0.0,
            max=0.5,
            step=0.01,
            description="time",
            readout=False,
            continuous_update=False,
            layout=wide,
        )
        self.play = widgets.ToggleButton(
            value=False, description="play", icon="play", tooltip="Play from the scrubber on"
        )
        self.follow = widgets.ToggleButton(
            value=True, description="follow", icon="fast-forward", tooltip="Stay at the end"
        )
        self.speed = widgets.Dropdown(options=SPEEDS, value=1.0, layout=widgets.Layout(width="100px"))
        self.zoom = widgets.Dropdown(options=ZOOMS, value=0.0, layout=widgets.Layout(width="110px"))
        self.play.observe(self._on_play, "value")
        self.follow.observe(self._on_follow, "value")
        self.scrub.observe(self._on_scrub, "value")
        self.speed.observe(lambda _: self._play_from_here(), "value")
        self.zoom.observe(lambda _: self._on_control(), "value")
        self._moving = False
        bar = widgets.HBox([self.play, self.follow, self.speed, self.zoom, self.scrub])
        self.widget = widgets.VBox([self.picture, bar])
        self.widget.add_class("podlab-live")

    def _set_scrub(self, value: float) -> None:
        """Move the scrubber without taking it for the learner's hand."""
        self._moving = True
        try:
            until = max(self.timeline.until, 0.5) if self.timeline else 0.5
            if value != self.scrub.value or until > self.scrub.max:
                with self.scrub.hold_sync():  # both traits in one message
                    self.scrub.max = max(until, self.scrub.max)
                    self.scrub.value = value
                self.messages += 1
        finally:
            self._moving = False

    def _on_play(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            start = self.scrub.value
            until = self.timeline.until if self.timeline else 0.0
            start = 0.0 if start >= until - 0.05 else start
            self.follow.value = False
            self._playing_from = (self._clock(), start)
            self._set_scrub(start)
            self.play.icon, self.play.description = "pause", "pause"
            self._keep_painting()
        else:
            self._playing_from = None
            self.play.icon, self.play.description = "play", "play"
            self._on_control()

    def _on_follow(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.play.value = False
            self._on_control()

    def _on_scrub(self, _: Mapping[str, Any]) -> None:
        if not self._moving:
            self.follow.value = False
            self._play_from_here()
            self._on_control()

    def _play_from_here(self) -> None:
        """Count the time that has been played anew: another speed, or another place, holds from now on."""
        if self._playing_from is not None:
            self._playing_from = (self._clock(), self.scrub.value)

    def _on_control(self) -> None:
        """Answer the learner's hand at once."""
        if self._lock.acquire(timeout=0.5):
            try:
                if self.timeline is not None:
                    self._paint(self._clock())
            finally:
                self._lock.release()

    def _advance(self, now: float) -> None:
        """Move the scrubber of a view that plays; stops at the end."""
        if self._playing_from is None or self.timeline is None:
            return
        since, start = self._playing_from
        at = start + (now - since) * self.speed.value
        self._set_scrub(min(at, self.timeline.until))
        if at >= self.timeline.until and self._done.is_set():
            self.play.value = False

    def _keep_painting(self) -> None:
        """A finished view has no thread any more: playing it needs one for a while."""
        if self._thread is not None and (not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._play_loop, name="podlab-play", daemon=True)
            self._thread.start()

    def _play_loop(self) -> None:
        while self._playing_from is not None and not self._closed:
            time.sleep(FRAME_S)
            self.tick()

    # -- display ---------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**options)
        if isinstance(bundle, dict) and self.timeline is not None:
            bundle["text/plain"] = alt_text(self.timeline)
        return bundle


def live(
    recording: Any = None,
    *,
    header: Mapping[str, Any] | None = None,
    pod: str | None = None,
    start: bool = True,
) -> LiveView:
    """
    Return a live view: of a finished recording, to be played; or an empty one, to be fed while the Pod lives.

    Example:
        view = podlab.views.live()
        display(view)
        record(client, manifest, on_observation=view.observe); view.finish()
    """
    if recording is None:
        return LiveView(header, pod, start=start)
    observations: Iterable[Mapping[str, Any]] = recording.observations
    view = LiveView(recording.header, pod, start=start)
    for observation in observations:
        view.observe(observation)
    view.finish()
    return view
