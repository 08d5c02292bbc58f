"""
The command line of the teaching program: ``podlab-app ROLE [PATH] [knobs]``.

Example:
    podlab-app shop --port 8080 --exit-after 20:0
    podlab-app ship /logs --slow-start 3
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .journal import Journal
from .life import Life, block_stop_signals, leave
from .roles import ROLES


def main(arguments: Sequence[str] | None = None) -> None:
    """Play one role; ends the process with the role's exit code and never returns."""
    block_stop_signals()
    options = _parser().parse_args(arguments)
    journal = Journal(options.name or options.role, options.log)
    life = Life(journal, exit_after=options.exit_after, ignore_term=options.ignore_term)
    journal.say("start", **_knobs(options))
    try:
        if not life.wait(options.slow_start):
            ROLES[options.role](options, life, journal)
    except OSError as error:
        journal.say("error", what=error.strerror or str(error))
        leave(1)
    journal.say("end", code=life.exit_code)
    leave(life.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podlab-app", description="One part of a small web shop.", epilog=__doc__.split("Example:")[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("role", choices=sorted(ROLES), help="which part to play")
    add("path", nargs="?", help="folder, file or URL that the role works on")
    add("--name", help="name in the lines (default: the role)")
    add("--slow-start", type=_seconds, default=0.0, metavar="S", help="do nothing for S seconds, then begin")
    add("--exit-after", type=_seconds_and_code, metavar="S:CODE", help="leave by itself after S seconds")
    add("--ignore-term", action="store_true", help="note SIGTERM and carry on")
    add(
        "--last-words", type=int, default=0, metavar="N", help="write N more lines after SIGTERM, 0.5 s apart"
    )
    add("--every", type=_seconds, default=0.5, metavar="S", help="pause between two lines or calls")
    add("--log", type=Path, metavar="FILE", help="append the lines to FILE too")
    add("--port", type=int, help="port to listen on")
    add(
        "--listen",
        default="0.0.0.0",  # noqa: S104  (a Pod is reached by its own address)
        metavar="ADDRESS",
        help="address to listen on (127.0.0.1: this Pod only)",
    )
    add("--call", metavar="URL", help="http://host:port/path or db://host:port")
    add("--once", action="store_true", help="call once, first of all")
    add("--must", action="store_true", help="caller --once: exit 1 unless the answer was ok")
    add("--timeout", type=_seconds, default=1.0, metavar="S", help="give up on a call after S seconds")
    add("--upstream", metavar="URL", help="proxy: pass requests on")
    add("--to", metavar="URL", help="ship: send the lines there instead of printing them")
    add("--ready-file", type=Path, metavar="FILE", help="shop: /ready is 503 while FILE is missing")
    add(
        "--answers-after",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="db: accept first, answer S seconds later",
    )
    add("--broken", type=int, default=0, metavar="N", help="config: the first N answers are half a file")
    add("--sha256", help="fetch: the sum that the file must have")
    add("--count", type=int, default=3, metavar="N", help="warm, migrate: how many")
    return parser


def _knobs(options: argparse.Namespace) -> dict[str, object]:
    shown = {
        "slow_start": options.slow_start,
        "ignore_term": options.ignore_term,
        "last_words": options.last_words,
    }
    return {name: value for name, value in shown.items() if value}


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text}: seconds, 0 or more")
    return value


def _seconds_and_code(text: str) -> tuple[float, int]:
    seconds, _, code = text.partition(":")
    number = int(code or 0)
    if not 0 <= number <= 255:
        raise argparse.ArgumentTypeError(f"{text}: an exit code is 0 to 255")
    return _seconds(seconds), number


if __name__ == "__main__":
    main(sys.argv[1:])
