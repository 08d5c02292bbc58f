"""
Costs of a recording in a busy namespace, by ``--pod`` and by ``-l``, against the same in a quiet one.

    python benchmarks/busy_namespace.py                            # 500 others, on an embedded cluster of its own
    python benchmarks/busy_namespace.py --others 50 --name CLUSTER
    python benchmarks/busy_namespace.py --only pod

The others are Pods that no node takes: a recorder meets them as objects, as changes and as Events only. While the one
Pod is recorded for a while, a change and an Event of the others arrive so many times a second (``--rate``). Printed are
the requests that the recorder sends, the bytes that it receives, and its processor time, busy / quiet. Each recording
is a process of its own; its bytes are counted where TLS hands them over.
"""

from __future__ import annotations

import argparse
import json
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import on_a_cluster

from podlab.client import Client
from podlab.errors import PodlabError
from podlab.pods.raw import RawObject

WAYS = {"pod": {"pod": "mine"}, "labels": {"labels": "app=mine"}}
FIGURES = ("requests", "bytes", "cpu_s")
TALK = "i=0; while [ $i -lt 600 ]; do echo $i; i=$((i+1)); sleep 1; done"


def pod(name: str, app: str, **spec: Any) -> RawObject:
    """A Pod of one container."""
    container = {"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", TALK]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def make(client: Client, namespace: str, others: int) -> list[RawObject]:
    """Create the one Pod and the others; return the others."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    client.create(path, pod("mine", "mine"))
    with ThreadPoolExecutor(8) as pool:
        bodies = [pod(f"other-{n}", "other", nodeSelector={"none": "such"}) for n in range(others)]
        made = list(pool.map(lambda body: client.create(path, body), bodies))
    end_at = time.monotonic() + 120
    while (client.get(f"{path}/mine").get("status") or {}).get("phase") != "Running":
        if time.monotonic() > end_at:
            sys.exit("the Pod did not run within 120 s")
        time.sleep(0.2)
    return made


@contextmanager
def change(client: Client, namespace: str, others: list[RawObject], rate: float) -> Iterator[list[int]]:
    """Change an other, and let an Event speak of it, *rate* times a second; yields how many times so far."""
    done, stop = [0], threading.Event()

    def work() -> None:
        began = time.monotonic()
        while not stop.wait(max(0.0, began + done[0] / rate - time.monotonic())):
            one = others[done[0] % len(others)]
            with suppress(PodlabError):
                speak(client, namespace, one, done[0])
            done[0] += 1

    thread = threading.Thread(target=work, daemon=True)
    if others and rate:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        if others and rate:
            thread.join(30)


def speak(client: Client, namespace: str, one: RawObject, number: int) -> None:
    """One change of an other's annotation, and one Event about it."""
    base, name = f"/api/v1/namespaces/{namespace}", one["metadata"]["name"]
    body = {"metadata": {"annotations": {"changed": str(number)}}}
    client.patch(f"{base}/pods/{name}", body, content_type="application/merge-patch+json")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {
        "kind": "Pod",
        "namespace": namespace,
        "name": name,
        "uid": one["metadata"]["uid"],
        "apiVersion": "v1",
    }
    client.create(
        f"{base}/events",
        {
            "metadata": {"name": f"{name}.{number}", "namespace": namespace},
            "involvedObject": about, "reason": "Changed", "message": "something of another's", "type": "Normal",
            "firstTimestamp": now, "lastTimestamp": now, "count": 1, "source": {"component": "benchmark"},
        },
    )  # fmt: skip


def record(kubeconfig: Path, namespace: str, way: str, seconds: float) -> None:
    """Record in this process and print what it cost."""
    from podlab import observe
    from podlab.client.transport import Transport

    figures: dict[str, Any] = {"requests": 0, "bytes": 0}
    send, read = Transport._send, ssl.SSLSocket.read

    def sent(self: Transport, *args: Any, **named: Any) -> Any:
        figures["requests"] += 1
        return send(self, *args, **named)

    def received(self: ssl.SSLSocket, *args: Any) -> Any:
        got = read(self, *args)
        figures["bytes"] += got if isinstance(got, int) else len(got)
        return got

    Transport._send, ssl.SSLSocket.read = sent, received  # type: ignore[method-assign]
    client = Client.from_kubeconfig(kubeconfig)
    with tempfile.TemporaryDirectory() as folder:
        made = observe.record(
            client, None, namespace=namespace, until="gone", deadline_s=seconds, out=Path(folder, "run.jsonl"),
            **WAYS[way],
        )  # fmt: skip
        figures["kept"] = sum(1 for _ in made.observations)
        figures["pods"] = made.pods()
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures["cpu_s"] = used.ru_utime + used.ru_stime
    print(json.dumps(figures))


def measured(kubeconfig: Path, namespace: str, way: str, seconds: float) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--record", str(kubeconfig), namespace, way, str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 120)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(client: Client, kubeconfig: Path, args: argparse.Namespace, space: Callable[[str], str]) -> None:
    """Print each figure, busy / quiet."""
    others = {"quiet": make(client, space("quiet"), 0), "busy": make(client, space("busy"), args.others)}
    for way in args.only or WAYS:
        rows: dict[str, list[dict[str, Any]]] = {"quiet": [], "busy": []}
        for number in range(args.rounds):
            for side in ("quiet", "busy") if number % 2 else ("busy", "quiet"):
                with change(client, space(side), others[side], args.rate) as changes:
                    rows[side].append(measured(kubeconfig, space(side), way, args.seconds))
                if side == "busy":
                    print(
                        f"    {changes[0] / args.seconds:.0f} changes of others a second meanwhile",
                        flush=True,
                    )
        assert {tuple(row["pods"]) for side in rows.values() for row in side} == {("mine",)}
        print(f"{way}, {args.others} others, {args.seconds:g} s, {args.rounds} rounds: busy / quiet, medians")
        for figure in (*FIGURES, "kept"):
            busy, quiet = (statistics.median(row[figure] for row in rows[side]) for side in ("busy", "quiet"))
            print(f"  {figure:<9} {busy:12,.2f} / {quiet:12,.2f} = {busy / quiet:.3f}", flush=True)


def main() -> None:
    """Compare, or be one of the recordings that are compared."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--others", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="changes of others a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each recording")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=WAYS)
    on_a_cluster.add_options(parser)
    args = parser.parse_args()
    if args.record:
        kubeconfig, namespace, way, seconds = args.record
        record(Path(kubeconfig), namespace, way, float(seconds))
        return
    with on_a_cluster.lab(args, "bench-busy") as lab:
        client, kubeconfig = lab.cluster.client(), Path(lab.cluster.kubeconfig)
        made = {side: f"bench-busy-{side}" for side in ("quiet", "busy")}
        try:
            for name in made.values():
                client.create("/api/v1/namespaces", {"metadata": {"name": name}})
                wait_for(lambda name=name: client.find(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
            compare(client, kubeconfig, args, made.__getitem__)
        finally:
            for name in made.values():
                client.remove(f"/api/v1/namespaces/{name}")


def wait_for(look: Callable[[], Any]) -> None:
    """Wait up to 30 s until *look* returns something."""
    end_at = time.monotonic() + 30
    while not look() and time.monotonic() < end_at:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
