"""A stranger's questions are answered in the README, or one click away."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from scripts import load

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "questions.py"


@pytest.fixture(scope="module")
def questions() -> ModuleType:
    return load(SCRIPT, "questions")


def test_each_question_is_answered_within_one_click(questions: ModuleType) -> None:
    """By the links that a reader has."""
    found = {question: questions.clicks(answer) for question, answer in questions.QUESTIONS.items()}

    assert len(found) == 20
    assert {question: hit for question, hit in found.items() if hit is None or hit[0] > 1} == {}


def test_an_answer_that_stands_nowhere_is_not_found(questions: ModuleType, tmp_path: Path) -> None:
    """The test above can fail."""
    page = tmp_path / "README.md"
    page.write_text("nothing leads on")

    assert questions.clicks("podlab", page) is None
