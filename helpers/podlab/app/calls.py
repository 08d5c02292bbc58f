"""Asking others: an HTTP page, or the toy database. Every answer is one word that a lesson can compare."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DATABASE_PORT = 5432
TEXT_SHOWN = 200

# "nonce": "word" in a page, the same inside of a quoted page, nonce=word in a query, nonce="word" in metrics
_NONCE = re.compile(r'nonce[\\"]*\s*[:=]\s*[\\"]*([\w-]+)')


@dataclass(frozen=True)
class Reply:
    """
    The result of one call.

    Attributes:
        outcome: ``ok``, ``refused`` (nobody listens), ``no name`` (the name does not resolve), ``timeout``,
            ``starting`` (a database that listens but does not answer yet), ``status 503`` (a page with that
            status) or ``broken``.
        status: The HTTP status, where there is one.
        body: The whole answer.
        error: What the system reported for ``broken``.
    """

    outcome: str
    status: int | None = None
    body: bytes = b""
    error: str = ""

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.body.decode(errors="replace").strip()

    def brief(self) -> dict[str, object]:
        """The reply as fields of a line; long answers are cut."""
        shown = {"status": self.status, "text": self.text[:TEXT_SHOWN] or None, "error": self.error or None}
        return {
            "outcome": self.outcome,
            **{name: value for name, value in shown.items() if value is not None},
        }


def ask(
    url: str,
    *,
    timeout_s: float = 1.0,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """
    Ask *url* once; never raises for what the other side does.

    ``http://host:port/path`` fetches a page; ``db://host:port`` sends one query, or the query that *body*
    holds.
    """
    try:
        if url.startswith("db://"):
            return _query(url, timeout_s, body or b"SELECT 1")
        status, answer = _request(url, timeout_s, method, body, headers or {})
    except ConnectionRefusedError:
        return Reply("refused")
    except socket.gaierror:
        return Reply("no name")
    except TimeoutError:
        return Reply("timeout")
    except (OSError, http.client.HTTPException) as error:
        return Reply("broken", error=str(error) or type(error).__name__)
    return Reply("ok" if status == http.client.OK else f"status {status}", status, answer)


def nonces(text: str) -> list[str]:
    """Return the words that *text* gives as ``nonce``, each once, in their order."""
    return list(dict.fromkeys(_NONCE.findall(text)))


def fetch(url: str, *, timeout_s: float = 5.0) -> bytes:
    """Return the body of *url*; ConnectionError when the answer is not 200."""
    status, body = _request(url, timeout_s, "GET", b"", {})
    if status != http.client.OK:
        raise ConnectionError(f"{url} answered {status}")
    return body


def post(url: str, body: bytes, *, timeout_s: float = 2.0) -> None:
    """Send *body*; ConnectionError when it was not taken."""
    status, _ = _request(url, timeout_s, "POST", body, {})
    if status >= http.client.MULTIPLE_CHOICES:
        raise ConnectionError(f"{url} answered {status}")


def _request(
    url: str, timeout_s: float, method: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "localhost", at.port or 80, timeout=timeout_s)
    target = (at.path or "/") + (f"?{at.query}" if at.query else "")
    try:
        connection.request(method, target, body or None, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _query(url: str, timeout_s: float, question: bytes) -> Reply:
    at = urlsplit(url)
    place = (at.hostname or "localhost", at.port or DATABASE_PORT)
    with socket.create_connection(place, timeout_s) as connection:
        connection.sendall(question + b"\n")
        answer = connection.makefile("rb").readline().strip()
    if not answer:
        return Reply("broken", error="closed without an answer")
    return Reply("starting" if answer.startswith(b"ERROR") else "ok", body=answer)
