"""``podlab apply``: create or change the objects of a manifest."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "create or update the objects of a manifest; all are checked before the first is sent"
EXAMPLE = """
podlab apply -f labs/00-first-pod/manifests/first-pod.yaml
podlab apply first.yaml second.yaml
podlab apply -f - -n demo < pod.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_sending(parser)


def run(args: argparse.Namespace) -> int:
    """Apply, and print one line for each object as kubectl would."""
    from podlab.cli import sending

    return sending.run(args, sending.apply)
