"""
From a cold shell to a Ready Pod on the embedded cluster, against ``python -c "import kubernetes"``.

    python benchmarks/embedded_cold.py [--rounds 9] [--kind KUBECONFIG]

The Pod has an init container, a sidecar and an app, both with a readiness probe; its containers are real processes,
and everything goes over TLS with a certificate that is new in each run. (No startup probe: that waits for the next
tick of its period, a second at the least, here as on a real kubelet.) Three ways there, each from the start of a new
interpreter, with a cluster that is made for the run:

    one process    Python: ``drivers.make``, create the Pod, watch it until Ready
    two commands   ``podlab up``, then ``podlab record --until Ready``
    daemon alone   the daemon, and a client of a socket and TLS in this process, whose modules are loaded already

``--kind KUBECONFIG``: also the Pod alone on that running cluster, from a new interpreter with our client; its start,
half a minute at the least, is not counted. All ways and the import take turns; medians. The CPU of a way is that of all
its processes until the Pod is Ready, the daemon's and its containers' too: what the ratio comes to on a machine with
nothing to spare. Compiled modules are used by both sides, whatever ``PYTHONDONTWRITEBYTECODE`` says.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from podlab.drivers.embedded import EmbeddedDriver, _import_path, daemon_facts

PODS = "/api/v1/namespaces/default/pods"
READINESS = {"exec": {"command": ["true"]}, "periodSeconds": 1}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "cold"},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "initContainers": [
            {"name": "init", "image": "busybox:1.36", "command": ["true"]},
            {
                "name": "sidecar",
                "image": "busybox:1.36",
                "command": ["sleep", "600"],
                "restartPolicy": "Always",
                "readinessProbe": READINESS,
            },
        ],
        "containers": [
            {
                "name": "app",
                "image": "busybox:1.36",
                "command": ["sleep", "600"],
                "readinessProbe": READINESS,
            }
        ],
    },
}

# What a person's own script would say. The cluster is made, or the kubeconfig of one that runs is read.
USER = """
import json, sys
from podlab import drivers
name, pods, pod = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if name.startswith("/"):
    from pathlib import Path
    from podlab.client import Client
    client = Client.from_kubeconfig(Path(name))
else:
    client = drivers.make(name, driver="embedded").client()
made = client.create(pods, pod)
with client.lines(pods, watch="true", resourceVersion=made["metadata"]["resourceVersion"]) as lines:
    for line in lines:
        conditions = json.loads(line)["object"].get("status", {}).get("conditions", ())
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            break
"""


def main() -> None:
    """Take turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--kind", metavar="KUBECONFIG", help="the kubeconfig of a running kind cluster")
    options = parser.parse_args()
    ways: dict[str, Callable[[str], Figures]] = {
        "import kubernetes": lambda _name: run([sys.executable, "-c", "import kubernetes"]),
        "one process": one_process,
        "two commands": two_commands,
        "daemon alone": daemon_alone,
    }
    if options.kind:
        ways["kind, running"] = lambda name: on_kind(options.kind, name)
    with tempfile.TemporaryDirectory(prefix="podlab-cold-") as home:
        os.environ["PODLAB_HOME"] = home
        # With it, a package that pip compiled would be measured against one that is compiled at each start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        wall, cpu = take_turns(ways, options.rounds)
    report(wall, cpu)


Figures = tuple[float, float]  # seconds of wall time, and of CPU of all processes


