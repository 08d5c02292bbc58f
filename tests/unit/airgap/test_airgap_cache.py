"""A result of the build is there whole or not at all, and is made again exactly when its inputs change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from builder.cache import Cache, Step, read_stamp, tree_digest, write_whole
from builder.failure import BuildError


def quiet(_: str) -> None:
    """Progress that nobody reads."""


class Maker:
    """Writes one file, and counts how often it was asked to."""

    def __init__(self, text: str = "made") -> None:
        self.text, self.calls = text, 0

    def __call__(self, out: Path) -> None:
        self.calls += 1
        (out / "result").write_text(self.text)


def test_a_finished_step_is_not_made_again(tmp_path: Path) -> None:
    """The second build of the same inputs only looks at the stamp."""
    make = Maker()
    step = Step("thing", {"version": 1}, make)

    first = Cache(tmp_path).finish(step, quiet)
    second = Cache(tmp_path).finish(step, quiet)

    assert first == second
    assert make.calls == 1


def test_a_changed_input_gives_a_new_result_beside_the_old_one(tmp_path: Path) -> None:
    """Another version of something below is another step."""
    cache = Cache(tmp_path)
    old = cache.finish(Step("thing", {"version": 1}, Maker("old")), quiet)
    new = cache.finish(Step("thing", {"version": 2}, Maker("new")), quiet)

    assert (old / "result").read_text() == "old"
    assert (new / "result").read_text() == "new"


def test_a_step_that_fails_leaves_no_result(tmp_path: Path) -> None:
    """What an interrupted step has written is not taken for its result; the next build makes it."""

    def half(out: Path) -> None:
        (out / "result").write_text("ha")
        raise KeyboardInterrupt

    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.finish(Step("thing", {}, half), quiet)
    assert cache.stamp(Step("thing", {}, half)) is None

    with cache.locked(quiet):
        assert not (tmp_path / "tmp").exists()
        done = cache.finish(Step("thing", {}, Maker("whole")), quiet)
    assert (done / "result").read_text() == "whole"


def test_a_result_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    """A full disk or a power cut can shorten a file; its size is in the stamp."""
    make = Maker("whole")
    step = Step("thing", {}, make)
    cache = Cache(tmp_path)
    done = cache.finish(step, quiet)
    os.truncate(done / "result", 2)

    assert cache.stamp(step) is None
    cache.finish(step, quiet)

    assert (done / "result").read_text() == "whole"
    assert make.calls == 2


def test_a_stamp_that_is_not_json_counts_as_no_result(tmp_path: Path) -> None:
    """A damaged stamp must not stop the build."""
    (tmp_path / "stamp.json").write_text('{"files": {')

    assert read_stamp(tmp_path) is None


def test_a_tree_digest_sees_names_bytes_and_modes_and_no_bytecode(tmp_path: Path) -> None:
    """What goes into an image decides, and nothing else."""
    (tmp_path / "a").write_text("x")
    before = tree_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("noise")
    assert tree_digest(tmp_path) == before

    (tmp_path / "a").chmod(0o755)
    executable = tree_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = tree_digest(tmp_path)

    assert len({before, executable, renamed}) == 3


def test_write_whole_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    """A reader sees the old text or the new one."""
    write_whole(tmp_path / "f", "old")
    write_whole(tmp_path / "f", "new")

    assert (tmp_path / "f").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


HOLDER = """
    import sys, time
    sys.path.insert(0, sys.argv[1])
    from pathlib import Path
    from builder.cache import Cache
    with Cache(Path(sys.argv[2])).locked():
        print("held", flush=True)
        time.sleep(60)
"""


def holder(recipe: Path, root: Path) -> subprocess.Popen[str]:
    """Another build that holds the lock; returned once it does."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(recipe), str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_two_builds_take_turns_and_the_wait_has_an_end(tmp_path: Path, recipe: Path) -> None:
    """The second build names the first and gives up at its deadline."""
    other = holder(recipe, tmp_path)
    said: list[str] = []
    try:
        with pytest.raises(BuildError) as failed, Cache(tmp_path).locked(said.append, deadline_s=0.1):
            pass
    finally:
        other.kill()
        other.communicate()

    assert f"process {other.pid}" in str(failed.value)
    assert said == [f"waiting for another build (process {other.pid})"]


def test_a_build_that_was_killed_does_not_hold_the_lock(tmp_path: Path, recipe: Path) -> None:
    """The kernel drops it, so nobody has to delete a lock file."""
    other = holder(recipe, tmp_path)
    other.send_signal(signal.SIGKILL)
    other.communicate()

    with Cache(tmp_path).locked(quiet, deadline_s=5):
        pass
