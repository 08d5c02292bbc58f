"""
Paints the timeline of a Pod that lives on the terminal, each frame over the last one.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.timeline import Timeline

FRAME_S = 0.5


def living(
    header: Mapping[str, Any], observations: Sequence[Mapping[str, Any]], pod: str | None = None
) -> Timeline | None:
    """Return the timeline so far of a Pod that lives; None while nothing was seen of it."""
    from podlab.errors import TimelineError
    from podlab.timeline import Timeline

    try:
        found = Timeline.from_observations(dict(header), list(observations), pod, live=True)
    except TimelineError:
        return None
    # A Pod that is quiet goes on living: the picture ends now, not at its last word.
    now = time.time() - found.zero
    until = found.gone.mid if found.gone else max(found.until, now)
    notes = tuple(n for n in found.notes if "arrival times" not in n)
    return replace(found, until=until, notes=notes)


class Painter:
    """Prints frames; on a terminal each takes the place of the last one."""

    def __init__(self, *, ascii: bool = False) -> None:
        self._ascii, self._terminal, self._lines = ascii, common.is_terminal(), 0

    def paint(self, timeline: Timeline, trouble: str = "", *, last: bool = False) -> None:
        """Print one frame, cut to the height of the terminal unless it is the *last*."""
        from podlab import views

        size = shutil.get_terminal_size()
        width = size.columns if self._terminal else 120
        frame = views.text(timeline, width=width, ascii=self._ascii or common.ascii_only())
        lines = (f"{frame}\n{trouble}" if trouble else frame).splitlines()
        shown = lines if last or not self._terminal else lines[: max(size.lines - 1, 5)]
        up = f"\x1b[{self._lines}F" if self._lines else ""
        clear = "\x1b[K" if self._terminal else ""
        sys.stdout.write(up + "".join(f"{line}{clear}\n" for line in shown) + ("\x1b[J" if up else ""))
        sys.stdout.flush()
        self._lines = len(shown) if self._terminal else 0


class Watching:
    """
    Paints the first Pod of a recording while it is made: give `see` to the recorder, within a ``with`` block.

    Where stdout is no terminal nothing is painted before the end.
    """

    def __init__(self, driver: str) -> None:
        self._header = {"kind": "podlab.recording", "schema": 1, "driver": driver,
                        "started_at": datetime.now(UTC).isoformat()}  # fmt: skip
        self._seen: list[Mapping[str, Any]] = []
        self._painter, self._done = Painter(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def see(self, observation: Mapping[str, Any]) -> None:
        """Take one observation; the next frame shows it."""
        self._seen.append(observation)

    def end(self, timeline: Timeline) -> None:
        """Paint the whole life over the last frame."""
        self._painter.paint(timeline, last=True)

    def __enter__(self) -> Watching:
        if common.is_terminal():
            self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        while not self._done.wait(FRAME_S):
            seen = [one for one in list(self._seen) if one.get("source") != "node"]
            pods = [one["object"]["metadata"]["name"] for one in seen if one.get("resource") == "pods"]
            timeline = living(self._header, seen, pods[0]) if pods else None
            if timeline is not None:
                self._painter.paint(timeline)
