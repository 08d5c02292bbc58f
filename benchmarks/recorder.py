"""
What the recorder costs: CPU per WatchEvent beside the ``kubernetes`` package's own watch loop, and memory.

    python benchmarks/recorder.py                 1,000 events a second for 20 s, and 5,000 a second for 4 s
    python benchmarks/recorder.py --memory        one million observations

A server process sends the same Pods (6.9 kB each, as a real one with managed fields) to both; each loop runs in a
process of its own, by turns, and its CPU time between the first and the last event is read by itself. Ours writes its
file, theirs only counts. "lost" must be 0 for both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PODS = 50
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def pod(number: int, version: int) -> dict[str, Any]:
    """Return a Pod as large as a real one: two containers, conditions, statuses, managed fields."""
    containers = [
        {
            "name": name, "image": "registry.example/team/app:1.2.3", "command": ["sh", "-c", "exec app --serve"],
            "env": [{"name": f"SETTING_{index}", "value": f"value-{index}"} for index in range(8)],
            "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "token", "mountPath": "/var/run"}],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }
        for name in ("app", "sidecar")
    ]  # fmt: skip
    fields = {f"f:field{index}": {".": {}, f"f:inner{index}": {}} for index in range(60)}
    return {
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": f"pod-{number}", "namespace": "lab", "uid": f"4195572a-0531-40ed-b519-{number:012d}",
            "resourceVersion": str(version), "creationTimestamp": "2026-11-23T02:46:36Z",
            "labels": {"app": "shop", "tier": "web"},
            "managedFields": [
                {"manager": name, "operation": "Update", "apiVersion": "v1", "time": "2026-11-23T02:46:36Z",
                 "fieldsType": "FieldsV1", "fieldsV1": fields}
                for name in ("podlab", "kubelet")
            ],
        },
        "spec": {
            "containers": containers, "restartPolicy": "Always", "nodeName": "node",
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "kube-api-access", "emptyDir": {}}],
        },
        "status": {
            "phase": "Running", "podIP": "10.244.0.7", "startTime": "2026-11-23T02:46:36Z",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-11-23T02:46:36Z"}
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {"name": one["name"], "image": one["image"], "imageID": "sha256:0", "ready": True, "started": True,
                 "restartCount": 0, "containerID": f"containerd://{number:060d}{one['name'][:4]}",
                 "state": {"running": {"startedAt": "2026-11-23T02:46:36Z"}}}
                for one in containers
            ],
        },
    }  # fmt: skip


def lean(number: int) -> dict[str, Any]:
    """Return a Pod of 200 bytes, so that a million of them fit on a disk."""
    whole = pod(number, 0)
    names = ("name", "namespace", "uid", "resourceVersion")
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {name: whole["metadata"][name] for name in names},
        "status": {"phase": "Running"},
    }


class Stream:
    """Serves list and watch; sends *total* events at *rate* a second to whoever watches Pods."""

    def __init__(self, rate: int, total: int, small: int = 0) -> None:
        self.rate, self.total = rate, total
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        marker = b"%VERSION%"
        text = [
            json.dumps(
                {"type": "MODIFIED", "object": lean(n) if small else pod(n, 0)}, separators=(",", ":")
            ).encode()
            for n in range(PODS)
        ]
        self._lines = [
            one.replace(b'"resourceVersion":"0"', b'"resourceVersion":"' + marker + b'"') for one in text
        ]
        self.size = len(text[0])
        self._marker = marker

    def serve(self) -> None:
        """Serve for ever; one thread for each connection."""
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        target = peer.recv(65536).split(b" ", 2)[1].decode()
        if "watch=true" in target.lower():
            peer.sendall(_HEAD)
            if "/pods" in target:
                self._send(peer)
            time.sleep(600)
            return
        kind = "PodList" if "/pods" in target else "EventList"
        body = json.dumps(
            {"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}
        )
        if "/version" in target:
            body = '{"gitVersion":"v1.36.3"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
        peer.sendall(f"{head}\r\n\r\n{body}".encode())
        peer.close()

    def _send(self, peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started, sent = time.monotonic(), 0
        while sent < self.total:
            due = min(self.total, int((time.monotonic() - started) * self.rate) + 1)
            # One send for each event, as an API server does.
            for number in range(sent, due):
                line = self._lines[number % PODS].replace(self._marker, b"%d" % (number + 2)) + b"\n"
                peer.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            sent = due
            time.sleep(max(0.0, started + (sent + 1) / self.rate - time.monotonic()))


def cpu_s() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run_ours(port: int, total: int, seconds: float) -> dict[str, Any]:
    """Record *total* events with ``Recorder`` and return the cost."""
    from podlab.client import Client, Kubeconfig
    from podlab.observe import Recorder

    url = f"http://127.0.0.1:{port}"
    client = Client(Kubeconfig(url, "bench", "lab", {"server": url}, {}))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run.jsonl")
        recorder = Recorder(client, namespace="lab", out=out, logs=False, node=None).start()
        before = cpu_s()
        recorder.wait(lambda _: recorder.newest_version("pods") >= total + 1, deadline_s=seconds * 4 + 60)
        used = cpu_s() - before
        recorder._sources.close()  # its last comparison with a list does not belong to the loop
        recorder.writer.end("closed")
        memory_mb, seen = peak_mb(), bytearray(total + 2)  # the check below is not the recorder's memory
        with out.open("rb") as file:
            for line in file:
                if b'"source":"watch"' in line[:60]:
                    at = line.index(b'"resourceVersion":"') + 19
                    seen[int(line[at : line.index(b'"', at)])] = 1
    return {"cpu_s": used, "lost": total - sum(seen), "memory_mb": memory_mb}


def run_theirs(port: int, total: int, seconds: float) -> dict[str, Any]:
    """Watch *total* events with the ``kubernetes`` package and return the cost."""
    import kubernetes

    configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{port}")
    api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
    watch, seen, before = kubernetes.watch.Watch(), 0, cpu_s()
    for _ in watch.stream(api.list_namespaced_pod, "lab", resource_version="1"):
        seen += 1
        if seen == total:
            break
    return {"cpu_s": cpu_s() - before, "lost": total - seen, "memory_mb": peak_mb()}


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(who: str, rate: int, total: int, *, small: bool = False) -> dict[str, Any]:
    """Run server and loop in processes of their own and return what the loop reports."""
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(rate), str(total), str(int(small))],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        command = [sys.executable, __file__, "--loop", who, port, str(total), str(total / rate)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    finally:
        server.terminate()
        server.wait(10)


def compare(rate: int, seconds: float, rounds: int) -> None:
    """Print the medians of both loops at one rate, and their ratio."""
    total = int(rate * seconds)
    results: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    for number in range(rounds):
        for who in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            results[who].append(measure(who, rate, total))
    each = {
        who: statistics.median(one["cpu_s"] for one in rows) / total * 1e6 for who, rows in results.items()
    }
    lost = {who: sum(one["lost"] for one in rows) for who, rows in results.items()}
    print(
        f"{rate:,} events/s for {seconds:g} s, {rounds} rounds: CPU per WatchEvent podlab {each['ours']:.1f} us, "
        f"kubernetes {each['theirs']:.1f} us, ratio {each['ours'] / each['theirs']:.3f}; "
        f"lost {lost['ours']} and {lost['theirs']}; "
        f"peak memory {results['ours'][0]['memory_mb']:.0f} and {results['theirs'][0]['memory_mb']:.0f} MB",
        flush=True,
    )


def memory(count: int) -> None:
    """Print what one recorder holds after *count* observations, sent as fast as it takes them."""
    small = measure("ours", 50_000, 1_000, small=True)
    large = measure("ours", 50_000, count, small=True)
    print(
        f"{count:,} observations: peak memory {large['memory_mb']:.0f} MB, after 1,000 {small['memory_mb']:.0f} MB; "
        f"lost {large['lost']}; CPU per WatchEvent {large['cpu_s'] / count * 1e6:.1f} us"
    )


def main() -> int:
    """Compare, or play one of the parts that the comparison starts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--serve", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--loop", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help="one million observations instead")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.serve:
        stream = Stream(*args.serve)
        print(stream.port, flush=True)
        stream.serve()
    elif args.loop:
        who, port, total, seconds = args.loop
        loop = run_ours if who == "ours" else run_theirs
        print(json.dumps(loop(int(port), int(total), float(seconds))))
        sys.stdout.flush()
        os._exit(0)  # their watch keeps a thread that does not end
    elif args.memory:
        memory(args.count)
    else:
        compare(1_000, 20, args.rounds)
        compare(5_000, 4, args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
