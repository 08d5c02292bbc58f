"""The course in hosted editors: ``.devcontainer/`` and ``binder/``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.embedded
def test_a_binder_starts_the_cluster_and_then_what_it_was_asked_to_run(tmp_path: Path) -> None:
    """binder/start as the Binder's container calls it, with a program of its own behind it."""
    env = {
        **os.environ,
        "PODLAB_HOME": str(tmp_path),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PODLAB_CLUSTER": "binder",
    }
    podlab = [str(BIN / "podlab")]
    try:
        done = subprocess.run(
            [ROOT / "binder" / "start", "podlab", "status"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    finally:
        subprocess.run([*podlab, "down"], env=env, check=True, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "binder" in done.stdout
    assert "embedded" in done.stdout


@pytest.mark.embedded
def test_a_binder_holds_the_learners_edition(tmp_path: Path) -> None:
    """binder/postBuild writes the folder that the Binder's address opens."""
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    subprocess.run(
        [ROOT / "binder" / "postBuild"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=60
    )

    opened = re.search(r"lab/tree/(\S+)", (ROOT / "binder" / "postBuild").read_text())
    assert opened is not None
    assert (tmp_path / opened[1]).is_file()


@pytest.mark.embedded
def test_a_binder_installs_what_the_project_names() -> None:
    """The extra exists, the constraints are there, the Python is one that the project takes."""
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = re.search(r"^--editable \.\[(\w+)\]$", "\n".join(lines), re.MULTILINE)

    assert "--constraint ../constraints.txt" in lines
    assert extra is not None
    assert extra[1] in project["optional-dependencies"]
    assert (ROOT / "binder" / "runtime.txt").read_text().strip() == "python-3.12"


@pytest.mark.embedded
def test_a_devcontainer_runs_commands_that_exist() -> None:
    """./start with arguments that it knows (its own test runs it), and a verb of podlab."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    config = json.loads("\n".join(line for line in text.splitlines() if not line.startswith("//")))

    assert config["postCreateCommand"] == "./start --no-lab --driver embedded"
    assert config["postStartCommand"] == ".venv/bin/podlab up --driver embedded"
    assert config["privileged"] is True  # namespaces, for the embedded cluster
