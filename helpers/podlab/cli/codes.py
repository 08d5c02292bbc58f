"""
The exit codes: one table for ``podlab --help``, the docs and the errors.

Codes 1 to 11 belong to the errors of `podlab.errors`; a test compares them. 128 and more are a shell's own
way to say which signal ended a program.
"""

from __future__ import annotations

EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "done, with a negative result (doctor: something you need is broken; status: not running)",
    2: "the command line or a manifest is wrong",
    3: "a cluster could not be made, found, reached or stopped",
    4: "the API server refused a request",
    5: "the API server stopped answering",
    6: "timed out",
    7: "a recording cannot be read or written",
    8: "a timeline cannot answer the question",
    9: "a check cannot decide",
    10: "the embedded node could not start or stop a process",
    11: "an image of the labs could not be made",
    12: "a command in a container failed",
    70: "a bug in podlab",
    74: "a file or the output cannot be written (disk full, no permission, stdout closed)",
    130: "interrupted with Ctrl-C; cleaned up",
    141: "the reader of the output closed the pipe",
    143: "ended by SIGTERM; cleaned up",
}


def table() -> str:
    """Return the codes as lines for ``podlab --help``."""
    return "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
