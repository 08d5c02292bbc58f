"""
What people type who know kubectl, with ``podlab`` in its place: it works, or the answer names the line that works.

    python tests/integration/kubectl_habits.py CLUSTER      # prints: works / names the line that works / misleads

Each habit is a line; ``{pod}``, ``{file}``, ``{folder}`` and ``{ns}`` stand for a Pod that runs, its manifest, a folder
with it, and its namespace. A line that is named must itself end with exit code 0, where it ends at all.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
POD = "habit"
MANIFEST = f"""
apiVersion: v1
kind: Pod
metadata: {{name: {POD}, labels: {{app: {POD}}}}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
    - {{name: log, image: "busybox:1.36", restartPolicy: Always, command: [sh, -c, "echo from log; sleep 600"]}}
  containers:
    - {{name: app, image: "busybox:1.36", command: [sh, -c, "echo from app; sleep 600"]}}
"""
WORKS, NAMES, MISLEADS = "works", "names the line that works", "misleads"


class Habit(NamedTuple):
    """
    A line as it is typed after ``podlab``.

    Attributes:
        shows: A word that its output must hold where it works, or the line that it must name.
        works: Whether it works as typed; else the answer must name a line.
        runs: Whether that line can be run here, without a terminal and without end.
        input: What is typed into it.
    """

    line: str
    shows: str
    works: bool = True
    runs: bool = True
    input: str | None = None


HABITS = (
    Habit("get pods", "podlab pods", works=False),
    Habit("get pods -o wide", "podlab pods -o wide", works=False),
    Habit("get pods -A", "podlab pods -A", works=False),
    Habit("get pod {pod} -o yaml", "get pod {pod} -o yaml", works=False),
    Habit("get pod {pod} -w", "podlab watch {pod}", works=False, runs=False),
    Habit("get events", "podlab events", works=False),
    Habit("get svc", "get svc", works=False),
    Habit("get all", "get all", works=False),
    Habit("describe pod {pod}", "podlab explain {pod}", works=False),
    Habit("exec {pod} -- ls /", "exec {pod} -- ls /", works=False),
    Habit("exec -it {pod} -c log -- sh", "exec -it {pod} -c log -- sh", works=False, runs=False),
    Habit("port-forward {pod} 8080:80", "port-forward {pod} 8080:80", works=False, runs=False),
    Habit("config get-contexts", "podlab kubeconfig", works=False),
    Habit("version", "podlab --version", works=False),
    Habit("top pod", "top pod", works=False, runs=False),
    Habit("edit pod {pod}", "edit pod {pod}", works=False, runs=False),
    Habit("label pod {pod} a=b --overwrite", "label pod {pod} a=b --overwrite", works=False),
    Habit("explain pod.spec.initContainers", "explain pod.spec.initContainers", works=False),
    Habit("logs {pod}", "from app"),
    Habit("logs {pod} -c log", "from log"),
    Habit("logs {pod} log", "from log"),
    Habit("logs {pod} --all-containers", "from log"),
    Habit("logs pod/{pod} --tail=1 --timestamps", "from app"),
    Habit("logs -l app={pod} --prefix", "[pod/{pod}/app] from app"),
    Habit("events --for pod/{pod}", "Scheduled"),
    Habit("apply -f {file}", "pod/{pod} unchanged"),
    Habit("apply -f {folder}", "pod/{pod} unchanged"),
    Habit("apply -f -", "pod/{pod} unchanged", input=MANIFEST),
    Habit("create -f {file}", "podlab apply", works=False, runs=False),
    Habit("delete pod nothing --ignore-not-found", "pod/nothing was not there"),
    Habit("delete -f {file} --wait=false", "pod/{pod} deleted"),
    Habit("create -f {file}", "pod/{pod} created"),
    Habit("delete pod {pod} --now", "pod/{pod} deleted"),
    Habit("create -f {file}", "pod/{pod} created"),
    Habit("delete pods --all --grace-period=0 --force", "pod/{pod} deleted"),
)


class Tried(NamedTuple):
    """What became of a habit: one of WORKS, NAMES, MISLEADS, and what was printed."""

    habit: Habit
    outcome: str
    said: str


def try_all(cluster: str, namespace: str) -> list[Tried]:
    """Type each habit, in order; the Pod that they speak of is made first."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{POD}.yaml"
        file.write_text(MANIFEST)
        words = {"pod": POD, "file": str(file), "folder": folder, "ns": namespace}
        _podlab(["apply", "-f", str(file)], cluster, namespace)
        _wait(cluster, namespace)
        return [_tried(habit, words, cluster, namespace) for habit in HABITS]


def _tried(habit: Habit, words: dict[str, str], cluster: str, namespace: str) -> Tried:
    line, shows = habit.line.format(**words), habit.shows.format(**words)
    done = _podlab(shlex.split(line), cluster, namespace, habit.input)
    said = done.stdout + done.stderr
    if habit.works:
        right = done.returncode == 0 and shows in done.stdout
        return Tried(habit, WORKS if right else MISLEADS, said)
    named = _in_order(shows, done.stderr) and done.returncode in (2, 4)
    runs = all(_runs(one) for one in _lines(done.stderr)) if habit.runs else True
    return Tried(habit, NAMES if named and runs else MISLEADS, said)


def _in_order(words: str, text: str) -> bool:
    """Whether all *words* stand in *text*, in this order; an option that says where to work may lie between."""
    rest = iter(text.replace('"', " ").split())
    return all(word in rest for word in shlex.split(words))


def _lines(error: str) -> list[str]:
    """The commands that an answer names, after ``try:``."""
    hint = error.rpartition("try: ")[2].strip()
    own, _, kubectl = hint.rpartition(", or with kubectl: ")
    return [
        line for line in (own, kubectl) if line and (line.startswith("podlab") or shutil.which("kubectl"))
    ]


def _runs(line: str) -> bool:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, env={**os.environ, "PATH": path}, timeout=60, check=False
    )
    return done.returncode == 0


def _podlab(
    words: list[str], cluster: str, namespace: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    where = ["-n", namespace, "--cluster", cluster]
    end = words.index("--") if "--" in words else len(words)
    if words[0] in ("version", "config"):
        where = where[2:]
    typed = [*words[:end], *where, *words[end:]]
    command = [sys.executable, "-m", "podlab", *typed]
    return subprocess.run(command, capture_output=True, text=True, input=given, timeout=120, check=False)


def _wait(cluster: str, namespace: str) -> None:
    deadline = time.monotonic() + 90
    while "from app" not in _podlab(["logs", POD], cluster, namespace).stdout:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{POD} has printed nothing")
        time.sleep(0.5)


def main() -> int:
    """Print each habit that misleads, and the figures."""
    tried = try_all(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "default")
    for one in tried:
        if one.outcome == MISLEADS:
            print(f"MISLEADS podlab {one.habit.line}\n{one.said}")
    counts = {word: sum(one.outcome == word for one in tried) for word in (WORKS, NAMES, MISLEADS)}
    print(f"{len(tried)} habits: " + ", ".join(f"{word} {count}" for word, count in counts.items()))
    return 1 if counts[MISLEADS] else 0


if __name__ == "__main__":
    sys.exit(main())
