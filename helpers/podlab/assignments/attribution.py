"""
Whose a file is, of those that were handed in. In this order:

1. a student of the roster, whom the platform's list or the file's path names;
2. the student for whom the notebook was released, by the id that the release wrote into it;
3. a student of the roster, whom the folder of a notebook names that was given by itself;
4. nobody known: the path's first folder stands for a student, at last the file's own name.

Students can edit what a notebook says of itself. So its id counts only where no other submission has a better right to
it: by its path, or by the same claim. Files of one folder are one submission, those side by side in a zip of a class
are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from podlab.assignments.archives import folders_above
from podlab.assignments.roster import Student, match

BY_ID = "found by the id in the notebook, not by the name "
"""Begins a note; the file's path follows."""

_WORDS = re.compile(r"[^/\\_]+")
_CANVAS = re.compile(r"([^_]+)_(?:LATE_)?\d+_\d+_")
_Unit = tuple[str, int | None]
"""What was handed in together: a folder; or a file, with its number, since two that were given may have one name."""


@dataclass(frozen=True)
class FileClues:
    """
    Words that a file has for its student.

    Attributes:
        source: The file's path below what was given, folders of a zip included.
        listed: Words for the student in a list of the platform; None: it has none for this file.
        claimed: The student for whom the notebook was released, as it says itself; empty where it does not.
        above: The folder of a file that was given by itself.
        packed: How many parts of *source* are the path of a zip that was given by itself; 0 for any other file.
    """

    source: str
    listed: Sequence[str] | None = None
    claimed: str = ""
    above: str = ""
    packed: int = 0

    @property
    def parts(self) -> list[str]:
        """Return the path's parts without the suffixes of notebooks and zips."""
        return re.sub(r"(?i)\.(ipynb|zip)\b", "", self.source).split("/")

    @property
    def archive(self) -> str:
        """Return the path of the zip that was given by itself; empty for any other file."""
        return "/".join(self.parts[: self.packed])


@dataclass(frozen=True)
class FileOwner:
    """Whose a file is; *known*: the roster has that student; *guessed*: the file's own name stands for one."""

    student: str
    known: bool
    notes: Sequence[str] = ()
    guessed: bool = False


def owners(signs: Sequence[FileClues], students: Sequence[Student]) -> list[FileOwner]:
    """Return the owner of each file."""
    named = [_named(sign, students) for sign in signs]
    several = _of_a_class(signs)
    names = [
        student.id if student else _fallback(sign, several)
        for sign, student in zip(signs, named, strict=True)
    ]
    roster, units = {student.id for student in students}, _units(signs)
    rights: dict[str, set[_Unit]] = {}  # to an id: of those that claim it, and of those that are named so
    for sign, student, name, unit in zip(signs, named, names, units, strict=True):
        rights.setdefault(name, set()).add(unit)
        if sign.claimed and not student:
            rights.setdefault(sign.claimed, set()).add(unit)
    return [
        _owner(sign, student, name, rights.get(sign.claimed, set()) <= {unit}, students, roster)
        for sign, student, name, unit in zip(signs, named, names, units, strict=True)
    ]


def _owner(
    sign: FileClues, student: Student | None, name: str, alone: bool, students: Sequence[Student], roster: set[str]
) -> FileOwner:  # fmt: skip
    claimed = sign.claimed
    if student:
        other = [f"the notebook was released for {claimed}"] if claimed not in ("", student.id) else []
        return FileOwner(student.id, True, other)
    notes = []
    if claimed and (claimed in roster or not students):
        if alone:
            return FileOwner(claimed, claimed in roster, [] if claimed == name else [BY_ID + sign.source])
        notes = [f"the notebook was released for {claimed}, but another submission has that id, too"]
    folder = match([sign.above, *_WORDS.findall(sign.above)], students)
    if folder:
        return FileOwner(folder.id, True, [*notes, f"found by the folder {sign.above}"])
    return FileOwner(
        name,
        False,
        notes,
        guessed=name == sign.parts[-1] or (sign.packed > 0 and name == sign.parts[sign.packed - 1]),
    )


def _named(sign: FileClues, students: Sequence[Student]) -> Student | None:
    # The platform's own list decides: below their folder students name files as they like.
    if sign.listed is not None:
        return match(sign.listed, students)
    # So does the beginning of a name that Canvas made; and where a file's own name names another, the folders do.
    canvas = _CANVAS.match(sign.parts[sign.packed] if len(sign.parts) > sign.packed else "")
    tries = ([canvas[1]] if canvas else [], _words(sign.parts), _words(sign.parts[:-1]))
    return next((student for student in (match(words, students) for words in tries) if student), None)


def _words(parts: Sequence[str]) -> list[str]:
    return [word for part in parts for word in (part, *_WORDS.findall(part))]


def _units(signs: Sequence[FileClues]) -> list[_Unit]:
    """Return for each file what was handed in together with it: a folder of one student, or the file by itself."""
    found: list[_Unit] = [(sign.source, index) for index, sign in enumerate(signs)]
    tops: dict[str, list[int]] = {}
    for index, sign in enumerate(signs):
        tops.setdefault(sign.archive, []).append(index)
    for top, members in tops.items():
        whole = [signs[index] for index in members]
        depth = folders_above([sign.parts for sign in whole], whole[0].packed)
        claims = {sign.claimed for sign in whole if sign.claimed}
        # A zip that is all that was given is of a class, and so are files side by side for several students.
        of_one = len(claims) < 2 and (not top or len(tops) > 1)
        if depth and of_one and all(len(sign.parts) == depth + 1 for sign in whole):
            depth -= 1
        for index, sign in zip(members, whole, strict=True):
            if len(sign.parts) > depth + 1:
                found[index] = ("/".join(sign.parts[: depth + 1]), None)
    return found


def _of_a_class(signs: Sequence[FileClues]) -> set[str]:
    """Return the zips that were given by themselves and have several folders at their top: they are of a class."""
    folders: dict[str, set[str]] = {}
    for sign in signs:
        if sign.packed and len(sign.parts) > sign.packed + 1:
            folders.setdefault(sign.archive, set()).add(sign.parts[sign.packed])
    return {archive for archive, names in folders.items() if len(names) > 1}


def _fallback(sign: FileClues, several: set[str]) -> str:
    parts = sign.parts
    inside = sign.archive in several and len(parts) > sign.packed + 1
    return (parts[sign.packed] if inside else parts[0]) or sign.source
