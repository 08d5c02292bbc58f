"""``podlab airgap``: the node image for rooms without a container registry."""

from __future__ import annotations

import argparse

SUMMARY = "build, or look at, the kind node image for places without a container registry"
EXAMPLE = """
podlab airgap build
podlab airgap build --kubernetes v1.34.4
podlab airgap status --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="build|status", required=True)
    build = verbs.add_parser("build", help="build it, or what has changed since the last build")
    build.add_argument("--kubernetes", metavar="V", help="version, such as v1.34.4 (default: the reference)")
    status = verbs.add_parser("status", help="say what there is; exit code 1 if nothing usable")
    status.add_argument("--json", action="store_true", help="print JSON for programs")


def run(args: argparse.Namespace) -> int:
    """Hand over to the build, which shows its own progress."""
    from podlab import airgap

    if args.verb == "build":
        return airgap.build(args.kubernetes)
    return airgap.main(["status", *(["--json"] if args.json else [])])
