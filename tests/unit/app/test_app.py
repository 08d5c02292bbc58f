"""The teaching program as real processes: what it prints, when it stops, how it answers."""

import json
import os
import signal
import subprocess
import sys
import time
import zipapp
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import podlab.app

SOURCES = Path(podlab.app.__file__).parent
DEADLINE_S = 30


def test_lines_are_numbered_without_gaps(app):
    shop = app("shop", "--port", 0, "--every", 0.01, "--exit-after", "0.3:0")

    assert shop.end() == 0
    assert [line["seq"] for line in shop.lines] == list(range(1, len(shop.lines) + 1))
    assert shop.events()[0] == "start"
    assert shop.events()[-1] == "end"


def test_exit_after_gives_its_code(app):
    shop = app("shop", "--port", 0, "--exit-after", "0.2:7")

    assert shop.end() == 7
    assert shop.lines[-1]["code"] == 7


def test_sigterm_ends_with_code_0_after_the_last_words(app):
    shop = app("shop", "--port", 0, "--last-words", 2)
    shop.until("sold")  # the next sale is a second away: none is under way when the signal comes
    shop.terminate()

    assert shop.end() == 0
    tail = shop.events()[shop.events().index("signal") :]
    assert tail == ["signal", "last-words", "last-words", "end"]


def test_ignore_term_carries_on(app):
    shop = app("shop", "--port", 0, "--ignore-term", "--exit-after", "1.5:3")
    shop.until("listening")
    shop.terminate()

    assert shop.end() == 3
    assert "sold" in shop.events()[shop.events().index("signal") :]


def test_sigterm_during_a_slow_start_ends_at_once(app):
    db = app("db", "--slow-start", 60)
    db.until("start")
    db.terminate()

    assert db.end() == 0
    assert "listening" not in db.events()


def test_the_database_refuses_then_is_starting_then_answers(app, free_port):
    caller = app("caller", f"db://127.0.0.1:{free_port}", "--every", 0.1)
    outcomes = [caller.until("call")["outcome"]]
    app("db", "--port", free_port, "--slow-start", 0.3, "--answers-after", 5)
    while outcomes[-1] != "ok":
        outcomes.append(caller.until("call")["outcome"])

    assert list(dict.fromkeys(outcomes)) == ["refused", "starting", "ok"]


def test_two_servers_cannot_have_one_port(app, free_port):
    app("shop", "--port", free_port).until("listening")
    second = app("shop", "--port", free_port)

    assert second.end() == 1
    assert second.lines[-1] == {**second.lines[-1], "event": "error", "what": "Address already in use"}


def test_an_unknown_name_and_a_missing_server_are_told_apart(app, free_port):
    nowhere = app("caller", "http://no-such-name.invalid/", "--once", "--must", "--timeout", 5)
    refused = app("caller", f"http://127.0.0.1:{free_port}", "--once")

    assert (nowhere.end(), refused.end()) == (1, 0)
    assert nowhere.lines[1]["outcome"] == "no name"
    assert refused.lines[1]["outcome"] == "refused"


def test_the_first_call_comes_before_the_shop_listens(app, free_port):
    app("proxy", "--port", free_port).until("listening")
    shop = app(
        "shop", "--port", 0, "--call", f"http://localhost:{free_port}", "--once", "--exit-after", "0.3:0"
    )
    shop.end()

    assert shop.events()[:3] == ["start", "first-call", "listening"]
    assert shop.lines[1]["outcome"] == "ok"


def test_the_shipper_ships_every_whole_line_once(app, tmp_path):
    log = tmp_path / "shop.log"
    shipper = app("ship", tmp_path)
    shipper.until("following")
    shop = app("shop", "--port", 0, "--every", 0.02, "--log", log, "--exit-after", "0.5:0")
    shop.end()
    log.open("a").write("half a li")
    time.sleep(0.3)
    shipper.terminate()

    assert shipper.end() == 0
    shipped = [line["line"]["seq"] for line in shipper.lines if line["event"] == "line"]
    assert shipped == [line["seq"] for line in shop.lines]


def test_the_shipper_counts_what_the_sink_received(app, tmp_path, free_port):
    app("sink", "--port", free_port).until("listening")
    shipper = app("ship", tmp_path, "--to", f"http://127.0.0.1:{free_port}/lines")
    (tmp_path / "a.log").write_text('{"seq": 1}\n{"seq": 2}\n{"seq": 4}\n')
    shipper.until("following")  # what is there when it is told to stop still goes out
    shipper.terminate()
    shipper.end()

    with urlopen(f"http://127.0.0.1:{free_port}/count") as answer:
        counted = json.load(answer)
    assert counted == {**counted, "received": 3, "distinct": 3, "missing": [3]}


