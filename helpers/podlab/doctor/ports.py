"""
Who holds a TCP port, as far as this user may see it.
"""

from __future__ import annotations

import os
from pathlib import Path


def holder(number: int) -> str:
    """Return the program and pid that listens on a port, or ``another program`` when that cannot be seen."""
    inodes = _listening(number)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(_target(link) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # another user's, or gone meanwhile
    return "another program"


def _target(link: Path) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115
    except OSError:
        return ""  # a descriptor that was closed meanwhile, such as that of this very listing


def _listening(number: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            cells = row.split()
            if cells[3] == "0A" and int(cells[1].rsplit(":", 1)[1], 16) == number:
                found.add(f"socket:[{cells[9]}]")
    return found
