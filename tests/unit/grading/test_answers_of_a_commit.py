"""Which answers are proved on kind: a sample, and all answers of the exercises that a commit changes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from scripts import load

ROOT = Path(__file__).parents[3]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the tests of exercises, a fresh copy."""
    monkeypatch.delenv("PODLAB_KIND_ANSWERS", raising=False)
    monkeypatch.delenv("PODLAB_CHANGED_SINCE", raising=False)
    return load(ROOT / "tests/exercises/answers_chosen.py", "chosen_here")


def of(exercise: str, answers: Any) -> list[str]:
    """Return the answers of one exercise that kind proves."""
    return [answers.key(sample) for sample in answers.chosen("kind") if sample.exercise.id == exercise]


def test_all_answers_of_a_changed_exercise_are_proved_on_kind(
    answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [answers.key(sample) for sample in answers.ALL if sample.exercise.id == "e16"]
    monkeypatch.setattr(answers, "changed", set)
    drawn = of("e16", answers)
    monkeypatch.setattr(answers, "changed", lambda: {"e16-job-that-ends"})

    assert len(drawn) < len(every)
    assert sorted(of("e16", answers)) == sorted(every)


def test_an_exercise_of_an_hour_is_proved_by_its_first_right_answer(
    answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its play takes minutes, and it has fifteen answers."""
    monkeypatch.setattr(answers, "changed", lambda: {"e36-production-shop"})

    assert of("e36", answers) == ["e36-right-as-in-the-lesson"]


def test_a_folder_counts_as_changed_by_the_last_commit_or_by_what_is_not_committed(
    answers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    def write(folder: str, text: str) -> None:
        path = tmp_path / "labs/exercises" / folder / "ask.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setattr(answers, "ROOT", tmp_path)
    git("init", "-q")
    for name in ("e01-old", "e02-next", "e03-edited"):
        write(name, "first")
    git("add", ".")
    git("commit", "-qm", "first")
    write("e02-next", "second")
    git("commit", "-qam", "second")
    write("e03-edited", "third")
    write("e04-new", "fourth")

    assert answers.changed() == {"e02-next", "e03-edited", "e04-new"}
