"""
Files of variables (``fileKeyRef``): lines ``NAME='value'``, a value may go on over several lines.

Source: pkg/kubelet/util/env/env_util.go at v1.36.3.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

MOST_BYTES = 1 << 20  # read by the daemon, which has other things to do


def inside(folder: str, path: str) -> str:
    """*path* in *folder*, whatever links are on the way: a link leads to where it says, seen from *folder*."""
    found = "/"
    waiting = path.split("/")[::-1]
    links = 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            found = os.path.dirname(found)
            continue
        there = os.path.join(found, part)
        try:
            target = os.readlink(folder + there)
        except OSError:
            found = there
            continue
        links += 1
        if links > 255:
            raise OSError("too many links")
        found = "/" if target.startswith("/") else found
        waiting += target.split("/")[::-1]
    return folder + found


def value(path: str, key: str) -> str:
    """
    Return the value of one variable, empty if it is not there.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line before that variable is not of the form.
    """
    lines = iter(_text(path).split("\n"))
    for raw in lines:
        line = raw.lstrip(" \t")
        if not line or line.startswith("#"):
            continue
        name, equals, rest = line.partition("=")
        if not equals or not name or name != name.rstrip(" \t"):
            raise ValueError(f"not a variable: {line!r}")
        if rest.startswith((" ", "\t")):  # NAME= 'value' sets NAME to nothing, as in a shell
            if name == key:
                return ""
            continue
        found = _quoted(rest, lines)
        if name == key:
            return found
    return ""


def _text(path: str) -> str:
    """
    Return a file that a container wrote, who may put a pipe or a link in its place at any time: neither is waited for.

    Raises:
        OSError: If it is no file, or larger than any file of variables.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise OSError(f"not a file of variables: {path}")
        return os.read(descriptor, MOST_BYTES).decode("utf-8", "replace").replace("\r\n", "\n")
    finally:
        os.close(descriptor)


def _quoted(rest: str, lines: Iterator[str]) -> str:
    """Return the text between single quotes that begins in *rest*; a comment may follow it."""
    if not rest.startswith("'"):
        raise ValueError("a value stands in single quotes")
    text = rest[1:]
    while "'" not in text:
        more = next(lines, None)
        if more is None:
            raise ValueError("a quote is not closed")
        text += "\n" + more
    found, _, after = text.partition("'")
    if after.strip(" \t") and not after.lstrip(" \t").startswith("#"):
        raise ValueError(f"something follows the value: {after!r}")
    return found
