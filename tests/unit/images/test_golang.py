"""Programs from Go modules: what they are called in the cache, and the files that are kept of a module."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from podlab import images
from podlab.errors import BuildError
from podlab.images import cache, golang, recipes
from podlab.images.recipes import ImagePart

AGENT = images.load().parts["pilot-agent"]
GO_MOD = "module main\n\nrequire (\n\texample.org/a v1.2.3\n\texample.org/a/b v0.1.0 // indirect\n)\n"
MAIN = "package main\n\nfunc main() { println(42) }\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImagePart:
    """A main module of two lines, and an empty cache."""
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "go.mod").write_text("module tiny\n\ngo 1.20\n")
    (tmp_path / "tiny" / "main.go").write_text(MAIN)
    return ImagePart("answer", "go", "1", package=".", module="tiny")


def silent(_line: str) -> None:
    """Nobody listens."""


def test_programs_of_one_module_have_keys_of_their_own() -> None:
    """istiod and its proxy come from one module; a change of the module or of the kept files makes new keys."""
    known = images.load().parts
    programs = [part for part in known.values() if part.source == "istio"]

    assert {part.name for part in programs} == {"pilot-discovery", "pilot-agent", "istio-charts"}
    assert (
        len({golang.key(part) for part in [*programs, replace(AGENT, keep={}), replace(AGENT, version="2")]})
        == 5
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("example.org/a/x.json", "example.org/a"),
        ("example.org/a/b/x.json", "example.org/a/b"),
        ("other/x", ""),
    ],
)
def test_a_kept_file_is_of_the_innermost_module(source: str, found: str) -> None:
    """Modules can lie below one another."""
    assert golang.module_of(source, GO_MOD) == found


@pytest.mark.skipif(not shutil.which("go"), reason="this machine has no Go")
def test_a_program_is_built_once_and_put_into_the_image(module: ImagePart, tmp_path: Path) -> None:
    """The folder is that of the module, and the program has the part's name."""
    root = tmp_path / "root"
    golang.unpack(module, root, silent)
    made = golang.program(module, silent).stat().st_mtime_ns

    assert (root / "usr/local/bin/answer").stat().st_mode & 0o777 == 0o755
    assert golang.program(module, silent).stat().st_mtime_ns == made
    assert golang.is_here(module)


@pytest.mark.skipif(not shutil.which("go"), reason="this machine has no Go")
def test_a_file_that_no_module_has_ends_the_build_and_leaves_nothing(module: ImagePart) -> None:
    """The error names the file; the program is not called finished without it."""
    wrong = replace(module, keep={"example.org/a/x.json": "etc/x.json"})

    with pytest.raises(BuildError, match=r"the file example\.org/a/x\.json could not be had"):
        golang.program(wrong, silent)

    assert not golang.is_here(wrong)
    assert list((cache.folder() / "tmp").iterdir()) == []
