"""The documentation's site: what is looked at in each built page."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from scripts import load

SITE = Path(__file__).resolve().parents[3] / "docs" / "site"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    sys.path.insert(0, str(SITE))
    try:
        return load(SITE / "build.py", "build_site")
    finally:
        sys.path.remove(str(SITE))


def test_a_link_that_leads_nowhere_is_a_fault(build: ModuleType, tmp_path: Path) -> None:
    """A page, a heading and a picture that are not there; those that are there are none."""
    (tmp_path / "b.html").write_text("<h2 id='here'>x</h2>")
    (tmp_path / "a.html").write_text(
        "<a href='b.html#here'>good</a><a href='b.html#gone'>1</a><a href='c.html'>2</a><img src='c.png'>"
        "<a href='https://example.org/'>outside</a>"
    )

    assert list(build.faults(tmp_path)) == [
        "a.html leads to b.html#gone, where that heading is missing",
        "a.html leads to c.html, which is not there",
        "a.html leads to c.png, which is not there",
    ]


def test_a_script_from_elsewhere_is_a_fault(build: ModuleType, tmp_path: Path) -> None:
    """The site is read without a network."""
    (tmp_path / "a.html").write_text("<script src='https://cdn.example.org/x.js'></script>")

    assert list(build.faults(tmp_path)) == ["a.html loads https://cdn.example.org/x.js"]


def test_the_sources_are_the_course_and_the_pages_that_the_package_makes(
    build: ModuleType, tmp_path: Path
) -> None:
    """Each notebook and lab, the guides, an entry for each verb, error and exercise; nothing of the answers."""
    from podlab import grading
    from podlab.cli import parser

    build.gather(tmp_path)
    front = (tmp_path / "index.md").read_text()
    commands = (tmp_path / "commands.md").read_text()

    for path in [*build.TOP.glob("notebooks/*.ipynb"), *build.TOP.glob("labs/[0-9]*/*.ipynb")]:
        assert (tmp_path / path.relative_to(build.TOP)).exists()
    assert "docs/instructors" in front
    assert [name for name in parser.names() if f"\n## {name}\n" not in commands] == []
    assert [e for e in grading.ids() if not list(tmp_path.glob(f"labs/exercises/{e}-*/ask.md"))] == []
    assert "ManifestError" in (tmp_path / "errors.md").read_text()
    assert list(tmp_path.glob("**/answers")) == []
    assert "{" not in (tmp_path / "situations.md").read_text()


def test_a_link_to_a_folder_keeps_its_words_alone(build: ModuleType, tmp_path: Path) -> None:
    """A site lists no folders; links to files stay."""
    (tmp_path / "things").mkdir()
    (tmp_path / "a.txt").touch()

    assert build.without_folders('["a", "(b)](things)"', tmp_path) == '["a", "(b)](things)"'
    text = "see [the things](things/), [a file](a.txt) and ![a picture](things)"
    assert build.without_folders(text, tmp_path) == "see the things, [a file](a.txt) and ![a picture](things)"
