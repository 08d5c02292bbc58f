"""
How many messages the live view sends to the browser, and what it costs.

    python benchmarks/live.py             # 10,000 observations a second for 10 s

Messages are counted where ipywidgets hands the state of a widget to the kernel: one call is one comm message.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Any

from podlab.views._live import LiveView

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "unit" / "timeline"))


def count_messages(view: LiveView) -> list[int]:
    """Count every state message of every widget of the view."""
    sent: list[int] = []

    def send_state(key: Any = None) -> None:
        sent.append(1)

    for widget in (view.picture, view.scrub, view.play, view.follow, view.speed, view.zoom):
        widget.send_state = send_state  # one call is one comm message: hold_sync gathers traits before it
    return sent


def feed(view: LiveView, observations: list[dict[str, Any]], rate: float, seconds: float) -> int:
    """Hand over observations at *rate* per second, round and round; returns how many."""
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * rate)
        while done < due:
            view.observe({**observations[done % len(observations)], "t": passed})
            done += 1
        time.sleep(0.002)
    return done


def main() -> None:
    """Print messages per observation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    from simulated_pods import life

    found = life(7)
    view = LiveView(found.header, start=False)
    sent = count_messages(view)
    view._thread = threading.Thread(target=view._loop, daemon=True)
    view._thread.start()
    before = time.process_time()
    count = feed(view, found.observations[:-1], options.rate, options.seconds)
    view.finish()
    busy = (time.process_time() - before) / options.seconds
    print(
        f"{count:,} observations in {options.seconds:g} s: {len(sent)} messages, "
        f"{len(sent) / count:.5f} per observation; {busy:.0%} of one processor, feeding included"
    )


if __name__ == "__main__":
    main()
