"""The notation of predictions: what it reads, what it refuses, how it is scored and drawn."""

from __future__ import annotations

import podlab_traces as traces
import pytest

from podlab.errors import TimelineError
from podlab.timeline import Timeline, predict

REAL = "sidecar-reverse-at-delete"


def test_all_parts_are_read_and_written_back():
    text = "fetch | proxy | (shop shipper)\nstop: (shop shipper) | proxy\nphase: Pending Running\nrestarts: fetch 3+, shop 0, proxy 1-3\nnever: admin"  # noqa: E501
    found = predict(text)
    assert found.start == (("fetch",), ("proxy",), ("shop", "shipper"))
    assert found.restarts["fetch"][0] == 3
    assert str(predict(str(found))) == str(found)
    assert predict("").empty
    assert predict("# nothing yet\n\n").empty


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fetch | | shop", "line 1: a name is missing beside a bar"),
        ("fetch shop", "has neither bars nor brackets"),
        ("(fetch | shop)", "brackets do not match"),
        ("fetch | fetch", "appears twice"),
        ("fetch_it", "is not a valid name"),
        ("\nstart: a\nstart: b", "line 3: start is given twice"),
        ("phase: Pending CrashLoopBackOff", "is not a phase"),
        ("restarts: fetch", "pairs of a name and a number"),
        ("restarts: fetch many", "cannot be a number of restarts"),
        ("order: a | b", "no part 'order'"),
        ("never:", "never is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, told):
    with pytest.raises(TimelineError) as caught:
        predict(text)
    assert told in str(caught.value)
    assert caught.value.hint


def test_an_unknown_container_is_refused():
    with pytest.raises(TimelineError, match="unknown container shp"):
        predict("shp", ["shop"])


@pytest.fixture
def real() -> Timeline:
    if not traces.NAMES:
        pytest.skip("the recordings of a real kubelet are not in this checkout")
    return Timeline.from_observations(*traces.observations(REAL))


def test_the_right_answer_scores_one(real):
    text = (
        f"{real.start_order()}\nstop: {real.stop_order()}\nphase: Pending Running Succeeded\nrestarts: app 0"
    )
    assert predict(text).score(real).value == 1.0


def test_claiming_what_is_not_promised_costs_that_statement(real):
    score = predict("one | two | app | app2").score(real)
    wrong = [s for s in score.statements if s.right is False]
    assert [s.text for s in wrong] == ["app starts before app2"]
    assert "promised" in wrong[0].why


def test_claiming_nothing_earns_nothing(real):
    """Everything in one bracket says nothing: each order that held was missed."""
    assert predict("(one two app app2)").score(real).value == 0.0


def test_a_pair_the_wrong_way_round_is_one_wrong_statement(real):
    score = predict("two | one | (app app2)").score(real)
    assert [s.text for s in score.statements if s.right is False] == ["two starts before one"]


def test_never_and_restarts(real):
    score = predict("restarts: app 1+\nnever: app2").score(real)
    assert [s.right for s in score.statements] == [False, False]


def test_a_cut_recording_cannot_decide_what_may_still_come():
    if not traces.NAMES:
        pytest.skip("the recordings of a real kubelet are not in this checkout")
    header, observations = traces.observations(REAL)
    cut = Timeline.from_observations(header, observations[:8])
    score = predict("never: app2\nphase: Pending Running Succeeded\nrestarts: app 1+").score(cut)
    assert [s.right for s in score.statements] == [None, None, None]


def test_it_is_drawn_as_a_timeline(real):
    drawn = predict("one | two | (app app2)\nstop: (app app2) | two | one\nrestarts: app 2").timeline(real)
    assert drawn.predicted
    assert drawn.start_order() == real.start_order()
    assert drawn.starts("app") == 3
    assert [lane.role for lane in drawn.lanes] == [lane.role for lane in real.lanes]
    assert predict("fetch | proxy | shop\nstop: shop | proxy").timeline().lane("proxy").role == "sidecar"


def test_arrows_commas_and_capitals_are_read_too():
    """``Fetch -> (Proxy, shop)`` is ``fetch | (proxy shop)``; phases may be written small."""
    loose = predict(
        "Fetch -> (Proxy, shop)\nStop: Shop → proxy\nPhase: pending, running -> failed\nnever: Admin"
    )

    assert loose == predict(
        "fetch | (proxy shop)\nstop: shop | proxy\nphase: Pending Running Failed\nnever: admin"
    )
