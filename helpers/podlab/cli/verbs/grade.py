"""``podlab grade``: grade submissions, side by side, and go on where an earlier run ended."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.assignments.marking import GradingProgress
    from podlab.client.budget import Budget
    from podlab.drivers import Cluster
    from podlab.grading import Place

SUMMARY = "grade submissions by how their Pods live; can be resumed, runs no student code"
EXAMPLE = """
podlab grade submissions/ --assignment term/instructor --roster roster.csv --out grades
podlab grade moodle-download.zip --assignment term/instructor --out grades --jobs 12
podlab grade submissions/ --assignment term/instructor --out grades --on context --context school
"""

# Answers side by side: plays wait most of their time, and more threads than that delay each other.
_A_CORE, _MOST = 16, 32
_BAR = 24  # characters of the progress bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("submissions", nargs="+", type=Path, metavar="SUBMISSION",
                        help="notebooks, folders, zips, or downloads from Moodle, Canvas or Gradescope")  # fmt: skip
    common.add_assignment(parser)
    common.add_roster(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="GRADES", help="the folder for results and evidence"
    )
    parser.add_argument("--jobs", type=int, metavar="N",
                        help="grade at most N answers in parallel (default: 16 for each core of this machine, or of a "
                        "context's nodes, up to 32); fewer where the machine is busy")  # fmt: skip
    parser.add_argument(
        "--on", choices=("kind", "context", "embedded"), metavar="D",
        help="the driver of the cluster; context: the current context of your kubeconfig, or --context",
    )  # fmt: skip
    parser.add_argument(
        "--requests", type=_rate, metavar="R",
        help="the most requests per second to the API server, of all answers together (default: 20 on a context, "
        "200 on a cluster that podlab made)",
    )  # fmt: skip
    common.add_any_cluster(parser)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of requests a second, such as 20")
    return value


def run(args: argparse.Namespace) -> int:
    """Grade what is not graded yet; exit code 1 where something was not gradable."""
    from podlab import grading
    from podlab.assignments import blueprint, gradebook, marking, roster, submissions
    from podlab.cli.output import counted
    from podlab.errors import PodlabError
    from podlab.grading.sharing import OWN_REQUESTS_PER_S, REQUESTS_PER_S, budget

    missing = [path for path in args.submissions if not path.exists()]
    if missing:
        raise PodlabError(f"{missing[0]} does not exist", hint="podlab grade FOLDER-OF-SUBMISSIONS …")
    plan = blueprint.read(args.assignment)
    students = roster.read(args.roster) if args.roster else []
    found = submissions.read(args.submissions, students, plan)
    if not found:
        raise PodlabError(
            "no notebooks were found in the submissions", hint="submissions end in .ipynb or .zip"
        )
    cluster = _cluster(args)
    requests = budget(
        args.requests or (REQUESTS_PER_S if cluster.driver == "context" else OWN_REQUESTS_PER_S)
    )
    with grading.together(grading.Place.on(cluster), requests) as place:
        cores = (place.cpus if cluster.driver == "context" else None) or os.cpu_count() or 1
        jobs = args.jobs or min(_MOST, _A_CORE * cores)
        progress = marking.grade(plan, found, args.out, place, at_once=jobs, tell=_tell)
    graded = progress.done - progress.kept
    answers, handed_in = counted(progress.done, "answer"), counted(len(found), "submission")
    print(f"\n{answers} of {handed_in}: {graded} graded now, {progress.kept} before")
    if progress.repeated:
        verb = "was" if progress.repeated == 1 else "were"
        repeated = f"{counted(progress.repeated, 'answer')} {verb} run again"
        print(f"{repeated}, fewer side by side: points were lost while the machine was late")
    if graded:
        _print_use(requests, place, graded)
    marks = gradebook.marks(plan, args.out, students)
    bad = [mark for mark in marks if mark.state in ("not gradable", "unreadable")]
    for line in [*submissions.remarks(found, students), *gradebook.remarks(marks, students)]:
        print(f"  {line}")
    print(f"marks: podlab report {args.out} --assignment {args.assignment}")
    return 1 if bad else 0


def _cluster(args: argparse.Namespace) -> Cluster:
    """Return the cluster to grade on: a context of a kubeconfig, or one that podlab made."""
    from podlab import drivers
    from podlab.cli import clusters

    if args.on == "context" and not common.names_cluster(args):
        made = drivers.find(args.name)
        if args.kubeconfig or args.context or made is None or made.driver != "context":
            return clusters.borrowed(args.kubeconfig, args.context)
    cluster = clusters.of(args)
    if args.on and cluster.driver != args.on:
        raise common.UsageError(
            f"cluster {cluster.name!r} is not of driver {args.on}",
            cause=f"its driver is {cluster.driver}",
            hint=f"--on {cluster.driver}, or another --cluster: podlab status lists them",
        )
    return cluster


def _print_use(requests: Budget, place: Place, graded: int) -> None:
    """Print what the grading cost the cluster: requests, and the Pods of each node."""
    needed = requests.taken - requests.questions
    share = f"{needed / graded:.0f} an answer and {requests.questions} while the budget had room"
    watch = "one watch for all" if place.shared else "a watch for each answer: this account may not watch all"
    print(
        f"requests to the API server: {requests.taken}, at most {requests.per_s:g} a second: {share}; {watch}"
    )
    if place.shared and place.shared.nodes:
        nodes = sorted(place.shared.nodes.items())
        print("Pods by node: " + ", ".join(f"{node} {len(pods)}" for node, pods in nodes))


def _tell(progress: GradingProgress) -> None:
    left = "" if progress.left_s is None else f", about {progress.left_s:.0f} s left"
    line = f"graded {progress.done} of {progress.total}{left}"
    if sys.stderr.isatty():
        bar = "#" * (_BAR * progress.done // max(1, progress.total))
        print(f"\r[{bar:<{_BAR}}] {line:<45}", end="", file=sys.stderr, flush=True)
    elif progress.done == progress.total or progress.done % 10 == 0:
        print(line, file=sys.stderr, flush=True)
