"""The pictures at the top of the README show the recording that lies beside them, as the package draws it today."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image
from scripts import load

from podlab.observe import Recording

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPT = ROOT / "docs" / "pictures" / "draw.py"


@pytest.fixture(scope="module")
def draw() -> ModuleType:
    return load(SCRIPT, "draw_readme")


def test_the_timeline_is_the_one_that_its_script_draws(draw: ModuleType) -> None:
    """Else run ``python docs/pictures/draw.py``."""
    assert draw.labelled(Recording.read(draw.RECORDING).timeline()) == draw.SVG.read_text(encoding="utf-8")


def test_the_animation_was_made_from_the_recording(draw: ModuleType) -> None:
    """Its comment names the recording's bytes, its pace and its frames; the file is light."""
    with Image.open(draw.GIF) as picture:
        assert picture.info["comment"].decode() == draw.source(Recording.read(draw.RECORDING))
        assert picture.n_frames > 10
    assert draw.GIF.stat().st_size < 300_000
    assert draw.SVG.stat().st_size < 50_000


def test_the_recording_is_of_the_first_pod_as_it_is_now(draw: ModuleType) -> None:
    """A changed manifest needs a new recording."""
    from podlab.manifests import load

    [manifest] = load(ROOT / "labs" / "00-first-pod" / "manifests" / "first-pod.yaml")
    [recorded] = Recording.read(draw.RECORDING).header["manifest"]

    assert recorded["spec"] == manifest.object["spec"]


def test_every_number_of_the_timeline_is_explained(draw: ModuleType) -> None:
    """Once in a lane and once below, with words that are whole inside of the picture."""
    root = ET.fromstring(draw.SVG.read_text(encoding="utf-8"))
    texts = [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text")]

    for number, note in enumerate(draw.notes_of(Recording.read(draw.RECORDING).timeline()), 1):
        assert texts.count(str(number)) >= 2
        assert note.words in texts


def test_the_readme_goes_from_picture_to_commands() -> None:
    """Timeline and three sentences, animation, a graded answer, who it is for, then the two commands."""
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    top = README.partition("\n## ")[0]
    prose = " ".join(line for line in top.splitlines()[1:] if line and not line.startswith("!"))
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)

    assert [path for _, path in pictures] == ["docs/pictures/first-pod.svg", "docs/pictures/first-pod.gif"]
    assert all(len(words) > 40 and (ROOT / path).is_file() for words, path in pictures)
    assert len(re.findall(r"[.!?](?:\s|$)", prose)) == 3
    assert headings[:4] == ["A Pod while it lives", "A graded answer", "Who it is for", "Two commands"]


def test_every_row_of_the_comparison_is_whole_and_has_its_sources() -> None:
    """Each reference is defined once, and each column that is not podlab names one."""
    rows = [line for line in README.splitlines() if line.startswith("| ") and line.count("|") == 6]
    used = set(re.findall(r"\]\[(\w+)\]", README))
    defined = re.findall(r"^\[(\w+)\]: https://\S+$", README, re.MULTILINE)

    assert len(rows) == 6
    assert all(cell.strip() for row in rows[1:] for cell in row.split("|")[1:-1])
    assert sorted(used) == sorted(defined)
    assert all("][" in cell for cell in rows[0].split("|")[2:5])
