"""
The API server of the embedded cluster: watch latency, memory per watcher, idle memory, cold start.

    python benchmarks/embedded_api.py [--rounds 5] [--changes 200]

Watch: a server process stores objects that carry the time of their commit; watchers in another process read it when
the line arrives (one clock for both: CLOCK_MONOTONIC). The reference is a bare asyncio TLS server in place of ours
that sends the same bytes to the same clients. Memory: resident set of the server with 1 and with 200 watchers.
Idle: resident set of a whole daemon and its zygote, against ``python -c "import kubernetes"``. Runs are interleaved,
figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from podlab.embedded import bootstrap, pki
from podlab.embedded.api.app import App
from podlab.embedded.api.http.server import TLS_BUFFER, Server, listen, tls
from podlab.embedded.store import Store

STAMP = re.compile(rb'"at":"(\d+)"')
PAUSE_S = 0.02


def rss_kib(pid: int | str = "self") -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() // 1024


# -- server processes ----------------------------------------------------------------------------------------


def change() -> dict[str, Any]:
    """An object of a Pod's size that carries the time of its commit."""
    filler = "x" * 3000
    at = str(time.monotonic_ns())
    meta = {"name": f"c{at}", "namespace": "default"}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"at": at, "filler": filler}}


async def serve_ours(folder: str, changes: int) -> None:
    """Our server; commands on stdin: ``memory``, ``go``, ``end``."""
    cert, key = pki.certificate(folder)
    store, sock = Store(history=100), listen()
    bootstrap.first_objects(store, authority="-")
    port = sock.getsockname()[1]
    server = Server(App(store, token="t", hosts=[f"127.0.0.1:{port}"]), sock, tls(cert, key))
    await server.start()
    print(port, flush=True)

    async def go() -> None:
        for _ in range(changes):
            store.create("configmaps", change())
            await asyncio.sleep(PAUSE_S)

    await commands(go)


async def serve_bare(folder: str, changes: int) -> None:
    """The reference: the same bytes to every open connection, nothing else."""
    asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER  # type: ignore[attr-defined]
    cert, key = pki.certificate(folder)
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)

    server = await asyncio.start_server(connected, sock=listen(), ssl=tls(cert, key))
    print(server.sockets[0].getsockname()[1], flush=True)

    async def go() -> None:
        for _ in range(changes):
            line = json.dumps({"type": "ADDED", "object": change()}, separators=(",", ":")).encode() + b"\n"
            for writer in writers:
                writer.write(line)
            await asyncio.sleep(PAUSE_S)

    await commands(go)


async def commands(go: Any) -> None:
    """Obey the benchmark."""
    loop = asyncio.get_running_loop()
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if word == "memory":
            print(rss_kib(), flush=True)
        elif word == "go":
            await go()
            print("done", flush=True)
        else:
            return


# -- watchers ------------------------------------------------------------------------------------------------


