"""
The command line: one verb, one module in ``podlab.cli.verbs``.

    podlab VERB …   imports that verb's module alone, so that a command which prints a path starts in no time

A verb module holds ``SUMMARY`` (one line), ``EXAMPLE`` (commands that work as printed),
``arguments(parser)`` and ``run(args) -> exit code``; it imports what it needs inside ``run``. Dropping such
a file into the folder is all that a new verb takes. What goes to stdout can be piped; progress and errors
go to stderr.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import FrameType

from podlab.errors import PodlabError

_PLACES = {"-n", "--namespace", "--cluster", "--name", "--context", "--kubeconfig"}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EBADF, errno.EIO}
_NO_SUCH_PLACE = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `podlab.cli.codes` for what each means."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _fill_closed_streams()
    _end_on_sigterm()
    _print_what_cannot_be_encoded()
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except PodlabError as error:
        return _tell(error)
    except KeyboardInterrupt as reason:
        number = int(getattr(reason, "number", signal.SIGINT))
        print(
            f"podlab: {'interrupted' if number == signal.SIGINT else f'ended by signal {number}'}",
            file=sys.stderr,
        )
        return 128 + number
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        named = error.errno in _NO_SUCH_PLACE and error.filename is not None
        closed = error.errno in _CLOSED and error.filename is None and _is_stdout_closed()
        return _not_written(error) if named or closed or error.errno in _FULL else _bug(error)
    except Exception as error:  # the outermost net: a learner must never meet a bare traceback
        return _bug(error)
    return code


def run() -> None:
    """Be the ``podlab`` program."""
    sys.exit(main())


def _dispatch(arguments: list[str]) -> int:
    from podlab.cli import kubectl, parser

    if "_ARGCOMPLETE" in os.environ:
        from podlab.cli import completing

        return completing.answer()
    if not arguments:
        print(parser.beginning())
        return 0
    arguments = _verb_first(arguments)
    first = arguments[0]
    if first in {"-h", "--help", "help"} and len(arguments) < 2:
        print(parser.overview())
        return 0
    if first == "help":
        first, arguments = arguments[1], [arguments[1], "--help"]
    if first in {"-V", "--version"}:
        from podlab import __version__

        print(f"podlab {__version__}")
        return 0
    if kubectl.knows(first):
        raise parser.UsageError(**kubectl.answer(first, arguments[1:]))
    verb = parser.load(first)
    return int(verb.run(parser.parse(verb, arguments[1:])) or 0)


def _verb_first(arguments: list[str]) -> list[str]:
    """Put options that say where to work behind the verb: ``podlab -n shop pods``, as with kubectl."""
    moved: list[str] = []
    while arguments and arguments[0].partition("=")[0] in _PLACES:
        joined = "=" in arguments[0]
        moved, arguments = moved + arguments[: 1 if joined else 2], arguments[1 if joined else 2 :]
    if not arguments:
        from podlab.cli.parser import UsageError

        raise UsageError(
            f"no verb follows {' '.join(moved)}",
            cause="a verb is required",
            hint=f"podlab pods {' '.join(moved)}",
        )
    return [*arguments[:1], *moved, *arguments[1:]]


def _tell(error: PodlabError) -> int:
    from podlab.cli import kubectl

    if os.environ.get("PODLAB_DEBUG"):
        _traceback()
    print(kubectl.spoken(f"{type(error).__name__}: {error}"), file=sys.stderr)
    return error.exit_code


def _pipe_closed() -> int:
    # Whoever read our output has had enough (`podlab events | head`).
    _leave_stdout()
    return 128 + signal.SIGPIPE


def _not_written(error: OSError) -> int:
    if os.environ.get("PODLAB_DEBUG"):
        _traceback()
    try:
        sys.stdout.flush()
    except OSError:
        _leave_stdout()
    what = error.filename2 or error.filename or "the output"  # of a rename, the second is what was asked for
    why, hint = error.strerror, "name another file or folder"
    if error.errno in _FULL:
        hint = "free some space, or write to another disk"
    elif error.errno in _CLOSED:
        why, hint = "stdout is closed", "the same command without >&-, or with its output in a file"
    print(f"podlab: {what} cannot be written", file=sys.stderr)
    print(f"  why: {why}", file=sys.stderr)
    print(f"  try: {hint}", file=sys.stderr)
    return 74


def _is_stdout_closed() -> bool:
    """Return whether stdout takes nothing: a socket or a file without a name fails with the same codes."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"")  # what was too long for the buffer is not in it any more
    except OSError as error:
        return error.errno in _CLOSED
    except ValueError:
        return False
    return False


def _leave_stdout() -> None:
    # Python would complain once more while it closes stdout, so stdout is pointed elsewhere first.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> int:
    from podlab.extras import EXTRA_OF, missing

    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRA_OF:
        return _tell(missing(error.name or ""))
    if os.environ.get("PODLAB_DEBUG"):
        _traceback()
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno})" if frame else ""  # noqa: PTH119
    print(f"podlab: this is a bug in podlab: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"  why: unexpected error{where}", file=sys.stderr)
    print("  try: run it again with PODLAB_DEBUG=1, and report the output", file=sys.stderr)
    return 70


def _traceback() -> None:
    import traceback

    traceback.print_exc()


def _print_what_cannot_be_encoded() -> None:
    """A terminal that knows no ü gets a ? in its place, not an error: names and logs come from elsewhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and (stream.encoding or "").lower() not in {"utf-8", "utf8"}:
            stream.reconfigure(errors="replace")


def _fill_closed_streams() -> None:
    """
    Put something in the place of standard streams that the caller closed (``podlab show RUN >&-``): Python has None.

    The file of a cluster or a recording would else get the number of stdout. Stdout refuses what is written to it, so
    that a result which nobody gets is an error.
    """
    for name, flags, mode in (
        ("stdin", os.O_RDONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _end_on_sigterm() -> None:
    def raise_it(number: int, _frame: FrameType | None) -> None:
        from podlab.drivers.process import Terminated

        raise Terminated(number)

    try:
        signal.signal(signal.SIGTERM, raise_it)
        signal.signal(signal.SIGHUP, raise_it)
    except ValueError:
        pass  # not in the main thread: whoever runs us there has handlers of their own
