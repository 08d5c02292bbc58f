"""Pictures in a notebook: text that grows while a Pod lives, then the drawn timeline with its alt text."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from podlab.checks import notation
from podlab.lab.progressline import ProgressLine, in_notebook, watched
from podlab.pods import roles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from podlab.timeline import Timeline

Orders = Callable[[str], tuple[str, str]]
"""Name of a Pod -> the orders of starts and ends that were predicted for it; empty for none."""


class PodLines:
    """
    Lines that change each second while a recording runs, one for each Pod; replaced by the pictures at its end.

    Args:
        names: Of the Pods to show; empty: of all, since a controller names them later.
        active: Whether the pictures are drawn; without them the lines are for who sits before the cell.
    """

    def __init__(self, names: Collection[str], *, active: bool) -> None:
        self.names, self.active = names, active and in_notebook()
        self._words: dict[str, str] = {}
        self._doing = "recording"
        self._telling = ProgressLine(self._text, active=self.active or watched()).by_itself()

    def see(self, observation: Mapping[str, Any]) -> None:
        """Take one observation of the recorder."""
        if observation.get("resource") != "pods":
            return
        body = observation["object"]
        if not self.names or body["metadata"]["name"] in self.names:
            self._words = {**self._words, body["metadata"]["name"]: _sentence(body)}

    def finish(self, timelines: Mapping[str, Timeline], predicted: Orders = lambda _pod: ("", "")) -> None:
        """Take the growing text away and show the pictures, with what was *predicted* for each Pod."""
        self._doing, drawn = "drawing", self.active
        self.active = False
        for timeline in timelines.values() if drawn else ():
            show(timeline, *predicted(timeline.name))
        self._telling.end(f"recorded {', '.join(timelines)}")

    def clear(self) -> None:
        """Take the growing text away and show nothing in its place."""
        self.active = False
        self._telling.end()

    def _text(self, seconds: float) -> str:
        return "\n".join([f"{self._doing}, {seconds:.0f} s", *self._words.values()])


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
