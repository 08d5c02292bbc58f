"""Debian packages: which file is taken where the archive offers another than the recipe names. apt is a script here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from podlab.errors import BuildError
from podlab.images import debs
from podlab.images.recipes import ImagePart

PART = ImagePart(
    "tool",
    "deb",
    "1:2.0-1",
    "tool_1%3a2.0-1_amd64.deb",
    hashlib.sha256(b"2.0-1").hexdigest(),
    keep={"usr": "usr"},
)
APT = """#!/bin/sh
# Offers one version: a download of any other is refused.
case "$3" in tool=OFFERED|tool) printf %s '2.0-1' > tool_FILE_amd64.deb ;; *) echo "E: no $3"; exit 100 ;; esac
"""


@pytest.fixture
def offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty cache, and an archive that has one version of the package."""
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def offer(version: str, content: str = "2.0-1") -> None:
        script = APT.replace("OFFERED", version).replace("FILE", version.replace(":", "%3a"))
        (tmp_path / "apt-get").write_text(script.replace("'2.0-1'", f"'{content}'"))
        (tmp_path / "apt-get").chmod(0o755)

    return offer


def test_the_revision_of_the_recipe_is_taken_where_it_is_offered(offers) -> None:
    """And downloaded once."""
    offers("1:2.0-1")
    lines: list[str] = []

    assert debs.fetch(PART, lines.append) == debs.fetch(PART, lines.append)
    assert lines == ["downloading tool_1%3a2.0-1_amd64.deb"]


def test_a_later_revision_takes_its_place_and_says_so(offers) -> None:
    """A security fix is no other version of the program; it is found again without apt."""
    offers("1:2.0-1+deb12u1", "mended")
    lines: list[str] = []

    found = debs.fetch(PART, lines.append)
    assert (found.name, found.read_text()) == ("tool_1%3a2.0-1+deb12u1_amd64.deb", "mended")
    assert "tool_1%3a2.0-1+deb12u1_amd64.deb in place of 1:2.0-1" in lines[-1]

    offers("nothing")
    assert debs.fetch(PART, lines.append) == found


def test_another_version_is_refused(offers) -> None:
    """What another release of Debian has was not tried; the error names what was wanted."""
    offers("1:2.1-1")

    with pytest.raises(BuildError, match=r"the Debian package tool 1:2\.0-1 could not be downloaded"):
        debs.fetch(PART, lambda _line: None)


@pytest.mark.parametrize("version", ["1:2.1-1", "1:3.0.23-1~deb12u1"])
def test_a_newer_version_of_the_series_takes_its_place(offers, version: str) -> None:
    """OpenSSL is mended by a newer 3.0; a package of another series is still refused."""
    part = replace(PART, version="1:3.0.22-1", series="3.0.")
    offers(version, "mended")

    if version.startswith("1:3.0."):
        assert debs.fetch(part, lambda _line: None).read_text() == "mended"
        offers("nothing")
        assert debs.is_here(part)
    else:
        with pytest.raises(BuildError, match="could not be downloaded"):
            debs.fetch(part, lambda _line: None)


def test_the_right_name_with_another_checksum_is_refused(offers) -> None:
    """The same revision must be the same file."""
    offers("1:2.0-1", "something else")

    with pytest.raises(BuildError, match="does not match the recipe"):
        debs.fetch(PART, lambda _line: None)


@pytest.mark.parametrize(
    ("version", "said"),
    [("1:2.39.5-0+deb12u3", "2.39.5"), ("2.42.0+ds-5", "2.42.0+ds"), ("0.1.11-1", "0.1.11")],
)
def test_the_version_of_a_program_is_without_debians_part(version: str, said: str) -> None:
    """Epoch before it, revision behind it."""
    assert debs.upstream(version) == said
