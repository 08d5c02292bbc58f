"""The cheat sheet and the poster show the course's pictures as they are today."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest
from scripts import load

SCRIPT = Path(__file__).resolve().parents[3] / "docs" / "cheat-sheet" / "draw.py"


@pytest.fixture(scope="module")
def draw() -> ModuleType:
    return load(SCRIPT, "draw_cheat_sheet")


@pytest.mark.parametrize("name", ["cheat-sheet", "poster"])
def test_svg_and_pdf_are_those_of_the_script(draw: ModuleType, name: str) -> None:
    """Else run ``python docs/cheat-sheet/draw.py``. The PDF is one page and names the SVG that it was printed from."""
    svg = draw.page(draw.PAGES[name][0])
    pdf = SCRIPT.with_name(f"{name}.pdf").read_bytes()

    assert SCRIPT.with_name(f"{name}.svg").read_text("utf-8") == svg
    assert draw.title(name, svg).encode() in pdf
    assert re.findall(rb"/Type\s*/Pages[^>]*?/Count (\d+)|/Count (\d+)[^>]*?/Type\s*/Pages", pdf) in (
        [(b"1", b"")],
        [(b"", b"1")],
    )


@pytest.mark.parametrize("name", ["cheat-sheet", "poster"])
def test_every_name_in_a_page_is_used_once_and_led_to(draw: ModuleType, name: str) -> None:
    """Pictures bring arrows and hatches of the same names; on one page each must have its own."""
    svg = draw.page(draw.PAGES[name][0])
    ids = re.findall(r'\bid="([^"]+)"', svg)

    ET.fromstring(svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_every_picture_of_the_course_is_on_the_poster(draw: ModuleType) -> None:
    """A new picture needs its place on the sheet."""
    shown = {cell.picture for row in draw.POSTER for cell in row}

    assert shown - {""} == {path.stem for path in draw.PICTURES.glob("*.svg")}


def test_a_page_that_is_too_full_is_refused(draw: ModuleType) -> None:
    """Nothing runs out of the paper."""
    with pytest.raises(ValueError, match="too full"):
        draw.page([*draw.SHEET, *draw.SHEET])


def test_every_command_of_the_sheet_can_be_parsed(draw: ModuleType) -> None:
    """The verbs and options of today."""
    from podlab.cli import parser

    for line in draw.COMMANDS:
        for command in re.split(r"\s{2,}", line):
            verb, *words = command.removeprefix("podlab ").split()
            parser.parse(parser.load(verb), words)
