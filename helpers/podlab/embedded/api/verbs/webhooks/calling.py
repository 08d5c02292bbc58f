"""
One POST to a Service from the node: what kube-apiserver's webhook client does.

The connection goes to a ready endpoint; the certificate must be of ``NAME.NAMESPACE.svc`` and signed by ``caBundle``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
import ssl
from typing import Any

from podlab.embedded.api.verbs import endpoints
from podlab.embedded.api.verbs.webhooks.review import AnswerError
from podlab.embedded.fault import StatusError
from podlab.embedded.runtime import Runtime
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

MAX_ANSWER = 4 << 20
_CHUNK = 64 * 1024


async def post(store: Store, runtime: Runtime, hook: RawObject, body: bytes) -> bytes:
    """
    Send *body* to the webhook and return what it answers.

    Raises:
        AnswerError: It cannot be reached, does not answer in time, or answers with another status than 200.
    """
    service, timeout_s = hook["clientConfig"].get("service") or {}, int(hook.get("timeoutSeconds") or 10)
    host = f"{service.get('name')}.{service.get('namespace')}.svc"
    port, path = int(service.get("port") or 443), service.get("path") or "/"
    address = f"{host}:{port}"
    url = f"https://{address}{path}?timeout={timeout_s}s"
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(store, runtime, hook, (host, port), f"{path}?timeout={timeout_s}s", body)
    except TimeoutError:
        why = "context deadline exceeded"
    except ssl.SSLError as error:
        why = f"tls: failed to verify certificate: {getattr(error, 'verify_message', '') or error.reason}"
    except OSError as error:
        why = f"dial tcp {address}: connect: {(error.strerror or str(error)).lower()}"
    except StatusError as error:
        why = str(error)
    raise AnswerError(f'failed to call webhook: Post "{url}": {why}')


async def _exchange(
    store: Store, runtime: Runtime, hook: RawObject, where: tuple[str, int], target: str, body: bytes
) -> bytes:
    host, port = where
    reference = hook["clientConfig"]["service"]
    service = store.get("services", reference["namespace"], reference["name"])
    if service is None:
        raise StatusError(404, f'service "{reference["name"]}" not found')
    ip, number = endpoints.endpoint(store, service, str(port))
    sock = socket.socket(
        fileno=await runtime.node_connect(ip, number, float(hook.get("timeoutSeconds") or 10))
    )
    sock.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=sock, ssl=_trust(hook), server_hostname=host)
    try:
        head = (
            f"POST {target} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return await _Answer().read(reader)
    finally:
        writer.close()


def _trust(hook: RawObject) -> ssl.SSLContext:
    bundle = hook["clientConfig"].get("caBundle") or ""
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle, validate=True).decode() or None)
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError):
        raise AnswerError("unable to load root certificates: unable to parse bytes as PEM block") from None


class _Answer:
    """Collects one HTTP answer; the parser calls the methods ``on_…``."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._complete = False

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the body. Raises OSError or AnswerError."""
        import httptools

        parser: Any = httptools.HttpResponseParser(self)
        while not self._complete and (data := await reader.read(_CHUNK)):
            try:
                parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise AnswerError(f"malformed HTTP response: {error}") from None
            if sum(map(len, self._parts)) > MAX_ANSWER:
                raise AnswerError(f"the answer is longer than {MAX_ANSWER} bytes")
        if not self._complete:
            raise OSError(104, "EOF")
        if parser.get_status_code() != 200:
            text = b"".join(self._parts)[:200].decode(errors="replace")
            raise AnswerError(f"an error on the server ({text!r}) has prevented the request from succeeding")
        return b"".join(self._parts)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._complete = True
