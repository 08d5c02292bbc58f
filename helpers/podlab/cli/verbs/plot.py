"""``podlab plot``: a recording as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from podlab.cli import parser as common

SUMMARY = "save a recording's timeline as a picture"
EXAMPLE = """
podlab plot runs/first-pod.jsonl --out first-pod.png
podlab plot runs/first-pod.jsonl --out first-pod.svg
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a recording file")
    parser.add_argument("--out", required=True, type=Path, metavar="X.png|X.svg", help="the file to write")
    parser.add_argument(
        "--pod", type=common.one_pod, metavar="POD", help="which Pod (required if the recording has several)"
    )


def run(args: argparse.Namespace) -> int:
    """Draw one timeline and print where it is."""
    from podlab import views
    from podlab.cli import output, recording

    timeline = recording.one_timeline(args.run, args.pod)
    recording.check_picture(args.out)
    with output.Steps() as steps:
        steps(f"drawing {args.out}")
        with output.writing(args.out):
            args.out.parent.mkdir(parents=True, exist_ok=True)
            views.save(timeline, args.out)
    print(args.out)
    return 0
