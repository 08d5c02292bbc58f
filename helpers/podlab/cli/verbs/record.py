"""``podlab record``: apply a manifest and record how its Pods live."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.drivers import Cluster
    from podlab.observe import Recording

SUMMARY = "record the life of Pods to a file: apply a manifest and record its Pods, or record running Pods"
EXAMPLE = """
podlab record labs/00-first-pod/manifests/first-pod.yaml --until Succeeded --out runs/first-pod.jsonl
podlab record pod.yaml --until gone --delete-after 5 --deadline 90
podlab record --pod web --deadline 120             # an existing Pod, until it is gone or time is up
podlab record -l app=web -n shop
podlab show runs/first-pod.jsonl
"""
PHASES = ("Ready", "Pending", "Running", "Succeeded", "Failed", "gone")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_files(parser)
    parser.add_argument(
        "--pod",
        type=common.one_pod,
        metavar="POD",
        help="record this existing Pod instead of applying a manifest",
    )
    parser.add_argument(
        "-l", "--selector", metavar="L", help="record existing Pods with these labels, such as app=web"
    )
    parser.add_argument(
        "--out", type=Path, metavar="RUN", help="the file to write (default: runs/NAME.jsonl, or NAME-2, …)"
    )
    parser.add_argument(
        "--until",
        type=common.in_any_case(PHASES),
        choices=PHASES,
        metavar="U",
        help=f"record until: {', '.join(PHASES)} (default: Ready; for existing Pods: gone)",
    )
    parser.add_argument(
        "--deadline",
        type=common.seconds,
        default=60.0,
        metavar="S",
        help="stop after S seconds (default: 60); exit code 6 if --until was not reached by then, or no Pod was seen",
    )
    parser.add_argument(
        "--delete-after",
        type=common.seconds,
        metavar="S",
        help="delete the Pods S seconds after --until is reached (default: keep them)",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="first delete objects with the same names that an earlier run left behind",
    )
    parser.add_argument(
        "--watch", action="store_true", help="draw the first Pod's timeline in the terminal while recording"
    )
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Record; the file is kept and readable whatever ends the recording."""
    from podlab.cli import clusters, output, painting, recording

    recording.check(args)
    cluster = clusters.of(args)
    recording.choose(args)
    if args.watch and not args.json:
        with painting.Watching(cluster.driver) as watching:
            made = _made(cluster, args, output.say, on_observation=watching.see)
        for pod in made.pods()[:1]:
            watching.end(made.timeline(pod))
    else:
        with output.Steps() as steps:
            made = _made(cluster, args, steps)
    summary = recording.summary(made, args.out)
    if args.json:
        output.as_json(summary)
    else:
        print(recording.sentence(summary))
    recording.raise_unless_reached(made, args)
    return 0


def _made(
    cluster: Cluster, args: argparse.Namespace, steps: Callable[[str], None], **options: Any
) -> Recording:
    """Make the recording; errors and Ctrl-C say what to do next."""
    from podlab.cli import recording
    from podlab.errors import ConflictError

    before = recording.mark(args.out)
    try:
        return recording.make(cluster, args, steps, **options)
    except ConflictError as error:
        if not args.fresh:
            error.hint = "run it again with --fresh, which deletes it first"
        raise
    except KeyboardInterrupt:
        if recording.mark(args.out) != before:
            steps(f"kept the recording so far: podlab show {args.out}")
        raise
