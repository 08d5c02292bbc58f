"""
Finds exercise folders and reads them; every error names the file and the line.

Folders are looked for in ``PODLAB_COURSE``, then in the learner's folder around the current one, then in the working
tree of this package, then in the data of the installed wheel. Adding a folder adds an exercise: no list names them.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.checks.case import Key, digest
from podlab.errors import CheckError
from podlab.grading import exercise as model
from podlab.grading.exercise import CheckRow, Exercise, Fence, PlayRun
from podlab.nearest import nearest

_FOLDER = re.compile(r"(e\d{2,3})-([a-z0-9-]+)\Z")
_ANSWER_OF = {"predict": "prediction", "choose": "choices", "diagnose": "choices"}
_TOP: dict[str, Any] = {
    "title": str, "kind": str, "answer": str, "outcomes": list, "points": (int, float), "minutes": int,
    "notebook": str, "starter": str, "fixtures": list, "asks": list, "needs": list, "values": dict, "runs": list,
    "fence": dict, "checks": list,
}  # fmt: skip
_CHECK: dict[str, Any] = {
    "id": str, "text": str, "points": (int, float, str), "expected": str, "hint": int, "visible": bool,
}  # fmt: skip
_RUN: dict[str, Any] = {
    "name": str, "values": dict, "set": dict, "recorded": str, "recording": str, "takes_s": (int, float),
}  # fmt: skip
_FENCE: dict[str, Any] = {"objects": list, "images": list, "locked": dict, "capabilities": list}


# -- finding -------------------------------------------------------------------------------------------------


def courses() -> list[Path]:
    """Return the folders that hold exercises, the first one wins."""
    given = os.environ.get("PODLAB_COURSE")
    package = Path(__file__).resolve().parents[1]
    found = [Path(given) / "labs" / "exercises", Path(given)] if given else []
    learner = paths.course_folder()
    found += [learner / "labs" / "exercises"] if learner else []
    found += [package.parents[1] / "labs" / "exercises", package / "course" / "labs" / "exercises"]
    return [folder for folder in found if folder.is_dir()]


def folders() -> dict[str, Path]:
    """Return exercise id -> folder, in the order of ids."""
    found: dict[str, Path] = {}
    for course in courses():
        for path in sorted(course.iterdir()):
            match = _FOLDER.match(path.name)
            if match and path.is_dir():
                found.setdefault(match[1], path)
    return dict(sorted(found.items()))


def ids() -> tuple[str, ...]:
    """Return the ids of all exercises, in order."""
    return tuple(folders())


def find(wanted: str) -> Exercise:
    """
    Return an exercise by its id.

    Raises:
        CheckError: There is no such exercise, or its folder cannot be read.
    """
    known = folders()
    name = wanted.strip().lower()
    if name not in known:
        near = nearest(name, known)
        raise CheckError(
            f"unknown exercise {wanted!r}",
            cause=f"exercises: {', '.join(known) or 'none'}",
            hint=f"did you mean {near}?" if near else "podlab exercise list",
        )
    return _read_cached(known[name], _stamp(known[name]))


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """Names and times of the files: an edited exercise is read again in a running kernel."""
    return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()))


@lru_cache(maxsize=256)
def _read_cached(folder: Path, _stamp: object) -> Exercise:
    return read(folder)


# -- reading -------------------------------------------------------------------------------------------------


def read(folder: Path) -> Exercise:
    """
    Read the exercise in *folder*.

    Raises:
        CheckError: Names file and line of the first field that is missing, misspelt or of the wrong type.
    """
    match = _FOLDER.match(folder.name)
    if match is None:
        raise CheckError(
            f"{folder.name} is not a valid name for an exercise", hint="name the folder like e37-short-title"
        )
    table = _Table(folder / "exercise.toml")
    data = table.known(table.data, _TOP, required=("title", "kind", "points", "checks"))
    kind = table.one_of("kind", data["kind"], model.KINDS)
    answer = table.one_of("answer", data.get("answer", _ANSWER_OF.get(kind, "manifest")), model.ANSWERS)
    checks = [_check(table, row) for row in data["checks"]]
    outcomes = [table.one_of("outcomes", each, tuple(model.OUTCOMES)) for each in data.get("outcomes", [])]
    points = Fraction(str(data["points"]))
    if sum(row.points for row in checks) != points:
        raise table.error(
            "points", f"points is {points}, the checks add up to {sum(r.points for r in checks)}"
        )
    if data["title"] != match[2]:
        raise table.error("title", f"title is {data['title']!r}, the folder is named {match[2]!r}")
    suffix = "yaml" if answer == "manifest" else "txt"
    return Exercise(
        folder=folder, id=match[1], title=match[2], kind=kind, answer=answer, points=points,
        minutes=data.get("minutes", 8), outcomes=outcomes, notebook=data.get("notebook", ""),
        ask=_needed(folder, "ask.md"), hints=_hints(folder), debrief=_optional(folder, "debrief.md"),
        starter=_optional(folder, data.get("starter", f"starter.{suffix}")), checks=checks,
        fence=_fence(table, data.get("fence", {})),
        runs=[_run(table, row) for row in data.get("runs", [{"name": "run"}])],
        fixtures=data.get("fixtures", []), rules=data.get("values", {}), asks=data.get("asks", []),
        needs=data.get("needs", []),
    )  # fmt: skip


def _check(table: _Table, row: Any) -> CheckRow:
    data = table.known(row, _CHECK, required=("id", "text", "points"), of="[[checks]]")
    return CheckRow(
        id=data["id"], text=data["text"], points=Fraction(str(data["points"])), expected=data.get("expected", ""),
        hint=data.get("hint"), visible=data.get("visible", True),
    )  # fmt: skip


def _run(table: _Table, row: Any) -> PlayRun:
    return PlayRun(**table.known(row, _RUN, required=("name",), of="[[runs]]"))


def _fence(table: _Table, data: Any) -> Fence:
    return Fence(**table.known(data, _FENCE, of="[fence]"))


def _needed(folder: Path, file: str) -> str:
    text = _optional(folder, file)
    if not text.strip():
        raise CheckError(
            f"{folder.name}/{file} is missing or empty", hint="podlab exercise new shows a whole folder"
        )
    return text


def _optional(folder: Path, file: str) -> str:
    path = folder / file
    return path.read_text("utf-8") if path.is_file() else ""


def _hints(folder: Path) -> list[str]:
    """Hints are the items of hints.md, one for each line that begins with a number and a full stop."""
    text = _optional(folder, "hints.md")
    return [" ".join(part.split()) for part in re.split(r"^\d+\.\s+", text, flags=re.MULTILINE)[1:]]


class _Table:
    """exercise.toml with the checks that every field needs; errors name the line."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, f"{path.parent.name}/{path.name}"
        try:
            self.text = path.read_text("utf-8")
            self.data = tomllib.loads(self.text)
        except OSError as error:
            raise CheckError(f"{self.name} cannot be read", cause=error.strerror or str(error)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CheckError(
                f"{self.name} is not TOML", cause=str(error), hint="correct that line"
            ) from error

    def known(
        self, data: Any, fields: Mapping[str, Any], *, required: Sequence[str] = (), of: str = ""
    ) -> dict[str, Any]:
        """Return *data* if its fields are known and of the right types; CheckError names the first that is not."""
        if not isinstance(data, dict):
            raise self.error(of.strip("[]"), f"{of or 'the file'} is a table")
        for key, value in data.items():
            if key not in fields:
                near = nearest(key, fields)
                raise self.error(key, f"unknown field {key!r}", f"did you mean {near!r}?" if near else None)
            if not isinstance(value, fields[key]) or (isinstance(value, bool) and fields[key] is not bool):
                raise self.error(key, f"{key} has the wrong type: {value!r}")
        for key in required:
            if key not in data:
                raise self.error(of.strip("[]"), f"{of or 'the file'} lacks the field {key!r}")
        return data

    def one_of(self, key: str, value: str, known: Sequence[str]) -> str:
        """Return *value* if it is among *known*."""
        if value not in known:
            raise self.error(key, f"{key} is {value!r}", f"use one of {', '.join(known)}")
        return value

    def error(self, key: str, what: str, hint: str | None = None) -> CheckError:
        """Return an error that names the first line on which *key* stands."""
        where = re.search(rf"^[ \t\[]*{re.escape(key)}\b", self.text, re.MULTILINE) if key else None
        line = self.text.count("\n", 0, where.start()) + 1 if where else 1
        return CheckError(f"{self.name}, line {line}: {what}", hint=hint)


# -- key and checks.py ---------------------------------------------------------------------------------------


def key(exercise: Exercise) -> Key:
    """
    Return the key of an exercise: from key.toml (item = [accepted values]), or from key.json, which the learner's
    edition holds in its place, with digests alone. Exercises without a key have neither.
    """
    plain, hidden = exercise.folder / "key.toml", exercise.folder / "key.json"
    if plain.is_file():
        data = _Table(plain).data
        return Key({item: frozenset(digest(exercise.id, item, v) for v in values) for item, values in data.items()},
                   exercise.id)  # fmt: skip
    if hidden.is_file():
        loaded = json.loads(hidden.read_text("utf-8"))
        return Key({item: frozenset(digests) for item, digests in loaded.items()}, exercise.id)
    return Key(salt=exercise.id)


def hidden_key(exercise: Exercise) -> str:
    """Return the text of key.json for the learner's edition; empty where the exercise has no key."""
    accepted = key(exercise).accepted
    return (
        json.dumps({item: sorted(accepted[item]) for item in sorted(accepted)}, indent=1) if accepted else ""
    )
