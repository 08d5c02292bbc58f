"""``helpers/install.sh``, which ``./start`` and ``./check`` share: uv where it can be had, pip elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(script: str, venv: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env = {**kept, "python": sys.executable, "venv": str(venv), "HOME": str(venv), **environment}
    done = subprocess.run(
        ["bash", "-euc", f". helpers/install.sh; {script}"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=env,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment whose python only writes down what it was asked for, and whose uv can install nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n')
    (programs / "uv").write_text('#!/bin/sh\n[ "$1" = --version ]\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    return tmp_path


def test_where_uv_cannot_install_pip_has_a_try(venv: Path) -> None:
    """With the same constraints; the output says so, and which of both it was in the end."""
    said = bash("choose_installer; install_into_venv --editable .; echo by $installer", venv)

    assert said.splitlines() == ["uv could not install this; now pip tries", "by pip"]
    asked = (venv / "asked").read_text().splitlines()[-1]
    assert asked.startswith("-m pip install")
    assert asked.endswith("--constraint constraints.txt --editable .")


def test_pip_can_be_asked_for(venv: Path) -> None:
    """PODLAB_INSTALLER=pip: uv is not looked for."""
    assert bash("choose_installer; echo $installer", venv, PODLAB_INSTALLER="pip") == "pip"
    assert bash("choose_installer; echo $installer", venv) == "uv"


def test_uv_uses_the_mirror_that_pip_was_told_of(venv: Path) -> None:
    """From pip's variable or its file; what uv was told itself comes first."""
    ask = "as_pip_was_told; echo ${UV_DEFAULT_INDEX:-none}"
    (venv / ".pip").mkdir()
    (venv / ".pip" / "pip.conf").write_text("[global]\nindex-url = http://mirror.test/file\n")
    config = {"XDG_CONFIG_HOME": str(venv / "nothing")}

    assert bash(ask, venv, **config) == "http://mirror.test/file"
    assert bash(ask, venv, PIP_INDEX_URL="http://mirror.test/pip", **config) == "http://mirror.test/pip"
    assert bash(ask, venv, UV_DEFAULT_INDEX="http://mirror.test/uv", **config) == "http://mirror.test/uv"


def test_an_environment_of_another_version_is_not_up_to_date(venv: Path) -> None:
    """The mark holds the checksum of pyproject.toml and constraints.txt, and what was installed."""
    ask = "installed jupyter dev && echo yes || echo no"

    assert bash(ask, venv) == "no"
    assert bash(f"mark_installed core; {ask}", venv) == "no"
    assert bash(f"mark_installed dev; {ask}", venv) == "yes"
    assert bash(f"wanted=older; mark_installed dev; wanted=newer; {ask}", venv) == "no"
