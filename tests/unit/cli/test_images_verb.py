"""``podlab images build``: what it prints without a cluster, and what wrong words end in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podlab.cli import main


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster, and nothing built."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(tmp_path / "images"))


def test_without_names_it_lists_and_builds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each image with its origin, a size, and whether it is there."""
    assert main(["images", "build", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert {origin for row in rows for origin in row["origin"].split(", ")} == {"wheel", "deb", "go"}
    assert all(row["archive"] is None and row["size_bytes"] > 2**20 for row in rows)
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["build", "postgers"], 11, "no recipe for an image 'postgers'"),
        (["build", "postgres", "--load"], 3, "no cluster '"),
        (["--load"], 3, "no cluster '"),
        (["bild"], 2, "bild"),
    ],
)
def test_wrong_words_end_before_anything_is_built(
    words: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes of building come after the question whether the result can be used."""
    assert main(["images", *words]) == code

    assert says in capsys.readouterr().err
    assert not (tmp_path / "images").exists()
