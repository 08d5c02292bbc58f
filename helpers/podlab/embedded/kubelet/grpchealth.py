"""One gRPC health check (``grpc.health.v1.Health/Check``): just enough of HTTP/2 to ask and to read the answer."""

from __future__ import annotations

import asyncio
import socket
import struct

from podlab.embedded.runtime import Runtime

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
SERVING = 1
FIRST_PAUSE_S = 1.0  # between tries to connect, growing by 1.6: gRPC's own back-off
NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class HealthError(Exception):
    """The service is not healthy or did not answer; the text is the kubelet's."""


async def check(runtime: Runtime, host: str, port: int, service: str, timeout_s: float) -> None:
    """
    Return if the service says SERVING. Raises HealthError.

    A refused connection is tried again until the time is up, as gRPC does, and is then a timeout.
    """
    ends_at = asyncio.get_running_loop().time() + timeout_s
    try:
        async with asyncio.timeout_at(ends_at):
            reader, writer = await _connected(runtime, host, port, timeout_s)
    except TimeoutError as error:
        text = f'timeout: failed to connect service "{host}:{port}" within {timeout_s:g}s'
        raise HealthError(f"{text}: context deadline exceeded") from error
    try:
        async with asyncio.timeout_at(ends_at):
            status = await _ask(reader, writer, f"{host}:{port}", service)
    except TimeoutError as error:
        raise HealthError(f"timeout: health rpc did not complete within {timeout_s:g}s") from error
    except (OSError, EOFError) as error:
        why = f"rpc error: code = Unavailable desc = {error or 'error reading from server: EOF'}"
        raise HealthError(f"error: health rpc probe failed: {why}") from error
    finally:
        writer.close()
    if status != SERVING:
        raise HealthError(f'service unhealthy (responded with "{NAMES.get(status, str(status))}")')


async def _connected(
    runtime: Runtime, host: str, port: int, timeout_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection whose server has sent its settings: only then does gRPC call it ready."""
    pause_s = FIRST_PAUSE_S
    while True:
        writer = None
        try:
            sock = socket.socket(fileno=await runtime.node_connect(host, port, timeout_s))
            sock.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=sock)
            writer.write(PREFACE + _frame(SETTINGS, 0, 0, b""))
            head = await reader.readexactly(9)
            if head[3] != SETTINGS:
                raise EOFError
            await reader.readexactly(int.from_bytes(head[:3], "big"))
            writer.write(_frame(SETTINGS, ACK, 0, b""))
        except (OSError, EOFError):
            if writer is not None:
                writer.close()
            await asyncio.sleep(pause_s)
            pause_s *= 1.6
        except BaseException:
            if writer is not None:
                writer.close()
            raise
        else:
            return reader, writer


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str, service: str) -> int:
    writer.write(_frame(HEADERS, END_HEADERS, 1, _headers(place)))
    name = service.encode()
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    writer.write(_frame(DATA, END_STREAM, 1, b"\x00" + struct.pack(">I", len(message)) + message))
    await writer.drain()
    return await _answer(reader, writer)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _headers(authority: str) -> bytes:
    """Return the request's headers as HPACK literals without indexing: no table, no Huffman code."""
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": authority,
        "content-type": "application/grpc",
        "te": "trailers",
        "user-agent": "kube-probe/1.36",
    }
    return b"".join(b"\x00" + _text(k) + _text(v) for k, v in pairs.items())


def _text(value: str) -> bytes:
    raw = value.encode()
    return bytes([len(raw)]) + raw  # all headers here are shorter than 127 bytes


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Return the status of the first message; trailers without one mean that the call was refused."""
    body = b""
    while True:
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = await reader.readexactly(length)
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            writer.write(_frame(PING, ACK, 0, payload))
        elif kind == DATA:
            body += payload[1 : -payload[0] or None] if flags & PADDED else payload
        elif kind in (RST, GOAWAY):
            raise EOFError("the server ended the call")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return _status(body)


def _status(body: bytes) -> int:
    """Field 1 of HealthCheckResponse; 0 when it is absent, as protobuf leaves zeros out."""
    if len(body) < 5:
        raise EOFError("the server answered no health status (is the health service registered?)")
    message = body[5:]
    return message[1] if len(message) >= 2 and message[0] == 0x08 else 0
