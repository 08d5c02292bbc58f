"""
Run everything that this machine can run, and end with one line that says what was run on which cluster.

``./check`` calls this inside the project's virtual environment. Each step is a subprocess whose output is shown as
it comes. Tests on a cluster mostly wait for it: so the steps of each cluster are a lane, one after another, and the
lanes run side by side; there the output of a step is shown when it ends. Test counts are read from the JUnit files
that pytest writes, so the closing line counts tests, not steps.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
ARTEFACTS = ROOT / "artefacts"
BIN = Path(sys.executable).parent
MOST_SECOND_TRIES = 5  # more failures than that are no accident
HEARTBEAT_S = 60.0
UPSTREAM = "tests/conformance/upstream"  # Kubernetes' own specs, a step of their own


@dataclass
class StepCounts:
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
    lane: str = ""  # neighbours in different lanes run at the same time; "" is a step that runs alone


@dataclass
class Outcome:
    """How one step ended; ``why_not`` is set when it could not be run here."""

    step: Step
    passed: bool
    counted: StepCounts = field(default_factory=StepCounts)
    seconds: float = 0.0
    why_not: str = ""


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
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return None
    return "no Chromium with its driver: apt-get install chromium chromium-driver"


def upstream_missing() -> str | None:
    """Why upstream's own specs cannot be run; None when their binaries are in the cache."""
    build = ROOT / "tests" / "conformance" / "upstream" / "build.py"
    probe = subprocess.run(
        [sys.executable, str(build), "--only", "node", "--is-built"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode == 0:
        return None
    said = (probe.stdout or probe.stderr).strip().splitlines() or ["nothing was said"]
    how = f"python {build.relative_to(ROOT)} --only node, once, 15 to 40 minutes"
    return f"upstream's suites are not built ({said[-1]}): {how}"


def pytest(*args: str) -> list[str]:
    """A pytest command of this virtual environment."""
    return [str(BIN / "python"), "-m", "pytest", "-q", *args]


def on_clusters(name: str, folder: str, *more: str, marked: bool = True, lane: str = "") -> list[Step]:
    """
    The same tests on the embedded cluster and on kind: chosen by mark, or by PODLAB_DRIVER.

    *more* goes to pytest. *lane* is that of the step on the embedded cluster, where it is not the cluster's: many small
    clusters fit on one machine, so long steps that mostly wait run beside the others.
    """
    found = []
    for driver, needs in (("embedded", namespaces_missing), ("kind", docker_missing)):
        command = pytest(folder, *more, *(("-m", driver) if marked else ()))
        env = {} if marked else {"PODLAB_DRIVER": driver}
        own = lane if lane and driver == "embedded" else driver
        found.append(Step(f"{name}-{driver}", driver, command, env, needs, lane=own))
    return found


def steps() -> list[Step]:
    """Everything, in the order in which a fault is cheapest to find."""
    here = "no cluster"
    return [
        Step("format", here, [str(BIN / "ruff"), "format", "--check", "."]),
        Step("lint", here, [str(BIN / "ruff"), "check", "."]),
        Step("types", here, [str(BIN / "mypy")]),
        Step("layers", here, [str(BIN / "lint-imports")]),
        Step("docs", here, [str(BIN / "python"), "docs/site/build.py"]),
        Step("unit", here, pytest("tests/unit")),
        Step("attacks", here, pytest("tests/attacks", "-m", "not embedded and not kind")),
        Step("conformance-simulated", here, pytest("tests/conformance", "-m", "not embedded and not kind")),
        *on_clusters("integration", "tests/integration"),
        *on_clusters("conformance", "tests/conformance", f"--ignore={UPSTREAM}"),
        Step(
            "upstream",
            "embedded",
            pytest(UPSTREAM, "-m", "embedded"),
            needs=lambda: namespaces_missing() or upstream_missing(),
            lane="upstream",
        ),
        Step("field", "embedded", pytest("tests/field"), needs=namespaces_missing, lane="embedded"),
        *on_clusters("exercises", "tests/exercises"),
        *on_clusters("attacks", "tests/attacks"),
        *on_clusters("notebooks", "tests/notebooks", marked=False, lane="pages"),
        Step(
            "labs",
            "embedded",
            pytest("tests/labs", "-m", "not kind"),
            needs=namespaces_missing,
            lane="pages",
        ),
        Step(
            "browser",
            "embedded",
            pytest("tests/browser"),
            needs=lambda: browser_missing() or namespaces_missing(),
            lane="embedded",
        ),
    ]


def read_junit(path: Path) -> StepCounts:
    """Counts, reasons of skips and the ten slowest tests of one JUnit file."""
    counted = StepCounts()
    if not path.exists():
        return counted
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        counted.slowest.append((float(case.get("time") or 0), name))
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counted.failures.append(name)
        elif skip is not None:
            counted.skipped.append(f"{name}: {skip.get('message')}")
        else:
            counted.passed += 1
    counted.slowest = sorted(counted.slowest, reverse=True)[:10]
    return counted


def run_step(step: Step, output: IO[str] | None = None) -> Outcome:
    """
    Run one step. pytest's "no tests collected" (5) is a failure: a step must test something.

    Tests that failed are run once more. A real cluster on a busy machine is late now and then; a fault of ours is
    there the second time as well. What passed only then is counted and named in the closing report.

    Args:
        output: Where the step's output goes; None is the terminal.
    """
    began = time.monotonic()
    if "pytest" not in step.command:
        passed = call(step, step.command, output) == 0
        return Outcome(step, passed, seconds=time.monotonic() - began)
    passed, counted = run_pytest(step, step.name, output)
    if not passed and counted.failures and len(counted.failures) <= MOST_SECOND_TRIES:
        print(f"\n-- {step.name}: {len(counted.failures)} failed; running them once more --", flush=True)
        more = ("--last-failed", "--last-failed-no-failures=none")
        passed, again = run_pytest(step, f"{step.name}-again", output, *more)
        counted.passed += again.passed
        counted.unsteady = [name for name in counted.failures if name not in again.failures]
        counted.failures = again.failures
    return Outcome(step, passed, counted, time.monotonic() - began)


def run_pytest(step: Step, name: str, output: IO[str] | None, *more: str) -> tuple[bool, StepCounts]:
    """One run of pytest, with what it counted."""
    junit = ARTEFACTS / f"junit-{name}.xml"
    junit.unlink(missing_ok=True)
    cache = f"cache_dir={ARTEFACTS / 'cache' / step.name}"
    command = [*step.command, *more, f"--junitxml={junit}", "-o", cache]
    passed = call(step, command, output) == 0
    return passed, read_junit(junit)


def call(step: Step, command: Sequence[str], output: IO[str] | None) -> int:
    """
    Run *command* in the project's folder; its exit code.

    Ctrl-C reaches the command as well, and pytest then takes down its clusters: that is waited for.
    """
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **step.env}, stdout=output, stderr=output)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait()
        raise