def test_a_shipper_without_a_sink_loses_nothing(app, tmp_path, free_port):
    (tmp_path / "a.log").write_text('{"seq": 1}\n')
    shipper = app("ship", tmp_path, "--to", f"http://127.0.0.1:{free_port}/")
    shipper.until("error")
    app("sink", "--port", free_port).until("listening")
    shipper.terminate()
    shipper.end()

    assert shipper.lines[-2] == {**shipper.lines[-2], "event": "shipped", "lines": 1}


def test_config_serves_files_and_nothing_outside(app, tmp_path, free_port):
    (tmp_path / "open").mkdir()
    (tmp_path / "open/prices.json").write_text("0123456789")
    (tmp_path / "secret").write_text("no")
    app("config", tmp_path / "open", "--port", free_port, "--broken", 1).until("listening")
    base = f"http://127.0.0.1:{free_port}"

    assert urlopen(base + "/prices.json").read() == b"01234"
    assert urlopen(base + "/prices.json").read() == b"0123456789"
    with pytest.raises(HTTPError, match="404"):
        urlopen(base + "/../secret")


def test_fetch_takes_no_file_of_the_wrong_sum(app, tmp_path, free_port):
    (tmp_path / "prices").write_text("0123456789")
    app("config", tmp_path, "--port", free_port, "--broken", 1).until("listening")
    sum_of_all = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    order = (
        "fetch",
        tmp_path / "got",
        "--call",
        f"http://127.0.0.1:{free_port}/prices",
        "--sha256",
        sum_of_all,
    )

    assert app(*order).end() == 1
    assert not (tmp_path / "got").exists()
    assert app(*order).end() == 0
    assert (tmp_path / "got").read_text() == "0123456789"


def test_migrate_may_run_twice(app, tmp_path):
    first, second = app("migrate", tmp_path), app("migrate", tmp_path / ".")
    first.end()
    second.end()
    third = app("migrate", tmp_path)
    third.end()

    assert third.lines[1] == {**third.lines[1], "applied": 0, "present": 3}


def test_warm_fills_the_cache(app, tmp_path):
    assert app("warm", tmp_path / "cache", "--count", 5).end() == 0
    assert len(list((tmp_path / "cache").iterdir())) == 5


def test_the_proxy_passes_on_and_says_when_it_cannot(app, free_port):
    app("proxy", "--port", free_port, "--upstream", "http://127.0.0.1:1").until("listening")

    with pytest.raises(HTTPError, match="502"):
        urlopen(f"http://127.0.0.1:{free_port}/")


def test_it_runs_from_plain_files_and_from_a_zip_without_site_packages(app, tmp_path):
    target = tmp_path / "tree/podlab/app"
    target.mkdir(parents=True)
    for source in SOURCES.glob("*.py"):
        (target / source.name).write_bytes(source.read_bytes())
    zipapp.create_archive(tmp_path / "tree", tmp_path / "app.pyz", main="podlab.app.__main__:main")
    tree = str(tmp_path / "tree")
    plain = f"import sys; sys.path.insert(0, {tree!r}); import podlab.app.__main__ as m; m.main()"

    for command in (
        [sys.executable, "-I", "-S", tmp_path / "app.pyz"],
        [sys.executable, "-I", "-S", "-c", plain],
    ):
        run = app("migrate", tmp_path / "data", command=list(map(str, command)))
        assert run.end() == 0
        assert "migrated" in run.events()


def test_as_process_1_it_still_takes_sigterm(app):
    """The kernel drops signals to process 1 that it has no handler for."""
    unshare = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives no pid namespace to users")
    shop = app("shop", "--port", 0, command=[*unshare, sys.executable, "-m", "podlab.app"])
    shop.until("listening")
    children = Path(f"/proc/{shop.process.pid}/task/{shop.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)

    assert shop.end() == 0
    assert "signal" in shop.events()


@pytest.mark.parametrize(
    "wrong", [["nobody"], ["shop", "--exit-after", "1:256"], ["shop", "--slow-start", "-1"]]
)
def test_a_wrong_command_line_exits_2(app, wrong):
    assert app(*wrong).process.wait(DEADLINE_S) == 2
