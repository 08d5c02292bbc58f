"""
What a first start costs: ``./start --no-lab`` on a clean clone with empty caches, against ``pip install jupyterlab``.

    python benchmarks/start_install.py             # one round: start, pip, in the same run
    python benchmarks/start_install.py --rounds 3  # each round's ratio, the median and the least of them

A terminal is played to ./start, and its output is timed: when the first drawing of the Pod appears, when its whole
life is drawn, when everything is done. uv is taken off PATH, so that ./start has to bring it; pip's environment is made
before its clock starts. Both download all that they need. Also printed: how far the share
that ./start shows is from the share of the time.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = "bench-start"
DEADLINE_S = 1200.0
MARKS = {
    "first drawing": re.compile(r"^app \(app\)", re.MULTILINE),
    "whole life drawn": re.compile(r"observations of first-pod; ended: Succeeded"),
    "end": re.compile(r"start: done"),
}


def clean(home: Path) -> dict[str, str]:
    """An environment with empty caches, in which no uv is on PATH."""
    path = [each for each in os.environ["PATH"].split(":") if not Path(each, "uv").exists()]
    caches = {
        "UV_CACHE_DIR": "uv",
        "PIP_CACHE_DIR": "pip",
        "XDG_CACHE_HOME": "cache",
        "PODLAB_HOME": "podlab",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PODLAB_")}
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    return {
        **kept,
        **{name: str(home / folder) for name, folder in caches.items()},
        "PATH": ":".join(path),
        "PYTHON": python,
    }


def start(home: Path) -> tuple[dict[str, float], str]:
    """Seconds from the command to each mark, and what was printed."""
    clone, env = home / "clone", clean(home)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    command = ["./start", "--no-lab", "--driver", "embedded", "--name", CLUSTER]
    leader, follower = pty.openpty()
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=clone, env=env, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    try:
        found, text = _read(leader, began)
        if child.wait(30) != 0:
            sys.exit(f"./start failed:\n{text[-3000:]}")
    finally:
        child.kill()
        os.close(leader)
        subprocess.run([clone / ".venv/bin/podlab", "down", "--name", CLUSTER], env=env, check=False)
    return found, text


def _read(leader: int, began: float) -> tuple[dict[str, float], str]:
    found: dict[str, float] = {}
    text = ""
    while time.perf_counter() - began < DEADLINE_S:
        if not select.select([leader], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(leader, 65536)
        except OSError:  # how a terminal says that nobody holds its other end any more
            break
        text += data.decode("utf-8", "replace")
        for name, mark in MARKS.items():
            if name not in found and mark.search(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)):
                found[name] = time.perf_counter() - began
    return found, text


def reference(home: Path) -> float:
    """Seconds that ``pip install jupyterlab`` takes, with the same versions."""
    env = clean(home)
    subprocess.run([env["PYTHON"], "-m", "venv", str(home / "venv")], check=True)
    pip = [str(home / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    began = time.perf_counter()
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), "jupyterlab"], env=env, check=True)
    return time.perf_counter() - began


def share(text: str) -> str:
    """How far the shares that ./start showed were from those of the time that JupyterLab and the rest took."""
    took = re.search(r"JupyterLab is installed, in (\d+) s", text)
    waited = [int(each) for each in re.findall(r"installing JupyterLab, (\d+) s", text)]
    shown = {(int(at), int(part)) for at, part in re.findall(r"JupyterLab, (\d+) s, (\d+) % written", text)}
    if took is None or not waited or not shown:
        return "  no share was shown"
    before = int(took[1]) - max(waited)
    off = max(abs(part - 100 * (before + at) / int(took[1])) for at, part in shown)
    return f"  JupyterLab and the rest took {took[1]} s; the share shown was off by {off:.0f} points of time at most"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1)
    rounds = parser.parse_args().rounds
    ours: list[dict[str, float]] = []
    theirs: list[float] = []
    used: list[float] = []
    for _ in range(rounds):
        for work in (lambda home: ours.append(_started(home)), lambda home: theirs.append(reference(home))):
            home = Path(tempfile.mkdtemp(prefix="podlab-bench-"))
            before = cpu_s()
            try:
                work(home)
                used.append(cpu_s() - before)
            finally:
                shutil.rmtree(home, ignore_errors=True)
    base = statistics.median(theirs)
    print(
        f"pip install jupyterlab, empty cache: {base:.1f} s ({min(theirs):.1f} to {max(theirs):.1f}, n={rounds})"
    )
    for name in MARKS:
        times = [each[name] for each in ours]
        ratios = [time_s / other for time_s, other in zip(times, theirs, strict=True)]
        print(
            f"  ./start --no-lab, {name:<16} {statistics.median(times):6.1f} s   / that, by round: "
            f"median {statistics.median(ratios):.3f}, least {min(ratios):.3f}, most {max(ratios):.3f}"
        )
    mine, other = statistics.median(used[::2]), statistics.median(used[1::2])
    print(f"  processor time: ./start {mine:.1f} s, pip {other:.1f} s, ratio {mine / other:.3f}")
    print("  aims: the first timeline at most 0.15, the end at most 0.3")


def cpu_s() -> float:
    """Processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _started(home: Path) -> dict[str, float]:
    found, text = start(home)
    print(share(text), flush=True)
    return found


if __name__ == "__main__":
    main()
