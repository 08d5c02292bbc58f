"""
``./start`` as a learner runs it: in an empty environment, twice, to the recorded and drawn Pod, and with the mistakes
that can be made.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from podlab import drivers
from podlab.drivers import state

ROOT = Path(__file__).resolve().parents[2]
PICTURE, RUN = ROOT / "runs" / "first-pod.svg", ROOT / "runs" / "first-pod.jsonl"


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PODLAB_VENV": sys.prefix, **environment}
    return subprocess.run(
        [ROOT / "start", *arguments], capture_output=True, text=True, check=False, env=env, timeout=280
    )


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """This environment as ./start or ./check made it, and a state folder of the test's own."""
    marker = Path(sys.prefix) / ".podlab-installed"
    wanted = subprocess.run(
        "cat pyproject.toml constraints.txt | cksum",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    if not marker.exists() or not marker.read_text().startswith(f"{wanted.stdout.strip()} dev"):
        pytest.skip("this Python's environment was not made by ./start or ./check from this pyproject.toml")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PODLAB_HOME", raising=False)
    yield
    for name in state.names():
        drivers.stop(name)


@pytest.mark.parametrize(
    ("driver", "named"),
    [
        pytest.param("embedded", [], marks=pytest.mark.embedded, id="embedded"),
        # A kind cluster's name counts on the whole machine, where a learner's cluster "lab" may exist.
        pytest.param("kind", ["--name", f"start-{secrets.token_hex(3)}"], marks=pytest.mark.kind, id="kind"),
    ],
)
def test_it_ends_with_a_recorded_and_drawn_pod_and_can_be_run_again(
    installed: None, driver: str, named: list[str]
) -> None:
    """
    Every step is announced, the timeline is printed, the picture is a picture; the second run keeps the
    cluster.
    """
    name = named[-1] if named else "lab"
    PICTURE.unlink(missing_ok=True)
    first = start("--no-lab", "--driver", driver, *named)
    assert first.returncode == 0, first.stdout + first.stderr
    for word in ("fetch", "shipper", "app"):
        assert word in first.stdout
    assert PICTURE.read_text().startswith("<svg")
    done, following = first.stdout.splitlines()[-2:]
    assert done.startswith(f"start: done: cluster {name} runs")
    assert following.startswith(f"start: next: ./start{' --name ' + name if named else ''} opens the course")

    before, picture = state.read(name), zlib.crc32(RUN.read_bytes())
    second = start("--no-lab", *named)
    assert second.returncode == 0, second.stdout + second.stderr
    assert state.read(name) == before
    assert zlib.crc32(RUN.read_bytes()) != picture


@pytest.mark.embedded
def test_a_cluster_that_cannot_be_made_ends_it(installed: None) -> None:
    """The driver's own three lines, then start's."""
    done = start("--no-lab", "--driver", "context", KUBECONFIG=os.devnull)

    assert done.returncode == 1
    assert "the kubeconfig has no current context" in done.stderr
    assert "start: no cluster could be made" in done.stderr


@pytest.mark.embedded
def test_the_first_timeline_comes_before_jupyterlab_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    In an empty environment: the core, a cluster, a Pod's life in the terminal and as a picture; only then is the rest
    waited for, by uv, and pip itself, which a learner will look for.
    """
    venv = tmp_path / "venv"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PODLAB_HOME", raising=False)
    try:
        done = start("--no-lab", "--driver", "embedded", "--name", "fresh", PODLAB_VENV=str(venv))
    finally:
        drivers.stop("fresh")

    assert done.returncode == 0, done.stdout + done.stderr
    order = [
        "by uv",
        "a cluster named fresh",
        "app (app)",
        "first-pod.svg",
        "meanwhile: JupyterLab",
        "start: done",
    ]
    assert "jupyter lab course" not in done.stdout, "JupyterLab is not there yet"
    places = [done.stdout.index(words) for words in order]
    assert places == sorted(places)
    assert all((venv / "bin" / program).exists() for program in ("jupyter-lab", "pip"))
