"""
``Answering``: the verbs of a lab that hold predictions against what happened, and grade exercises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podlab.lab import factsheet
from podlab.lab.workplace import Workplace

if TYPE_CHECKING:
    from podlab.course.progress import Progress
    from podlab.grading import Place
    from podlab.timeline import Timeline
    from podlab.timeline.prediction import Score


class Answering(Workplace):
    """Predictions, facts and exercises."""

    def predicted(self, pod: str) -> tuple[str, str]:
        """Return the orders of starts and ends that the latest prediction has for *pod*; empty where it has none."""
        from podlab.lab import predictions

        return predictions.orders(self.predictions.get(self.asked, {}), pod)

    def lay_over(self, timeline: Timeline) -> None:
        """Draw a life with the orders that were predicted for it."""
        from podlab.lab.showing import show

        show(timeline, *self.predicted(timeline.name))

    def score(self, prediction: str, timeline: Timeline) -> Score:
        """Return how much of *prediction* held, statement by statement."""
        from podlab.timeline.prediction import parse

        return parse(prediction, [lane.name for lane in timeline.lanes]).score(timeline)

    def compare(self, first: str | Timeline, second: Timeline) -> None:
        """Draw two lives under each other, or a prediction over what happened."""
        from podlab.lab.showing import show_figure
        from podlab.views import alt_text, compare

        said = f"Predicted: {first}. " if isinstance(first, str) else f"{alt_text(first)} Below it: "
        show_figure(compare(first, second), said + alt_text(second))

    def show_requests(self, took_s: Mapping[str, Sequence[float]]) -> None:
        """Draw how long each request took: the caller's name -> seconds, in order."""
        from podlab.lab import requestplot
        from podlab.lab.showing import show_figure

        show_figure(requestplot.figure(took_s), requestplot.alt_text(took_s))

    def facts(self, round_: str, /, **found: Any) -> None:
        """Print the facts of a round, each beside what was predicted for it."""
        print("\n".join(factsheet.lines(found, self.predictions.get(round_, {}))))

    def place(self) -> Place:
        """Return where answers to exercises are run: here, under names of the grader's own."""
        from podlab.grading import Place

        return Place.on(self.cluster, namespace=self.namespace, runs=self.runs)

    def progress(self) -> Progress:
        """Return which exercises are solved and which are open, by exercise and by outcome; prints as a table."""
        from podlab import grading
        from podlab.course import progress

        return progress.progress(progress.read(), [grading.find(name) for name in grading.ids()])