def take_turns(
    ways: dict[str, Callable[[str], Figures]], rounds: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(wall times, CPU times in seconds) of every way; a first round that fills the page cache is not kept."""
    wall: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for number, (way, go) in enumerate(ways.items()):
            took, used = go(f"cold-{turn}-{number}")
            if turn:
                wall[way].append(took)
                cpu[way].append(used)
    return wall, cpu


def report(wall: dict[str, list[float]], cpu: dict[str, list[float]]) -> None:
    """One line for each way; ratios of medians, and of the pairs."""
    reference = wall["import kubernetes"]
    for way, times in wall.items():
        middle = statistics.median(times)
        pairs = sorted(one / other for one, other in zip(times, reference, strict=True))
        print(
            f"{way:18} median {middle * 1000:5.0f} ms (best {min(times) * 1000:.0f}, worst {max(times) * 1000:.0f}; "
            f"CPU {statistics.median(cpu[way]) * 1000:.0f}); ratio to the import "
            f"{middle / statistics.median(reference):.2f}, of pairs {statistics.median(pairs):.2f}, "
            f"of CPU {statistics.median(cpu[way]) / statistics.median(cpu['import kubernetes']):.2f}"
        )
    print(f"{len(reference)} rounds, 1-minute load {os.getloadavg()[0]:.1f}; aim: at most 1.0")


def children_cpu() -> float:
    """Seconds of CPU of all children that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processes_cpu(pid: int) -> float:
    """Seconds of CPU of a process and of all its descendants, living or waited for by it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
        children = [Path(f"/proc/{pid}/task/{task}/children").read_text().split() for task in threads]
    except OSError:
        return 0.0  # ended meanwhile: its parent has its time
    own = sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(processes_cpu(int(child)) for found in children for child in found)


def stop(name: str) -> float:
    """End a cluster; the CPU that its daemon had used by then."""
    used = processes_cpu(daemon_facts(name)["pid"])
    EmbeddedDriver().stop(name)
    return used


def run(command: list[str]) -> Figures:
    """What a command takes; it must succeed."""
    began, before = time.perf_counter(), children_cpu()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began, children_cpu() - before


def one_process(name: str) -> Figures:
    """Cluster and Pod from one script."""
    took, used = run([sys.executable, "-c", USER, name, PODS, json.dumps(POD)])
    return took, used + stop(name)


def two_commands(name: str) -> Figures:
    """``podlab up``, then ``podlab record``."""
    manifest = Path(os.environ["PODLAB_HOME"], f"{name}.json")
    manifest.write_text(json.dumps(POD))
    podlab = [sys.executable, "-m", "podlab"]
    up = run([*podlab, "up", "--driver", "embedded", "--name", name])
    record = run([*podlab, "record", str(manifest), "--name", name, "--out", f"{manifest}.run"])
    return up[0] + record[0], up[1] + record[1] + stop(name)


def on_kind(kubeconfig: str, name: str) -> Figures:
    """The same script's second half on a cluster that runs."""
    pod = {**POD, "metadata": {"name": name}}
    took = run([sys.executable, "-c", USER, str(Path(kubeconfig).resolve()), PODS, json.dumps(pod)])
    delete = "from podlab.client import Client; import sys, pathlib; "
    delete += "Client.from_kubeconfig(pathlib.Path(sys.argv[1])).delete(sys.argv[2])"
    run([sys.executable, "-c", delete, kubeconfig, f"{PODS}/{name}"])
    return took


def daemon_alone(name: str) -> Figures:
    """The daemon as the driver starts it, and the least of a client."""
    folder = Path(os.environ["PODLAB_HOME"], name)
    reader, writer = os.pipe()
    arguments = ["--folder", str(folder), "--name", name, "--ready-fd", str(writer)]
    code = f"import sys; sys.path[:] = {_import_path()!r}; from podlab.embedded.daemon import main; main({arguments!r})"
    began = time.perf_counter()
    daemon = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], pass_fds=[writer])
    os.close(writer)
    try:
        if os.read(reader, 16) != b"ready\n":
            raise RuntimeError("the daemon did not start")
        _until_ready(folder / "kubeconfig")
        return time.perf_counter() - began, processes_cpu(daemon.pid)
    finally:
        os.close(reader)
        daemon.terminate()
        daemon.wait(30)


def _until_ready(kubeconfig: Path) -> None:
    config = json.loads(kubeconfig.read_text())
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    server = cluster["server"]
    with _connection(server, cluster["certificate-authority-data"]) as stream:
        head = f"Host: {server.partition('//')[2]}\r\nAuthorization: Bearer {token}\r\n"
        body = json.dumps(POD)
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        stream.write(f"POST {PODS} HTTP/1.1\r\n{head}{length}\r\n{body}".encode())
        stream.write(f"GET {PODS}?watch=true HTTP/1.1\r\n{head}\r\n".encode())
        stream.flush()
        for line in stream:
            if line.startswith(b'{"type"') and _is_ready(json.loads(line)["object"]):
                return
    raise RuntimeError("the watch ended before the Pod was Ready")


@contextlib.contextmanager
def _connection(server: str, authority: str) -> Iterator[Any]:
    context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
    host, port = server.partition("//")[2].split(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
        wrapped.makefile("rwb") as stream,
    ):
        yield stream


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


if __name__ == "__main__":
    main()
