"""``podlab create``: create the objects of a manifest; one that exists is an error."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "create the objects of a manifest; fails if one of them already exists"
EXAMPLE = """
podlab create -f labs/00-first-pod/manifests/first-pod.yaml
podlab create pod.yaml -n demo
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_sending(parser)


def run(args: argparse.Namespace) -> int:
    """Create, and print one line for each object as kubectl would."""
    from podlab.cli import sending

    return sending.run(args, sending.create)
