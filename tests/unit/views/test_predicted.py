"""A predicted order on the picture of what happened: a numbered disc for each container, filled where it was so."""

import pytest

from podlab import views
from podlab.errors import TimelineError
from podlab.timeline import Instant, Lane, Run, Span, Timeline
from podlab.views._predicted import discs


def at(second: float) -> Instant:
    return Instant(second, second)


def lane(name: str, role: str, start: float, end: float) -> Lane:
    run = Run(0, at(start), at(end), exit_code=0)
    return Lane(name, role, "busybox:1.36", (Span("running", "ready", at(start), at(end)),), (run,))


@pytest.fixture
def life() -> Timeline:
    """An init, a sidecar, two apps; the sidecar leaves last."""
    lanes = (lane("fetch", "init", 0, 1), lane("proxy", "sidecar", 1, 9), lane("shop", "app", 2, 6),
             lane("admin", "app", 2.1, 6.5))  # fmt: skip
    return Timeline("staircase", "default", lanes, until=10.0)


def held(life: Timeline, order: str, edges: str = "starts") -> dict[str, bool]:
    return {disc.container: disc.held for disc in discs(life, order, edges)}


def test_every_container_of_a_right_order_has_a_filled_disc(life):
    """Brackets and the order inside of them do not matter."""
    assert set(held(life, "fetch | proxy | (admin shop)").values()) == {True}
    assert set(held(life, "(shop admin) | proxy", "ends").values()) == {True}


def test_one_slip_does_not_spoil_what_follows(life):
    """The apps do come after fetch and proxy, whichever of these is first."""
    assert held(life, "(fetch proxy) | (shop admin)") == {
        "fetch": True, "proxy": False, "shop": True, "admin": True,
    }  # fmt: skip
    assert held(life, "fetch | proxy | shop | admin") == {
        "fetch": True, "proxy": True, "shop": True, "admin": False,
    }  # fmt: skip


def test_discs_stand_on_the_picture_and_a_caption_says_what_they_are(life):
    """Digits of both orders, and words that name both."""
    axes = views.predicted(life, "fetch | proxy", "shop | proxy").axes[0]
    words = [text.get_text() for text in axes.texts]

    assert [word for word in words if word.isdigit() and word in "12"][-4:] == ["1", "2", "1", "2"]
    assert any(word.startswith("your order of starts and of ends") for word in words)


def test_the_words_beside_the_picture_say_where_the_prediction_failed(life):
    """For those who do not see the discs."""
    said = views.predicted_alt(life, "proxy | fetch")

    assert said == "Predicted order of starts: proxy | fetch; not so for proxy, fetch."


def test_an_order_that_cannot_be_drawn_is_an_error(life):
    """Its caller leaves it out; the cell of the prediction has said what is wrong with it."""
    with pytest.raises(TimelineError):
        discs(life, "fetch |")
    with pytest.raises(TimelineError):
        discs(life, "nobody")
