"""Hostile and odd submissions beside an honest one: none gains a point, none harms, honest work loses none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from attack_notebooks import Handed, as_file, attacks, honest, notebook, solved
from attack_trial import faults

ALL = [*attacks(), *honest()]


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("each", ALL, ids=lambda each: each.id)
def test_a_submission_gets_its_verdict(each: Handed, as_zip: bool, tmp_path: Path) -> None:
    """Points, state and reason are as listed; nothing is run or written, and pages hold nothing active."""
    assert faults([each], tmp_path, as_zip=as_zip) == {}


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (Handed("planted", "gains", as_file(solved())), "e26 has 4.0, expected 0"),
        (Handed("planted", "loses", as_file(notebook()), e26=4, honest=True), "e26 has 0.0, expected 4"),
        (Handed("planted", "unreadable", {"two.ipynb": b"{"}), "fault is 'it cannot be read as a notebook"),
        (Handed("planted", "readable", as_file(notebook()), fault="broken"), "fault is ''"),
    ],
    ids=lambda each: each.name if isinstance(each, Handed) else "",
)
def test_a_wrong_verdict_would_be_seen(planted: Handed, words: str, tmp_path: Path) -> None:
    """The test above can fail in each way."""
    found = faults([planted, replace(planted, name="twin")], tmp_path)

    assert words in str(found[planted.id])
