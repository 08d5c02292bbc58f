"""Crowded pictures: long names, runs close together, edges that nobody saw, lines through words, legends in grey."""

from __future__ import annotations

import re
from math import inf

import podlab_traces as traces
import pytest

from podlab import views
from podlab.timeline import Instant, Lane, Marker, Run, Span, Stretch, Timeline
from podlab.views.scene import scene_of


def life(name: str, **fields) -> Timeline:
    return Timeline(name=name, namespace="", **fields)


def lane_of(name: str, *runs: tuple[float, float], known_from: float | None = None) -> Lane:
    """A lane that ran in those stretches, each with exit code 1."""
    made = [(Instant(a if known_from is None else -inf, a), Instant(b, b)) for a, b in runs]
    spans = []
    for n, (start, end) in enumerate(made):
        following = made[n + 1][0] if n + 1 < len(made) else None
        spans += [Span("running", "ready", start, end, n), Span("terminated", "Error", end, following, n, 1)]
    return Lane(
        name, "app", "", tuple(spans), tuple(Run(n, a, b, exit_code=1) for n, (a, b) in enumerate(made))
    )


def test_long_names_can_be_told_apart_and_are_not_cut_by_the_edge():
    """Twelve names that begin alike, some longer than the picture gives room for: no two labels are the same."""
    names = [f"wait-for-database-migration-of-tenant-{n:02d}-in-region-eu-central" for n in range(12)]
    timeline = life("long", lanes=tuple(lane_of(n, (1, 2)) for n in names), until=3)
    fig = views.figure(timeline)
    fig.canvas.draw()
    labels = [t for t in fig.axes[0].texts if t.get_text().startswith("wait-")]

    assert len({t.get_text() for t in labels}) == 12
    assert all(t.get_window_extent().x0 >= 0 for t in labels)
    assert len(set(re.findall(r">(wait-[^<]*)</text>", views.svg(timeline)))) == 12


def test_names_are_whole_where_there_is_room():
    timeline = life("x", lanes=(lane_of("checkout-frontend-application", (1, 2)),), until=3)
    assert "checkout-frontend-application" in [t.get_text() for t in views.figure(timeline).axes[0].texts]


def test_an_exit_code_is_not_written_over_the_next_run():
    """Of runs that follow each other closely only the last one's code has room; where there is room, all have."""

    def codes(*runs):
        scene = scene_of(life("x", lanes=(lane_of("app", *runs),), until=100))
        return [w.text for w in scene.words if w.text.startswith("exit")]

    assert codes((1, 2), (4, 5), (7, 8)) == ["exit 1"]
    assert codes((1, 2), (40, 41), (80, 81)) == ["exit 1"] * 3


def test_a_start_that_nobody_saw_is_hatched():
    """A container that ran already when the recording began: its bar has no sharp left edge."""
    scene = scene_of(life("x", lanes=(lane_of("app", (4, 8), known_from=-inf),), until=10), width=100)
    assert [box[:2] for box in scene.doubts] == [(0.0, 40.0)]
    assert scene.hatched


def test_no_line_goes_through_the_word_of_a_strip():
    """The word moves behind the line, or is left out where it does not fit there."""

    def words(end: float):
        strip = (Stretch("ContainerStatusUnknown", Instant(0, 0), Instant(end, end)),)
        delete = Marker("deletion", "delete", Instant(1, 1))
        timeline = life("x", lanes=(lane_of("app", (1, 9)),), until=10, status_words=strip, markers=(delete,))
        scene = scene_of(timeline)
        return [w.x for w in scene.words if w.text == "ContainerStatusUnknown"], scene.lines[0][0]

    [x], line = words(9.0)
    assert x > line
    assert words(1.5)[0] == []


def test_swatches_of_the_legend_are_as_tall_as_their_spans():
    """In grey, back-off and a run look alike but for their height, so the legend shows it."""
    spans = (
        Span("back-off", "CrashLoopBackOff", Instant(0, 0), Instant(5, 5)),
        Span("running", "ready", Instant(5, 5), None),
    )
    source = views.svg(life("x", lanes=(Lane("app", "app", "", spans, ()),), until=10))
    heights = [float(h) for h in re.findall(r"width='14' height='([\d.]+)'", source)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.1)


def test_text_keeps_names_and_words_recognisable_in_narrow_terminals():
    """Names stay different where they differ, a cut word says that it goes on, and the legend has what is there."""
    names = [f"wait-for-database-migration-of-tenant-{n:02d}-in-region-eu-central" for n in range(12)]
    strip = (
        Stretch("Pending", Instant(0, 0), Instant(0.5, 0.5)),
        Stretch("Running", Instant(0.5, 0.5), None),
    )
    timeline = life("x", lanes=tuple(lane_of(n, (1, 2)) for n in names), until=6, phases=strip)
    for width in (60, 80, 120):
        lines = views.text(timeline, width, colour=False).splitlines()
        labels = [line.split(" ")[0] for line in lines if line.startswith("wai")]
        assert len(set(labels)) == 12
        assert all(len(line) <= width for line in lines)
        phase = next(line for line in lines if line.startswith("phase")).split("│")[1]
        assert phase.strip() in ("", "Pe…", "Pen…", "Pend…", "Pending")
        assert any("✗ end of a run, exit not 0" in line for line in lines)


def test_the_alternative_text_says_like_ends_once():
    """Twelve containers that ended alike are one sentence, not twelve."""
    timeline = life("x", lanes=tuple(lane_of(f"c{n}", (1, 2)) for n in range(3)), until=3)
    assert "Ends: c0, c1 and c2 with exit code 1." in views.alt_text(timeline)


def test_a_comparison_says_what_its_seconds_count_from():
    """Aligned on a start, nothing in it speaks of seconds since the Pod was created."""
    lives = [life("x", lanes=(lane_of("app", (at, 9)),), until=9, complete=True) for at in (1, 2)]
    words = [t.get_text() for ax in views.compare(*lives, align="app.start").axes for t in ax.texts]

    assert "seconds from app.start" in words
    assert not any("since the Pod was created" in word for word in words)


def hatched(timeline: Timeline) -> dict[str, bool]:
    """Lane -> whether its row of the picture is hatched for at least two columns of a text of 160."""
    scene = scene_of(timeline, width=160 * 8)
    rows = {row.y: row.label.partition("\n")[0] for row in scene.rows}
    wide = {rows[y] for a, b, y, _ in scene.doubts if y in rows and b - a >= 3 * 8}
    return {lane.name: lane.name in wide for lane in timeline.lanes}


@pytest.mark.parametrize("name", traces.NAMES[::5])
def test_the_text_marks_the_edges_that_the_picture_hatches(name):
    """Also the moment at which a container was told to stop, which is no start and no end of a run."""
    timeline = Timeline.from_observations(*traces.observations(name))
    lines = views.text(timeline, 240, colour=False).splitlines()

    for lane, wide in hatched(timeline).items():
        [line] = [one for one in lines if one.startswith(f"{lane} (")]
        assert not wide or "\u2571" in line, line


def test_the_line_of_a_delete_stands_before_what_answers_it():
    """The request lies between two moments; its line stands at the first, or all of it is hatched."""
    timeline = Timeline.from_observations(*traces.observations("sidecar-reverse-at-delete"))
    scene = scene_of(timeline)
    [line] = [x for x, _, hover in scene.lines if hover.startswith("delete")][:1]
    told = min(s.start.lo for lane in timeline.lanes for s in lane.spans if s.state == "terminating")

    assert line <= scene.x(told)
