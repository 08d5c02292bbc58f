"""
The commands of ``.devcontainer/devcontainer.json`` as an editor runs them: in a clean copy, one after the other.

The container itself comes from a registry; here, the commands run in a new folder with an environment of their own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]  # JupyterLab is installed

ROOT = Path(__file__).resolve().parents[2]


def copy_to(folder: Path) -> None:
    """Copy what git would put into a clone."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def test_its_commands_end_with_a_cluster_and_the_editors_python(tmp_path: Path) -> None:
    """Created once, started twice: the second start finds the cluster, or makes another where the container slept."""
    home, folder = tmp_path / "home", tmp_path / "podlab"
    home.mkdir()
    copy_to(folder)
    text = (folder / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    found = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PODLAB_")}
    env["PODLAB_HOME"] = str(home)

    def run(command: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    python = found["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    try:
        run(found["postCreateCommand"])
        first = run(found["postStartCommand"])
        run(".venv/bin/podlab down")
        second = run(found["postStartCommand"])
        pods = run(f"{python.replace('${containerWorkspaceFolder}', str(folder))} -c "
                   "'import podlab, ipykernel; print(podlab.open().client.version())'")  # fmt: skip
    finally:
        run(".venv/bin/podlab down || true")

    assert "cluster lab" in first
    assert "cluster lab is ready: driver embedded" in second
    assert pods.splitlines()[-1].startswith("v1.")
