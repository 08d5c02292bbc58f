#!/usr/bin/env python3
"""
Build upstream's end-to-end suites and the images that their Pods run.

    python tests/conformance/upstream/build.py            # makes what is missing
    python tests/conformance/upstream/build.py --list     # what there is, with time and size; makes nothing
    python tests/conformance/upstream/build.py --only node    # the kubelet's own suite, without e2e.test
    python tests/conformance/upstream/build.py --only node --is-built    # exit code 0 if nothing is missing

From the Go modules of Kubernetes and from Debian packages; as root, because Debian's tools are unpacked with
debootstrap. It is safe to end and to run again: finished steps are kept, and Go keeps what it has compiled. The first
build compiles a few thousand packages: 15 to 40 minutes on two cores, less after `podlab airgap build`.

Exit codes: 0 built (or nothing to do), 1 a step failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from upstream import plan as plans
from upstream import standins

from builder import gobuild, shell  # isort: skip
from builder.failure import BuildError  # isort: skip

STARTED = time.monotonic()
BINARY = {"node": "e2e_node.test", "e2e": "e2e.test"}
COLD_GIB = 8.0


def say(text: str) -> None:
    """Print one line of progress, with the time since the start."""
    print(f"upstream [{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=BINARY, help="build the binary of this suite alone, and all images")
    parser.add_argument("--is-built", action="store_true", help="say what is missing; make nothing")
    parser.add_argument("--list", action="store_true", help="list the steps and their state; make nothing")
    parser.add_argument("--lock", action="store_true", help="write go.mod and go.sum anew (asks GOSUMDB)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    chosen = parse(arguments)
    plan = plans.made()
    binaries = [plan.binary(BINARY[chosen.only])] if chosen.only else list(map(plan.binary, BINARY.values()))
    steps = [*standins.steps(plan), plan.programs(), *binaries]
    try:
        if chosen.lock:
            gobuild.lock(plans.part_for_lock(plan))
        elif chosen.is_built:
            lacking = [step.name for step in plans.missing(plan, steps)]
            print(
                f"{len(steps) - len(lacking)} of {len(steps)} steps are made; missing: {', '.join(lacking) or 'none'}"
            )
            return 1 if lacking else 0
        elif chosen.list:
            for step in steps:
                stamp = plan.cache.stamp(step)
                done = f"{stamp['seconds']:8.1f} s {stamp['bytes'] / 2**20:8.1f} MiB" if stamp else "to make"
                print(f"{step.key:52} {done}")
        else:
            todo = plans.missing(plan, steps)
            if todo:
                shell.need("go", "gcc", "musl-gcc", "make", "debootstrap", "dpkg-source", "tar", "nice")
                shell.need_root()
                shell.need_space(plan.cache.root, COLD_GIB)
                plans.finish(plan, steps, say)
            say(f"ready in {plan.cache.root}; {len(todo)} of {len(steps)} steps made")
    except BuildError as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again and it goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
