"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podlab.files import PRIVATE, make_folder, write_whole


def test_a_file_is_replaced_and_leaves_no_draft(tmp_path: Path) -> None:
    """The new content takes the place of the old one; the folder holds that file alone."""
    path = tmp_path / "kept.json"
    path.write_text("old")

    write_whole(path, "neu: ü")
    write_whole(str(tmp_path / "key"), b"\x00", mode=PRIVATE, durable=True)

    assert path.read_text("utf-8") == "neu: ü"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.json", "key"]


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    """Text that has no UTF-8, data that is no bytes, a target that cannot be replaced."""
    path = tmp_path / "kept.json"
    path.write_text("old")
    (tmp_path / "folder").mkdir()

    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", "text")

    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "kept.json"]


def test_a_folder_and_its_parents_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """``Path.mkdir`` would give the parents what the umask leaves; a folder that is there keeps its own."""
    (tmp_path / "there").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        make_folder(tmp_path / "there" / "a" / "b")
        make_folder(tmp_path / "there")
        make_folder(tmp_path / "read" / "c", 0o755)
    finally:
        os.umask(before)
    modes = {
        path: stat.S_IMODE((tmp_path / path).stat().st_mode)
        for path in ("there", "there/a", "there/a/b", "read")
    }
    assert modes == {"there": 0o755, "there/a": 0o700, "there/a/b": 0o700, "read": 0o755}

    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        make_folder(tmp_path / "file" / "below")
