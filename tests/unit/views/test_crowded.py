"""Crowded pictures: long names, runs close together, edges that nobody saw, lines through words, legends in grey."""

from __future__ import annotations

import re
from math import inf

import podlab_traces as traces
import pytest

from podlab import views
from podlab.timeline import Instant, Lane, Marker, Run, Span, Stretch, Timeline
from podlab.views._layout import scene_of
from podlab.views._strip_layout import FLAGS
from podlab.views.legend import legend_of
from podlab.views.scene import GLYPH_WORDS, PITCH_PX
from podlab.views.style import LOOKS


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


# ----------------------------------------------------------------------------------------- legends and titles


@pytest.mark.parametrize("name", traces.NAMES[::7])
def test_every_mark_and_hatch_of_a_picture_is_in_its_legend(name):
    """In both forms; and the legend explains nothing that is not there."""
    timeline = Timeline.from_observations(*traces.observations(name))
    scene = scene_of(timeline)
    words = {GLYPH_WORDS[mark.glyph] for mark in scene.marks}
    hatch = {scene.hatched} if scene.doubts else set()
    colours = {LOOKS[key].name for key in scene.used if key != "unseen"}

    assert {entry.words for entry in legend_of(scene)} == words | hatch | colours
    drawn = {t.get_text() for t in views.figure(timeline).axes[0].texts}
    assert words | hatch | colours <= drawn
    assert all(f">{one}</text>" in views.svg(timeline) for one in words | hatch | colours)


@pytest.mark.parametrize("name", traces.NAMES[::7])
def test_only_a_picture_with_a_hatch_speaks_of_hatching(name):
    scene = scene_of(Timeline.from_observations(*traces.observations(name)))

    assert ("hatched" in scene.subtitle) is bool(scene.doubts)


@pytest.mark.parametrize("name", traces.NAMES)
def test_flags_stand_in_the_order_of_time(name):
    """Ready, not Ready, delete, gone: a later one never begins further left."""
    timeline = Timeline.from_observations(*traces.observations(name))
    scene = scene_of(timeline)
    flags = [w for w in scene.words if w.y < 28]
    wanted = [m.label for m in timeline.markers if m.kind in ("condition", "deletion") and m.label in FLAGS]
    shown = [w.text for w in sorted(flags, key=lambda w: w.x)]

    rest = iter(wanted)
    assert all(text in rest for text in shown), (shown, wanted)


def test_words_keep_clear_of_marks():
    """The signs of failed probes stand below the words of their lane."""
    scene = scene_of(Timeline.from_observations(*traces.observations("readiness-during-termination")))
    signs = [m for m in scene.marks if m.glyph == "alarm"]

    assert len(signs) > 3
    for word in scene.words:
        left, top, right, bottom = word.box
        assert not [m for m in signs if left < m.x < right and top < m.y - 3 and m.y - 3 < bottom], word.text


def test_a_brief_run_can_be_seen_and_does_not_reach_into_the_next():
    """Three pixels at least; a regular init container ends before what waits for it starts."""
    at = [Instant(t, t) for t in (0, 5.0, 5.001, 5.2, 100)]
    run = (Span("running", "started", at[1], at[2]),)
    lanes = (
        Lane(
            "fetch",
            "init",
            "",
            (Span("waiting", "x", at[0], at[1]), *run),
            (Run(0, at[1], at[2], exit_code=0),),
        ),
        Lane("app", "app", "", (Span("running", "ready", at[3], None),), (Run(0, at[3], None),)),
    )
    for until, least in ((100.0, 0.9), (20.0, 2.99)):
        scene = scene_of(life("x", lanes=lanes, until=until))
        [(a, b, _)] = scene.boxes["running started", PITCH_PX]
        assert b - a >= least
        assert b <= scene.x(5.2) + 1e-9 or b - a <= 1.01


def test_a_long_name_of_a_pod_fits_above_its_picture():
    timeline = life("checkout-" * 25, lanes=(lane_of("app", (1, 2)),), until=3)
    fig = views.figure(timeline)
    fig.canvas.draw()

    assert fig.axes[0]._left_title.get_window_extent().x1 <= fig.canvas.get_width_height()[0]
    assert "\u2026" in scene_of(timeline).title


def test_a_picture_is_no_wider_than_a_cell_of_jupyterlab():
    """About 850 pixels: wider ones are scaled down until nobody can read them."""
    timeline = Timeline.from_observations(*traces.observations("sidecar-reverse-at-delete"))

    assert views.figure(timeline).canvas.get_width_height()[0] <= 850
    assert min(word.size for word in scene_of(timeline).words) >= 10


def test_what_is_still_recorded_is_not_called_cut_short():
    """Neither in the picture nor in the text nor in its alternative; once it has stopped, it is."""
    header, observations = traces.observations("sidecar-reverse-at-delete")
    for live, said in ((True, False), (False, True)):
        timeline = Timeline.from_observations(header, observations[:-1], live=live)
        everything = views.svg(timeline) + views.text(timeline, colour=False) + views.alt_text(timeline)
        assert ("cut short" in everything) is said
        assert ("still being recorded" in everything) is live
