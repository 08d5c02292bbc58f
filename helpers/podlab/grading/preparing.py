"""Reads and fences an answer: text in, ``Case`` out. Needs no cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from podlab import manifests
from podlab.checks import Case
from podlab.errors import ManifestError
from podlab.grading import answers, fence, loading
from podlab.grading.exercise import Exercise, Refused, Unreadable


def prepare(exercise: Exercise, text: str, seed: int) -> Case:
    """
    Read and fence an answer.

    Raises:
        Unreadable: The text is not what the cell asks for; names its lines.
        Refused: The fence does not let it through.
    """
    values = exercise.values(seed)
    given = {path.name: exercise.text(path.name, values) for path in _texts(exercise.folder)}
    key = loading.key(exercise)
    try:
        answer = (
            answers.manifest(text, exercise.asks) if exercise.answer == "manifest" else answers.choices(text)
        )
    except ManifestError as error:
        raise Unreadable(error.summary, cause=error.cause, hint=error.hint) from error
    if exercise.answer != "manifest":
        return Case(answer, values, given=given, key=key)
    reason = fence.refusal(exercise.fence, answer.objects, starter_objects(exercise, values))
    if reason:
        raise Refused(reason)
    return Case(answer, values, given=given, key=key)


def _texts(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.iterdir() if path.suffix in (".yaml", ".txt") and path.name != "play.yaml"
    )


def starter_objects(exercise: Exercise, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of the starter with these values; empty where it is not a manifest."""
    text = exercise.starter_text(values)
    if exercise.answer != "manifest" or answers.empty(text):
        return []
    return [
        each.object for each in manifests.load(text + "\n", source=f"{exercise.folder.name}/starter.yaml")
    ]


def remarks(case: Case) -> list[str]:
    """Return lint's errors, and a folder that one container alone mounts: such a Pod lives all the same."""
    found = [finding for each in case.answer.loaded for finding in manifests.lint(each)]
    return [str(each) for each in found if each.level == "error" or each.rule == "lonely-volume"]
