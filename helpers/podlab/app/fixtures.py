"""The roles outside of the learner's Pod: what a Pod depends on, and what watches it from outside."""

from __future__ import annotations

import argparse
import re
import threading
import time
from itertools import count, cycle
from pathlib import Path
from urllib.parse import unquote

from .calls import Reply, ask, nonces
from .journal import Journal
from .life import ProcessLife
from .servers import OK, Request, Response, WebServer, port_of

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\s+(\S+)", re.MULTILINE)


def db(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """A toy database: refuses until ``--slow-start`` is over, then is "starting up" for a while."""
    from .database import Database

    port = Database(options.listen, port_of(options, 5432), options.answers_after, journal).port
    journal.say("listening", port=port)
    life.wait()


def config(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Serve files, each request a line that says whether the whole file, half or a changed one was sent."""
    from .files import Files

    folder = Path(options.path) if options.path else None if options.text else Path()
    files = Files(
        folder, dict(options.text), options.broken, options.wrong, options.first_byte_after, options.pack,
        options.hold, lambda path: journal.say("held", path=path),
    )  # fmt: skip
    _serve(options, life, WebServer(options.listen, port_of(options, 8080), files, journal), journal)


serve = config


def sink(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Take lines by POST and count their sequence numbers (``GET /count``)."""
    from .counting import LineCounter, take_syslog

    counts = LineCounter(journal)
    if options.syslog_port is not None:
        journal.say("syslog-listening", port=take_syslog(options.listen, options.syslog_port, counts))
    server = WebServer(options.listen, port_of(options, 8080), counts, journal, quiet=True)
    _serve(options, life, server, journal)


def registry(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Note each hello: ``/hello/WORD``, ``/hello?nonce=WORD``, or a POST of the word or of a page with it."""
    heard = count(1)

    def respond(request: Request) -> Response:
        if not request.path.startswith("/hello"):
            return OK
        words = _heard(request)
        good = not journal.nonce or journal.nonce in words
        journal.say("hello", count=next(heard), seen=words, good=good, peer=request.peer)
        return OK

    server = WebServer(options.listen, port_of(options, 8080), respond, journal, quiet=True)
    _serve(options, life, server, journal)


def caller(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Ask ``--call`` (or the first argument) every ``--every`` seconds; with ``--once`` a single time."""
    if not (options.call or options.path):
        raise SystemExit("caller: which URL? (example: caller http://localhost:8080)")
    calls = _Calls(options, journal)
    if options.once:
        return life.finish(0 if calls.ask() or not options.must else 1)
    if options.rate:
        life.repeat(1 / options.rate, calls.ask_beside)
        calls.wait()
    else:
        life.repeat(options.every, calls.ask)
    return calls.sum_up()


def scrape(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Read a metrics page every ``--every`` seconds; ``up`` is 0 where it did not answer."""

    def read() -> None:
        reply = ask(options.path or options.call, timeout_s=options.timeout or 1.0)
        samples = {name: float(value) for name, value in _SAMPLE.findall(reply.text)}
        up = int(reply.outcome == "ok")
        journal.say("scrape", up=up, outcome=reply.outcome, samples=samples, seen=nonces(reply.text))

    life.repeat(options.every, read)


class _Calls:
    """Asks, and keeps count. A call is good when it was answered with 200 and, where asked for, the nonce."""

    def __init__(self, options: argparse.Namespace, journal: Journal) -> None:
        self._options, self._journal = options, journal
        self._lock, self._under_way = threading.Lock(), list[threading.Thread]()
        self._calls = self._failures = self._in_a_row = self._longest = 0
        base = (options.call or options.path).rstrip("/")
        pages = [f"{base}/page-{number}" for number in range(1, options.pages + 1)]
        self._urls = cycle(pages or [options.call or options.path])

    def ask(self) -> bool:
        """Ask once; True when the call was good."""
        with self._lock:
            url = next(self._urls)
        began = time.monotonic()
        reply = ask(url, timeout_s=self._options.timeout or 1.0, headers=self._headers())
        good = reply.outcome == "ok" and self._journal.nonce in (
            None,
            *nonces(reply.text),
            *reply.text.split(),
        )
        self._note(url, reply, good, round(time.monotonic() - began, 3))
        return good

    def ask_beside(self) -> None:
        """Ask without waiting for the answer, so that slow answers do not slow down the calls."""
        self._under_way = [one for one in self._under_way if one.is_alive()]
        self._under_way.append(threading.Thread(target=self.ask, daemon=True))
        self._under_way[-1].start()

    def wait(self) -> None:
        """Return once all calls under way are answered or given up."""
        for one in self._under_way:
            one.join()

    def sum_up(self) -> None:
        """Write the counts."""
        self._journal.say("calls", calls=self._calls, failures=self._failures, longest_in_a_row=self._longest)

    def _headers(self) -> dict[str, str]:
        file, token = self._options.token_file, self._options.token
        if file is not None:
            token = file.read_text().strip() if file.exists() else ""
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _note(self, url: str, reply: Reply, good: bool, took_s: float) -> None:
        with self._lock:
            self._calls += 1
            self._failures += not good
            self._in_a_row = self._in_a_row + 1 if good else 0
            self._longest = max(self._longest, self._in_a_row)
            so_far = {"calls": self._calls, "failures": self._failures, "in_a_row": self._in_a_row}
            seen = {"seen": nonces(reply.text), "good": good}
            self._journal.say("call", url=url, **reply.brief(), took=took_s, **seen, **so_far)


def _heard(request: Request) -> list[str]:
    text = request.body.decode(errors="replace").strip()
    asked = [request.query("nonce"), unquote(request.path.removeprefix("/hello").strip("/"))]
    posted = nonces(text) or ([text] if text and not text.startswith("{") and len(text.split()) == 1 else [])
    return list(dict.fromkeys(filter(None, [*asked, *posted])))


def _serve(options: argparse.Namespace, life: ProcessLife, server: WebServer, journal: Journal) -> None:
    from .apps import last_words

    journal.say("listening", port=server.port)
    life.wait()
    last_words(options, life, journal)
