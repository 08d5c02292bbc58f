"""A GET of a Pod's server, for probes and hooks: HTTP/1.1 over a socket that the runtime made in the Pod's network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from podlab.embedded.runtime import Runtime

BODY_BYTES = 10 << 10
REDIRECTS = 10
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")  # what OpenSSL says to plain HTTP
PROBE_AGENT, HOOK_AGENT = "kube-probe/1.36", "kube-lifecycle/1.36"


class GetError(Exception):
    """No answer came; the text is Go's. ``plain`` is True of a server that speaks HTTP where TLS was expected."""

    plain = False


class HttpResponse:
    """Status code, headers (lower case) and the first 10 KiB of the body."""

    __slots__ = ("body", "headers", "status", "url")

    def __init__(self, url: str, status: int, headers: dict[str, str], body: bytes) -> None:
        self.url, self.status, self.headers, self.body = url, status, headers, body


async def get(
    runtime: Runtime,
    url: str,
    headers: Mapping[str, str],
    timeout_s: float,
    *,
    follow: bool = True,
    agent: str = PROBE_AGENT,
) -> HttpResponse:
    """
    GET *url*; redirects to the same host are followed, one to another host is returned as it is.

    Args:
        agent: User-Agent where *headers* name none.

    Raises:
        GetError: If no answer came within *timeout_s*.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _follow(runtime, url, {"User-Agent": agent, **headers}, timeout_s, follow)
    except TimeoutError as error:
        raise GetError(
            f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        ) from error
    except ConnectionRefusedError as error:
        raise GetError(f'Get "{url}": dial tcp {_place(url)}: connect: connection refused') from error
    except (ConnectionResetError, BrokenPipeError) as error:
        raise GetError(f'Get "{url}": read tcp {_place(url)}: read: connection reset by peer') from error
    except (OSError, EOFError) as error:
        if getattr(error, "reason", "") in NO_TLS:
            failed = GetError(f'Get "{url}": http: server gave HTTP response to HTTPS client')
            failed.plain = True
            raise failed from error
        why = "EOF" if isinstance(error, EOFError) else f"dial tcp {_place(url)}: connect: {error.strerror}"
        raise GetError(f'Get "{url}": {why}') from error
    except ValueError as error:
        raise GetError(f'Get "{url}": net/http: HTTP/1.x transport connection broken: {error}') from error


async def _follow(
    runtime: Runtime, url: str, headers: Mapping[str, str], timeout_s: float, follow: bool
) -> HttpResponse:
    first = urlsplit(url).hostname
    for _ in range(REDIRECTS):
        answer = await _once(runtime, url, headers, timeout_s)
        target = answer.headers.get("location")
        if not follow or answer.status not in (301, 302, 303, 307, 308) or target is None:
            return answer
        url = urljoin(url, target)
        if urlsplit(url).hostname != first:
            return answer
    raise ValueError("stopped after 10 redirects")


async def _once(runtime: Runtime, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpResponse:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    descriptor = await runtime.node_connect(str(parts.hostname), port, timeout_s)
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    context = no_checks() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname="" if context else None, limit=64 << 10
    )
    try:
        writer.write(_request(parts.path or "/", parts.query, parts.netloc, headers))
        await writer.drain()
        return await _read(reader, url)
    finally:
        writer.close()


def no_checks() -> Any:
    """Return a TLS context that takes every certificate."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a kubelet does not check certificates of probes either
    return context


def _request(path: str, query: str, host: str, headers: Mapping[str, str]) -> bytes:
    lines = {"Host": host, "User-Agent": "", "Accept": "*/*", "Connection": "close"}
    for name, value in headers.items():
        same = next((k for k in lines if k.lower() == name.lower()), name)
        lines[same] = value
    target = path + (f"?{query}" if query else "")
    text = f"GET {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v) + "\r\n"
    return text.encode("latin-1", "replace")


async def _read(reader: asyncio.StreamReader, url: str) -> HttpResponse:
    first = await reader.readline()
    if not first:
        raise EOFError
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ValueError(f'malformed HTTP response "{first.strip().decode("latin-1")[:80]}"')
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).strip()) and len(headers) < 200:
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return HttpResponse(url, int(words[1]), headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    length = headers.get("content-length", "")
    wanted = min(BODY_BYTES, int(length)) if length.isdigit() else BODY_BYTES
    chunks: list[bytes] = []
    size = 0
    while size < wanted and (chunk := await reader.read(wanted - size)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
