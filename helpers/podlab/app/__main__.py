"""The command line of the teaching program: ``podlab-app ROLE [PATH] [knobs]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .journal import Journal
from .knobs import parser
from .life import ProcessLife, block_stop_signals, leave
from .roles import play


def main(arguments: Sequence[str] | None = None) -> None:
    """Play one role; ends the process with the role's exit code and never returns."""
    block_stop_signals()
    options = parser().parse_args(arguments)
    journal = Journal(options.name or options.role, options.log, options.nonce)
    life = ProcessLife(journal, exit_after=options.exit_after, ignore_term=options.ignore_term)
    try:
        journal.open()
        journal.say("start", **_knobs(options))
        if not life.wait(options.slow_start):
            play(options.role, options, life, journal)
        journal.say("end", code=life.exit_code)
    except OSError as error:
        journal.only_stdout()
        journal.say("error", what=error.strerror or str(error))
        leave(1)
    leave(life.exit_code)


def _knobs(options: argparse.Namespace) -> dict[str, object]:
    shown = {
        "slow_start": options.slow_start,
        "ignore_term": options.ignore_term,
        "last_words": options.last_words,
    }
    return {name: value for name, value in shown.items() if value}


if __name__ == "__main__":
    main(sys.argv[1:])
