"""
Pictures: words never collide, colours read in grey and by colour-blind eyes, files stay small, nothing is a
bar per span.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import podlab_traces as traces
import pytest

from podlab import views
from podlab.errors import TimelineError
from podlab.timeline import Instant, Lane, Run, Span, Timeline, predict
from podlab.views._layout import scene_of
from podlab.views.style import LOOKS, PAPER, ink_on, luminance

needs_traces = pytest.mark.skipif(
    not traces.NAMES, reason="the recordings of a real kubelet are not in this checkout"
)


def life(name: str) -> Timeline:
    return Timeline.from_observations(*traces.observations(name))


def many(spans: int, lanes: int) -> Timeline:
    """Lanes of alternating states with edges that are not quite known."""
    states = [
        ("waiting", "x"),
        ("running", "started"),
        ("running", "ready"),
        ("back-off", "CrashLoopBackOff"),
    ]
    made = []
    for number in range(lanes):
        row = []
        for i in range(spans // lanes):
            state, reason = states[(i + number) % 4]
            row.append(Span(state, reason, Instant(i, i + 0.1), Instant(i + 1, i + 1.1), i))
        made.append(
            Lane(f"c{number}", "app", "", tuple(row), (Run(0, row[0].start, row[-1].end, exit_code=0),))
        )
    return Timeline(name="many", namespace="", lanes=tuple(made), until=spans / lanes + 1)


# ------------------------------------------------------------------------------------------------------ words


def overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@needs_traces
@pytest.mark.parametrize("name", traces.NAMES)
def test_words_never_collide(name):
    """In the layout, no two words share a place."""
    scene = scene_of(life(name))
    for one, two in itertools.combinations(scene.words, 2):
        assert not overlap(one.box, two.box), f"{one.text} / {two.text}"


@needs_traces
@pytest.mark.parametrize(
    "name", ["sidecar-reverse-at-delete", "backoff-first-waits", "liveness-exec-timeout"]
)
def test_words_never_collide_as_matplotlib_draws_them(name):
    """The same by the bounding boxes of what was really drawn, labels and title included."""
    fig = views.figure(life(name))
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    texts = [
        t
        for ax in fig.axes
        for t in [*ax.texts, *ax.get_xticklabels(), ax.title, ax._left_title]
        if t.get_text()
    ]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
    for (a, one), (b, two) in itertools.combinations(boxes, 2):
        inner = (one.x0 + 0.5, one.y0 + 0.5, one.x1 - 0.5, one.y1 - 0.5)
        assert not overlap(inner, (two.x0, two.y0, two.x1, two.y1)), f"{a} / {b}"
    width, height = fig.canvas.get_width_height()
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.x1 <= width, text
        assert box.y0 >= 0, text
        assert box.y1 <= height, text


def test_a_word_that_does_not_fit_is_left_out():
    """A planted clash: the same place asked for twice is given once."""
    from podlab.views.scene import Places, Word, put

    scene = scene_of(many(8, 2))
    places = Places()
    assert put(scene, places, Word(10, 50, "first", "#000000"))
    assert not put(scene, places, Word(12, 50, "second", "#000000"))


# ------------------------------------------------------------------------------------------------------
# colours


def blind(colour: str, kind: str) -> tuple[float, ...]:
    """*colour* as seen without one kind of cone (Viénot 1999, in linear light)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    if kind == "protan":
        return 0.1121 * r + 0.8853 * g - 0.0005 * b, 0.1127 * r + 0.8897 * g - 0.0001 * b, 0.0045 * r + b
    return (
        0.2920 * r + 0.7054 * g - 0.0003 * b,
        0.2934 * r + 0.7089 * g,
        -0.0209 * r + 0.0255 * g + 0.9974 * b,
    )


def same_height() -> list[tuple[str, str]]:
    return [
        (a, b) for a, b in itertools.combinations(LOOKS, 2) if abs(LOOKS[a].height - LOOKS[b].height) < 0.1
    ]


@pytest.mark.parametrize("pair", same_height(), ids="/".join)
def test_states_of_one_height_differ_in_grey(pair):
    """Contrast of 1.25 at least between any two looks that only colour would tell apart."""
    a, b = (luminance(LOOKS[key].fill) for key in pair)
    assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 1.25


