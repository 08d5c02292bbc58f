#!/usr/bin/env python3
"""
Build a kind node image from package mirrors alone, for rooms without a container registry.

    clusters/airgap/build.py                        # the reference version
    clusters/airgap/build.py --kubernetes v1.34.4   # another row of versions.toml

Safe to run again at any time: finished steps are kept, a killed build resumes, two builds take
turns. README.md beside this file says what is checked, and how to add a version or an image.

Exit codes: 0 built (or nothing to do), 1 a step failed, 2 wrong use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from builder import engine, gobuild, plan, shell
from builder.cache import Cache
from builder.failure import BuildError
from builder.images import ARCHIVE
from builder.node import REPOSITORY_NAME
from builder.versions import load_versions

COLD_GIB = 8.0
TOOLS = {  # program: Debian package that has it
    "gcc": "gcc",
    "make": "make",
    "musl-gcc": "musl-tools",
    "debootstrap": "debootstrap",
    "tar": "tar",
    "dpkg-source": "dpkg-dev",
    "xz": "xz-utils",
    "bzip2": "bzip2",
    "nice": "coreutils",
}


def say(text: str) -> None:
    """One line of progress, with the time since the start."""
    print(f"airgap [{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def build(kubernetes: str | None, *, load: bool) -> None:
    """Make what is missing, load the node image into the Docker engine, write down the result."""
    cache = Cache()
    shell.listener = say
    with cache.locked(say):
        wanted = plan.make_plan(cache, kubernetes)
        todo = [step for step in wanted.steps if cache.stamp(step) is None]
        if todo:
            _check_machine(cache, load=load)
            say(f"Kubernetes {wanted.versions.kubernetes}: {len(todo)} of {len(wanted.steps)} steps to make")
        for step in wanted.steps:
            cache.finish(step, say)
        loaded = _load(wanted) if load else False
        said = plan.record(wanted, seconds=time.monotonic() - STARTED, made=[s.name for s in todo])
        if todo:
            plan.prune(cache, say)
    size = Path(said["archive"]).stat().st_size / 2**20
    state = "loaded" if loaded else "in the engine already" if load else "not loaded"
    say(f"{said['names'][0]} is ready ({size:.0f} MiB, {state}); {len(todo)} steps made")


def _check_machine(cache: Cache, *, load: bool) -> None:
    """Everything that can be wrong is said before the long steps, not after them."""
    shell.need("go", *TOOLS)
    shell.need_root()
    shell.need_space(cache.root, COLD_GIB)
    if load:
        engine.need_engine()


def _load(wanted: plan.Plan) -> bool:
    engine.need_engine()
    cache = wanted.have.cache
    stamp = cache.stamp(wanted.node)
    assert stamp is not None
    names = stamp["notes"]["names"]
    loaded = engine.load(cache.path(wanted.node) / ARCHIVE, stamp["notes"]["image"], names)
    if loaded:
        # The one before stays for one more build: somebody may be making a cluster of it right now.
        before = plan.recorded_names(cache, wanted.versions.kubernetes)
        engine.remove_others(REPOSITORY_NAME, wanted.versions.kubernetes, [*names, *before])
    return loaded


def install_tools() -> None:
    """Install what the build needs and this machine lacks (Debian packages only; Go is left to you)."""
    import shutil

    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        say(f"installing {' '.join(missing)}")
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        shell.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *missing, "libc6-dev", "linux-libc-dev"],
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )


def show(kubernetes: str | None) -> None:
    """Say of each step whether it is done, how long it took and how large it is."""
    cache = Cache()
    wanted = plan.make_plan(cache, kubernetes)
    for step in wanted.steps:
        stamp = cache.stamp(step)
        done = f"{stamp['seconds']:8.1f} s {stamp['bytes'] / 2**20:8.1f} MiB" if stamp else "to make"
        print(f"{step.key:48} {done}")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kubernetes", metavar="V", help="a version of versions.toml (default: the reference)"
    )
    parser.add_argument("--no-load", action="store_true", help="do not load the image into a Docker engine")
    parser.add_argument(
        "--install-tools", action="store_true", help="apt-get what the build needs, then build"
    )
    parser.add_argument("--steps", action="store_true", help="list the steps and their state; make nothing")
    parser.add_argument(
        "--prune", action="store_true", help="remove every result that no recorded build uses"
    )
    parser.add_argument("--lock", metavar="PART", help="write go.mod and go.sum of one Go part anew")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    try:
        if chosen.lock:
            parts = {part.name: part for part in gobuild.go_parts(load_versions(chosen.kubernetes))}
            if chosen.lock not in parts:
                raise BuildError(f"no Go part is called {chosen.lock}", hint=f"one of {', '.join(parts)}")
            gobuild.lock(parts[chosen.lock])
        elif chosen.steps:
            show(chosen.kubernetes)
        elif chosen.prune:
            with Cache().locked(say):
                say(f"freed {plan.prune(Cache(), say, everything_else=True) / 2**20:.0f} MiB")
        else:
            if chosen.install_tools:
                install_tools()
            build(chosen.kubernetes, load=not chosen.no_load)
    except BuildError as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again and it goes on from here", file=sys.stderr)
        return 1
    return 0


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
