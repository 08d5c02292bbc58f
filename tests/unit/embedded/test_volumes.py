"""Volumes: atomic swaps, modes, names that must not lead out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podlab.embedded.volumes import Volumes, memory_size


def test_keys_are_links_into_a_set_that_is_swapped_as_a_whole(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    place = Path(volumes.materialise("uid", "v", {"a": b"1", "deep/b": b"2"}, 0o640, {"deep/b": 0o400}))
    first = (place / "..data").readlink()

    assert (place / "a").readlink() == Path("..data/a")
    assert (place / "a").read_bytes() + (place / "deep" / "b").read_bytes() == b"12"
    assert stat.S_IMODE((place / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((place / "deep" / "b").stat().st_mode) == 0o400
    volumes.materialise("uid", "v", {"a": b"1", "deep/b": b"2"}, 0o640, {"deep/b": 0o400})
    assert (place / "..data").readlink() == first
    volumes.materialise("uid", "v", {"a": b"3", "c": b"4"}, 0o644)
    assert sorted(one.name for one in place.iterdir() if not one.name.startswith("..")) == ["a", "c"]
    assert (place / "a").read_bytes() == b"3"
    assert not (place / first).exists()


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place = Path(Volumes(tmp_path).materialise("uid", "v", {"deep/b": b"2"}, 0o644))
    finally:
        os.umask(before)
    for path, mode in ((place, 0o755), (place / "deep", 0o755), (place / "deep" / "b", 0o644)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "..data", "", "./..data", ".", "/"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="volume"):
        Volumes(tmp_path).materialise("uid", "v", {path: b""}, 0o644)


def test_the_same_path_may_be_written_in_several_ways(tmp_path: Path) -> None:
    """The API server takes them all, and a node cleans them."""
    place = Path(Volumes(tmp_path).materialise("uid", "v", {"a//b": b"1", "./c/": b"2"}, 0o644))
    assert ((place / "a" / "b").read_bytes(), (place / "c").read_bytes()) == (b"1", b"2")


def test_an_empty_dir_is_kept_and_counted(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    place = Path(volumes.empty_dir("uid", "v", "", None))
    (place / "f").write_bytes(bytes(10_000))
    assert volumes.empty_dir("uid", "v", "", None) == str(place)
    assert volumes.used_bytes("uid", "v") >= 10_000
    assert stat.S_IMODE(place.stat().st_mode) == 0o777
    assert memory_size(str(place)) is None
    assert memory_size(volumes.empty_dir("uid", "m", "Memory", 1 << 20)) == 1 << 20


def test_remove_takes_folders_that_forbid_it(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    place = Path(volumes.empty_dir("uid", "v", "", None))
    (place / "locked").mkdir()
    (place / "locked" / "f").write_text("x")
    (place / "locked").chmod(0)
    volumes.remove("uid")
    volumes.remove("uid")
    assert list(tmp_path.iterdir()) == []


def test_folders_nested_deeper_than_a_path_can_be_are_counted_and_removed(tmp_path: Path) -> None:
    """``while mkdir d && cd d; do :; done`` in a volume."""
    volumes = Volumes(tmp_path)
    place = Path(volumes.empty_dir("uid", "v", "", None))
    (place / "f").write_bytes(bytes(10_000))
    before = Path.cwd()
    try:
        os.chdir(place)
        for _level in range(5000):
            Path("d").mkdir()
            os.chdir("d")
        Path("locked").mkdir(0)
        Path("out").symlink_to(before)
    finally:
        os.chdir(before)

    assert volumes.used_bytes("uid", "v") >= 10_000
    volumes.remove("uid")
    assert list(tmp_path.iterdir()) == []
    assert before.is_dir()


def test_what_a_sub_path_made_in_a_volume_stays_and_stops_no_update(tmp_path: Path) -> None:
    """A subPath that names no key is made as a folder, as on a real node."""
    volumes = Volumes(tmp_path)
    place = Path(volumes.materialise("uid", "v", {"a": b"1"}, 0o644))
    (place / "no-key").mkdir()

    volumes.materialise("uid", "v", {"b": b"2"}, 0o644)
    assert sorted(one.name for one in place.iterdir() if not one.name.startswith("..")) == ["b", "no-key"]


def test_only_sets_of_its_own_are_removed_whatever_data_points_at(tmp_path: Path) -> None:
    """In the reduced mode a container can write where the node does."""
    volumes = Volumes(tmp_path / "volumes")
    victim = tmp_path / "home"
    victim.mkdir()
    place = Path(volumes.materialise("uid", "v", {"a": b"1"}, 0o644))
    (place / "..data").unlink()
    (place / "..data").symlink_to(victim)

    volumes.materialise("uid", "v", {"a": b"2"}, 0o644)
    assert ((place / "a").read_bytes(), victim.is_dir()) == (b"2", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_one_user_is_that_users_alone(tmp_path: Path) -> None:
    """Owner and mode of single files; the others are as before."""
    files = {"token": b"t", "ca.crt": b"c"}
    place = Path(
        Volumes(tmp_path).materialise("uid", "v", files, 0o644, {"token": 0o600}, None, {"token": 1000})
    )
    seen = {name: (place / name).stat() for name in files}

    assert (seen["token"].st_uid, seen["token"].st_mode & 0o777) == (1000, 0o600)
    assert (seen["ca.crt"].st_uid, seen["ca.crt"].st_mode & 0o777) == (0, 0o644)


def test_a_file_that_cannot_be_given_away_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the user that it is for could not open it."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    place = Path(
        Volumes(tmp_path).materialise("uid", "v", {"t": b""}, 0o644, {"t": 0o600}, None, {"t": 4711})
    )
    assert (place / "t").stat().st_mode & 0o777 == 0o644
