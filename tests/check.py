"""
Run everything that this machine can run, and end with one line that says what was run on which cluster.

``./check`` calls this inside the project's virtual environment. Each step is a subprocess whose output is shown as
it comes; test counts are read from the JUnit files that pytest writes, so the closing line counts tests, not steps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARTEFACTS = ROOT / "artefacts"
BIN = Path(sys.executable).parent
MOST_SECOND_TRIES = 5  # more failures than that are no accident


@dataclass
class Tally:
    """What pytest counted in one step."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)  # failed first, passed when it was run again
    slowest: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Step:
    """One thing to run: its name, where it counts (a cluster, or "no cluster"), and the command."""

    name: str
    where: str
    command: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    needs: Callable[[], str | None] = lambda: None  # why it cannot run here; None when it can


def docker_missing() -> str | None:
    """Why there is no kind cluster here, with what to do about it in the same line; None when there can be one."""
    if shutil.which("docker") is None:
        return "no docker program: install Docker Engine, or run .ci/run on Debian, to test on a real kind cluster"
    probe = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False
    )
    if probe.returncode:
        return "no Docker engine answers: start one (clusters/airgap/docker-engine start) to test on a real cluster"
    return None


def namespaces_missing() -> str | None:
    """Why the embedded cluster cannot run in full here; None when it can."""
    probe = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "true"],
        capture_output=True,
        check=False,
    )
    return None if probe.returncode == 0 else "this kernel refuses user namespaces: see `podlab doctor`"


def browser_missing() -> str | None:
    """Why no page can be looked at; None when a Chromium is there."""
    names = ("chromium", "chromium-browser", "google-chrome")
    if any(shutil.which(name) for name in names):
        return None
    return "no Chromium: apt-get install chromium chromium-driver"


def pytest(*args: str) -> list[str]:
    """A pytest command of this virtual environment."""
    return [str(BIN / "python"), "-m", "pytest", "-q", *args]


def steps() -> list[Step]:
    """Everything, in the order in which a fault is cheapest to find."""
    return [
        Step("format", "no cluster", [str(BIN / "ruff"), "format", "--check", "."]),
        Step("lint", "no cluster", [str(BIN / "ruff"), "check", "."]),
        Step("types", "no cluster", [str(BIN / "mypy")]),
        Step("layers", "no cluster", [str(BIN / "lint-imports")]),
        Step("unit", "no cluster", pytest("tests/unit")),
        Step(
            "conformance-simulated",
            "no cluster",
            pytest("tests/conformance", "-m", "not embedded and not kind"),
        ),
        Step(
            "integration-embedded",
            "embedded",
            pytest("tests/integration", "-m", "embedded"),
            needs=namespaces_missing,
        ),
        Step(
            "conformance-embedded",
            "embedded",
            pytest("tests/conformance", "-m", "embedded"),
            needs=namespaces_missing,
        ),
        Step(
            "notebooks-embedded",
            "embedded",
            pytest("tests/notebooks"),
            env={"PODLAB_DRIVER": "embedded"},
            needs=namespaces_missing,
        ),
        Step("integration-kind", "kind", pytest("tests/integration", "-m", "kind"), needs=docker_missing),
        Step("conformance-kind", "kind", pytest("tests/conformance", "-m", "kind"), needs=docker_missing),
        Step(
            "notebooks-kind",
            "kind",
            pytest("tests/notebooks"),
            env={"PODLAB_DRIVER": "kind"},
            needs=docker_missing,
        ),
        Step(
            "browser",
            "embedded",
            pytest("tests/browser"),
            needs=lambda: browser_missing() or namespaces_missing(),
        ),
    ]


def read_junit(path: Path) -> Tally:
    """Counts, reasons of skips and the ten slowest tests of one JUnit file."""
    tally = Tally()
    if not path.exists():
        return tally
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        tally.slowest.append((float(case.get("time") or 0), name))
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failures.append(name)
        elif skip is not None:
            tally.skipped.append(f"{name}: {skip.get('message')}")
        else:
            tally.passed += 1
    tally.slowest = sorted(tally.slowest, reverse=True)[:10]
    return tally


