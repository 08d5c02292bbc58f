"""Asking others: an HTTP page, or the toy database. Every answer is one word that a lesson can compare."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

DATABASE_PORT = 5432


def call(url: str, *, timeout_s: float = 1.0) -> dict[str, object]:
    """
    Ask *url* once and return ``{"outcome": word, ...}``.

    ``http://host:port/path`` fetches a page (``status``, ``text``); ``db://host:port`` sends one query. The
    word is ``ok``, ``refused`` (nobody listens), ``no name`` (the name does not resolve), ``timeout``,
    ``starting`` (a database that listens but does not answer yet), ``status 503`` (a page with that status)
    or ``broken``.
    """
    try:
        return _query(url, timeout_s) if url.startswith("db://") else _page(url, timeout_s)
    except ConnectionRefusedError:
        return {"outcome": "refused"}
    except socket.gaierror:
        return {"outcome": "no name"}
    except TimeoutError:
        return {"outcome": "timeout"}
    except (OSError, http.client.HTTPException) as error:
        return {"outcome": "broken", "error": str(error) or type(error).__name__}


def fetch(url: str, *, timeout_s: float = 5.0) -> bytes:
    """Return the body of *url*; ConnectionError when the answer is not 200."""
    status, body = _get(url, timeout_s)
    if status != http.client.OK:
        raise ConnectionError(f"{url} answered {status}")
    return body


def post(url: str, body: bytes, *, timeout_s: float = 2.0) -> None:
    """Send *body*; ConnectionError when it was not taken."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "localhost", at.port or 80, timeout=timeout_s)
    try:
        connection.request("POST", at.path or "/", body)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status >= http.client.MULTIPLE_CHOICES:
        raise ConnectionError(f"{url} answered {status}")


def _page(url: str, timeout_s: float) -> dict[str, object]:
    status, body = _get(url, timeout_s)
    word = "ok" if status == http.client.OK else f"status {status}"
    return {"outcome": word, "status": status, "text": body.decode(errors="replace").strip()[:200]}


def _get(url: str, timeout_s: float) -> tuple[int, bytes]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "localhost", at.port or 80, timeout=timeout_s)
    try:
        connection.request("GET", (at.path or "/") + (f"?{at.query}" if at.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _query(url: str, timeout_s: float) -> dict[str, object]:
    at = urlsplit(url)
    place = (at.hostname or "localhost", at.port or DATABASE_PORT)
    with socket.create_connection(place, timeout_s) as connection:
        connection.sendall(b"SELECT 1\n")
        answer = connection.makefile("rb").readline().decode().strip()
    if not answer:
        return {"outcome": "broken", "error": "closed without an answer"}
    return {"outcome": "starting" if answer.startswith("ERROR") else "ok", "text": answer}
