"""A recording that cannot begin: podlab's own error, no file left beside it, and no other recording lost."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podlab import files
from podlab.errors import RecordingError
from podlab.observe import Recording, writing
from podlab.observe.writing import Writer


def test_a_recording_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """Here a folder has its name; a full disk ends the same way."""
    (tmp_path / "run.jsonl").mkdir()

    with pytest.raises(RecordingError, match="cannot be written"):
        Writer(tmp_path / "run.jsonl", {})

    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_second_recorder_of_one_file_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    """It took the first one's place in the folder, and what the first had recorded was lost."""
    path = tmp_path / "run.jsonl"
    first = Writer(path, {"cluster": "first"})

    with pytest.raises(RecordingError, match="is being written by another podlab") as caught:
        Writer(path, {"cluster": "second"})
    first.end("Ready")

    assert "--out" in str(caught.value.hint)
    recording = Recording.read(path)
    assert (recording.header["cluster"], recording.end_reason) == ("first", "Ready")
    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]
    Writer(path, {"cluster": "third"}).end("gone")
    assert Recording.read(path).header["cluster"] == "third"


def test_of_many_recorders_that_begin_at_once_one_gets_the_file(tmp_path: Path) -> None:
    """Also where the file does not exist yet, so that there is nothing of an earlier recording to lock."""
    path, gate = tmp_path / "run.jsonl", threading.Barrier(8)

    def begin(number: int) -> Writer | None:
        gate.wait()
        try:
            return Writer(path, {"cluster": str(number)})
        except RecordingError:
            return None

    with ThreadPoolExecutor(8) as pool:
        begun = [one for one in pool.map(begin, range(8)) if one is not None]
    for writer in begun:
        writer.end("gone")

    assert len(begun) == 1
    assert Recording.read(path).header["cluster"] == begun[0].header["cluster"]
    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_recording_that_cannot_be_begun_leaves_no_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place of a new file is taken before its first line is written."""

    def full(_path: Path, _header: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing, "_begin", full)
    with pytest.raises(RecordingError, match="cannot be written"):
        Writer(tmp_path / "run.jsonl", {})

    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_cannot_be_ended_gives_its_name_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the last line: the file stays cut short, and a later recording may replace it."""
    path = tmp_path / "run.jsonl"
    first, write = Writer(path, {"cluster": "first"}), os.write

    def full(file: int, data: bytes) -> int:
        if file == first._file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(RecordingError, match="cannot be written"):
            first.end("Ready")

    assert (first.closed, Recording.read(path).complete) == (True, False)
    Writer(path, {"cluster": "second"}).end("gone")
    assert Recording.read(path).header["cluster"] == "second"


def test_a_second_recorder_is_refused_where_locks_need_a_file_open_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS, which answers EBADF for a file that is open for reading alone."""
    take_lock = files.take_lock

    def nfs(descriptor: int) -> bool:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return take_lock(descriptor)

    monkeypatch.setattr(files, "take_lock", nfs)
    first = Writer(tmp_path / "run.jsonl", {"cluster": "first"})
    with pytest.raises(RecordingError, match="is being written by another podlab"):
        Writer(tmp_path / "run.jsonl", {"cluster": "second"})
    first.end("Ready")

    assert Recording.read(tmp_path / "run.jsonl").header["cluster"] == "first"


@pytest.mark.parametrize("allowed", [os.O_RDONLY, None])
def test_a_file_that_its_user_cannot_open_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int | None
) -> None:
    """A folder's owner may replace it. Root may open everything, so the refusal is made here."""
    path, opened = tmp_path / "run.jsonl", os.open
    path.write_text("another user's\n")

    def refused(name: Path, flags: int, *mode: int) -> int:
        if name == path and flags & os.O_ACCMODE != allowed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(name, flags, *mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        writer = Writer(path, {"cluster": "mine"})
    writer.end("gone")

    assert Recording.read(path).header["cluster"] == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]
