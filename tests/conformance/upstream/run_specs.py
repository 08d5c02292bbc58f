#!/usr/bin/env python3
"""
Run upstream's end-to-end specs on an embedded cluster, and hold the result against the lists.

    python tests/conformance/upstream/run_specs.py                        # both suites, all that is asked
    python tests/conformance/upstream/run_specs.py --suite node           # the kubelet's own suite
    python tests/conformance/upstream/run_specs.py --focus 'Sysctls|InitContainer'      # a regular expression on names
    python tests/conformance/upstream/run_specs.py --go-on                # a run that was ended, from where it was
    python tests/conformance/upstream/run_specs.py --left-out             # which specs are not asked, by reason
    python tests/conformance/upstream/run_specs.py --figures              # the table of the reports that are kept
    python tests/conformance/upstream/run_specs.py --write                # write the lists anew from what happens
    python tests/conformance/upstream/run_specs.py --unlisted --write     # list the specs that no list explains yet

`build.py` beside this file makes the binaries. Each suite gets a cluster of its own, which is gone at the end, also
after Ctrl-C. A run is made of parts of 100 specs; `--go-on` runs what no report of a part shows. A spec that must pass
and did not is run once more, with the others of its group: a busy machine is late now and then. A spec that cannot
pass, by the list, and passes is a fault of the list. Prints passed / asked by group; reports and logs stay in
artefacts/upstream, and `--figures` prints the figures of both suites from them, over as many runs as it took.

Exit codes: 0 all as listed, 1 not so, 2 wrong use or nothing built, 130 interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from podlab.drivers import process  # noqa: E402
from podlab.errors import PodlabError  # noqa: E402
from upstream import lists, plan, reports, suites, writing  # noqa: E402
from upstream.reports import Outcome  # noqa: E402
from upstream.suites import Suite  # noqa: E402

OUT = HERE.parents[2] / "artefacts" / "upstream"
STARTED = time.monotonic()
MOST_AGAIN = 60  # more failures than that are no accident
PART = 100  # specs that are run, and reported, together
FIRST, AGAIN = "first", "again"  # folders of reports: of all specs, and of those that were run once more


def say(text: str) -> None:
    """Print one line of progress, with the time since the start."""
    print(f"upstream [{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", choices=suites.BINARY, help="one suite (default: both)")
    parser.add_argument("--focus", metavar="REGEX", help="only specs whose name matches")
    parser.add_argument("--jobs", type=int, metavar="N", help="specs at a time (default: 10)")
    parser.add_argument(
        "--deadline", type=float, default=5400, metavar="S", help="seconds for a suite (default: 5400)"
    )
    parser.add_argument(
        "--go-on", action="store_true", help="keep the reports of a run that was ended; run what they lack"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="where reports and logs go")
    parser.add_argument(
        "--left-out", action="store_true", help="count the specs that are not asked; run nothing"
    )
    parser.add_argument(
        "--figures", action="store_true", help="print the figures of the reports that are kept; run nothing"
    )
    parser.add_argument(
        "--write", action="store_true", help="run all that is not left out, and write the lists"
    )
    parser.add_argument(
        "--unlisted", action="store_true", help="only specs that no list names and no reason leaves out"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.figures:
        return figures(options.out, options.focus or "")
    chosen = [Suite(name, plan.made(), say) for name in suites.BINARY if options.suite in (None, name)]
    for suite in chosen:
        if suite.missing():
            print(
                f"the {suite.name} suite is not built: {', '.join(suite.missing())} missing", file=sys.stderr
            )
            print("  try: python tests/conformance/upstream/build.py", file=sys.stderr)
            return 2
    try:
        with process.ended_by_signals():
            act = _count_left_out if options.left_out else _one
            return max(act(suite, options) for suite in chosen)
    except KeyboardInterrupt:
        print("interrupted; the cluster is gone", file=sys.stderr)
        return 130
    except (PodlabError, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _count_left_out(suite: Suite, options: argparse.Namespace) -> int:
    out = options.out / suite.name
    out.mkdir(parents=True, exist_ok=True)
    known, patterns = lists.load(suite.name), lists.left_out(suite.name)
    before = lists.asked_before(suite.name)
    everything = set(suites.all_specs(suite, out))
    names = everything - before
    print(f"{suite.name}: {len(everything)} specs, {len(known.asked)} asked; not asked:")
    if before:
        print(f"{len(everything - names):6}  asked in the node suite")
    for reason, count in lists.reasons(names, known.asked, patterns).most_common():
        print(f"{count:6}  {reason or 'NO REASON IS LISTED'}")
    wrong = lists.problems(names, known, patterns)
    print("\n".join(wrong))
    return 1 if wrong else 0


def _one(suite: Suite, options: argparse.Namespace) -> int:
    out = options.out / suite.name
    out.mkdir(parents=True, exist_ok=True)
    known = lists.load(suite.name)
    names = known.asked
    if options.write or options.unlisted:
        patterns = lists.left_out(suite.name, for_good=True)
        every = set(suites.all_specs(suite, out)) - lists.asked_before(suite.name)
        names = [name for name in every if not any(pattern.search(name) for pattern, _ in patterns)]
    if options.unlisted:
        names = [name for name in names if name not in known.asked]
    names = sorted({name for name in names if re.search(options.focus or "", name)})
    if not names:
        raise ValueError(f"no spec that is asked of the {suite.name} suite matches {options.focus!r}")
    jobs = options.jobs or suites.JOBS[suite.name]
    if not options.go_on:
        for folder in (FIRST, AGAIN):
            shutil.rmtree(out / folder, ignore_errors=True)
    ended = outcomes(
        suite, names, known, out, jobs=jobs, deadline_s=options.deadline, twice=not options.write
    )
    print("\n".join([f"{suite.name}: passed / asked by group", *reports.table(ended)]))
    if options.write:
        writing.write(suite.name, names, ended, known)
        say(f"wrote the lists of {suite.name}")
        return 0
    wrong = reports.judge(names, ended, known)
    print("\n".join(wrong))
    say(f"{suite.name}: {len(names) - len(wrong)} of {len(names)} specs end as listed")
    return 1 if wrong else 0


def outcomes(
    suite: Suite,
    names: list[str],
    known: lists.Lists,
    out: Path,
    *,
    jobs: int,
    deadline_s: float,
    twice: bool = True,
) -> dict[str, Outcome]:
    """
    Run *names* on a cluster of their own, part by part.

    Args:
        out: A folder for reports; a spec that one of those in ``first`` shows is not run.
        deadline_s: For all of it; a part that is not begun by then is not run.
        twice: Run those that did not pass although they must once more.

    Raises:
        RuntimeError: Ginkgo left no report.
    """
    found = kept(out / FIRST, names)
    unfinished = {group(name) for name in names if name not in found}
    rest = [name for name in names if group(name) in unfinished]
    say(f"{suite.name}: {len(names)} specs, {jobs} at a time; {len(found)} have a report already")
    with suites.cluster(suite) as where:
        for part, left_s in parts(rest, deadline_s):
            folder = out / FIRST / f"{time.time_ns()}"
            found |= suites.run(suite, where, part, folder, jobs=jobs, deadline_s=left_s)
            say(f"{suite.name}: {len(found)} of {len(names)} specs have a report")
        again = [name for name in names if name not in known.cannot and not _ended_well(found.get(name))]
        if twice and again and len(again) <= MOST_AGAIN:
            groups = {group(name) for name in again}
            whole = [name for name in names if group(name) in groups]
            say(f"{len(again)} specs once more, {len(whole)} with those of their groups")
            folder = out / AGAIN / f"{time.time_ns()}"
            second = suites.run(suite, where, whole, folder, jobs=min(jobs, 4), deadline_s=deadline_s)
            for name in again:
                if name in second and second[name].passed:
                    say(f"passed when it was run again: {name}")
            found |= {name: second[name] for name in again if name in second}
    return found


def figures(out: Path, focus: str = "") -> int:
    """
    Print passed / asked by group from the reports below *out*: of each suite, and of both together.

    A spec that passed when it was run once more counts as passed. Specs that are asked and have no report are counted
    in a line of their own.

    Returns:
        1 if such specs are left, or if a spec did not end as listed; else 0.
    """
    both: dict[str, Outcome] = {}
    faults: list[str] = []
    for name in suites.BINARY:
        known = lists.load(name)
        asked = [spec for spec in known.asked if re.search(focus, spec)]
        ended = kept(out / name / FIRST, asked)
        ended |= {spec: one for spec, one in kept(out / name / AGAIN, asked).items() if one.passed}
        print("\n".join([f"{name}: passed / asked by group", *reports.table(ended)]))
        print(f"{len(asked) - len(ended):5}         asked and without a report")
        faults += reports.judge(asked, ended, known)
        both |= ended
    print("\n".join(["both suites: passed / asked by group", *reports.table(both), *faults]))
    return 1 if faults else 0


def kept(folder: Path, names: list[str]) -> dict[str, Outcome]:
    """Return how *names* ended by the reports below *folder*; what was cut off is not in it."""
    found: dict[str, Outcome] = {}
    for path in sorted(folder.glob("*/report.json")):
        found |= {name: one for name, one in reports.read(path).items() if not one.cut_off}
    return {name: found[name] for name in names if name in found}


def group(name: str) -> str:
    """
    Return the text of the container that a spec stands in.

    Specs of an ordered container look at what the first of them left, so that they run together or not at all.
    """
    return name.rpartition(" should ")[0] or name


def parts(names: list[str], deadline_s: float) -> Iterator[tuple[list[str], float]]:
    """Yield what is run together, whole groups, with the seconds that are left for it; nothing when none are."""
    end = time.monotonic() + deadline_s
    part: list[str] = []
    for _, members in itertools.groupby(sorted(names, key=group), key=group):
        part += members
        if len(part) >= PART:
            if (left_s := end - time.monotonic()) > 0:
                yield part, left_s
            part = []
    if part and (left_s := end - time.monotonic()) > 0:
        yield part, left_s


def _ended_well(outcome: Outcome | None) -> bool:
    """Whether another try would be of no use: a spec that skipped itself does so again."""
    return outcome is not None and outcome.state in ("passed", "skipped")


if __name__ == "__main__":
    sys.exit(main())
