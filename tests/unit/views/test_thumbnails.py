"""A table of small timelines: its words are on it, a cell holds the lanes that were asked for, a restart is marked."""

import pytest

from podlab import views
from podlab.timeline import Instant, Lane, Run, Span, Timeline
from podlab.views._thumbnails import RowOf, Thumbnail

COLUMNS = ("regular init container", "sidecar")


def at(second: float) -> Instant:
    return Instant(second, second)


def life() -> Timeline:
    """An init that ran twice, then an app."""
    runs = (Run(0, at(1), at(2), exit_code=1), Run(1, at(2.1), at(3), exit_code=0))
    spans = tuple(Span("running", "started", run.start, run.end, run.restart) for run in runs)
    app = Run(0, at(3), None)
    lanes = (
        Lane("helper", "init", "busybox:1.36", spans, runs),
        Lane("app", "app", "busybox:1.36", (Span("running", "ready", at(3), None),), (app,)),
    )
    return Timeline("shop", "default", lanes, until=6.0)


def words_of(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.fixture
def rows() -> list[RowOf]:
    return [
        RowOf("Does it come back?", "printed: no", (Thumbnail("yes, alone", life()), Thumbnail("not asked")))
    ]


def test_headings_words_and_names_of_containers_are_on_the_table(rows):
    found = words_of(views.thumbnails(COLUMNS, rows))

    assert {*COLUMNS, "Does it come back?", "printed: no", "yes, alone", "helper", "app"} <= set(found)


def test_names_can_be_left_out_so_that_a_life_is_all_there_is_to_read(rows):
    found = words_of(views.thumbnails(COLUMNS, rows, names=False))

    assert not {"helper", "app"} & set(found)


def test_a_cell_draws_the_lanes_that_it_names():
    cell = Thumbnail("x", life(), ("app",))

    assert [lane.name for lane in cell.drawn.lanes] == ["app"]


def test_a_container_that_was_started_again_has_a_dot_in_its_lane(rows):
    """The pause between two runs can be a few milliseconds: without a mark they look like one run."""
    small = views.thumbnails(COLUMNS, rows).axes[1]
    dots = [line.get_xdata()[0] for line in small.lines if line.get_marker() == "."]

    assert dots == [2.1]


def test_the_words_of_the_picture_say_every_cell_and_the_restarts(rows):
    said = views.thumbnails_alt(COLUMNS, rows)

    assert "regular init container: yes, alone (starts helper | app, helper 2 runs)" in said
    assert "sidecar: not asked" in said