@pytest.mark.parametrize("kind", ["protan", "deutan"])
@pytest.mark.parametrize("pair", same_height(), ids="/".join)
def test_states_of_one_height_differ_for_colour_blind_eyes(pair, kind):
    one, two = (blind(LOOKS[key].fill, kind) for key in pair)
    assert sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5 > 0.06


@pytest.mark.parametrize("key", LOOKS)
def test_words_read_on_every_fill(key):
    """At least 4.5 to 1, as WCAG asks."""
    fill = LOOKS[key].fill
    a, b = luminance(fill), luminance(ink_on(fill))
    assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 4.5


# ------------------------------------------------------------------------------------------------------ size


def test_the_number_of_artists_does_not_grow_with_the_spans():
    """Collections, not a bar per span."""
    few, lots = views.figure(many(40, 4)), views.figure(many(4_000, 4))
    assert len(lots.axes[0].get_children()) <= len(few.axes[0].get_children()) + 5


def test_no_more_boxes_than_pixels():
    """Detail that the pixels cannot show is joined: at most one box per pixel column and lane."""
    scene = scene_of(many(40_000, 4), width=500)
    assert sum(len(boxes) for boxes in scene.boxes.values()) <= 4 * 500 * 1.2


@pytest.mark.parametrize(("spans", "lanes"), [(10_000, 100), (10_000, 10), (100_000, 100), (100_000, 1_000)])
def test_svg_is_small_at_any_size(spans, lanes):
    assert len(views.svg(many(spans, lanes)).encode()) <= 300_000


@pytest.mark.parametrize("brief", [0.01, 0.0])
def test_level_of_detail_loses_no_run(brief):
    """A brief run among long waits is still drawn, at least a pixel wide."""
    at = [Instant(t, t) for t in (0, 5000.0, 5000.0 + brief, 10_000)]
    spans = (
        Span("waiting", "x", at[0], at[1]),
        Span("running", "ready", at[1], at[2]),
        Span("waiting", "x", at[2], at[3]),
    )
    lane = Lane("a", "app", "", spans, (Run(0, at[1], at[2]),))
    scene = scene_of(Timeline(name="t", namespace="", lanes=(lane,), until=10_000))
    (boxes,) = [b for (key, _), b in scene.boxes.items() if key == "running ready"]
    assert boxes[0][1] - boxes[0][0] >= 0.99


# ------------------------------------------------------------------------------------------------------ what
# they say


@needs_traces
@pytest.mark.parametrize("name", traces.NAMES)
def test_every_view_of_every_real_recording(name):
    """
    SVG is well-formed and tells its text; text has a line per lane and keeps its width; JSON holds no
    infinity.
    """
    timeline = life(name)
    root = ET.fromstring(views.svg(timeline))
    assert root.attrib["role"] == "img"
    assert views.alt_text(timeline) == root.attrib["aria-label"]
    for width in (60, 100, 160):
        drawn = views.text(timeline, width=width, colour=False)
        assert max(len(line) for line in drawn.splitlines()) <= width
        assert sum(f"{lane.name} (" in drawn or lane.name[:8] in drawn for lane in timeline.lanes) == len(
            timeline.lanes
        )
        views.text(timeline, width=width, colour=False, ascii=True).encode("ascii")
    plain = json.loads(views.export(timeline, "json"), parse_constant=pytest.fail)
    assert plain["start_order"] == timeline.start_order()
    assert len(views.export(timeline, "csv").splitlines()) == 1 + sum(
        len(lane.spans) for lane in timeline.lanes
    )
    assert "\x1b[" not in views.text(timeline, colour=False)
    assert re.sub(r"\x1b\[[0-9;]*m", "", views.text(timeline, colour=True)) == views.text(
        timeline, colour=False
    )


@needs_traces
def test_alt_text_says_order_restarts_ends_in_this_sequence():
    text = views.alt_text(life("sidecar-reverse-at-delete"))
    places = [
        text.index(word) for word in ("Starts in the order", "No restarts", "Ends:", "Stops in the order")
    ]
    assert places == sorted(places)
    assert "one, then two, then app and app2" in text


@needs_traces
def test_otlp_opens_as_one_trace_with_a_tree():
    """Parents exist, times are ordered, ids have the right length."""
    whole = json.loads(views.export(life("backoff-first-waits"), "otlp"))
    spans = whole["resourceSpans"][0]["scopeSpans"][0]["spans"]
    known = {s["spanId"] for s in spans}
    assert len(known) == len(spans)
    assert {len(s["traceId"]) for s in spans} == {32}
    assert {len(i) for i in known} == {16}
    for span in spans:
        assert not span["parentSpanId"] or span["parentSpanId"] in known
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    assert any(s["status"]["code"] == 2 for s in spans)


