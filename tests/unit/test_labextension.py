"""The extension of JupyterLab: it names podlab's cell magics, and an installation brings it."""

from __future__ import annotations

import json
import re
import sysconfig
import tomllib
from pathlib import Path

import pytest

from podlab.magics import PodlabMagics

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "helpers" / "labextension"


def test_it_colours_the_cells_of_all_cell_magics_and_of_no_others() -> None:
    """A magic that is added must be added there, too."""
    listed = re.search(r"const MAGICS = (\[.*?\]);", (SOURCE / "static/remoteEntry.js").read_text("utf-8"))
    assert listed is not None

    assert set(json.loads(listed[1])) == set(PodlabMagics.magics["cell"])


def test_the_page_loads_the_file_that_is_there() -> None:
    """JupyterLab asks package.json for the file, and the file for the module."""
    package = json.loads((SOURCE / "package.json").read_text("utf-8"))
    build = package["jupyterlab"]["_build"]

    script = (SOURCE / build["load"]).read_text("utf-8")
    assert f"_JUPYTERLAB.{package['name']} = " in script
    assert f'"{build["extension"]}"' in script
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert package["version"] == version


@pytest.mark.parametrize("name", ["package.json", "install.json", "static/remoteEntry.js"])
def test_an_installation_brings_it(name: str) -> None:
    """An editable one as well."""
    installed = Path(sysconfig.get_path("data")) / "share" / "jupyter" / "labextensions" / "podlab" / name

    assert installed.is_file(), "install podlab again: pip install --no-deps --editable ."