async def watch(port: int, context: ssl.SSLContext, delays: list[float], ready: asyncio.Semaphore) -> None:
    """One watcher: note for every line how long ago it was committed."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1"
    )
    path = "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer t\r\n\r\n".encode())
    await writer.drain()
    ready.release()
    try:
        while line := await reader.readline():
            found = STAMP.search(line)
            if found:
                delays.append((time.monotonic_ns() - int(found[1])) / 1e6)
    finally:
        writer.close()


async def measure(kind: str, folder: str, watchers: int, changes: int) -> tuple[float, float, float]:
    """(median ms, p99 ms, KiB of server memory per watcher) for one server and a number of watchers."""
    arguments = [sys.executable, __file__, "--serve", kind, "--folder", folder, "--changes", str(changes)]
    server = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None and server.stdout is not None

    def say(word: str) -> str:
        server.stdin.write(word + "\n")  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        return server.stdout.readline()  # type: ignore[union-attr]

    loop = asyncio.get_running_loop()
    port = int(await loop.run_in_executor(None, server.stdout.readline))
    context = ssl.create_default_context(cafile=f"{folder}/server.crt")
    delays: list[float] = []
    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(watch(port, context, delays, ready))]
    await ready.acquire()
    await asyncio.sleep(0.3)
    before = int(await loop.run_in_executor(None, say, "memory"))
    for _ in range(watchers - 1):
        tasks.append(asyncio.create_task(watch(port, context, delays, ready)))
        await ready.acquire()
    await asyncio.sleep(0.5)
    after = int(await loop.run_in_executor(None, say, "memory"))
    await loop.run_in_executor(None, say, "go")
    await asyncio.sleep(0.5)
    server.stdin.write("end\n")
    server.stdin.flush()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    server.kill()
    server.wait()
    assert len(delays) >= watchers * changes, f"{len(delays)} of {watchers * changes} lines arrived"
    delays.sort()
    each = (after - before) / (watchers - 1) if watchers > 1 else 0.0
    return delays[len(delays) // 2], delays[int(len(delays) * 0.99)], each


# -- the whole daemon ----------------------------------------------------------------------------------------


def import_kubernetes() -> int:
    """Resident memory of an interpreter that has imported the official client, in KiB."""
    code = "import kubernetes, os; print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE'))"
    return (
        int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        // 1024
    )


def idle_daemon(folder: str) -> list[tuple[str, int]]:
    """Resident memory of the daemon and of every process below it, in KiB."""
    reader, writer = os.pipe()
    call = [sys.executable, "-m", "podlab.embedded.daemon", "--folder", folder, "--name", "bench"]
    daemon = subprocess.Popen([*call, "--ready-fd", str(writer)], pass_fds=(writer,))
    os.close(writer)
    try:
        if os.read(reader, 10) != b"ready\n":
            raise SystemExit("the daemon did not start")
        time.sleep(1)
        return [(Path(f"/proc/{pid}/comm").read_text().strip(), rss_kib(pid)) for pid in family(daemon.pid)]
    finally:
        os.close(reader)
        daemon.terminate()
        daemon.wait(20)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in family(int(child)))]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--serve", choices=["ours", "bare"])
    parser.add_argument("--folder")
    options = parser.parse_args()
    if options.serve:
        work = serve_ours if options.serve == "ours" else serve_bare
        asyncio.run(work(options.folder, options.changes))
        return
    with tempfile.TemporaryDirectory() as folder:
        pki.certificate(folder)
        for watchers in (1, 200):
            report_watch(folder, watchers, options)
        report_memory(folder)


def report_watch(folder: str, watchers: int, options: argparse.Namespace) -> None:
    """Latency and memory with a number of watchers."""
    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "bare": []}
    for _ in range(options.rounds):
        for kind, results in found.items():
            results.append(asyncio.run(measure(kind, folder, watchers, options.changes)))
    middle = {
        k: [statistics.median(column) for column in zip(*rows, strict=True)] for k, rows in found.items()
    }
    ours, bare = middle["ours"], middle["bare"]
    print(
        f"watch, {watchers:3} watchers: commit to callback median {ours[0]:.2f} ms, p99 {ours[1]:.2f} ms; "
        f"bare TLS loop {bare[0]:.2f} and {bare[1]:.2f} ms; ratio of p99 {ours[1] / bare[1]:.2f}"
    )
    if watchers > 1:
        print(f"memory per watcher: {ours[2]:.0f} KiB; bare {bare[2]:.0f} KiB")


def report_memory(folder: str) -> None:
    """Idle memory of the whole cluster."""
    ours = idle_daemon(f"{folder}/cluster")
    total, reference = sum(kib for _, kib in ours), import_kubernetes()
    parts = ", ".join(f"{name} {kib / 1024:.1f}" for name, kib in ours)
    print(
        f"idle memory: {total / 1024:.1f} MB ({parts}); import kubernetes {reference / 1024:.1f} MB; "
        f"ratio {total / reference:.2f}"
    )


if __name__ == "__main__":
    main()
