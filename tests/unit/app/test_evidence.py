"""The fixtures as witnesses: what they write down about a Pod, so that a check can read it from their log."""

import gzip
import json
import socket


def lines(*numbers, **more):
    return "".join(json.dumps({"seq": number, **more}) + "\n" for number in numbers).encode()


def test_a_nonce_marks_every_line_and_the_page(serving, ask):
    """Without it a line says nothing about run, Pod or time, and a page is the same as at home."""
    shop, url = serving("shop", "--nonce", "heron")

    status, page = ask(url)

    shop.until("request")
    assert (status, page["nonce"]) == (200, "heron")
    assert {line["nonce"] for line in shop.lines} == {"heron"}
    assert len({(line["pod"], line["run"]) for line in shop.lines}) == 1
    assert all(line["at"] > 1_600_000_000 for line in shop.lines)


def test_the_nonce_may_come_from_the_environment(app, monkeypatch):
    """A locked container keeps its args from run to run; the word of the run comes from a ConfigMap."""
    monkeypatch.setenv("NONCE", "egret")

    shop = app("shop", "--port", 0, "--exit-after", "0:0")
    shop.end()

    assert shop.lines[0]["nonce"] == "egret"


def test_two_starts_of_a_container_are_two_runs(app):
    """A container that restarts counts from 1 again: a sink must not take that for doubled lines."""
    first, second = (app("wait", "--nonce", "heron", "--exit-after", "0:0") for _ in range(2))
    first.end()
    second.end()

    assert first.lines[0]["run"] != second.lines[0]["run"]


def test_the_first_good_health_check_is_a_line(serving, ask):
    """e13: the registry must hear of the shop after this moment."""
    shop, url = serving("shop", "--nonce", "heron")

    assert ask(f"{url}/healthz")[0] == ask(f"{url}/healthz")[0] == 200
    ask(url)

    shop.until("request")
    assert shop.events().count("first-healthy") == 1


def test_the_sink_sums_up_each_source_on_every_post(serving, ask):
    """A check reads the last such line from the sink's log; no request is needed."""
    sink, url = serving("sink")

    ask(url, lines(1, 2, 2, 5, pod="a", role="shop", run="x", nonce="heron"))

    summary = sink.until("received")
    assert summary == summary | {
        "source": "a/shop/x", "nonce": "heron", "received": 4, "distinct": 3, "lowest": 1, "highest": 5,
        "missing": [3, 4], "missing_total": 2, "doubled": 1, "in_a_row": 2,
    }  # fmt: skip


def test_the_sink_keeps_sources_apart(serving, ask):
    """Two Pods, two runs, two nonces: six numbers of one never fill the gaps of the other."""
    _, url = serving("sink")
    ask(url, lines(1, 3, pod="a") + lines(1, 2, pod="b"))
    ask(url, lines(2, pod="b"))

    _, count = ask(f"{url}/count")

    assert count["sources"]["a"]["missing"] == [2]
    assert count["sources"]["b"] == count["sources"]["b"] | {"missing": [], "doubled": 1}


def test_the_sink_knows_the_last_event_of_a_source(serving, ask):
    """'end' of the highest number proves that the last line arrived, whatever came after it."""
    _, url = serving("sink")
    ask(url, lines(2, event="end"))
    ask(url, lines(1, event="start"))

    assert ask(f"{url}/count")[1]["sources"]["-"]["last"] == "end"


def test_the_sink_reads_lines_inside_of_syslog_and_otlp(serving, ask):
    """Learners choose their shipper: rsyslog puts a header before a line, a collector wraps it twice."""
    _, url = serving("sink")
    ask(url, b"<13>Nov 30 01:02:03 pod shop[1]: " + lines(1))
    record = {"body": {"stringValue": lines(2).decode()}}
    ask(url, json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode())
    ask(url, json.dumps([{"seq": 3}, {"seq": 4}]).encode())

    assert ask(f"{url}/count")[1] == ask(f"{url}/count")[1] | {"received": 4, "distinct": 4, "missing": []}


def test_the_sink_takes_gzip_and_syslog_over_tcp(serving, ask):
    """The collector packs what it posts, and rsyslog does not post at all."""
    sink, url = serving("sink", "--syslog-port", 0)
    port = next(line["port"] for line in sink.lines if line["event"] == "syslog-listening")
    ask(url, gzip.compress(lines(1)), **{"Content-Encoding": "gzip"})
    sink.until("received")
    with socket.create_connection(("127.0.0.1", port)) as rsyslog:
        rsyslog.sendall(b"<13>Nov 30 01:02:03 pod shop: " + lines(2))
    sink.until("received")

    assert ask(f"{url}/count")[1]["distinct"] == 2


