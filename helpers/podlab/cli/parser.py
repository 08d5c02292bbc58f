"""
Find the verb, build its parser, and report a wrong command line in three lines.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Protocol, cast

from podlab.cli.codes import table
from podlab.errors import PodlabError
from podlab.nearest import nearest

_FOLDER = os.path.join(os.path.dirname(__file__), "verbs")  # noqa: PTH118, PTH120  (pathlib costs 4 ms here)

_USUAL_ORDER = [
    "up",
    "status",
    "kubeconfig",
    "down",
    "doctor",
    "apply",
    "create",
    "delete",
    "record",
    "show",
    "plot",
    "pods",
    "logs",
    "events",
    "watch",
    "explain",
]
_TO_BEGIN_WITH = ["up", "record", "show", "pods", "explain"]


class UsageError(PodlabError):
    """The command line is wrong."""

    exit_code = 2


class Verb(Protocol):
    """The contents of a module in ``podlab.cli.verbs``."""

    __name__: str
    SUMMARY: str
    EXAMPLE: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """
    An argument parser whose errors are a `UsageError`, with the near miss and the command that shows more.
    """

    def error(self, message: str) -> NoReturn:
        """Raise instead of exit."""
        raise UsageError(f"invalid arguments for {self.prog}", cause=message, hint=f"{self.prog} --help")


def names() -> list[str]:
    """Return all verbs: those that are used every day first, in the order of use, then the others by name."""
    found = {
        file[:-3].replace("_", "-")
        for file in os.listdir(_FOLDER)  # noqa: PTH208
        if file[0] != "_" and file.endswith(".py")
    }
    usual = [name for name in _USUAL_ORDER if name in found]
    return usual + sorted(found - set(usual))


def load(name: str) -> Verb:
    """
    Return the module of a verb.

    Raises:
        UsageError: There is no such verb; the hint names the nearest.
    """
    known = names()
    if name not in known:
        near = nearest(name, known)
        raise UsageError(
            f"podlab has no verb {name!r}",
            cause=f"verbs: {', '.join(known)}",
            hint=f"podlab {near}" if near else "podlab --help",
        )
    return cast(Verb, import_module(f"podlab.cli.verbs.{name.replace('-', '_')}"))


def parse(verb: Verb, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse what follows the verb; ``--help`` prints and exits with 0."""
    name = verb.__name__.rsplit(".", 1)[-1].replace("_", "-")
    parser = Parser(
        prog=f"podlab {name}",
        description=verb.SUMMARY,
        epilog="example:\n" + "\n".join(f"  {line}" for line in verb.EXAMPLE.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.arguments(parser)
    # Words and options in any order, as with kubectl: podlab exercise check --json e14. argparse refuses subcommands.
    whole = any(action.nargs == argparse.PARSER for action in parser._actions)
    read = parser.parse_known_args if whole else parser.parse_known_intermixed_args
    known, unknown = read(list(arguments))
    if unknown:
        _refuse(parser, unknown[0])
    return known


def beginning() -> str:
    """Return what ``podlab`` alone prints: five verbs to begin with."""
    width = max(len(name) for name in _TO_BEGIN_WITH)
    return "\n".join(
        [
            "Run Pods, watch their containers live, and get graded on what happened. Start with:",
            "",
            *(f"  podlab {name:<{width}}  {load(name).SUMMARY}" for name in _TO_BEGIN_WITH),
            "",
            "podlab VERB --help shows examples; podlab --help lists all verbs.",
        ]
    )


def overview() -> str:
    """Return ``podlab --help``: each verb with its one line, and the exit codes."""
    verbs = names()
    width = max(len(name) for name in verbs)
    lines = [f"  {name:<{width}}  {load(name).SUMMARY}" for name in verbs]
    return "\n".join(
        [
            "usage: podlab VERB [arguments]      podlab VERB --help shows examples",
            "",
            "Run Pods, watch their containers live, and get graded on what happened.",
            "",
            "verbs:",
            *lines,
            "",
            "exit codes:",
            table(),
        ]
    )


def _refuse(parser: argparse.ArgumentParser, word: str) -> NoReturn:
    options = [option for action in parser._actions for option in action.option_strings]
    near = nearest(word.split("=", maxsplit=1)[0], options, 0.5)
    raise UsageError(
        f"{parser.prog}: unknown argument {word!r}",
        cause=f"options: {', '.join(one for one in options if one.startswith('--')) or 'none'}",
        hint=f"{near}, or: {parser.prog} --help" if near else f"{parser.prog} --help",
    )


def default_cluster() -> str:
    """Return the cluster that commands work on where ``--cluster`` is not given."""
    return os.environ.get("PODLAB_CLUSTER", "lab")


def names_cluster(args: argparse.Namespace) -> bool:
    """Return whether the command line names a cluster other than the default one."""
    return bool(args.name != default_cluster())


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add ``--cluster``, the cluster to work on; ``--name`` is its older name."""
    parser.add_argument(
        "--cluster",
        "--name",
        dest="name",
        default=default_cluster(),
        metavar="N",
        help="the cluster's name (default: $PODLAB_CLUSTER, else lab)",
    )


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """Add ``--namespace``."""
    parser.add_argument(
        "-n",
        "--namespace",
        metavar="NS",
        help="the namespace to work in (default: the cluster's, usually default)",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add what says where a command works: ``--cluster``, or a context of any kubeconfig; and ``--namespace``."""
    add_any_cluster(parser)
    add_namespace(parser)


def add_any_cluster(parser: argparse.ArgumentParser) -> None:
    """Add ``--cluster``, ``--context`` and ``--kubeconfig``, for commands that work on the whole cluster."""
    add_cluster(parser)
    parser.add_argument(
        "--context", metavar="C", help="use a context of your own kubeconfig instead, as with kubectl"
    )
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="F", help="use the cluster of this kubeconfig instead"
    )


def add_file_option(parser: argparse.ArgumentParser) -> None:
    """Add ``-f``, which names a file, a folder, or ``-`` for stdin, as with kubectl."""
    parser.add_argument(
        "-f",
        "--filename",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="a YAML or JSON file, a folder of them, or - for stdin",
    )


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the manifests that a command works on: as words, or with ``-f``."""
    parser.add_argument("manifest", metavar="MANIFEST", nargs="*", help="a YAML or JSON file; - reads stdin")
    add_file_option(parser)


def add_sending(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verbs that send manifests to a cluster: ``apply`` and ``create``."""
    add_files(parser)
    add_target(parser)
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_assignment(parser: argparse.ArgumentParser) -> None:
    """Add ``--assignment``."""
    parser.add_argument(
        "--assignment",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the instructor folder that podlab release wrote",
    )


def add_roster(parser: argparse.ArgumentParser) -> None:
    """Add ``--roster``, for commands that do not need one."""
    parser.add_argument("--roster", type=Path, metavar="CSV", help="the students, with columns id,name,email")


def seconds(text: str) -> float:
    """Read a positive number of seconds, with or without an s behind it."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def days(text: str) -> float:
    """Read a positive number of days."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3660:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days up to 3660")
    return value


