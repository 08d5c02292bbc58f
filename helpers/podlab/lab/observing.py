"""
``Observing``: the verbs of a lab that record lives, and ask what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab.errors import NotFoundError, PodlabError
from podlab.lab import singleclocks
from podlab.lab.answering import Answering
from podlab.lab.objects import Objects
from podlab.lab.when import When
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.observe import Recording
    from podlab.timeline import Timeline

CELL_COLUMNS = 100  # JupyterLab beside its file browser, on a small laptop: longer lines would wrap


class Observing(Objects, Answering):
    """Recordings and their timelines."""

    def record(
        self,
        manifest: str | Path,
        *,
        until: Any = "Ready",
        deadline_s: float = 120,
        for_s: float | None = None,
        delete_after_s: float | None = None,
        act: Callable[[], object] | None = None,
        show: bool = True,
        live: bool = False,
    ) -> Timeline:
        """
        Apply *manifest*, record its one Pod, show the picture and return the timeline.

        The Pod may also be made by a controller in *manifest*, such as a Job.

        Args:
            until: "Ready", a phase, "gone", or a callable, see ``podlab.observe.record``.
            deadline_s: Give up after this long: WaitTimeoutError, with what was still missing.
            for_s: Instead of waiting for anything, record this long.
            delete_after_s: Delete the Pod so long after *until* was reached, and record until it is gone.
            act: Called in a thread of its own once the recording runs, to provoke something.
            show: Draw in the notebook while it runs and at the end.
            live: Show the live view instead: it grows with the Pod, and can be paused, zoomed and played again.
        """
        runs = self.record_all(
            manifest,
            until=until,
            deadline_s=deadline_s,
            for_s=for_s,
            delete_after_s=delete_after_s,
            act=act,
            show=show,
            live=live,
        )
        return next(iter(runs.values()))

    def record_all(self, manifest: str | Path, **options: Any) -> dict[str, Timeline]:
        """As ``record``, for a manifest of several Pods: a timeline for each, by the Pod's name, oldest first."""
        from podlab.lab import recording

        loaded = self._load(manifest)
        self.space.replace([each.object for each in loaded])
        self.space.note([each.object for each in loaded])
        return recording.run(self, loaded, **options)

    def keep(self, recording: Recording, timelines: Mapping[str, Timeline]) -> None:
        """Hold a recording and its timelines as the latest ones."""
        self.recording = recording
        for name, timeline in timelines.items():
            self.runs.pop(name, None)
            self.runs[name] = timeline

    def said(self, pod: str, container: str, **wanted: Any) -> list[RawObject]:
        """
        Return the JSON lines of a container that the latest recording kept, of all its runs.

        For Pods that are gone; ``lines`` asks the cluster.
        """
        from podlab.lab import recording

        return [
            line
            for line in recording.said(self.recording, pod, container)
            if all(line.get(key) == value for key, value in wanted.items())
        ]

    status_alone = staticmethod(singleclocks.status_alone)
    order_of_starts = staticmethod(singleclocks.order_of_starts)
    what_clocks_say = staticmethod(singleclocks.what_clocks_say)
    edges = staticmethod(singleclocks.edges)

    def seen(self, pod: str, field: str) -> list[Any]:
        """
        Return the values that *field* of the Pod took while it was recorded, without repetition.

        Example: ``lab.seen("flaky", "metadata.uid")`` has one element if the Pod was the same all the time.
        """
        from podlab.lab import recording

        return recording.values(self.recording, pod, field)

    def when(self, pod: str, container: str | None = None, **wanted: Any) -> When:
        """Return a condition for ``until=``: see ``When``; two of them are joined with ``&``."""
        return When(pod, container, server=self.version, **wanted)

    def print_timeline(self, pod: str | None = None) -> None:
        """Print a recorded timeline as text: that of *pod*, else the latest."""
        from podlab import views

        if not self.runs:
            raise PodlabError("nothing was recorded yet", hint="lab.record(...) first")
        if pod is not None and pod not in self.runs:
            raise NotFoundError(
                f"no Pod {pod!r} was recorded",
                cause=f"recorded: {', '.join(self.runs)}",
                hint="%timeline alone",
            )
        print(views.text(self.runs[pod or list(self.runs)[-1]], width=CELL_COLUMNS))
