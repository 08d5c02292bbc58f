"""
Figures of two commits, from their own benchmarks, run by turns: what a change of the structure cost or gave.

    python benchmarks/two_commits.py 30a72de^            # that commit, then HEAD
    python benchmarks/two_commits.py 30a72de^ 5531a08 --turns 5

Each commit is checked out into a temporary folder and measured with its own code and its own scripts, in the Python
environment that runs this one. Figures are medians over the turns; a script that fails on a commit is shown as failed,
with its last line. Lines are those of the modules that speak HTTP or write PNG themselves.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

OWN_CODE = {
    "HTTP, client": ("helpers/podlab/client/connections.py", "helpers/podlab/client/transport.py"),
    "HTTP, server": ("helpers/podlab/embedded/api/http/connection.py", "helpers/podlab/embedded/api/http/server.py"),
    "PNG": ("helpers/podlab/views/_png.py",),
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A number in the output of a script: its name, and the expression whose first group is the number."""

    name: str
    pattern: str


SCRIPTS: Mapping[tuple[str, ...], tuple[Figure, ...]] = {
    ("plot.py", "--rounds", "1"): (
        Figure("barh / our PNG, 10,000 spans", r"10,000 spans to PNG:.*?([\d.]+) times faster"),
    ),
    ("embedded_cold.py", "--rounds", "1"): (
        Figure("cold shell to Ready Pod / import kubernetes", r"one process .*?of pairs ([\d.]+)"),
        Figure("the same, CPU", r"one process .*?of CPU ([\d.]+)"),
    ),
    ("embedded_api.py", "--rounds", "1", "--changes", "50"): (
        Figure("watch, 1 watcher, median in ms", r"watch, +1 watchers: commit to callback median ([\d.]+)"),
        Figure("the same, p99 / bare TLS loop", r"watch, +1 watchers:.*?ratio of p99 ([\d.]+)"),
        Figure("idle memory in MB", r"idle memory: ([\d.]+) MB"),
        Figure("idle memory / import kubernetes", r"idle memory:.*?ratio ([\d.]+)"),
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--turns", type=int, default=3, help="how often each script runs on each commit")
    args = parser.parse_args()
    commits = [commit(parser, name) for name in (args.before, args.after)]

    print(f"| figure | {commits[0][:7]} | {commits[1][:7]} |\n|---|---|---|")
    for what, paths in OWN_CODE.items():
        print(f"| own code, lines: {what} | {' | '.join(str(lines(each, paths)) for each in commits)} |")
    with (
        tempfile.TemporaryDirectory(prefix="podlab-two-") as folder,
        worktree(commits[0], folder + "/before") as before,
        worktree(commits[1], folder + "/after") as after,
    ):
        for script, figures in SCRIPTS.items():
            outputs: dict[Path, list[str]] = {before: [], after: []}
            for _ in range(args.turns):
                for tree, texts in outputs.items():
                    texts.append(run(tree, script))
            for figure in figures:
                cells = " | ".join(shown(figure, texts) for texts in outputs.values())
                print(f"| {figure.name} | {cells} |", flush=True)
    print(f"{args.turns} turns; 1-minute load {os.getloadavg()[0]:.1f}")
    return 0


def commit(parser: argparse.ArgumentParser, name: str) -> str:
    """Return the full id of commit *name*, or end with the line that git prints."""
    done = git("rev-parse", "--verify", f"{name}^{{commit}}")
    if done.returncode:
        parser.error(f"unknown commit {name!r}: {done.stderr.strip()}")
    return done.stdout.strip()


def lines(commit: str, paths: tuple[str, ...]) -> int:
    """Return the number of lines of those of *paths* that the commit holds."""
    found = (git("show", f"{commit}:{path}") for path in paths)
    return sum(len(done.stdout.splitlines()) for done in found if done.returncode == 0)


@contextmanager
def worktree(commit: str, folder: str) -> Iterator[Path]:
    """Check the commit out into *folder*, and take it away at the end."""
    made = git("worktree", "add", "--detach", folder, commit)
    if made.returncode:
        sys.exit(made.stderr)
    try:
        yield Path(folder)
    finally:
        git("worktree", "remove", "--force", folder)


def run(tree: Path, script: tuple[str, ...]) -> str:
    """Run one benchmark of a tree with that tree's code; return what it prints."""
    name, *arguments = script
    done = subprocess.run(
        [sys.executable, tree / "benchmarks" / name, *arguments],
        cwd=tree, env={**os.environ, "PYTHONPATH": str(tree / "helpers")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def shown(figure: Figure, texts: list[str]) -> str:
    """Return the median of a figure over the turns, or the last line of a run that did not print it."""
    found = [re.search(figure.pattern, text) for text in texts]
    for match, text in zip(found, texts, strict=True):
        if match is None:
            return f"failed: {(text.strip().splitlines() or ['it printed nothing'])[-1]}"
    return f"{statistics.median(float(match.group(1)) for match in found if match):g}"


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
