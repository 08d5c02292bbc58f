"""A wheel, built from this tree and installed where nothing else is: the first lesson, and no answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from exercise_secrets import leaks, secrets

from podlab.grading import find, loading
from podlab.grading.prove import samples

pytestmark = pytest.mark.embedded

ROOT = Path(__file__).resolve().parents[2]
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git would put into a clone, so that nothing that lies about gets in."""
    clone, out = (tmp_path_factory.mktemp(name) for name in ("clone", "wheel"))
    for name in git("ls-files", "--cached", "--others", "--exclude-standard"):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)
    run([sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", str(out), str(clone)])
    [found] = out.glob("podlab-*.whl")
    return found


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    """All files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def git(*arguments: str) -> list[str]:
    """The lines that git prints in the working tree."""
    return run(["git", *arguments], cwd=ROOT).stdout.splitlines()


def run(command: Sequence[str], **more: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done  # type: ignore[no-any-return]


def test_the_wheel_brings_the_extension_of_jupyterlab(files: dict[str, bytes]) -> None:
    """Below ``data``, which pip unpacks into the environment's prefix: JupyterLab looks there."""
    script = next(name for name in files if name.endswith("labextensions/podlab/static/remoteEntry.js"))

    assert ".data/data/share/jupyter/" in script
    assert files[script] == (ROOT / "helpers/labextension/static/remoteEntry.js").read_bytes()


def test_no_secret_text_is_in_the_wheel(files: dict[str, bytes]) -> None:
    """Neither as a file nor inside of one; keys are digests of 64 hexadecimal digits alone."""
    assert len(list(secrets())) > 100
    assert [name for name in files if "/answers/" in name or name.endswith("key.toml")] == []
    assert leaks(files, secrets()) == []
    keys = [json.loads(data) for name, data in files.items() if name.endswith("key.json")]
    assert len(keys) > 3
    accepted = [digest for key in keys for digests in key.values() for digest in digests]
    assert [digest for digest in accepted if not re.fullmatch("[0-9a-f]{32}", digest)] == []


def test_an_answer_in_the_wheel_would_be_seen(files: dict[str, bytes]) -> None:
    """The test above can fail."""
    name, secret = next((name, text) for name, text in secrets() if name.startswith("e14/right"))

    assert ("podlab/x.md", name) in leaks(
        {**files, "podlab/x.md": f"text\n{secret}\nmore".encode()}, secrets()
    )


def test_every_file_of_the_package_and_of_the_course_is_in_the_wheel(files: dict[str, bytes]) -> None:
    """What git knows below helpers/podlab, and the learner's edition as the working tree makes it."""
    from podlab.course import build

    tracked = [name.removeprefix("helpers/") for name in git("ls-files", "helpers/podlab")]
    assert [name for name in tracked if name not in files] == []
    assert {name: files.get(f"podlab/course/{name}") for name in build().files} == build().files
    assert "podlab/course/clusters/images.yaml" in files


@pytest.mark.parametrize("program", ["uv tool run --from WHEEL", "pipx run --spec WHEEL"])
def test_uvx_and_pipx_run_the_wheel(program: str, wheel: Path, tmp_path: Path) -> None:
    """Without an installation: the exercises that it lists came with the wheel. ``uvx`` is ``uv tool run``."""
    tool, *words = program.split()
    run([sys.executable, "-m", "venv", str(tmp_path / "tools")])
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    run([str(tmp_path / "tools/bin/python"), *PIP, "install", *constraints, tool])
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PODLAB_", "PYTHON"))}
    if "PIP_CERT" in env:
        env["SSL_CERT_FILE"] = env["PIP_CERT"]  # uv does not read pip's settings
    env |= {"PIPX_HOME": str(tmp_path / "pipx"), "UV_TOOL_DIR": str(tmp_path / "uv")}
    command = [str(wheel) if word == "WHEEL" else word for word in words]

    listed = run(
        [str(tmp_path / "tools/bin" / tool), *command, "podlab", "exercise", "list"], cwd=tmp_path, env=env
    )

    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(loading.ids())


LESSON = """
import sys, podlab
from podlab.grading import find, grade
lab = podlab.open("wheel")
report = grade(find("e14"), sys.stdin.read(), lab.place())
print(report.score, "of", report.points, "from", find("e14").folder)
"""


def test_the_first_lesson_can_be_taken_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """
    In an empty environment and an empty folder: a cluster, the course, a recorded life, an exercise that is graded by
    the checks that came with the wheel.
    """
    venv, here = tmp_path / "venv", tmp_path / "learner"
    here.mkdir()
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    python = str(venv / "bin" / "python")
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    run([sys.executable, *PIP, "--python", python, "install", *constraints, str(wheel)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODLAB_", "PYTHON"))}
    env = {**kept, "PODLAB_HOME": str(tmp_path / "home"), "PODLAB_CLUSTER": "wheel"}

    def podlab(*arguments: str) -> str:
        return run([str(venv / "bin" / "podlab"), *arguments], cwd=here, env=env).stdout

    podlab("up", "--driver", "embedded")
    try:
        podlab("course", "mine")
        manifest = "mine/labs/00-first-pod/manifests/first-pod.yaml"
        recorded = podlab("record", manifest, "--until", "Succeeded", "--watch", "--out", "first.jsonl")
        right = next(one for one in samples(find("e14")) if one.kind == "right")
        graded = run([python, "-c", LESSON], cwd=here, env=env, input=right.text).stdout
        listed = podlab("exercise", "list")
    finally:
        podlab("down")

    assert "shipper (sidecar)" in recorded
    points = find("e14").points
    assert f"{points} of {points} from {venv}" in graded
    assert [line.split()[0] for line in listed.splitlines()] == list(loading.ids())