def test_lines_without_a_number_are_noted_and_not_counted(serving, ask):
    """An echoed line that only looks like evidence adds nothing to a source."""
    sink, url = serving("sink")
    ask(url, b'hello\n{"seq": "7"}\n')

    assert sink.until("unnumbered")["count"] == 2
    assert ask(f"{url}/count")[1]["received"] == 0


def test_the_registry_notes_each_hello_with_its_word(serving, ask):
    """By path, by query, as a word or as the whole page of the shop: learners write all of these."""
    registry, url = serving("registry", "--nonce", "heron")
    for path, body in (
        ("/hello/heron", None),
        ("/hello?nonce=heron", None),
        ("/hello", b"heron\n"),
        ("/hello", b'{"from": "shop", "nonce": "heron"}'),
        ("/hello", None),
    ):
        ask(url + path, body)
    heard = [registry.until("hello") for _ in range(5)]

    assert [line["count"] for line in heard] == [1, 2, 3, 4, 5]
    assert [line["seen"] for line in heard] == [["heron"]] * 4 + [[]]
    assert [line["good"] for line in heard] == [True] * 4 + [False]


def test_register_tells_the_registry_once_the_shop_answers(app, serving, free_port):
    """e13's helper: not before, and not without the nonce of the shop's own page."""
    registry, url = serving("registry")
    shop = f"http://127.0.0.1:{free_port}"
    register = app("register", "--call", shop, "--to", f"{url}/hello", "--once", "--every", 0.1)
    register.until("start")
    app("shop", "--port", free_port, "--nonce", "heron", "--slow-start", 0.3)

    assert registry.until("hello")["seen"] == ["heron"]
    assert register.end() == 0
    assert register.events() == ["start", "register", "end"]


def test_the_caller_counts_good_calls_in_a_row_and_failures(app, serving):
    """Every third page is a planted 503."""
    _, url = serving("shop", "--nonce", "heron", "--fail-every", 3)
    caller = app("caller", url, "--nonce", "heron", "--every", 0.01, "--timeout", 10)
    calls = [caller.until("call") for _ in range(5)]
    caller.terminate()
    caller.end()

    assert [line["good"] for line in calls] == [True, True, False, True, True]
    assert [line["in_a_row"] for line in calls] == [1, 2, 0, 1, 2]
    assert calls[2]["outcome"] == "status 503"
    assert calls[0]["seen"] == ["heron"]
    total = next(line for line in caller.lines if line["event"] == "calls")
    assert total["failures"] == total["calls"] // 3
    assert total["longest_in_a_row"] == 2


def test_a_page_without_this_run_s_nonce_is_no_good_answer(app, serving):
    """A page that was prepared at home answers 200 and still fails."""
    _, url = serving("shop", "--nonce", "egret")
    caller = app("caller", url, "--nonce", "heron", "--once", "--must", "--timeout", 10)

    assert caller.end() == 1
    assert caller.lines[1] == caller.lines[1] | {"outcome": "ok", "good": False, "seen": ["egret"]}


def test_a_caller_with_a_rate_does_not_wait_for_slow_answers(app, serving):
    """Twenty calls a second stay twenty a second while each answer takes seconds."""
    _, url = serving("shop")
    caller = app("caller", f"{url}/slow?s=2", "--rate", "20/s", "--timeout", 60)
    first, second = caller.until("call"), caller.until("call")

    assert second["t"] - second["took"] < first["t"]  # the second began before the first was answered
    assert first["took"] >= 2
    assert first["good"]


def test_the_database_notes_connections_and_queries(app, serving):
    """A port that was only touched and a database that was asked are two different lines (e06)."""
    db = app("db", "--port", 0, "--nonce", "heron")
    port = db.until("listening")["port"]
    app("caller", f"db://127.0.0.1:{port}", "--once", "--timeout", 10).end()

    assert db.until("query") == db.lines[-1] | {"answered": True, "text": "SELECT 1", "nonce": "heron"}
    assert db.events() == ["start", "listening", "connection", "query"]


def test_the_exporter_and_the_scraper_bring_the_database_s_nonce_and_a_growing_counter(app, serving):
    """e32: a page that was written by hand has neither."""
    db = app("db", "--port", 0, "--nonce", "heron")
    port = db.until("listening")["port"]
    _, url = serving("exporter", f"db://127.0.0.1:{port}", "--timeout", 10)
    scrape = app("scrape", f"{url}/metrics", "--every", 0.05, "--timeout", 10)
    first, second = scrape.until("scrape"), scrape.until("scrape")

    assert (first["up"], first["seen"]) == (1, ["heron"])
    assert first["samples"]["podlab_db_queries_total"] < second["samples"]["podlab_db_queries_total"]

    db.process.kill()
    db.process.wait()
    while (line := scrape.until("scrape"))["samples"]["podlab_db_up"]:
        pass
    assert (line["up"], line["seen"]) == (1, [])
