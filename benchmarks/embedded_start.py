"""
What a container of the embedded node costs to start, against the bare spawn of the same program.

    python benchmarks/embedded_start.py [--containers 60] [--pods 200] [--at-once 16]

First: start and exit of ``true`` in one container, interleaved with ``posix_spawn`` of the same program; medians.
Second: *pods* Pods of three containers (init, sidecar, app) through the runtime, against a bare asyncio loop that
spawns and reaps the same three programs for each; wall time of both, twice, the better of each. Aim: at most 4.
The second is at the level of the runtime: no API server, no kubelet.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time

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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--pods", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
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
    ours, theirs = [], []
    for turn in range(2):
        theirs.append(await _bare(options.pods, options.at_once))
        ours.append(await _pods(runtime, folder, options, turn))
    programs = options.pods * len(_PROGRAMS)
    print(
        f"{options.pods} Pods of three containers to running: {min(ours):.2f} s "
        f"({min(ours) / programs * 1000:.2f} ms a container, Pod networks included); bare asyncio loop, the same "
        f"{programs} programs: {min(theirs):.2f} s ({min(theirs) / programs * 1000:.2f} ms each); "
        f"ratio {min(ours) / min(theirs):.2f} (aim 4)"
    )


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


if __name__ == "__main__":
    asyncio.run(run())
