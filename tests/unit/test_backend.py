"""``helpers/backend.py``: an editable install that needs no other package and follows pyproject.toml."""

from __future__ import annotations

import base64
import csv
import hashlib
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@contextmanager
def helpers_on_path() -> Iterator[None]:
    sys.path.insert(0, str(ROOT / "helpers"))
    try:
        yield
    finally:
        sys.path.remove(str(ROOT / "helpers"))


@pytest.fixture
def wheel(tmp_path: Path) -> zipfile.ZipFile:
    with helpers_on_path():
        import backend

    return zipfile.ZipFile(tmp_path / backend.build_editable(str(tmp_path)))


def test_the_metadata_says_what_pyproject_says(wheel: zipfile.ZipFile) -> None:
    """Read and validated by packaging, as an installer does."""
    found = Metadata.from_email(wheel.read("podlab-0.1.0.dist-info/METADATA"), validate=True)
    wanted = {Requirement(line) for line in PROJECT["dependencies"]}
    for extra, lines in PROJECT["optional-dependencies"].items():
        for each in map(Requirement, lines):
            marker = f'({each.marker}) and extra == "{extra}"' if each.marker else f'extra == "{extra}"'
            each.marker = None
            wanted.add(Requirement(f"{each}; {marker}"))

    assert (found.name, str(found.version)) == (PROJECT["name"], PROJECT["version"])
    assert set(found.requires_dist or []) == wanted
    assert found.provides_extra == list(PROJECT["optional-dependencies"])
    assert found.description == (ROOT / "README.md").read_text("utf-8")
    assert str(found.requires_python) == PROJECT["requires-python"]


def test_its_record_lists_each_file_with_its_sum(wheel: zipfile.ZipFile) -> None:
    """An installer refuses a wheel whose RECORD is wrong."""
    rows = list(csv.reader(wheel.read("podlab-0.1.0.dist-info/RECORD").decode().splitlines()))

    assert [row[0] for row in rows] == wheel.namelist()
    for path, digest, size in rows[:-1]:
        data = wheel.read(path)
        sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={sha}", len(data))
    assert rows[-1][1:] == ["", ""]


def test_pip_installs_it_without_an_index_and_the_tree_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is fetched and nothing written beside the sources; commands, package and extension are there."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    before = sorted(path.name for path in (ROOT / "helpers").iterdir())
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--isolated", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--editable", str(ROOT)], check=True)

    version = subprocess.run(
        [venv / "bin" / "podlab", "--version"], capture_output=True, text=True, check=True
    )
    where = subprocess.run(
        [python, "-c", "import podlab; print(podlab.__file__)"], capture_output=True, text=True, check=True
    )
    assert version.stdout == f"podlab {PROJECT['version']}\n"
    assert Path(where.stdout.strip()) == ROOT / "helpers" / "podlab" / "__init__.py"
    assert (venv / "bin" / "kubectl-podlab").is_file()
    assert (venv / "share/jupyter/labextensions/podlab/static/remoteEntry.js").is_file()
    assert sorted(path.name for path in (ROOT / "helpers").iterdir()) == before
