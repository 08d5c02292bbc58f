"""What each part of the shop does between its start and its end."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .journal import Journal
from .life import Life

LAST_WORD_EVERY_S = (
    0.5  # six last words take three seconds: longer than a shipper needs to stop, shorter than a grace
)

Role = Callable[[argparse.Namespace, Life, Journal], None]


def shop(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Serve a page, write one line every ``--every`` seconds, and after SIGTERM the last words."""
    from .servers import page, serve_http

    if options.call and options.once:
        _call(options, journal, "first-call")
    port = serve_http(options.listen, options.port or 8080, page("shop", options.ready_file), journal)
    journal.say("listening", port=port, **_address())
    if options.call and not options.once:
        life.repeat(options.every, partial(_call, options, journal, "call"))
    else:
        life.repeat(options.every, lambda: _sell(journal))
    _last_words(options, life, journal)


def proxy(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Answer on localhost for somebody else: pass each request on to ``--upstream``, or answer by itself."""
    from .servers import page, serve_http

    respond = _pass_on(options.upstream) if options.upstream else page("proxy")
    journal.say("listening", port=serve_http(options.listen, options.port or 9000, respond, journal))
    life.wait()
    _last_words(options, life, journal)


def config(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Serve the files of a folder and note each request; the first ``--broken`` answers are half a file."""
    from .servers import files, serve_http

    respond = files(Path(options.path or "."), broken=options.broken)
    journal.say("listening", port=serve_http(options.listen, options.port or 8080, respond, journal))
    life.wait()


def sink(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Take lines by POST and count their sequence numbers (``GET /count``)."""
    from .servers import serve_http
    from .servers import sink as counting

    port = serve_http(options.listen, options.port or 8080, counting(), journal, quiet=True)
    journal.say("listening", port=port)
    life.wait()


def db(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """A toy database: refuses until ``--slow-start`` is over, then is "starting up" for a while."""
    from .servers import serve_database

    port = serve_database(options.listen, options.port or 5432, options.answers_after, journal)
    journal.say("listening", port=port)
    life.wait()


def caller(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Ask ``--call`` (or the first argument) every ``--every`` seconds; with ``--once`` a single time."""
    options.call = options.call or options.path
    if not options.call:
        raise SystemExit("caller: which URL? (example: caller http://localhost:8080)")
    if options.once:
        outcome = _call(options, journal, "call")
        life.finish(1 if options.must and outcome != "ok" else 0)
    else:
        life.repeat(options.every, partial(_call, options, journal, "call"))


def ship(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Follow the files of a folder; print each line, or send it to ``--to``. Stops at once when told to."""
    shipped = _Shipper(Path(options.path or "/logs"), options.to, journal)
    journal.say("following", folder=str(shipped.folder))
    life.repeat(0.1, shipped.look)
    shipped.look()  # what is there now still goes out; what is written later does not
    journal.say("shipped", lines=shipped.lines)
    _last_words(options, life, journal)


def fetch(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Fetch ``--call`` into a file, checked against ``--sha256``, moved into place in one step."""
    from .calls import fetch as get

    try:
        data = get(options.call)
    except OSError as error:
        journal.say("error", what=str(error))
        return life.finish(1)
    if options.sha256 and hashlib.sha256(data).hexdigest() != options.sha256:
        journal.say("error", what="wrong sum", bytes=len(data))
        return life.finish(1)
    _put(Path(options.path), data)
    journal.say("fetched", bytes=len(data), file=options.path)
    return life.finish()


def warm(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Fill a cache: ``--count`` small files below a folder."""
    folder = Path(options.path or "/cache")
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, options.count + 1):
        _put(folder / f"page-{number}", f"page {number}\n".encode())
    journal.say("warmed", files=options.count)
    life.finish()


def migrate(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Bring a folder to ``--count`` migrations; those already there are left alone, so it may run twice."""
    folder = Path(options.path or "/data")
    folder.mkdir(parents=True, exist_ok=True)
    applied = 0
    for number in range(1, options.count + 1):
        if not (folder / f"migration-{number}").exists():
            _put(folder / f"migration-{number}", b"applied\n")
            applied += 1
    journal.say("migrated", applied=applied, present=options.count)
    life.finish()


def wait(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    """Do nothing until told to stop."""
    life.wait()
    _last_words(options, life, journal)


ROLES: dict[str, Role] = {
    "caller": caller, "config": config, "db": db, "fetch": fetch, "migrate": migrate, "proxy": proxy,
    "serve": config, "ship": ship, "shop": shop, "sink": sink, "wait": wait, "warm": warm,
}  # fmt: skip


class _Shipper:
    """Remembers how far each file was read; a line counts once it is whole."""

    def __init__(self, folder: Path, to: str | None, journal: Journal) -> None:
        self.folder, self.lines = folder, 0
        self._to, self._journal, self._read = to, journal, dict[Path, int]()

    def look(self) -> None:
        for file in sorted(self.folder.glob("*.log")):
            at = self._read.get(file, 0)
            with file.open("rb") as handle:
                handle.seek(at)
                new = handle.read()
            whole = new[: new.rfind(b"\n") + 1]
            if whole and self._send(file, whole):
                self._read[file] = at + len(whole)

    def _send(self, file: Path, whole: bytes) -> bool:
        from .calls import post

        if self._to:
            try:
                post(self._to, whole)
            except OSError as error:
                self._journal.say("error", what=f"not sent: {error}")
                return False
        for line in whole.splitlines():
            self.lines += 1
            if not self._to:
                self._journal.say("line", file=file.name, line=_parsed(line))
        return True


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode(errors="replace")


def _sell(journal: Journal) -> None:
    journal.say("sold")


def _call(options: argparse.Namespace, journal: Journal, event: str) -> object:
    from .calls import call

    answer = call(options.call, timeout_s=options.timeout)
    journal.say(event, url=options.call, **answer)
    return answer["outcome"]


def _pass_on(upstream: str) -> Callable[[str, bytes], tuple[int, bytes]]:
    from .calls import call

    def respond(path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/healthz":
            return 200, b"ok\n"
        answer = call(upstream.rstrip("/") + path)
        status = answer.get("status", 502)
        text = str(answer.get("text") or answer["outcome"])
        return (status if isinstance(status, int) else 502), text.encode() + b"\n"

    return respond


def _last_words(options: argparse.Namespace, life: Life, journal: Journal) -> None:
    if not life.told_to_stop:
        return
    for left in range(options.last_words, 0, -1):
        time.sleep(LAST_WORD_EVERY_S)  # not life.wait: the end was announced already
        journal.say("last-words", left=left - 1)


def _address() -> dict[str, str]:
    """The Pod's address, where the kubelet's /etc/hosts or the manifest (POD_IP) names it."""
    known = os.environ.get("POD_IP")
    try:
        return {"ip": known or socket.gethostbyname(socket.gethostname())}
    except OSError:
        return {}


def _put(file: Path, data: bytes) -> None:
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)
