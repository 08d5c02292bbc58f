"""
How fast and how small pictures of many spans are.

    python benchmarks/plot.py            # 1,000 and 10,000 spans to PNG, against a plain barh of the same
    python benchmarks/plot.py --svg      # size of SVG at 10,000 and 100,000 spans

Both sides make a figure, draw every span, and write a PNG of the same size; runs are interleaved, medians compared.
The reference is what one writes first: one ``barh`` call with a colour per bar.
"""

from __future__ import annotations

import argparse
import gc
import io
import statistics
import time
from collections.abc import Callable

from podlab import views
from podlab.timeline import Instant, Lane, Run, Span, Timeline
from podlab.views.style import LOOKS, style_of

STATES = [("waiting", "ContainerCreating"), ("running", "started"), ("running", "ready"), ("terminated", "Error"),
          ("back-off", "CrashLoopBackOff")]  # fmt: skip


def many(spans: int, lanes: int = 100) -> Timeline:
    """A timeline of that many spans in that many lanes, of mixed lengths and edges."""
    made = []
    for number in range(lanes):
        t, row = 0.0, []
        for i in range(spans // lanes):
            state, reason = STATES[i % len(STATES)]
            length = 0.2 + ((i * 7919 + number * 104729) % 97) / 60
            start, end = Instant(t, t + 0.01), Instant(t + length, t + length + 0.02)
            row.append(Span(state, reason, start, end, i // 5, 1 if state == "terminated" else None))
            t += length + 0.02
        runs = (Run(0, row[0].start, row[-1].end, exit_code=0),)
        made.append(Lane(f"container-{number:03d}", "app", "busybox:1.36", tuple(row), runs))
    until = max(lane.spans[-1].end.hi for lane in made if lane.spans[-1].end)
    return Timeline(name="many", namespace="lab", lanes=tuple(made), until=until)


def plain(timeline: Timeline) -> bytes:
    """The same spans as one plain ``barh``, to PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(10.98, 8.05), dpi=100)
    FigureCanvasAgg(fig)
    ax = fig.add_subplot()
    rows, lefts, widths, colours = [], [], [], []
    for number, lane in enumerate(timeline.lanes):
        for span in lane.spans:
            assert span.end
            rows.append(number)
            lefts.append(span.start.mid)
            widths.append(span.end.mid - span.start.mid)
            colours.append(LOOKS[style_of(span.state, span.reason, span.exit_code)].fill)
    ax.barh(rows, widths, left=lefts, color=colours)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    return buffer.getvalue()


def timed(act: Callable[[], object]) -> float:
    """Processor seconds of one call: both sides only compute, and a busy machine does not disturb this."""
    gc.collect()
    began = time.process_time()
    act()
    return time.process_time() - began


def speed(spans: int, rounds: int) -> None:
    """Print medians and their ratio."""
    timeline = many(spans)
    views.png(timeline)  # loads matplotlib and its fonts for both
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(timed(lambda: views.png(timeline)))
        theirs.append(timed(lambda: plain(timeline)))
    a, b = statistics.median(ours), statistics.median(theirs)
    print(
        f"{spans:>7,} spans to PNG: ours {a * 1000:7.1f} ms, plain barh {b * 1000:8.1f} ms, {b / a:5.1f} times faster"
    )


def sizes() -> None:
    """Print the size of SVG files."""
    for spans, lanes in ((100, 5), (10_000, 100), (10_000, 10), (100_000, 100), (100_000, 1_000)):
        size = len(views.svg(many(spans, lanes)).encode())
        print(f"{spans:>7,} spans in {lanes:>5,} lanes: SVG {size / 1000:6.1f} kB")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--svg", action="store_true", help="sizes only")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not options.svg:
        speed(1_000, options.rounds + 2)
        speed(10_000, options.rounds)
    sizes()


if __name__ == "__main__":
    main()