def run_step(step: Step) -> tuple[bool, Tally, float]:
    """
    Run one step; True when it passed. pytest's "no tests collected" (5) is a failure: a step must test something.

    Tests that failed are run once more. A real cluster on a busy machine is late now and then; a fault of ours is
    there the second time as well. What passed only then is counted and named in the closing report.
    """
    began = time.monotonic()
    if "pytest" not in step.command:
        done = subprocess.run(step.command, cwd=ROOT, env={**os.environ, **step.env}, check=False)
        return done.returncode == 0, Tally(), time.monotonic() - began
    passed, tally = run_pytest(step, step.name)
    if not passed and tally.failures and len(tally.failures) <= MOST_SECOND_TRIES:
        print(f"\n-- {step.name}: {len(tally.failures)} failed; running them once more --", flush=True)
        passed, again = run_pytest(
            step, f"{step.name}-again", "--last-failed", "--last-failed-no-failures=none"
        )
        tally.passed += again.passed
        tally.unsteady = [name for name in tally.failures if name not in again.failures]
        tally.failures = again.failures
    return passed, tally, time.monotonic() - began


def run_pytest(step: Step, name: str, *more: str) -> tuple[bool, Tally]:
    """One run of pytest, with what it counted."""
    junit = ARTEFACTS / f"junit-{name}.xml"
    junit.unlink(missing_ok=True)
    command = [
        *step.command,
        *more,
        f"--junitxml={junit}",
        "-o",
        f"cache_dir={ARTEFACTS / 'cache' / step.name}",
    ]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **step.env}, check=False)
    return done.returncode == 0, read_junit(junit)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="STEP", action="append", help="run this step alone (may be repeated)"
    )
    parser.add_argument("--list", action="store_true", help="name the steps and stop")
    parser.add_argument(
        "--require-kind", action="store_true", help="a kind cluster that cannot be made is a failure"
    )
    return parser.parse_args()


def closing_lines(
    counts: dict[str, int],
    failed: list[str],
    left_out: list[tuple[str, str]],
    skipped: list[str],
    unsteady: list[str],
    began: float,
) -> None:
    """The report that is read: what ran where, what could not and why, and one clear last line."""
    for name, why in left_out:
        print(f"check: not run here: {name}: {why}")
    if skipped:
        print(f"check: {len(skipped)} tests skipped themselves:")
        for line in skipped:
            print(f"  {line}")
    if unsteady:
        print(f"check: {len(unsteady)} tests passed only when they were run again:")
        for line in unsteady:
            print(f"  {line}")
    tested = ", ".join(f"{where} {count}" for where, count in counts.items() if count)
    minutes = (time.monotonic() - began) / 60
    verdict = f"FAILED in {', '.join(failed)}" if failed else "all passed"
    print(f"check: tests passed: {tested or 'none'}; {verdict}; {minutes:.1f} min")
    print(f"{sum(counts.values())} passed, {len(failed)} failed")


def main() -> int:
    options = arguments()
    plan = steps()
    if options.list:
        print("\n".join(["prepare", *(step.name for step in plan)]))
        return 0
    if options.only == ["prepare"]:
        return 0
    unknown = set(options.only or ()) - {step.name for step in plan}
    if unknown:
        print(f"check: no step named {', '.join(sorted(unknown))}\n  try: ./check --list", file=sys.stderr)
        return 2
    ARTEFACTS.mkdir(exist_ok=True)
    began = time.monotonic()
    counts: dict[str, int] = {}
    failed: list[str] = []
    left_out: list[tuple[str, str]] = []
    skipped: list[str] = []
    unsteady: list[str] = []
    times: list[tuple[float, str]] = []
    slowest: list[tuple[float, str]] = []
    chosen = [step for step in plan if not options.only or step.name in options.only]
    for number, step in enumerate(chosen, 1):
        why_not = step.needs()
        print(f"\n== {number}/{len(chosen)} {step.name} ({step.where}) ==", flush=True)
        if why_not:
            print(f"not run: {why_not}")
            left_out.append((step.name, why_not))
            if options.require_kind and step.where == "kind":
                failed.append(step.name)
            continue
        passed, tally, seconds = run_step(step)
        counts[step.where] = counts.get(step.where, 0) + tally.passed
        skipped += tally.skipped
        unsteady += tally.unsteady
        times.append((seconds, step.name))
        slowest += tally.slowest
        if not passed:
            failed.append(step.name)
    print(
        "\ncheck: slowest steps: "
        + ", ".join(f"{name} {s:.0f} s" for s, name in sorted(times, reverse=True)[:6])
    )
    print("check: slowest tests:")
    for seconds, name in sorted(slowest, reverse=True)[:10]:
        print(f"  {seconds:6.1f} s  {name}")
    closing_lines(counts, failed, left_out, skipped, unsteady, began)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
