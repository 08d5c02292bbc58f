"""
What a container of the embedded node costs to start, against the bare spawn of the same program.

    python benchmarks/embedded_start.py [--containers 60] [--pods 200] [--at-once 16] [--rounds 2] [--daemon]

First: start and exit of ``true`` in one container, interleaved with ``posix_spawn`` of the same program; medians.
Second: *pods* Pods of three containers (init, sidecar, app) through the runtime, against a bare asyncio loop that
spawns and reaps the same three programs for each; wall time of both, interleaved, the better of each. Aim: at most 4.
That is at the level of the runtime. With ``--daemon``, third: the same Pods through API server, scheduler and kubelet,
from the first POST to the last Ready.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from podlab.embedded import sandbox
from podlab.embedded.images.toolbox import find_busybox
from podlab.embedded.runtime import ContainerConfig, ContainerState, SandboxConfig
from podlab.embedded.sandbox.process_runtime import ProcessRuntime

_PROGRAMS = (("init", ["true"]), ("sidecar", ["sleep", "60"]), ("app", ["sleep", "60"]))


async def run() -> None:
    """Print both figures."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="podlab-start-") as folder:
        runtime = await sandbox.open_runtime(folder)
        runtime.watch(_wake)
        try:
            await _one_container(runtime, folder, options.containers)
            await _many_pods(runtime, folder, options)
        finally:
            await runtime.close()
    if options.daemon:
        await asyncio.to_thread(_through_the_daemon, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--daemon", action="store_true", help="also through API server and kubelet")
    return parser.parse_args()


def _host_program(name: str) -> tuple[str, list[str]]:
    """The same file that the container runs: busybox where that is the toolbox."""
    busybox = find_busybox()
    return (str(busybox), [name]) if busybox else (f"/bin/{name}", [name])


async def _one_container(runtime: ProcessRuntime, folder: str, count: int) -> None:
    box = await runtime.start_sandbox(SandboxConfig("one", "ns", "one", "one"))
    path, argv = _host_program("true")
    ours, theirs = [], []
    for number in range(count):
        began = time.perf_counter()
        pid = os.posix_spawn(path, argv, os.environ)
        os.waitpid(pid, 0)
        theirs.append(time.perf_counter() - began)
        began = time.perf_counter()
        identity = await _start(runtime, box.id, folder, f"c{number}", ["true"])
        await _ended(runtime, "one", identity)
        ours.append(time.perf_counter() - began)
        await runtime.remove_container(identity)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"one container, start and exit: {statistics.median(ours) * 1000:.2f} ms; posix_spawn of the same program: "
        f"{statistics.median(theirs) * 1000:.2f} ms; ratio {ratio:.2f} (medians of {count}, uid {os.geteuid()})"
    )
    await runtime.remove_pod("one")


async def _start(runtime: ProcessRuntime, box: str, folder: str, name: str, command: list[str]) -> str:
    config = ContainerConfig(
        name=name,
        image="busybox:1.36",
        image_id="",
        command=command,
        args=None,
        env={},
        mounts=(),
        attempt=0,
        log_path=f"{folder}/logs/{box[:12]}/{name}.log",
    )
    identity = await runtime.create_container(box, config)
    await runtime.start_container(identity)
    return identity


async def _ended(runtime: ProcessRuntime, pod_uid: str, identity: str) -> None:
    changed = _CHANGED.setdefault(pod_uid, asyncio.Event())
    while True:
        found = next(one for one in runtime.view(pod_uid)[1] if one.id == identity)
        if found.state is ContainerState.EXITED:
            return
        changed.clear()
        await changed.wait()


_CHANGED: dict[str, asyncio.Event] = {}


def _wake(pod_uid: str) -> None:
    if pod_uid in _CHANGED:
        _CHANGED[pod_uid].set()


async def _many_pods(runtime: ProcessRuntime, folder: str, options: argparse.Namespace) -> None:
    ours, theirs, our_cpu, their_cpu = [], [], [], []
    for turn in range(options.rounds):
        before = _own_cpu()
        theirs.append(await _bare(options.pods, options.at_once))
        their_cpu.append(_own_cpu() - before)
        before = _own_cpu() + _node_cpu(runtime)
        ours.append(await _pods(runtime, folder, options, turn))
        our_cpu.append(_own_cpu() + _node_cpu(runtime) - before)
    programs = options.pods * len(_PROGRAMS)
    print(
        f"{options.pods} Pods of three containers to running: {min(ours):.2f} s "
        f"({min(ours) / programs * 1000:.2f} ms a container, Pod networks included); bare asyncio loop, the same "
        f"{programs} programs: {min(theirs):.2f} s ({min(theirs) / programs * 1000:.2f} ms each); "
        f"ratio {min(ours) / min(theirs):.2f} (aim 4)"
    )
    print(
        f"CPU time of the same, ends included: {min(our_cpu) / programs * 1000:.2f} ms a container, "
        f"{min(their_cpu) / programs * 1000:.2f} ms bare; ratio {min(our_cpu) / min(their_cpu):.2f} "
        f"(1-minute load {os.getloadavg()[0]:.1f}: with more than one a core, wall times above mean little)"
    )


