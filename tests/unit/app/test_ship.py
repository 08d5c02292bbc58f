"""Shipping: what arrives, how often, and what a shipper does when it is stopped or killed."""

import json

import pytest

from podlab.app import shipping, sidecars
from podlab.app.journal import Journal
from podlab.app.knobs import parser


def number(*numbers):
    return "".join(json.dumps({"seq": one}) + "\n" for one in numbers)


def count(ask, url):
    return ask(f"{url}/count")[1]


@pytest.mark.parametrize(("state", "doubled"), [(True, 0), (False, 3)])
def test_a_killed_shipper_goes_on_where_it_was_only_with_a_state_file(
    app, serving, ask, tmp_path, state, doubled
):
    """e18: no gap either way; without the file it starts over."""
    sink, url = serving("sink")
    log = tmp_path / "a.log"
    log.write_text(number(1, 2, 3))
    order = ("ship", tmp_path, "--to", url, *(["--state", tmp_path / "ship.state"] if state else []))
    first = app(*order)
    sink.until("received")
    while state and not (tmp_path / "ship.state").exists():
        pass  # a kill between sending and remembering is the next test
    first.process.kill()
    log.open("a").write(number(4))
    second = app(*order)
    second.until("following")
    second.terminate()
    second.end()

    counted = count(ask, url)
    assert counted["missing"] == []
    assert counted["received"] - counted["distinct"] == doubled


def test_at_most_one_batch_is_sent_twice(app, serving, ask, tmp_path):
    """The worst moment for a kill: the sink has the lines, the state file does not know."""
    _, url = serving("sink")
    (tmp_path / "a.log").write_text(number(*range(1, 13)))
    order = ("ship", tmp_path, "--to", url, "--state", tmp_path / "ship.state")
    for _ in range(2):
        run = app(*order)
        run.until("following")
        run.terminate()
        run.end()
        state = json.loads((tmp_path / "ship.state").read_text())
        state["a.log"] -= len(number(11, 12))  # the last batch of 5, 5, 2 was not remembered
        (tmp_path / "ship.state").write_text(json.dumps(state))

    counted = count(ask, url)
    assert counted["missing"] == []
    assert 0 < counted["received"] - counted["distinct"] <= 5


def test_a_file_that_became_shorter_is_a_new_file(app, serving, ask, tmp_path):
    """The volume was emptied and the shop began again."""
    _, url = serving("sink")
    (tmp_path / "ship.state").write_text('{"a.log": 5000}')
    (tmp_path / "a.log").write_text(number(1))
    run = app("ship", tmp_path, "--to", url, "--state", tmp_path / "ship.state")
    run.until("following")
    run.terminate()
    run.end()

    assert count(ask, url)["received"] == 1


def test_a_draining_shipper_sends_what_is_written_after_sigterm(app, ask, tmp_path, free_port):
    """The last words, where both are told to stop together; and it waits for a sink that is away."""
    log = tmp_path / "a.log"
    log.write_text(number(1))
    shipper = app("ship", tmp_path, "--to", f"http://127.0.0.1:{free_port}", "--drain=1")
    shipper.until("error")
    shipper.terminate()
    shipper.until("signal")
    log.open("a").write(number(2))
    app("sink", "--port", free_port).until("listening")

    assert shipper.end() == 0
    assert count(ask, f"http://127.0.0.1:{free_port}")["distinct"] == 2


def test_without_drain_a_shipper_stops_at_once(app, tmp_path, free_port):
    """It has one last look, and no patience with a sink that is away."""
    (tmp_path / "a.log").write_text(number(1))
    shipper = app("ship", tmp_path, "--to", f"http://127.0.0.1:{free_port}")
    shipper.until("error")
    shipper.terminate()

    assert shipper.end() == 0
    assert next(line for line in shipper.lines if line["event"] == "shipped")["lines"] == 0


class OneLook:
    """A life that is over after its first look."""

    told_to_stop = False

    def repeat(self, _every_s, look):
        look()


@pytest.mark.parametrize(("knobs", "patience_s"), [([], 2), (["--timeout=10"], 10)])
def test_a_shipper_is_as_patient_with_its_sink_as_timeout_says(monkeypatch, tmp_path, knobs, patience_s):
    """On a busy node a sink answers late; the last batch has only one try."""
    waited = []
    monkeypatch.setattr(shipping, "post", lambda _url, _lines, *, timeout_s: waited.append(timeout_s))
    (tmp_path / "a.log").write_text(number(1))
    options = parser().parse_args(["ship", str(tmp_path), "--to=http://sink", *knobs])

    sidecars.ship(options, OneLook(), Journal("ship", None, None))

    assert waited == [patience_s]
