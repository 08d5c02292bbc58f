"""The roles that stand beside an app for as long as it lives."""

from __future__ import annotations

import argparse
import hmac
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from .apps import drain, last_words
from .calls import ask, nonces
from .journal import Journal
from .life import ProcessLife
from .pages import NOT_READY, Page
from .servers import OK, Request, Respond, Response, WebServer, port_of

UPSTREAM_TIMEOUT_S = 30.0
LOOK_EVERY_S = 0.1
METRICS_TYPE = "text/plain; version=0.0.4"  # Prometheus 3 refuses a page that does not say so


def proxy(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Answer on localhost for somebody else, and tell on ``--admin-port`` whether it is ready to."""
    gate = _Gate(options, life)
    if options.admin_port:
        port = WebServer(options.listen, options.admin_port, gate.admin, journal).port
        journal.say("admin-listening", port=port)
    if life.wait(options.ready_after):
        return
    respond = gate.passing_on() if options.upstream else Page("proxy", journal, ready=gate.ready)
    server = WebServer(options.listen, port_of(options, 9000), gate.guarded(respond), journal)
    gate.open = True
    journal.say("listening", port=server.port)
    if options.not_ready_after is not None and not life.wait(options.not_ready_after):
        gate.open = False
        server.close()
        journal.say("closed", why="not ready any more")
    life.wait()
    drain(options, journal, server.close, server.finish)
    last_words(options, life, journal)


class _Gate:
    """Whether the proxy is ready, and what it answers by itself."""

    def __init__(self, options: argparse.Namespace, life: ProcessLife) -> None:
        self.open = False
        self._options, self._life = options, life

    def ready(self) -> bool:
        file = self._options.ready_file
        stopping = self._options.drain is not None and self._life.over
        return self.open and not stopping and (file is None or file.exists())

    def admin(self, request: Request) -> Response:
        """``/healthz`` and ``/ready``; every other path is 404, as a mistyped probe deserves."""
        if request.path == "/healthz":
            return OK
        if request.path == "/ready":
            return OK if self.ready() else NOT_READY
        return Response(b"not found\n", HTTPStatus.NOT_FOUND)

    def passing_on(self) -> Respond:
        upstream, timeout = self._options.upstream.rstrip("/"), self._options.timeout or UPSTREAM_TIMEOUT_S

        def respond(request: Request) -> Response:
            if request.path in ("/healthz", "/ready"):
                return self.admin(request)
            kept = {name: value for name, value in request.headers.items() if name in _PASSED_ON}
            reply = ask(
                upstream + request.target,
                timeout_s=timeout, method=request.method, body=request.body, headers=kept,
            )  # fmt: skip
            if reply.status is None:
                return Response(reply.outcome.encode() + b"\n", HTTPStatus.BAD_GATEWAY)
            return Response(reply.body, reply.status)

        return respond

    def guarded(self, respond: Respond) -> Respond:
        """With ``--token-file``: 401 for requests without the word that the file holds at that moment."""
        if self._options.token_file is None:
            return respond

        def guard(request: Request) -> Response:
            if request.path in ("/healthz", "/ready") or self._known(request):
                return respond(request)
            return Response(b"which token?\n", HTTPStatus.UNAUTHORIZED)

        return guard

    def _known(self, request: Request) -> bool:
        try:
            token = self._options.token_file.read_text().strip()
        except OSError:
            return False
        shown = request.headers.get("Authorization") or ""
        return bool(token) and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())


_PASSED_ON = ("Authorization", "Content-Type")


def ship(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """
    Follow the files of a folder; print each line, or send it to ``--to`` until it is taken.

    After SIGTERM what is there goes out and what comes later does not; with ``--drain S`` it goes on until
    everything is sent and S seconds brought no new line.
    """
    from .shipping import Shipper

    folder, timeout_s = Path(options.path or "/logs"), options.timeout or 2.0
    shipper = Shipper(folder, options.to, journal, options.state, options.batch, timeout_s)
    journal.say("following", folder=str(shipper.folder))
    life.repeat(LOOK_EVERY_S, shipper.look)
    shipper.look()
    if options.drain is not None:
        _read_on(shipper.look, options.drain)
    journal.say("shipped", lines=shipper.lines)
    last_words(options, life, journal)


def _read_on(look: Callable[[], bool], quiet_s: float) -> None:
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < quiet_s:
        time.sleep(LOOK_EVERY_S)
        if look():
            quiet_since = time.monotonic()


def exporter(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Serve ``/metrics`` about the toy database; ``podlab_db_up`` is 0 while it does not answer."""
    database = options.path or options.call or "db://localhost:5432"

    def respond(request: Request) -> Response:
        if request.path == "/metrics":
            text = _metrics(database, options.timeout or 1.0)
            return Response(text.encode(), content_type=METRICS_TYPE)
        return OK if request.path == "/healthz" else Response(b"not found\n", HTTPStatus.NOT_FOUND)

    server = WebServer(options.listen, port_of(options, 9187), respond, journal)
    journal.say("listening", port=server.port)
    life.wait()


def _metrics(database: str, timeout_s: float) -> str:
    reply = ask(database, timeout_s=timeout_s, body=b"STATS")
    if reply.outcome != "ok":
        return "# TYPE podlab_db_up gauge\npodlab_db_up 0\n"
    known = json.loads(reply.body)
    return (
        "# TYPE podlab_db_up gauge\npodlab_db_up 1\n"
        f"# TYPE podlab_db_queries_total counter\npodlab_db_queries_total {known['queries']}\n"
        f"# TYPE podlab_db_connections_total counter\npodlab_db_connections_total {known['connections']}\n"
        f'# TYPE podlab_db_info gauge\npodlab_db_info{{nonce="{known.get("nonce", "")}"}} 1\n'
    )


def register(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Wait until ``--call`` answers, send its page to ``--to``, then wait; with ``--once`` leave with 0."""
    timeout = options.timeout or 1.0
    while not life.over:
        page = ask(options.call, timeout_s=timeout)
        if page.outcome == "ok":
            sent = ask(options.to, timeout_s=timeout, method="POST", body=page.body)
            journal.say("register", to=options.to, seen=nonces(page.text), outcome=sent.outcome)
            if sent.outcome == "ok":
                break
        life.wait(options.every)
    if options.once:
        return life.fail_if_stopped() if life.over else life.finish()
    life.wait()
    return last_words(options, life, journal)