def _own_cpu() -> float:
    """Seconds of CPU of this process and of its children that were waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _node_cpu(runtime: ProcessRuntime) -> float:
    """Seconds of CPU of the node and of every container that it has reaped."""
    janitor = runtime.node.zygote.pid
    node = Path(f"/proc/{janitor}/task/{janitor}/children").read_text().split()[0]
    fields = Path(f"/proc/{node}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")


async def _bare(pods: int, at_once: int) -> float:
    """Spawn and reap: init is waited for, the other two are ended at the end, as their Pods are."""
    gate = asyncio.Semaphore(at_once)
    running: list[asyncio.subprocess.Process] = []

    async def pod() -> None:
        async with gate:
            for name, command in _PROGRAMS:
                path, argv = _host_program(command[0])
                process = await asyncio.create_subprocess_exec(
                    path, *(argv if path.endswith("busybox") else []), *command[1:]
                )
                if name == "init":
                    await process.wait()
                else:
                    running.append(process)

    began = time.perf_counter()
    await asyncio.gather(*(pod() for _number in range(pods)))
    took = time.perf_counter() - began
    for process in running:
        process.kill()
    await asyncio.gather(*(process.wait() for process in running))
    return took


async def _pods(runtime: ProcessRuntime, folder: str, options: argparse.Namespace, turn: int) -> float:
    gate = asyncio.Semaphore(options.at_once)

    async def pod(number: int) -> None:
        async with gate:
            uid = f"pod-{turn}-{number}"
            box = await runtime.start_sandbox(SandboxConfig(uid, "ns", uid, uid))
            for name, command in _PROGRAMS:
                identity = await _start(runtime, box.id, folder, name, command)
                if name == "init":
                    await _ended(runtime, uid, identity)

    began = time.perf_counter()
    await asyncio.gather(*(pod(number) for number in range(options.pods)))
    took = time.perf_counter() - began
    await asyncio.gather(*(runtime.remove_pod(f"pod-{turn}-{number}") for number in range(options.pods)))
    return took


def _through_the_daemon(options: argparse.Namespace) -> None:
    """200 Pods from the first POST to the last Ready, by turns with the bare loop; CPU of all processes of both."""
    ours, theirs, our_cpu, their_cpu = [], [], [], []
    for turn in range(options.rounds):
        before = _own_cpu()
        theirs.append(asyncio.run(_bare(options.pods, options.at_once)))
        their_cpu.append(_own_cpu() - before)
        with tempfile.TemporaryDirectory(prefix="podlab-start-") as folder:
            daemon = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "podlab.embedded.daemon",
                    "--folder",
                    f"{folder}/c",
                    "--name",
                    f"b{turn}",
                ]
            )
            try:
                took, used = _ready_pods(f"{folder}/c", options.pods, daemon.pid)
                ours.append(took)
                our_cpu.append(used)
            finally:
                daemon.terminate()
                daemon.wait(30)
    print(
        f"{options.pods} Pods of three containers through the daemon, first POST to last Ready: {min(ours):.2f} s; "
        f"bare asyncio loop: {min(theirs):.2f} s; ratio {min(ours) / min(theirs):.2f} (aim 4)"
    )
    print(
        f"CPU time of all processes, the client's too: {min(our_cpu):.2f} s, {min(their_cpu):.2f} s bare; "
        f"ratio {min(our_cpu) / min(their_cpu):.2f} (1-minute load {os.getloadavg()[0]:.1f})"
    )


def _ready_pods(folder: str, count: int, daemon: int = 0) -> tuple[float, float]:
    """Wall time, and CPU of this process and of all below *daemon*."""
    from embedded_cold import processes_cpu

    from podlab.client import Client

    limit = time.monotonic() + 20
    while not Path(folder, "kubeconfig").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    client = Client.from_kubeconfig(Path(folder, "kubeconfig"))
    node = client.get("/api/v1/nodes")["items"][0]
    room = {"status": {"capacity": {"pods": "1000"}, "allocatable": {"pods": "1000"}}}
    client.patch(f"/api/v1/nodes/{node['metadata']['name']}/status", room)
    path = "/api/v1/namespaces/default/pods"
    began, before = time.perf_counter(), processes_cpu(daemon) + time.process_time()
    for number in range(count):
        client.create(path, _manifest(f"pod-{number}"))
    found = client.get(path)
    ready = {pod["metadata"]["name"] for pod in found["items"] if _is_ready(pod)}
    version = found["metadata"]["resourceVersion"]
    if len(ready) < count:
        with client.lines(path, watch="true", resourceVersion=version, read_timeout_s=240) as lines:
            for line in lines:
                pod = json.loads(line)["object"]
                if _is_ready(pod):
                    ready.add(pod["metadata"]["name"])
                if len(ready) == count:
                    break
    return time.perf_counter() - began, processes_cpu(daemon) + time.process_time() - before


def _manifest(name: str) -> dict[str, Any]:
    def container(place: tuple[str, list[str]], **more: str) -> dict[str, Any]:
        return {"name": place[0], "image": "busybox:1.36", "command": place[1], **more}

    init, sidecar, app = _PROGRAMS
    spec = {
        "initContainers": [container(init), container(sidecar, restartPolicy="Always")],
        "containers": [container(app)],
        "terminationGracePeriodSeconds": 0,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


if __name__ == "__main__":
    asyncio.run(run())