def run_lane(
    steps: Sequence[Step], ended: queue.Queue[Outcome | BaseException], stopped: threading.Event
) -> None:
    """Run the steps of one lane in order, each with its output in a file; tell *ended* of each."""
    try:
        for step in steps:
            if stopped.is_set():
                return
            with (ARTEFACTS / f"{step.name}.log").open("w") as output:
                ended.put(run_step(step, output))
    except BaseException as error:  # raised again where the lanes are waited for
        ended.put(error)


def run_lanes(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Run the lanes of *steps* side by side; the output of each step is shown when it ends."""
    lanes: dict[str, list[Step]] = {}
    for step in steps:
        lanes.setdefault(step.lane, []).append(step)
    ended: queue.Queue[Outcome | BaseException] = queue.Queue()
    stopped = threading.Event()
    threads = [threading.Thread(target=run_lane, args=(lane, ended, stopped)) for lane in lanes.values()]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        for left in range(len(steps), 0, -1):
            outcome = next_of(ended, left, began)
            print(f"\n-- {outcome.step.name}, {outcome.seconds:.0f} s:")
            print((ARTEFACTS / f"{outcome.step.name}.log").read_text(), flush=True)
            yield outcome
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def next_of(ended: queue.Queue[Outcome | BaseException], left: int, began: float) -> Outcome:
    """The next step that ends, with a sign of life each minute until then."""
    while True:
        try:
            found = ended.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            print(f"   … {time.monotonic() - began:.0f} s, {left} steps to go", flush=True)
            continue
        if isinstance(found, BaseException):
            raise found
        return found


def run_all(chosen: Sequence[Step]) -> Iterator[Outcome]:
    """Run the chosen steps in order, those of different lanes side by side."""
    number = 0
    for in_lanes, members in groupby(chosen, key=lambda step: bool(step.lane)):
        able = []
        for step in members:
            number += 1
            print(f"\n== {number}/{len(chosen)} {step.name} ({step.where}) ==", flush=True)
            why_not = step.needs()
            if why_not:
                print(f"not run: {why_not}")
                yield Outcome(step, passed=True, why_not=why_not)
            elif in_lanes:
                able.append(step)
            else:
                yield run_step(step)
        if len({step.lane for step in able}) > 1:
            yield from run_lanes(able)
        else:
            yield from map(run_step, able)


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


def listed(title: str, lines: Iterable[str]) -> None:
    """Print a count, what it counts, and the lines; nothing when there are none."""
    lines = list(lines)
    if lines:
        print(f"check: {len(lines)} {title}")
        for line in lines:
            print(f"  {line}")


def report(outcomes: Sequence[Outcome], failed: Sequence[str], seconds: float) -> None:
    """What ran where, what could not and why, what was slow, and one clear last line."""
    ran = [outcome for outcome in outcomes if not outcome.why_not]
    longest = sorted(((o.seconds, o.step.name) for o in ran), reverse=True)[:6]
    print("\ncheck: slowest steps: " + ", ".join(f"{name} {taken:.0f} s" for taken, name in longest))
    slowest = sorted((pair for o in ran for pair in o.counted.slowest), reverse=True)[:10]
    listed("slowest tests:", (f"{taken:6.1f} s  {name}" for taken, name in slowest))
    listed("steps not run here:", (f"{o.step.name}: {o.why_not}" for o in outcomes if o.why_not))
    listed("tests skipped themselves:", (line for o in ran for line in o.counted.skipped))
    listed("tests passed only when they were run again:", (line for o in ran for line in o.counted.unsteady))
    listed("tests failed:", (line for o in ran for line in o.counted.failures))
    counts: dict[str, int] = {}
    for outcome in ran:
        counts[outcome.step.where] = counts.get(outcome.step.where, 0) + outcome.counted.passed
    tested = ", ".join(f"{where} {count}" for where, count in counts.items() if count)
    verdict = f"FAILED in {', '.join(failed)}" if failed else "all passed"
    print(f"check: tests passed: {tested or 'none'}; {verdict}; {seconds / 60:.1f} min")
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
    outcomes = list(run_all([step for step in plan if not options.only or step.name in options.only]))
    missing = [o.step.name for o in outcomes if o.why_not and o.step.where == "kind" and options.require_kind]
    failed = [o.step.name for o in outcomes if not o.passed] + missing
    report(outcomes, failed, time.monotonic() - began)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ncheck: interrupted; the clusters of the tests are taken down", file=sys.stderr)
        sys.exit(130)
