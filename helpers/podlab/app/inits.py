"""The roles of init containers: work that ends."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from .files import put
from .journal import Journal
from .life import ProcessLife


def fetch(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Fetch ``--call`` into a file, checked against ``--sha256``, moved into place in one step."""
    from .calls import fetch as get

    try:
        data = get(options.call, timeout_s=options.timeout or 5.0)
    except OSError as error:
        journal.say("error", what=str(error))
        return life.finish(1)
    if options.sha256 and hashlib.sha256(data).hexdigest() != options.sha256:
        journal.say("error", what="wrong sum", bytes=len(data))
        return life.finish(1)
    put(Path(options.path), data)
    journal.say("fetched", bytes=len(data), file=options.path)
    return life.finish()


def unpack(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Unpack an archive; exit 1 where it is missing or cut off."""
    from .files import unpack as extract

    names = extract(Path(options.path), options.into or Path())
    journal.say("unpacked", files=names, into=str(options.into or "."))
    life.finish()


def warm(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """
    Fill a cache: ``--count`` pages below a folder, and the marker last of all.

    The work takes ``--take`` seconds, and where ``--call`` is given until that address answers.
    """
    from .calls import ask

    folder = Path(options.path or "/cache")
    folder.mkdir(parents=True, exist_ok=True)
    marker = options.marker or (folder / "done" if options.take or options.call else None)
    if life.wait(options.take):
        return life.fail_if_stopped()
    while options.call and ask(options.call, timeout_s=options.timeout or 1.0).outcome != "ok":
        if life.wait(options.every):
            return life.fail_if_stopped()
    for number in range(1, options.count + 1):
        word = f" nonce={journal.nonce}" if journal.nonce else ""
        put(folder / f"page-{number}", f"page {number}{word}\n".encode())
    if marker:
        put(marker, b"warm\n")
    journal.say("warmed", files=options.count)
    return life.finish()


def migrate(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Bring a folder to ``--count`` migrations; those already there are left alone, so it may run twice."""
    folder = Path(options.path or "/data")
    folder.mkdir(parents=True, exist_ok=True)
    applied = 0
    for number in range(1, options.count + 1):
        if not (folder / f"migration-{number}").exists():
            put(folder / f"migration-{number}", b"applied\n")
            applied += 1
    journal.say("migrated", applied=applied, present=options.count)
    life.finish()
