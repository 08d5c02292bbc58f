"""A wait tells that it goes on: each second, from the third on, where somebody looks; and nothing of it stays."""

from types import SimpleNamespace

import IPython
import pytest

from podlab.lab import progressline
from podlab.lab.progressline import ProgressLine, watched


@pytest.fixture
def drawn(monkeypatch):
    """What is displayed, in order; updates too."""
    found = []
    handle = SimpleNamespace(update=lambda data, **_: found.append(data["text/plain"]))

    def display(data, **_):
        found.append(data["text/plain"])
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    return found


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(progressline, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def test_a_short_wait_says_nothing(drawn, clock):
    """Two seconds are no wait."""
    with ProgressLine(lambda seconds: f"{seconds:.0f} s", active=True) as line:
        clock.s = 1.9
        line.due()

    assert drawn == []


def test_a_long_wait_tells_once_a_second_and_leaves_nothing(drawn, clock):
    """The same line changes; at the end it is empty."""
    with ProgressLine(lambda seconds: f"{seconds:.1f} s", active=True) as line:
        for second in (2.0, 2.5, 3.0, 3.1):
            clock.s = second
            line.due()

    assert drawn == ["2.0 s", "3.0 s", ""]


def test_it_tells_by_itself_while_its_caller_is_busy(drawn, clock):
    """A recorder waits inside of calls."""
    line = ProgressLine(lambda seconds: f"{seconds:.0f} s", active=True).by_itself()
    clock.s = 5.0
    while not drawn:
        pass
    line.end("done")

    assert drawn == ["5 s", "done"]


def test_where_nobody_looks_nothing_is_told(drawn, clock):
    """What a program stores of a page is the same after a slow wait and after a fast one."""
    with ProgressLine(lambda seconds: "late", active=False) as line:
        clock.s = 9.0
        line.due()

    assert drawn == []


@pytest.mark.parametrize(("metadata", "found"), [({"cellId": "a"}, True), ({}, False)])
def test_somebody_looks_where_the_front_end_names_the_cell(monkeypatch, metadata, found):
    """JupyterLab does, nbclient does not."""
    monkeypatch.delenv("PODLAB_PROGRESS", raising=False)
    kernel = SimpleNamespace(get_parent=lambda: {"metadata": metadata})
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=kernel))

    assert watched() is found
