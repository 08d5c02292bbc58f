"""``podlab class``: a namespace for each student on one cluster, and a board for the wall."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.client import Client

SUMMARY = "run a class on a shared cluster: a namespace and a kubeconfig per student, and a live board"
EXAMPLE = """
podlab class create spring --roster roster.csv --out kubeconfigs
podlab class board spring
podlab class board spring --web 8000
podlab class delete spring
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("action", choices=("create", "board", "list", "delete"), help="what to do")
    parser.add_argument(
        "class_", nargs="?", metavar="CLASS", help="the name of the class: lower-case letters, digits and -"
    )
    parser.add_argument(
        "--roster", type=Path, metavar="CSV", help="create: the students, with columns id,name,email"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="create: the folder for the kubeconfig files"
    )
    parser.add_argument(
        "--days",
        type=common.days,
        default=30,
        metavar="D",
        help="create: how many days the students' tokens are valid (default: 30)",
    )
    parser.add_argument(
        "--web",
        type=common.whole_number(0),
        metavar="PORT",
        help="board: serve it as a web page on this port of localhost",
    )
    parser.add_argument("--once", action="store_true", help="board: print it once and exit")
    common.add_any_cluster(parser)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    from podlab.cli import clusters

    _check(args)
    client = clusters.of(args).client()
    if args.action == "list":
        return _list(client)
    if args.action == "create":
        return _create(args, client)
    return _board(args, client) if args.action == "board" else _delete(args, client)


def _check(args: argparse.Namespace) -> None:
    """
    Make sure that the class is named, and with ``create`` the roster and the folder, before a cluster is asked.

    Raises:
        UsageError: One of them is missing, or the name cannot be part of a namespace's.
    """
    import re

    if args.action == "list":
        return
    if not args.class_:
        raise common.UsageError(
            "which class?", cause="the name of a class is required", hint=f"podlab class {args.action} spring"
        )
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", args.class_):
        raise common.UsageError(
            f"{args.class_!r} cannot be the name of a class",
            cause="it begins the names of namespaces: at most 20 lower-case letters, digits and -",
            hint=f"podlab class {args.action} spring",
        )
    if args.action == "create" and not (args.roster and args.out):
        raise common.UsageError(
            "a class needs a roster and a folder for its kubeconfig files",
            cause=f"missing: {', '.join(name for name in ('--roster', '--out') if not getattr(args, name[2:]))}",
            hint=f"podlab class create {args.class_} --roster roster.csv --out kubeconfigs",
        )


def _create(args: argparse.Namespace, client: Client) -> int:
    from podlab.assignments import roster
    from podlab.classroom import creating
    from podlab.cli.output import counted

    made = creating.create(
        client, args.class_, roster.read(args.roster), args.out, days=args.days, tell=_tell
    )
    print(
        f"\nclass {args.class_}: {counted(made.students, 'student')}; one file each in {args.out}: hand them out"
    )
    for kind in sorted(made.left_out):
        print(f"  {kind} is not served by this cluster, and was skipped")
    space = f"{args.class_}-ID"
    print(f"each student:  podlab up --driver context --kubeconfig ID.kubeconfig --namespace {space}")
    return 0


def _board(args: argparse.Namespace, client: Client) -> int:
    from podlab.classroom import board, serving

    serving.look(client, args.class_)
    if args.web is not None:
        serving.serve(
            client,
            args.class_,
            args.web,
            ready=lambda port: print(f"the board: http://127.0.0.1:{port}/", flush=True),
        )
        return 0
    while True:
        shown = board.text(serving.look(client, args.class_))
        if args.once or not sys.stdout.isatty():
            print(shown)
            return 0
        print(f"\033[H\033[2J{shown}", flush=True)
        time.sleep(serving.LOOK_EVERY_S)


def _list(client: Client) -> int:
    from podlab.classroom import creating
    from podlab.cli import output

    found = list(creating.classes(client))
    for name, students in found:
        print(f"{name:<20} {output.counted(students, 'student')}")
    if not found:
        output.say(
            "no classes on this cluster: podlab class create spring --roster roster.csv --out kubeconfigs"
        )
    return 0


def _delete(args: argparse.Namespace, client: Client) -> int:
    from podlab.classroom import creating
    from podlab.cli.output import counted

    count = creating.delete(client, args.class_, tell=_tell)
    print(
        f"\nclass {args.class_} is gone: {counted(count, 'namespace')} deleted, nothing is left of it on the cluster"
    )
    return 0


def _tell(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
