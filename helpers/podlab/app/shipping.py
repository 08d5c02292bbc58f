"""Following log files: how far each was read, and what was taken by whom it was sent to."""

from __future__ import annotations

import json
from pathlib import Path

from .calls import post
from .files import put
from .journal import Journal


class Shipper:
    """
    Sends the lines of ``*.log`` in *folder*, each at least once; a line counts once it is whole.

    Args:
        folder: Where the files are, or will be.
        to: URL that takes lines by POST; None prints them.
        journal: Where lines or failures are reported.
        state: A file that keeps how far each file was sent. With it a shipper that was killed goes on where
            it was, and sends at most one batch again; without it a new process starts at the first line.
        batch: So many lines go out together.
        timeout_s: A batch that is not taken within this time counts as not sent.
    """

    def __init__(
        self,
        folder: Path,
        to: str | None,
        journal: Journal,
        state: Path | None = None,
        batch: int = 5,
        timeout_s: float = 2.0,
    ) -> None:
        self.folder, self.lines = folder, 0
        self._to, self._journal, self._state, self._batch = to, journal, state, batch
        self._timeout_s = timeout_s
        self._read: dict[str, int] = _kept(state)

    def look(self) -> bool:
        """Send what is new; False when nothing was."""
        return sum(map(self._look_at, sorted(self.folder.glob("*.log")))) > 0

    def _look_at(self, file: Path) -> bool:
        at = self._read.get(file.name, 0)
        with file.open("rb") as handle:
            if handle.seek(0, 2) < at:  # shorter than it was: a new file of the same name
                at = 0
            handle.seek(at)
            new = handle.read()
        whole = new[: new.rfind(b"\n") + 1].splitlines(keepends=True)
        for first in range(0, len(whole), self._batch):
            lines = whole[first : first + self._batch]
            if not self._send(file, lines):
                break
            at += sum(map(len, lines))
            self._keep(file, at)
        return bool(whole)

    def _send(self, file: Path, lines: list[bytes]) -> bool:
        if self._to:
            try:
                post(self._to, b"".join(lines), timeout_s=self._timeout_s)
            except OSError as error:
                self._journal.say("error", what=f"not sent: {error}")
                return False
        for line in lines:
            self.lines += 1
            if not self._to:
                self._journal.say("line", file=file.name, line=_parsed(line.rstrip(b"\n")))
        return True

    def _keep(self, file: Path, at: int) -> None:
        self._read[file.name] = at
        if self._state is not None:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            put(self._state, json.dumps(self._read).encode())


def _kept(state: Path | None) -> dict[str, int]:
    if state is None or not state.exists():
        return {}
    kept: dict[str, int] = json.loads(state.read_bytes())
    return kept


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode(errors="replace")
