"""Two kernels never work in one namespace: the second takes the next name, and a dead one holds nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podlab.lab import namespacelock

OTHER = """
import sys
from pathlib import Path
from podlab.lab import namespacelock
name, holder = namespacelock.hold(Path(sys.argv[1]), "podlab-04")
print(name, holder, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_kernel(folder: Path) -> Iterator[str]:
    """A process that holds podlab-04, or the next; what it was told."""
    command = [sys.executable, "-c", OTHER, str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield child.stdout.readline().strip()
    finally:
        child.kill()
        child.communicate()


def test_a_second_kernel_takes_the_next_name(tmp_path: Path) -> None:
    """And is told who holds the first; the first may open its own again."""
    assert namespacelock.hold(tmp_path, "podlab-04") == ("podlab-04", "")
    with another_kernel(tmp_path) as told, another_kernel(tmp_path) as third:
        assert told.startswith("podlab-04-2 process ")
        assert third.startswith("podlab-04-3 process ")
        assert namespacelock.hold(tmp_path, "podlab-04") == ("podlab-04", "")
    namespacelock.release(tmp_path, "podlab-04")


def test_a_name_is_free_again_when_its_kernel_is_gone(tmp_path: Path) -> None:
    """Killed, or closed: nothing is left that somebody would have to clear."""
    with another_kernel(tmp_path) as told:
        assert told == "podlab-04"
        assert namespacelock.hold(tmp_path, "podlab-04")[0] == "podlab-04-2"
    namespacelock.release(tmp_path, "podlab-04-2")
    assert namespacelock.hold(tmp_path, "podlab-04") == ("podlab-04", "")
    namespacelock.release(tmp_path, "podlab-04")
    with another_kernel(tmp_path) as told:
        assert told == "podlab-04"