def duration(text: str) -> int:
    """Read a duration as kubectl takes it, such as ``30s``, ``5m`` or ``1h30m``, in whole seconds."""
    import re

    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text)
    if not text or parts is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 30s, 5m or 2h")
    hours, minutes, rest = (int(part or 0) for part in parts.groups())
    return max(1, hours * 3600 + minutes * 60 + rest)


def pod_name(text: str) -> str:
    """
    Read ``POD`` or ``KIND/NAME``.

    An empty name (``podlab logs "pod/$POD"`` where POD is not set) would ask for the list of Pods.
    """
    return object_name(text, "Pod")


def object_name(text: str, kind: str = "object") -> str:
    """Read ``NAME`` or ``KIND/NAME``, with a name that is not empty."""
    if not text.rpartition("/")[2].strip():
        raise argparse.ArgumentTypeError(f"the name of the {kind} is empty")
    return text


def one_pod(text: str) -> str:
    """Read ``POD`` or ``pod/POD``, and return the name."""
    kind, _, name = pod_name(text).rpartition("/")
    if kind.lower() not in ("", "po", "pod", "pods"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a Pod: give a Pod's name, or pod/NAME")
    return name


def in_any_case(words: Sequence[str]) -> Callable[[str], str]:
    """Return a reader that writes each of *words* as it is spelt, however it was typed; for ``choices``."""
    return lambda text: next((word for word in words if word.lower() == text.lower()), text)


def whole_number(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from *least* on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return value

    return read


def columns(text: str) -> int:
    """Read a width in columns; 40 at least, or no lane has room."""
    if not text.isdecimal() or not 40 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a width from 40 to 10000 columns")
    return int(text)


def ascii_only() -> bool:
    """Tell whether stdout cannot take the characters of a drawn timeline: LC_ALL=C, or an old terminal."""
    try:
        "╷▓█▚·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def is_terminal() -> bool:
    """Tell whether stdout goes to a person."""
    return sys.stdout.isatty()
