"""
``.devcontainer/`` and ``binder/``: each file can be read, and each name in it is one that this repository has.

Their commands are run by tests/integration/test_devcontainer.py and test_binder.py. The image and the extensions come
from registries, so only the form of their names is looked at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Names of the dev container metadata reference (containers.dev) that are used here; others would be ignored in silence.
KNOWN = {
    "name": str, "image": str, "privileged": bool, "postCreateCommand": str, "postStartCommand": str,
    "forwardPorts": list, "portsAttributes": dict, "customizations": dict,
}  # fmt: skip


def devcontainer() -> dict[str, Any]:
    """The file without its comments, which stand on lines of their own."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    return dict(json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M)))


def is_allowed(version: str) -> bool:
    """Whether podlab runs on this Python, by pyproject.toml."""
    least = re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])
    assert least
    return version.startswith("3.") and int(version[2:]) >= int(least[1])


def test_the_devcontainer_has_known_fields_and_a_python_that_podlab_runs_on() -> None:
    found = devcontainer()

    assert {name: type(value) for name, value in found.items()} == {name: KNOWN[name] for name in found}
    image = re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+:(\d\.\d+)", found["image"])
    assert image
    assert is_allowed(image[1])
    assert set(found["portsAttributes"]) == {str(port) for port in found["forwardPorts"]}
    assert all(
        re.fullmatch(r"[\w-]+\.[\w-]+", one) for one in found["customizations"]["vscode"]["extensions"]
    )


def test_the_devcontainers_commands_and_paths_are_those_of_start() -> None:
    """``./start`` takes the options, and makes the environment that the editor and the second command use."""
    found = devcontainer()
    create, begin = found["postCreateCommand"].split(), found["postStartCommand"].split()
    manual = subprocess.run([ROOT / "start", "--help"], capture_output=True, text=True, check=True).stdout
    up = subprocess.run(
        [sys.executable, "-m", "podlab", "up", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    python = found["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]

    assert (create[0], begin[:2]) == ("./start", [".venv/bin/podlab", "up"])
    assert all(option in manual for option in create if option.startswith("--"))
    assert all(option in up for option in begin if option.startswith("--"))
    assert python == "${containerWorkspaceFolder}/.venv/bin/python"
    assert re.search(r'venv="\$\{PODLAB_VENV:-.*\.venv\}"', (ROOT / "start").read_text())


def test_binder_installs_what_this_repository_has() -> None:
    """The extra is one of pyproject.toml's, the constraints are there, and podlab runs on the Python."""
    lines = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if line[:1] == "-"]
    options = dict(line.split(maxsplit=1) for line in lines)
    editable = re.fullmatch(r"\.\[(\w+)\]", options["--editable"])

    assert set(options) == {"--constraint", "--editable"}
    assert (BINDER / options["--constraint"]).resolve() == ROOT / "constraints.txt"
    assert editable
    assert editable[1] in PROJECT["optional-dependencies"]
    runtime = re.fullmatch(r"python-(\d\.\d+)\n", (BINDER / "runtime.txt").read_text())
    assert runtime
    assert is_allowed(runtime[1])


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binders_programs_can_be_run_and_name_verbs_that_podlab_has(name: str) -> None:
    """repo2docker leaves out a program that is not executable."""
    text = (BINDER / name).read_text()
    verbs = re.findall(r"^podlab (\w+)", text, re.M)

    assert os.access(BINDER / name, os.X_OK)
    assert subprocess.run(["bash", "-n", BINDER / name], check=False).returncode == 0
    assert verbs
    assert all((ROOT / "helpers/podlab/cli/verbs" / f"{verb}.py").is_file() for verb in verbs)


def test_the_page_that_binder_opens_is_in_the_course() -> None:
    """The address in postBuild, below the folder that ``podlab course`` makes."""
    page = re.search(r"urlpath=lab/tree/course/(\S+)", (BINDER / "postBuild").read_text())

    assert page
    assert (ROOT / page[1]).is_file()
