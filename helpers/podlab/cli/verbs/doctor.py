"""``podlab doctor``: what this machine can run, and one repair line for each thing it cannot."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "check what this machine can run, and how to fix what it cannot"
EXAMPLE = """
podlab doctor
podlab doctor --driver kind          # only what kind needs
podlab doctor --json | jq '.findings[] | select(.level != "ok")'
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--driver", choices=("kind", "embedded"), help="check only what this driver needs")
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each check; exit code 1 if something that podlab needs is broken."""
    from podlab import doctor
    from podlab.cli import output

    report = doctor.examine(args.driver)
    if args.json:
        output.as_json(report.as_dict())
    else:
        print(doctor.as_text(report))
    return 0 if report.usable else 1
