#!/usr/bin/env python3
"""
Try the cases from the field on a cluster, and print right / all by kind.

    python tests/field/run_cases.py                          on an embedded cluster of its own
    python tests/field/run_cases.py --cluster NAME           on one that runs (embedded or kind)
    python tests/field/run_cases.py --focus 'hook|stdin'     those whose name matches
    python tests/field/run_cases.py --inputs FOLDER          also apply each manifest of a folder, as it is

A case is a small thing that somebody reported, or that upstream's own tests found; its siblings are of the same kind,
thought out here. ``--inputs`` takes manifests that are kept elsewhere: each is right if kubectl and the server agree on
it without an internal error, and podlab can explain what it made.

Exit codes: 0 all right, 1 not so.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import re
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from field_place import CASES, Case, place  # noqa: E402

from podlab.drivers import Cluster, Profile, get, need  # noqa: E402

MODULES = (
    "kubelet_cases",
    "workload_cases",
    "network_cases",
    "api_cases",
    "explain_cases",
    "shared_cases",
    "parsing_cases",
)


def cases(focus: str = "") -> list[Case]:
    """All cases whose name matches, those that want the node to themselves last."""
    for module in MODULES:
        importlib.import_module(module)
    return sorted((one for one in CASES.values() if re.search(focus, one.name)), key=lambda one: one.alone)


@contextlib.contextmanager
def running(name: str | None) -> Iterator[Cluster]:
    """The cluster of that name, or an embedded one that is gone at the end."""
    if name:
        yield need(name)
        return
    driver, own = get("embedded"), f"field-{uuid.uuid4().hex[:6]}"
    try:
        yield driver.make(Profile(name=own))
    finally:
        driver.stop(own)


def tried(one: Case, cluster: Cluster, folder: Path) -> str:
    """Why a case is not right; empty if it is."""
    try:
        with place(cluster, folder) as at:
            one.run(at)
    except Exception as error:  # whatever it meets: the others are tried all the same
        where = traceback.extract_tb(error.__traceback__)
        line = next(
            (
                f"{Path(row.filename).name}:{row.lineno}"
                for row in reversed(where)
                if row.filename.endswith("_cases.py")
            ),
            "",
        )
        return f"{type(error).__name__} at {line}: {str(error)[:700]}"
    return ""


def results(chosen: Sequence[Case], cluster: Cluster, jobs: int) -> dict[str, str]:
    """Try cases, many at a time, then those that want the node to themselves; the reason of each by its name."""
    with tempfile.TemporaryDirectory(prefix="podlab-field-") as folder:
        found: dict[str, str] = {}
        beside = [one for one in chosen if not one.alone]
        with ThreadPoolExecutor(jobs) as pool:
            for one, why in zip(
                beside, pool.map(lambda one: tried(one, cluster, Path(folder)), beside), strict=True
            ):
                found[one.name] = why
        return found | {one.name: tried(one, cluster, Path(folder)) for one in chosen if one.alone}


def table(chosen: Sequence[Case], found: dict[str, str]) -> list[str]:
    """Right / all by kind, of the reported cases and of their siblings."""
    lines = []
    for kind in (*dict.fromkeys(one.kind for one in chosen), ""):
        rows = [one for one in chosen if kind in ("", one.kind)]
        counts = []
        for siblings in (False, True):
            part = [one for one in rows if bool(one.sibling_of) is siblings]
            counts.append(f"{sum(not found[one.name] for one in part):4} / {len(part):<4}")
        lines.append(f"{kind or 'all':12} {counts[0]} reported   {counts[1]} siblings")
    return lines


def inputs(folder: Path, cluster: Cluster) -> int:
    """Apply each manifest of a folder in a namespace of its own, explain what it made; how many were not right."""
    wrong = 0
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))
    with tempfile.TemporaryDirectory(prefix="podlab-field-") as scratch:
        for path in paths:
            with place(cluster, Path(scratch)) as at:
                done = at.podlab("apply", str(path), "--cluster", cluster.name, "--namespace", at.namespace)
                told = done.stderr.strip()
                bad = (
                    done.returncode not in (0, 1, 2, 3, 4, 5)
                    or "Traceback" in told
                    or "nternal error" in told
                )
                for pod in at.items("pods"):
                    name = f"pod/{pod['metadata']['name']}"
                    said = at.podlab("explain", name, "--cluster", cluster.name, "--namespace", at.namespace)
                    told += f"\n    {said.stdout.strip() or said.stderr.strip()}".replace("\n", "\n    ")
                    bad = bad or said.returncode != 0
                wrong += bad
                print(f"{'NOT' if bad else 'ok '} {path.relative_to(folder)}: {told or 'applied'}")
    print(f"inputs taken / all: {len(paths) - wrong} / {len(paths)}")
    return wrong


def main() -> int:
    """Print a line for each kind, and what was not right; 1 if anything was not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cluster", metavar="NAME")
    parser.add_argument("--focus", metavar="REGEX", default="")
    parser.add_argument("--jobs", type=int, default=8, metavar="N", help="cases at a time (default: 8)")
    parser.add_argument("--inputs", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    began, chosen = time.monotonic(), cases(asked.focus)
    with running(asked.cluster) as cluster:
        found = results(chosen, cluster, asked.jobs)
        wrong = inputs(asked.inputs, cluster) if asked.inputs else 0
    for name, why in found.items():
        if why:
            print(f"NOT RIGHT {name}: {why}")
    print("\n".join(table(chosen, found)))
    right = sum(not why for why in found.values())
    print(f"field cases right / all: {right} / {len(found)}, in {time.monotonic() - began:.0f} s")
    return 1 if wrong or right < len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