@needs_traces
def test_frame_has_a_row_per_span_and_numbers_are_numbers():
    timeline = life("backoff-first-waits")
    table = views.frame(timeline)
    assert len(table) == sum(len(lane.spans) for lane in timeline.lanes)
    assert table["start_lo"].dtype.kind == "f"
    assert table.loc[table.state == "terminated", "exit_code"].eq(1).all()


def test_csv_cells_cannot_become_formulas():
    span = Span("waiting", "=cmd()", Instant(0, 0), None)
    timeline = Timeline(name="t", namespace="", lanes=(Lane("a", "app", "", (span,), ()),), until=1)
    assert ",'=cmd()," in views.export(timeline, "csv")


def test_names_and_messages_cannot_break_out_of_html():
    span = Span("waiting", "<script>alert(1)</script>", Instant(0, 0), None)
    timeline = Timeline(
        name="</title><script>", namespace="", lanes=(Lane("<b>", "app", "", (span,), ()),), until=1
    )
    for form in ("html", "svg"):
        assert "<script>" not in views.export(timeline, form)


@needs_traces
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".html", ".json", ".csv", ".txt", ".otlp.json"])
def test_save_knows_every_ending(ending, tmp_path: Path):
    path = views.save(life("sidecar-reverse-at-delete"), tmp_path / f"x{ending}")
    assert path.stat().st_size > 200
    assert [p.name for p in tmp_path.iterdir()] == [f"x{ending}"]


def test_save_refuses_another_ending(tmp_path: Path):
    with pytest.raises(TimelineError, match=r"cannot write \.doc"):
        views.save(many(8, 2), tmp_path / "x.doc")
    assert list(tmp_path.iterdir()) == []


@needs_traces
def test_a_picture_is_really_drawn():
    """Pixels of the colours of running and waiting are there; the description is in the file."""
    from PIL import Image

    image = Image.open(io.BytesIO(views.png(life("sidecar-reverse-at-delete"))))
    colours = {c for _, c in image.convert("RGB").getcolors(1 << 20)}
    for key in ("running ready", "waiting", "terminating"):
        fill = LOOKS[key].fill
        assert tuple(int(fill[i : i + 2], 16) for i in (1, 3, 5)) in colours
    assert "Starts in the order" in image.text["Description"]
    assert image.convert("RGB").getpixel((2, 2)) == tuple(int(PAPER[i : i + 2], 16) for i in (1, 3, 5))


@needs_traces
def test_compare_aligns_both_on_the_chosen_moment():
    one, two = life("sidecar-grace-runs-out"), life("sidecar-reverse-at-delete")
    fig = views.compare(one, two, align="pod.ready")
    upper, lower = fig.axes
    a, b = one.ready_after().mid, two.ready_after().mid
    place = [
        (t - ax.get_xlim()[0]) / (ax.get_xlim()[1] - ax.get_xlim()[0]) for t, ax in ((a, upper), (b, lower))
    ]
    assert place[0] == pytest.approx(place[1], abs=0.002)
    assert "0" in [t.get_text() for t in upper.get_xticklabels()]
    with pytest.raises(TimelineError):
        views.compare(one, two, align="nobody.start")


@needs_traces
def test_a_prediction_is_laid_over_what_happened():
    real = life("sidecar-reverse-at-delete")
    fig = views.compare("one | two | (app app2)", real)
    assert "Predicted" in fig.axes[0].get_title(loc="left")
    assert views.differences(real, real) == []
    assert any(d.what == "start order" for d in views.differences(predict("two | one").timeline(real), real))


def test_the_axis_says_the_same_whoever_made_the_axes():
    """Seconds are written by hand on our own Axes, and are ticks that can be taken away on yours."""
    from matplotlib.figure import Figure

    timeline = many(20, 2)
    own = views.plot(timeline)
    given = views.plot(timeline, Figure(figsize=(8.2, 2), dpi=100).add_subplot(), window=own.get_xlim())
    ticks = {t.get_text() for t in given.get_xticklabels() if t.get_text()}

    assert len(ticks) >= 3
    assert ticks <= {t.get_text() for t in own.texts}
    assert [t.get_text() for t in own.get_xticklabels()] == []
