"""``podlab airgap``: the node image for rooms without a container registry."""

from __future__ import annotations

import argparse

SUMMARY = "build the kind node image for machines that cannot reach a container registry"
EXAMPLE = """
podlab airgap build
podlab airgap build --kubernetes v1.34.4
podlab airgap status --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="build|status", required=True)
    build = verbs.add_parser("build", help="build the image; unchanged parts are reused")
    build.add_argument(
        "--kubernetes",
        metavar="V",
        help="the version, such as v1.34.4 (default: the course's reference version)",
    )
    status = verbs.add_parser("status", help="show what has been built; exit code 1 if nothing is usable")
    status.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Hand over to the build, which shows its own progress."""
    from podlab import airgap

    if args.verb == "build":
        return airgap.build(args.kubernetes)
    return airgap.main(["status", *(["--json"] if args.json else [])])
