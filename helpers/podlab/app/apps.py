"""The roles of app containers: what serves customers, and what works once and leaves."""

from __future__ import annotations

import argparse
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .journal import Journal
from .life import ProcessLife

LAST_WORD_EVERY_S = (
    0.5  # six last words take three seconds: longer than a shipper needs to stop, shorter than a grace
)
REPORT_TAIL = 5  # lines that a report writes at once before it leaves


def shop(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Serve a page, write one line every ``--every`` seconds, and after SIGTERM the last words."""
    from .pages import Cache, Orders, Page, ServedFile, Variable
    from .servers import WebServer, port_of

    if options.call and options.once and call_once(options, journal, "first-call") != "ok" and options.must:
        life.finish(1)
        return
    orders = Orders(options.orders, journal) if options.orders else None
    served = ServedFile(options.serve_file, journal, fresh=options.fresh) if options.serve_file else None
    cache = Cache(options.cache, journal, options.miss_takes) if options.cache else None
    variable = Variable(options.show_env) if options.show_env else None
    parts = [part for part in (served, orders, cache, variable) if part]
    page = Page(
        "shop", journal, parts=parts, ready=partial(_ready, options, life), fail_every=options.fail_every
    )
    server = WebServer(options.listen, port_of(options, 8080), page, journal)
    journal.say("listening", port=server.port, **_address())
    life.repeat(options.every, _work(options, journal, orders.add if orders else None))
    drain(options, journal, server.close, server.finish)
    last_words(options, life, journal)


def admin(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Serve a page of its own; the second server of a Pod."""
    from .pages import Page
    from .servers import WebServer, port_of

    server = WebServer(options.listen, port_of(options, 8080), Page("admin", journal), journal)
    journal.say("listening", port=server.port)
    life.wait()
    drain(options, journal, server.close, server.finish)
    last_words(options, life, journal)


def report(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Write ``--count`` lines over ``--take`` seconds, five more at once, and leave with 0; SIGTERM: 1."""
    for row in range(1, options.count + 1):
        journal.say("row", row=row)
        if life.wait(options.take / max(1, options.count)):
            return life.fail_if_stopped()
    for row in range(1, REPORT_TAIL + 1):
        journal.say("total", row=row, of=REPORT_TAIL)
    return life.finish()


def look(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Say which files are there and what they hold, then write others, then wait."""
    for file in options.file:
        there = file.is_file()
        journal.say("look", file=str(file), there=there, **({"text": _start_of(file)} if there else {}))
    for file in options.write:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{options.name or 'look'} was here\n")
            journal.say("wrote", file=str(file))
        except OSError as error:
            journal.say("not-written", file=str(file), what=error.strerror)
    wait(options, life, journal)


def wait(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Do nothing until told to stop."""
    life.wait()
    last_words(options, life, journal)


def call_once(options: argparse.Namespace, journal: Journal, event: str) -> str:
    """Ask ``--call``, write a line about it and return the outcome."""
    from .calls import ask

    reply = ask(options.call, timeout_s=options.timeout or 1.0)
    journal.say(event, url=options.call, **reply.brief())
    return reply.outcome


def drain(
    options: argparse.Namespace, journal: Journal, close: Callable[[], None], finish: Callable[[], None]
) -> None:
    """With ``--drain S``: S more seconds of new requests, then none, then return when all are answered."""
    if options.drain is None:
        return
    journal.say("draining", takes_new_for_s=options.drain)
    time.sleep(options.drain)  # not life.wait: the end was announced already
    close()
    journal.say("closed")
    finish()
    journal.say("drained")


def last_words(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Write ``--last-words`` lines, if it was SIGTERM that ended this process."""
    if not life.told_to_stop:
        return
    for left in range(options.last_words, 0, -1):
        time.sleep(LAST_WORD_EVERY_S)
        journal.say("last-words", left=left - 1)


def _ready(options: argparse.Namespace, life: ProcessLife) -> bool:
    stopping = options.drain is not None and life.over
    return not stopping and (options.ready_file is None or options.ready_file.exists())


def _work(
    options: argparse.Namespace, journal: Journal, add_order: Callable[[], None] | None
) -> Callable[[], object]:
    if options.call and not options.once:
        return partial(call_once, options, journal, "call")

    def sell() -> None:
        if add_order:
            add_order()
        journal.say("sold")

    return sell


def _start_of(file: Path) -> str:
    return file.read_text(errors="replace").strip()[:80]


def _address() -> dict[str, str]:
    """The Pod's address, where the kubelet's /etc/hosts or the manifest (POD_IP) names it."""
    known = os.environ.get("POD_IP")
    try:
        return {"ip": known or socket.gethostbyname(socket.gethostname())}
    except OSError:
        return {}
