"""What the shop serves, and the work around it: files, reloads, cache, orders, reports."""

import hashlib
import json

import pytest


def test_the_shop_reports_the_sum_of_its_file_at_the_start(serving, ask, tmp_path):
    """e07: that sum proves what the shop saw when it started."""
    file = tmp_path / "prices.json"
    file.write_text('{"nonce": "heron"}')
    shop, url = serving("shop", "--serve-file", file)

    assert ask(url) == (200, ask(url)[1] | {"content": {"nonce": "heron"}})
    seen = next(line for line in shop.lines if line["event"] == "file")
    assert seen["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_missing_file_is_reported_and_the_page_is_a_503(serving, ask, tmp_path):
    """The shop stays up: whoever asks can tell a missing file from a missing shop."""
    shop, url = serving("shop", "--serve-file", tmp_path / "none")

    assert ask(url)[0] == 503
    assert ask(f"{url}/healthz")[0] == 200
    assert next(line for line in shop.lines if line["event"] == "file")["missing"] is True


def test_the_shop_shows_the_old_file_until_it_is_told_to_reload(serving, ask, tmp_path):
    """e31: the change alone is not enough, and each reload is a numbered line."""
    file = tmp_path / "value"
    file.write_text("old")
    shop, url = serving("shop", "--serve-file", file)
    file.write_text("new")

    before = ask(url)[1]["content"]
    ask(f"{url}/reload", b"")
    after = ask(url)[1]["content"]
    ask(f"{url}/reload", b"")

    assert (before, after) == ("old", "new")
    first, second = shop.until("reload"), shop.until("reload")
    assert (first["count"], first["changed"]) == (1, True)
    assert (second["count"], second["changed"]) == (2, False)


def test_a_get_does_not_reload(serving, ask, tmp_path):
    """A browser that opens the address changes nothing."""
    shop, url = serving("shop", "--serve-file", tmp_path / "none")
    (tmp_path / "none").write_text("there")

    assert ask(f"{url}/reload")[0] == 503
    assert "reload" not in shop.events()


def test_a_fresh_shop_reads_its_file_at_every_request(serving, ask, tmp_path):
    """Lab 09 compares this with a file that is mounted by subPath."""
    file = tmp_path / "value"
    file.write_text("old")
    _, url = serving("shop", "--serve-file", file, "--fresh")
    file.write_text("new")

    assert ask(url)[1]["content"] == "new"


def test_a_variable_is_shown_as_it_was_at_the_start(serving, ask, monkeypatch):
    """Lab 10: a rotated Secret never reaches it."""
    monkeypatch.setenv("PASSWORD", "monday")
    _, url = serving("shop", "--show-env", "PASSWORD")

    assert ask(url)[1]["env"] == {"PASSWORD": "monday"}


def test_orders_are_kept_over_a_restart(app, serving, tmp_path):
    """e08: the shop's own file, found again at the next start."""
    first, _ = serving("shop", "--orders", tmp_path, "--every", 0.01)
    for _ in range(3):
        first.until("sold")
    first.terminate()
    first.end()
    written = len((tmp_path / "orders").read_text().splitlines())
    second = app("shop", "--port", 0, "--orders", tmp_path)

    assert written >= 3
    assert second.until("orders")["found"] == written


@pytest.mark.parametrize("warmed", [True, False])
def test_the_first_answer_says_whether_the_cache_was_warm(app, serving, ask, tmp_path, warmed):
    """e20: a miss fills the cache, so only the first answer tells."""
    if warmed:
        app("warm", tmp_path, "--nonce", "heron").end()
    shop, url = serving("shop", "--cache", tmp_path)
    first, second = ask(url)[1], ask(url)[1]

    assert (first["cache"], second["cache"]) == ("hit" if warmed else "miss", "hit")
    assert ("heron" in first["cached"]) is warmed
    assert shop.until("request")["cache"] == first["cache"]


def test_the_cache_serves_nothing_outside_of_its_folder(serving, ask, tmp_path):
    """A path is a name of a page, never a way up."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "secret").write_text("no")
    _, url = serving("shop", "--cache", tmp_path / "cache")

    assert "no" not in ask(f"{url}/page-/../../secret")[1]["cached"].split()


def test_warm_writes_its_marker_last_and_only_when_it_was_not_stopped(app, tmp_path):
    """A marker over half a cache would be the mistake of e20."""
    done = app("warm", tmp_path / "a", "--take", 0.1)
    stopped = app("warm", tmp_path / "b", "--take", 600)
    stopped.until("start")
    stopped.terminate()

    assert (done.end(), stopped.end()) == (0, 1)
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["done", "page-1", "page-2", "page-3"]
    assert list((tmp_path / "b").iterdir()) == []


def test_warm_works_until_its_address_answers(app, serving, free_port, tmp_path):
    """e20: the work takes as long as the play holds the prices back."""
    warm = app("warm", tmp_path / "cache", "--call", f"http://127.0.0.1:{free_port}/", "--every", 0.1)
    warm.until("start")
    shop = app("shop", "--port", free_port)
    shop.until("request")

    assert warm.end() == 0
    assert (tmp_path / "cache" / "done").exists()


def test_a_shop_that_must_be_answered_gives_up(app, free_port):
    """e06, e15: it dies where nobody answers, before it ever listens."""
    shop = app("shop", "--port", 0, "--call", f"db://127.0.0.1:{free_port}", "--once", "--must")

    assert shop.end() == 1
    assert shop.events() == ["start", "first-call", "end"]


def test_a_report_writes_its_last_lines_at_the_end_and_leaves(app, tmp_path):
    """e16: a shipper that was stopped early has lost exactly these."""
    report = app("report", "--count", 4, "--take", 0.2, "--log", tmp_path / "report.log")

    assert report.end() == 0
    assert report.events() == ["start", *["row"] * 4, *["total"] * 5, "end"]
    assert [json.loads(line) for line in (tmp_path / "report.log").open()] == report.lines


def test_a_report_that_was_stopped_did_not_succeed(app):
    """A Job must not become Complete by a deletion."""
    report = app("report", "--take", 600)
    report.until("row")
    report.terminate()

    assert report.end() == 1


def test_admin_has_a_page_of_its_own(serving, ask):
    """e02: two pages of one run can be told apart."""
    pages = [ask(serving(role, "--nonce", "heron")[1])[1] for role in ("shop", "admin")]

    assert [page["from"] for page in pages] == ["shop", "admin"]


def test_admin_and_shop_want_the_same_port(app):
    """e02's clash comes from the defaults."""
    app("shop").until("listening")
    admin = app("admin")

    assert admin.end() == 1
    assert admin.lines[-1]["what"] == "Address already in use"


def test_look_says_what_is_there_and_writes(app, tmp_path):
    """e04: what the app sees at its first start and after its crash."""
    order = ("look", "--name", "init", "--file", tmp_path / "a", "--write", tmp_path / "a")
    first = app(*order)
    first.until("wrote")
    second = app(*order)

    assert first.lines[1]["there"] is False
    assert second.until("look") == second.lines[-1] | {"there": True, "text": "init was here"}


def test_a_log_that_cannot_be_written_is_reported_on_stdout(app, tmp_path):
    """e01 with a read-only mount: the reason is the last line of kubectl logs, and no traceback."""
    (tmp_path / "file").write_text("")
    shop = app("shop", "--port", 0, "--log", tmp_path / "file/shop.log")

    assert shop.end() == 1
    assert shop.events()[-1] == "error"
