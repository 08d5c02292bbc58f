"""``podlab progress``: which exercises are solved, which are open, and how far each outcome is."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "show which exercises you have solved, by exercise and by learning outcome"
EXAMPLE = """
podlab progress
podlab progress --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read the events of the learner's folder and print the table."""
    from podlab import grading
    from podlab.cli import output
    from podlab.course import progress

    found = progress.progress(progress.read(), [grading.find(name) for name in grading.ids()])
    if args.json:
        output.as_json(found.as_dict())
    else:
        print(found)
    return 0
