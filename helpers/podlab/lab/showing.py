"""Pictures in a notebook: text that grows while a Pod lives, then the drawn timeline with its alt text."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from podlab.checks import notation
from podlab.pods import roles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from podlab.timeline import Timeline

Orders = Callable[[str], tuple[str, str]]
"""Name of a Pod -> the orders of starts and ends that were predicted for it; empty for none."""

QUIET_S = 2.0  # anything longer shows progress
EVERY_S = 1.0


def in_notebook() -> bool:
    """Whether somebody looks at a notebook or an IPython shell."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None


class Growing:
    """
    One line per Pod that changes while a recording runs; replaced by the pictures at its end.

    Args:
        names: Of the Pods to show; empty: of all, since a controller names them later.
    """

    def __init__(self, names: Collection[str], *, active: bool) -> None:
        self.names, self.active = names, active and in_notebook()
        self._began = self._shown = time.monotonic()
        self._words: dict[str, str] = {}
        self._handle: Any = None

    def see(self, observation: Mapping[str, Any]) -> None:
        """Take one observation of the recorder; draws at most once a second."""
        if not self.active or observation.get("resource") != "pods":
            return
        body = observation["object"]
        if self.names and body["metadata"]["name"] not in self.names:
            return
        self._words[body["metadata"]["name"]] = _sentence(body)
        now = time.monotonic()
        if now - self._began >= QUIET_S and now - self._shown >= EVERY_S:
            self._shown = now
            self._draw()

    def finish(self, timelines: Mapping[str, Timeline], predicted: Orders = lambda _pod: ("", "")) -> None:
        """Take the growing text away and show the pictures, with what was *predicted* for each Pod."""
        if not self.active:
            return
        self.active = False
        if self._handle is not None:
            self._handle.update({"text/plain": f"recorded {', '.join(timelines)}"}, raw=True)
        for timeline in timelines.values():
            show(timeline, *predicted(timeline.name))

    def clear(self) -> None:
        """Take the growing text away and show nothing in its place."""
        self.active = False
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)

    def _draw(self) -> None:
        from IPython.display import display

        seconds = time.monotonic() - self._began
        text = "\n".join([f"recording, {seconds:.0f} s", *self._words.values()])
        if self._handle is None:
            self._handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)


class Live:
    """One live view per Pod while a recording runs; it stays, to be played, in the place of the picture."""

    def __init__(self, names: Collection[str], header: Mapping[str, Any]) -> None:
        from IPython.display import display

        from podlab import views

        self.views = [views.live(header=header, pod=name) for name in names]
        for view in self.views:
            display(view)

    def see(self, observation: Mapping[str, Any]) -> None:
        """Take one observation of the recorder."""
        for view in self.views:
            view.observe(observation)

    def finish(
        self, timelines: Mapping[str, Timeline] | None = None, predicted: Orders | None = None
    ) -> None:
        """Paint the last state; also after a recording that failed. Safe to call again."""
        for view in self.views:
            view.finish()


def show(timeline: Timeline, starts: str = "", ends: str = "") -> None:
    """
    Draw one timeline below the cell, with alt text that says what the picture says.

    Predicted orders of *starts* and *ends* are laid over it where they are about this Pod's containers.
    """
    from podlab import views

    lanes = {lane.name for lane in timeline.lanes}
    starts, ends = (order if _names(order) <= lanes else "" for order in (starts, ends))
    if not (starts or ends):
        show_figure(views.figure(timeline), views.alt_text(timeline))
        return
    words = f"{views.alt_text(timeline)} {views.predicted_alt(timeline, starts, ends)}"
    show_figure(views.predicted(timeline, starts, ends), words)


def _names(order: str) -> set[str]:
    return set().union(*notation.parse(order)) if order else set()


def show_figure(figure: Figure, alt: str) -> None:
    """
    Show a figure below the cell, with words for those who do not see it.

    The words stand in the picture's metadata, as converters want them, and once more below it: JupyterLab draws an
    image without its alt text.
    """
    from IPython.display import Image, display

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=90)
    display(Image(data=picture.getvalue(), format="png", alt=alt))
    words = f"<details><summary>the picture in words</summary>{escape(alt)}</details>"
    display({"text/html": words, "text/plain": alt}, raw=True)


def _sentence(body: Mapping[str, Any]) -> str:
    status = body.get("status") or {}
    parts = [f"{row['name']} {_state(row)}" for row in roles.statuses(body, roles.INIT, roles.APP)]
    return f"{body['metadata']['name']}: {status.get('phase', 'Pending')}; " + ", ".join(parts)


def _state(row: Mapping[str, Any]) -> str:
    state = row.get("state") or {}
    for key in ("running", "terminated", "waiting"):
        if key in state:
            reason = state[key].get("reason")
            return f"{key} ({reason})" if reason else key
    return "waiting"


def tell_builds(line: str) -> None:
    """Print what takes minutes, the building of an image; unpacking it does not."""
    if line.startswith("building"):
        print(line, flush=True)
