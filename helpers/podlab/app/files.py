"""Files: served over HTTP with planted faults, packed as an archive, written in one step."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from .servers import OK, Request, Response

LONGEST_HOLD_S = 120.0
NO_SUCH_FILE = Response(b"no such file\n", HTTPStatus.NOT_FOUND)


@dataclass
class Files:
    """
    Answers with files, whole or with a planted fault.

    Attributes:
        folder: Files below it are served; None for only *texts*.
        texts: Name and content of further files.
        broken: So many answers, the first ones, are half of their file.
        wrong: So many answers after those have the right length and a changed byte.
        first_byte_after_s: Every answer begins that late.
        pack: A name under which all files are served as one ``tar.gz``.
        hold: The first request for this name gets no answer before its client hangs up; *held* is told of it.
    """

    folder: Path | None
    texts: Mapping[str, bytes] = field(default_factory=dict)
    broken: int = 0
    wrong: int = 0
    first_byte_after_s: float = 0.0
    pack: str = ""
    hold: str = ""
    held: Callable[[str], object] = str

    def __post_init__(self) -> None:
        self._answered, self._lock = 0, threading.Lock()
        self._to_hold = {self.hold} - {""}

    def __call__(self, request: Request) -> Response:
        if request.path == "/healthz":
            return OK
        data = self._find(request.path.lstrip("/"))
        if data is None:
            return NO_SUCH_FILE
        self._hold(request)
        time.sleep(self.first_byte_after_s)
        kind, sent = self._planted(data)
        return Response(sent, notes={"answer": kind, "bytes": len(sent), "peer": request.peer})

    def _hold(self, request: Request) -> None:
        name = request.path.lstrip("/")
        with self._lock:
            if name not in self._to_hold:
                return
            self._to_hold.remove(name)
        self.held(request.path)
        request.gone(LONGEST_HOLD_S)

    def _planted(self, data: bytes) -> tuple[str, bytes]:
        with self._lock:
            self._answered += 1
            number = self._answered
        if number <= self.broken:
            return "half", data[: len(data) // 2]
        if number <= self.broken + self.wrong and data:
            return "changed", bytes([data[0] ^ 1]) + data[1:]
        return "whole", data

    def _find(self, name: str) -> bytes | None:
        if name and name == self.pack:
            return archive(self._all())
        if name in self.texts:
            return self.texts[name]
        if self.folder is None:
            return None
        wanted = (self.folder / name).resolve()
        if not wanted.is_relative_to(self.folder.resolve()) or not wanted.is_file():
            return None
        return wanted.read_bytes()

    def _all(self) -> dict[str, bytes]:
        # names that begin with two dots are how a mounted ConfigMap keeps its versions
        found = sorted(self.folder.iterdir()) if self.folder else []
        plain = {file.name: file.read_bytes() for file in found if file.is_file() and file.name[:2] != ".."}
        return {**plain, **self.texts}


def archive(files: Mapping[str, bytes]) -> bytes:
    """Pack *files* as a ``tar.gz`` whose bytes depend on names and contents only."""
    import gzip
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def unpack(packed: Path, folder: Path) -> list[str]:
    """
    Unpack the plain files of a ``tar.gz`` below *folder* and return their names.

    OSError where it is no archive, is cut off, or names a file outside of *folder*. (``extractall`` checks names
    only from Python 3.11.4 on, and Debian's is older.)
    """
    import tarfile

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(packed) as tar:
            files = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile()}
            for name, content in files.items():
                assert content is not None  # None only for what is no file
                _put_below(folder, name, content.read())
            return list(files)
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"{packed}: {error}") from error


def _put_below(folder: Path, name: str, data: bytes) -> None:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise OSError(f"{name} lies outside of {folder}")
    target.parent.mkdir(parents=True, exist_ok=True)
    put(target, data)


def put(file: Path, data: bytes) -> None:
    """Write *data* so that whoever reads *file* sees all of it or none."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)
