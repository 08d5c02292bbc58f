"""
The learner's edition: an allow-list of files, and what is taken out of them.

Answers, mistakes, shortcuts, keys and hidden checks never travel. A key (key.toml) becomes key.json, which holds
digests; checks.py travels only where every check is visible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from podlab.course import folding
from podlab.errors import PodlabError
from podlab.grading import loading
from podlab.grading.exercise import Exercise

_OF_EXERCISE = (
    "exercise.toml", "ask.md", "hints.md", "debrief.md", "starter.yaml", "starter.txt", "given.yaml", "fixtures.yaml",
    "play.yaml",
)  # fmt: skip
_OF_LAB = (
    "*.md",
    "lab.toml",
    "manifests/*",
    "exhibits/*",
    "pictures/*",
    "files/*",
    "*/*.md",
    "*/manifests/*",
    "*/recordings/*",
)
DELIVERED = Path(__file__).resolve().parent
_HIDDEN = re.compile(r"\[\[checks\]\]\n(?:(?!\[\[|\[\w).*\n?)*", re.MULTILINE)


@dataclass(frozen=True)
class Edition:
    """
    All files of a learner's edition.

    Attributes:
        files: Path below the folder (with /) -> bytes.
    """

    files: dict[str, bytes]


def root() -> Path:
    """
    Return the folder that notebooks and labs are taken from: the working tree, or the data of the wheel.

    Raises:
        PodlabError: Neither holds notebooks.
    """
    for folder in loading.courses():
        if (folder.parent.parent / "notebooks").is_dir():
            return folder.parent.parent
    raise PodlabError(
        "no course is installed", hint="run this in a clone of podlab, or install its wheel again"
    )


def build(source: Path | None = None) -> Edition:
    """Return the edition made of the course in *source* (default: ``root()``), which a wheel holds ready-made."""
    top = source or root()
    if top == DELIVERED:
        return Edition(dict(sorted(_ready_made())))
    files: dict[str, bytes] = {}
    for part in (_notebooks(top), _labs(top), _exercises(top)):
        files.update(part)
    return Edition(dict(sorted(files.items())))


def _ready_made() -> Iterator[tuple[str, bytes]]:
    for part in ("notebooks", "labs"):
        for path in (DELIVERED / part).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(DELIVERED).as_posix(), path.read_bytes()


def _notebooks(top: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((top / "notebooks").glob("[0-9][0-9]-*.ipynb")):
        yield f"notebooks/{path.name}", without_outputs(path.read_bytes())
    for folder in ("pictures", "recordings", "manifests"):
        for path in sorted((top / "notebooks" / folder).glob("*")):
            if path.is_file():
                yield f"notebooks/{folder}/{path.name}", path.read_bytes()


def _labs(top: Path) -> Iterator[tuple[str, bytes]]:
    for lab in sorted((top / "labs").glob("[0-9][0-9]-*")):
        for pattern in _OF_LAB:
            for path in sorted(lab.glob(pattern)):
                if path.is_file():
                    yield path.relative_to(top).as_posix(), path.read_bytes()
        for path in sorted(lab.glob("*.ipynb")):
            yield path.relative_to(top).as_posix(), without_outputs(path.read_bytes())


def _exercises(top: Path) -> Iterator[tuple[str, bytes]]:
    base = top / "labs" / "exercises"
    for path in sorted((base / "fixtures").glob("*.yaml")):
        yield path.relative_to(top).as_posix(), path.read_bytes()
    for folder in sorted(base.glob("e[0-9]*-*")):
        yield from (
            (f"labs/exercises/{folder.name}/{name}", data) for name, data in shown(loading.read(folder))
        )


def shown(exercise: Exercise) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one exercise that learners get: name and bytes."""
    folder = exercise.folder
    open_ = all(row.visible for row in exercise.checks)
    for name in _OF_EXERCISE:
        if (folder / name).is_file():
            data = (folder / name).read_text("utf-8")
            yield (
                name,
                (data if open_ or name != "exercise.toml" else without_hidden(data, exercise)).encode(),
            )
    if open_:
        yield "checks.py", (folder / "checks.py").read_bytes()
    for path in sorted((folder / "recordings").glob("*")):
        yield f"recordings/{path.name}", path.read_bytes()
    key = loading.hidden_key(exercise)
    if key:
        yield "key.json", key.encode()


def without_hidden(text: str, exercise: Exercise) -> str:
    """Return exercise.toml without the entries of hidden checks."""
    hidden = [row.id for row in exercise.checks if not row.visible]
    return _HIDDEN.sub(
        lambda part: (
            "" if any(re.search(rf'^id = "{re.escape(name)}"', part[0], re.M) for name in hidden) else part[0]
        ),
        text,
    )


def without_outputs(data: bytes) -> bytes:
    """Return a notebook without outputs and execution counts, and with ``folding``'s cells folded."""
    notebook = json.loads(data)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            if folding.is_beside_the_lesson(cell):
                cell["metadata"].setdefault("jupyter", {})["source_hidden"] = True
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
