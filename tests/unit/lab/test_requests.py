"""The picture of requests: one row of marks for each caller, and the same in words."""

from podlab.lab import requestplot

TOOK = {"cold": [2.0, 0.01, 0.02], "warmed": [0.01, 0.01]}


def test_each_request_is_a_mark_at_its_number():
    axes = requestplot.figure(TOOK).axes[0]

    assert [list(line.get_ydata()) for line in axes.lines] == [TOOK["cold"], TOOK["warmed"]]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3]
    assert len({line.get_marker() for line in axes.lines}) == 2  # told apart without colour


def test_the_words_hold_what_the_picture_shows():
    assert requestplot.alt_text(TOOK) == (
        "How long each request took. cold: 3 requests, the first took 2.00 s, the slowest 2.00 s, the median is "
        "0.02 s. warmed: 2 requests, the first took 0.01 s, the slowest 0.01 s, the median is 0.01 s."
    )
