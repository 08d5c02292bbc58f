"""A notebook names a manifest: its cell, a file, or YAML itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab.errors import ManifestError, NotFoundError
from podlab.lab import texts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "pod.yaml").write_text("kind: Pod\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("manifest", ["labs/pod.yaml", Path("labs/pod.yaml")])
def test_a_file_is_named_by_its_path(manifest: str | Path) -> None:
    """As text or as a Path, and errors will name it."""
    assert texts.find(manifest, {}) == ("kind: Pod\n", "labs/pod.yaml")


def test_a_notebook_names_a_file_as_the_readme_does(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel works in notebooks/, one folder below the one that the README means."""
    monkeypatch.chdir(home / "notebooks")
    assert texts.find("labs/pod.yaml", {}) == ("kind: Pod\n", "../labs/pod.yaml")


def test_a_cell_comes_before_a_file_and_yaml_needs_neither(home: Path) -> None:
    """The name of a cell is what a notebook means by it."""
    (home / "first").write_text("from the file")
    assert texts.find("first", {"first": "from the cell"}) == ("from the cell", "first")
    assert texts.find("kind: Pod", {}) == ("kind: Pod", "manifest")


def test_neither_a_cell_nor_a_file_says_what_is_known() -> None:
    """With the names of the cells that were run."""
    with pytest.raises(NotFoundError, match="unknown manifest 'nosuch'") as caught:
        texts.find("nosuch", {"first": "a"})
    assert caught.value.cause == "no file of that name; known from cells: first"


def test_a_folder_or_a_picture_is_an_error_of_ours(home: Path) -> None:
    """Never Python's own."""
    (home / "x.png").write_bytes(b"\x89PNG")
    for name in ("labs", "x.png"):
        with pytest.raises(ManifestError, match="cannot be read"):
            texts.find(name, {})
