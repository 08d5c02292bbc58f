"""``podlab show``: a recording as a timeline in text."""

from __future__ import annotations

import argparse
from pathlib import Path

from podlab.cli import parser as common

SUMMARY = "print a recording as a text timeline"
EXAMPLE = """
podlab show runs/first-pod.jsonl
podlab show runs/first-pod.jsonl --pod first-pod --width 160 --colour never | less
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a recording file")
    parser.add_argument("--pod", type=common.one_pod, metavar="POD", help="which Pod (default: all of them)")
    parser.add_argument(
        "--width", type=common.columns, metavar="N", help="width in columns (default: that of the terminal)"
    )
    parser.add_argument(
        "--colour",
        choices=("auto", "always", "never"),
        default="auto",
        help="when to use colours (default: auto)",
    )


def run(args: argparse.Namespace) -> int:
    """Print one timeline for each Pod."""
    import shutil

    from podlab import views
    from podlab.cli import recording

    width = args.width or (shutil.get_terminal_size().columns if common.is_terminal() else 120)
    colour = {"auto": None, "always": True, "never": False}[args.colour]
    for number, timeline in enumerate(recording.timelines(args.run, args.pod)):
        if number:
            print()
        print(views.text(timeline, width=width, colour=colour, ascii=common.ascii_only()))
    return 0
