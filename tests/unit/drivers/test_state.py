"""The records of clusters: private, whole or absent, and one command at a time."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podlab.drivers import state
from podlab.errors import DriverError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["", "Lab", "-a", "a-", "a/b", "..", "a" * 41, "ä", "a_b", "a\n"])
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    """A name becomes a folder, a container and a host name: nothing but a DNS label will do."""
    with pytest.raises(DriverError, match="is not a valid name for a cluster"):
        state.folder(name)


def test_a_record_comes_back_as_it_was_saved() -> None:
    """And its folder and file are for this user alone."""
    record = state.new_record("kind", "lab", context="kind-podlab-lab")
    state.save(record)

    assert state.read("lab") == record
    assert state.names() == ["lab"]
    assert state.folder("lab").stat().st_mode & 0o777 == 0o700
    assert (state.folder("lab") / "cluster.json").stat().st_mode & 0o777 == 0o600


def test_every_cluster_has_an_id_of_its_own() -> None:
    """The id is what tells ours from a namesake."""
    assert state.new_record("kind", "lab")["id"] != state.new_record("kind", "lab")["id"]


def test_a_write_that_fails_leaves_the_old_file_and_no_scraps() -> None:
    """The record before a crash is the record after it."""
    state.save(state.new_record("kind", "lab"))
    before = (state.folder("lab") / "cluster.json").read_text()
    with pytest.raises(TypeError):
        state.write_private(state.folder("lab") / "cluster.json", None)  # type: ignore[arg-type]

    assert (state.folder("lab") / "cluster.json").read_text() == before
    assert [path.name for path in state.folder("lab").iterdir()] == ["cluster.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"driver": "kind"}'])
def test_a_broken_record_is_an_error_that_names_the_file(text: str) -> None:
    """Never mistaken for "there is no cluster"."""
    state.save(state.new_record("kind", "lab"))
    (state.folder("lab") / "cluster.json").write_text(text)
    with pytest.raises(DriverError, match="cannot be read") as caught:
        state.read("lab")

    assert str(state.folder("lab")) in str(caught.value)


def test_forgetting_leaves_nothing_and_can_be_done_twice() -> None:
    """Not even the folder."""
    state.save(state.new_record("kind", "lab"))
    state.forget("lab")
    state.forget("lab")

    assert not state.folder("lab").exists()
    assert state.read("lab") is None


def test_two_commands_never_hold_the_same_cluster() -> None:
    """The second waits for its deadline and then says who is in the way."""
    with (
        state.locked("lab"),
        pytest.raises(DriverError, match="another podlab command"),
        state.locked("lab", deadline_s=0.1),
    ):
        pass


def test_different_clusters_do_not_wait_for_each_other() -> None:
    """Locks are for one name."""
    with state.locked("one"), state.locked("two", deadline_s=0.1):
        assert state.folder("one").exists()


def test_the_lock_goes_with_a_killed_process() -> None:
    """A command that died with the lock in its hands blocks nobody."""
    code = (
        "from podlab.drivers import state\nwith state.locked('lab'):\n  print('held', flush=True)\n  input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(DriverError), state.locked("lab", deadline_s=0.1):
        pass
    child.kill()
    child.communicate()
    with state.locked("lab", deadline_s=1.0):
        pass
    assert not state.folder("lab").exists()


@pytest.mark.parametrize("made_again", [False, True])
def test_a_lock_on_a_folder_that_was_removed_meanwhile_is_taken_anew(
    monkeypatch: pytest.MonkeyPatch, made_again: bool
) -> None:
    """Stopping removes the folder under those who wait: they must not go on with a lock on nothing."""
    real, calls = fcntl.flock, list[int]()

    def flock(descriptor: int, operation: int) -> None:
        if not calls:  # between opening the folder and locking it, somebody stops the cluster
            state.forget("lab")
            if made_again:
                state.folder("lab").mkdir()
        calls.append(descriptor)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with state.locked("lab"):
        assert state.folder("lab").is_dir()
        with pytest.raises(DriverError, match="another podlab command"), state.locked("lab", deadline_s=0.1):
            pass
    assert len(calls) > 1


def test_the_disk_is_waited_for_only_where_the_cluster_outlives_the_power(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An embedded cluster does not, and a busy disk takes longer than its whole start."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path))
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    record = state.new_record("embedded", "lab")
    state.save(record, durable=False)
    assert (state.read("lab"), waited) == (record, [])
    state.save(record)
    assert len(waited) == 1
