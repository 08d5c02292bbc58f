"""
What is left behind after ``kill -9`` of the embedded node's daemon at random moments.

    python benchmarks/embedded_orphans.py [--kills 30] [--seed 1]

Each round starts a process that makes a node and keeps starting Pods (init container, server with children, a memory
volume, an exec), kills it with SIGKILL after 20 to 900 ms, gives the kernel 2 s, and counts processes, mounts,
network interfaces, cgroups and files that still bear the round's mark. Aim: 0.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_MARK = "PODLAB_ORPHAN_MARK"
_SETTLE_S = 2.0

_VICTIM = """
import asyncio, os, sys
from pathlib import Path
from podlab.embedded import sandbox
from podlab.embedded.sandbox.launch import launch
from podlab.embedded.runtime import ContainerConfig, Mount, SandboxConfig
from podlab.embedded.volumes import Volumes

folder, mark = sys.argv[1], sys.argv[2]
zygote = launch(folder, remove=[folder + "/pods"])

async def pod(runtime, number):
    uid = f"uid-{number}"
    memory = Volumes(folder + "/pods").empty_dir(uid, "m", "Memory", 1 << 20)
    box = await runtime.start_sandbox(SandboxConfig(uid, "ns", f"p{number}", f"p{number}",
                                                    share_process_namespace=number % 3 == 0))
    for name, line in (("init", "exit 0"), ("server", "sleep 1000 & setsid sleep 1000 & sleep 1000")):
        identity = await runtime.create_container(box.id, ContainerConfig(
            name=name, image="busybox:1.36", image_id="", command=["sh", "-c", line], args=None,
            env={"PODLAB_ORPHAN_MARK": mark}, mounts=[Mount(memory, "/m")], attempt=0,
            memory_limit_bytes=64 << 20, log_path=f"{folder}/pods/{uid}/{name}.log"))
        await runtime.start_container(identity)
    asyncio.create_task(runtime.exec_sync(identity, ["sleep", "1000"], None))

async def main():
    runtime = await sandbox.open_runtime(folder, zygote=zygote)
    print("up", flush=True)
    for number in range(120):
        await pod(runtime, number)

asyncio.run(main())
"""


def main() -> int:
    """Run the rounds and print what was left; exit code 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    totals = dict.fromkeys(("processes", "mounts", "interfaces", "cgroups", "files"), 0)
    started = 0
    for number in range(options.kills):
        left, containers = _round(f"mark-{os.getpid()}-{number}", chance)
        started += containers
        for kind, items in left.items():
            totals[kind] += len(items)
            for item in items[:5]:
                print(f"  round {number}: left {kind[:-1]} {item}")
    print(f"killed {options.kills} daemons (uid {os.geteuid()}), {started} marked processes; left behind:")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in totals.items()))
    return 1 if any(totals.values()) else 0


def _round(mark: str, chance: random.Random) -> tuple[dict[str, list[str]], int]:
    folder = tempfile.mkdtemp(prefix="podlab-orphans-")
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, folder, mark],
        env={**os.environ, _MARK: mark},
        stdout=subprocess.PIPE,
    )
    if chance.random() < 0.8:  # the others are killed somewhere in their start
        assert victim.stdout
        victim.stdout.readline()
    time.sleep(chance.uniform(0.02, 0.9))
    alive = len(_processes(mark)) - 1
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline and any((left := _leftovers(folder, mark, victim.pid)).values()):
        time.sleep(0.05)
    left = _leftovers(folder, mark, victim.pid)
    subprocess.run(["/bin/rm", "-rf", folder], check=False)
    return left, alive


def _leftovers(folder: str, mark: str, pid: int) -> dict[str, list[str]]:
    return {
        "processes": _processes(mark),
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line],
        "interfaces": [one.name for one in Path("/sys/class/net").glob("pod*")],
        "cgroups": [
            one
            for one, _folders, _names in os.walk("/sys/fs/cgroup")
            if one.endswith(f"-{pid}") and "/podlab-" in one
        ],
        "files": [
            one
            for one, _folders, _names in os.walk(folder)
            if one != folder and not one.startswith(folder + "/images")
        ],
    }


def _processes(mark: str) -> list[str]:
    found = []
    for entry in (one.name for one in Path("/proc").glob("[0-9]*")):
        try:
            if mark.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                found.append(f"{entry} {Path(f'/proc/{entry}/cmdline').read_bytes()[:60]!r}")
        except OSError:
            continue
    return found


if __name__ == "__main__":
    raise SystemExit(main())
