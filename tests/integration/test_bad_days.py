"""
``podlab grade`` on a bad day: files that cannot be read, a disk that is full, a cluster that goes away.

One line for each fault, everything else is graded, nothing is half-written, and the same command goes on later.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import own
from grading_command import begin, command, hand_in, hand_in_right, notebook, right, run, whole

from podlab import drivers
from podlab.drivers import Cluster, Profile, state

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of this module's own: a test ends it."""
    with own("embedded", "bad") as made:
        yield made


def zipped(entries: dict[str, bytes]) -> bytes:
    """A zip of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_broken_files_are_a_line_each_and_the_others_are_graded(term: Path, cluster: Cluster) -> None:
    """Fifty good ones beside a broken notebook, a zip of 10,000 entries, a damaged zip, and one that climbs out."""
    given = term.parent / "handed-in"
    for number in range(50):
        hand_in(given, f"s{number:02}", notebook(term, e26=right("e26")))
    hand_in(given, "broken", '{"cells": [')
    good = notebook(term, e26=right("e26")).encode()
    packed = {
        "many": zipped({f"{number}.ipynb": b"" for number in range(10_000)}),
        "damaged": zipped({"a.ipynb": good})[:-40],
        "climbs": zipped({"../../../grades/results/s00/e26.json": b"{}", "../a.ipynb": good}),
    }
    for name, data in packed.items():
        (given / name).mkdir()
        (given / name / "x.zip").write_bytes(data)

    done = run(command(term, given, cluster.name))

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    for name, words in {
        "broken": "cannot be read as a notebook",
        "many": "10000 entries",
        "damaged": "as a zip",
    }.items():
        (line,) = [line for line in lines if line.startswith(f"  {name}:")]
        assert "unreadable: " in line
        assert words in line
    states = whole(term.parent / "grades")
    assert sorted({name.split("/")[0] for name in states}) == sorted(
        [*(f"s{n:02}" for n in range(50)), "climbs"]
    )
    assert {state for name, state in states.items() if name.endswith("e26.json")} == {"answered"}


FULL_DISK = """\
set -eu
out="$1"; shift
mkdir -p "$out"
mount -t tmpfs -o size=160k none "$out"
code=0
"$@" >"$out.first" 2>&1 || code=$?
echo "$code" >"$out.code"
cp -r "$out" "$out.kept"
mount -o remount,size=200m "$out"
"$@" >"$out.second" 2>&1
cp -r "$out" "$out.whole"
"""


def test_a_full_disk_is_one_error_and_nothing_is_half_written(term: Path, cluster: Cluster) -> None:
    """On a file system of 160 kB; with more space the same command grades the rest, and nothing twice."""
    given, out = term.parent / "handed-in", term.parent / "grades"
    for number in range(40):
        hand_in(given, f"s{number:02}", notebook(term, e26=right("e26")))

    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", *own, "--mount", "--propagation", "private", "sh", "-c", FULL_DISK, "sh", str(out)]
    done = run([*words, *command(term, given, cluster.name)])

    assert done.returncode == 0, done.stderr
    first = Path(f"{out}.first").read_text()
    assert "Traceback" not in first, first[-3000:]
    assert "No space left on device" in first
    assert Path(f"{out}.code").read_text().strip() not in ("0", "1")
    kept, states = whole(Path(f"{out}.kept")), whole(Path(f"{out}.whole"))
    assert 0 < len(kept) < 80
    assert len(states) == 80
    assert {state for name, state in states.items() if name.endswith("e26.json")} == {"answered"}
    second = Path(f"{out}.second").read_text()
    assert f"{80 - len(kept)} graded now, {len(kept)} before" in second


def begun(term: Path, cluster: Cluster, students: int) -> tuple[subprocess.Popen[str], int]:
    """A grading that runs answers to e14, and the process of its cluster."""
    words = command(term, hand_in_right(term, students), cluster.name)
    grading = begin(words, term.parent / "grades", 120)
    record = state.read(cluster.name)
    assert record is not None
    return grading, record["daemon"]["pid"]


def test_a_cluster_that_comes_back_costs_no_points(term: Path, cluster: Cluster) -> None:
    """Its API server answers nothing for 20 s while answers run: they are run again, in the same grading."""
    grading, daemon = begun(term, cluster, 3)
    os.kill(daemon, signal.SIGSTOP)
    time.sleep(20)
    os.kill(daemon, signal.SIGCONT)
    told, _ = grading.communicate()

    results = [json.loads(path.read_text()) for path in (term.parent / "grades").glob("results/*/*.json")]
    assert grading.returncode == 0, told[-3000:]
    assert " run again, fewer side by side" in told
    assert [each["earned"] for each in results] == [each["points"] for each in results]
    assert len(results) == 6


def test_a_cluster_that_goes_away_leaves_grades_open(term: Path, cluster: Cluster) -> None:
    """Its daemon is killed while answers run. The grading ends with an error, and goes on on a new cluster."""
    grading, daemon = begun(term, cluster, 6)
    os.kill(daemon, signal.SIGKILL)
    told, _ = grading.communicate()

    states = whole(term.parent / "grades")
    assert "Traceback" not in told, told[-3000:]
    assert grading.returncode == 5
    assert {states.pop(f"s{n}/e26.json") for n in range(6)} == {"answered"}
    assert set(states.values()) == {"not gradable"}
    (line,) = [line for line in told.splitlines() if line.startswith("ConnectionLostError: ")]
    assert "the cluster has not answered for 60 s; 6 of 12 answers are graded" in line

    drivers.get("embedded").make(Profile(name=cluster.name))
    again = run(command(term, term.parent / "handed-in", cluster.name))
    assert "6 graded now, 6 before" in again.stdout, again.stdout
    assert set(whole(term.parent / "grades").values()) == {"answered"}
