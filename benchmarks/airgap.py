"""
Print what the air-gapped node image costs: time of each step, time of a build with nothing to do, sizes.

    python benchmarks/airgap.py [--kubernetes V] [--runs N]

The cold time is the sum of what each step took when it was made on this machine. Go keeps a cache of compiled
packages: a Go step says how many it had to compile, and one that found them compiled took seconds, so only a
sum in which the Go steps compiled their packages is a cold one.
The warm time is the median of whole runs of the build, beside that of `python -c pass` in the same loop.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

RECIPE = Path(__file__).resolve().parent.parent / "clusters" / "airgap"
sys.path.insert(0, str(RECIPE))

from builder.cache import Cache  # noqa: E402
from builder.images import ARCHIVE  # noqa: E402
from builder.plan import make_plan  # noqa: E402

MIB = 2**20


def cold(kubernetes: str | None) -> None:
    """Time and size of each step, longest first."""
    cache = Cache()
    plan = make_plan(cache, kubernetes)
    stamps = {step.name: cache.stamp(step) for step in plan.steps}
    missing = [name for name, stamp in stamps.items() if stamp is None]
    if missing:
        sys.exit(f"not built: {', '.join(missing)}\n  try: podlab airgap build")
    done = {name: stamp for name, stamp in stamps.items() if stamp}
    for name, stamp in sorted(done.items(), key=lambda pair: -pair[1]["seconds"]):
        compiled = stamp["notes"].get("compiled_packages")
        how = f"   {compiled or 'unknown number of'} packages compiled" if name.startswith("go-") else ""
        print(f"{name:36} {stamp['seconds']:8.1f} s {stamp['bytes'] / MIB:8.1f} MiB{how}")
    print(f"{'cold, all steps':36} {sum(s['seconds'] for s in done.values()):8.1f} s", end="")
    print(f" {sum(s['bytes'] for s in done.values()) / MIB:8.1f} MiB in the cache")
    archive = cache.path(plan.node) / ARCHIVE
    print(f"{'node image':36} {'':10} {archive.stat().st_size / MIB:8.1f} MiB as an archive")


def warm(kubernetes: str | None, runs: int) -> None:
    """Median seconds of a build with nothing to do, interleaved with an empty Python."""
    chosen = ["--kubernetes", kubernetes] if kubernetes else []
    commands = {
        "build, nothing to do": [sys.executable, str(RECIPE / "build.py"), *chosen],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            took[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        print(f"{name:36} {median:8.3f} s (median of {runs})")
    first, second = medians.values()
    print(f"{'ratio':36} {first / second:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kubernetes", metavar="V")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    cold(chosen.kubernetes)
    warm(chosen.kubernetes, chosen.runs)


if __name__ == "__main__":
    main()
