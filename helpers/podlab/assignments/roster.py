"""
Who the students are: a CSV file with the columns ``id`` and, if there are any, ``name``, ``email`` and ids of
learning platforms (``canvas_id``, ``moodle_id``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from podlab.assignments.spreadsheets import read_rows
from podlab.errors import PodlabError

MOST = 20_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}\Z")


@dataclass(frozen=True)
class Student:
    """One student; *others* holds the further columns."""

    id: str
    name: str = ""
    email: str = ""
    others: dict[str, str] = field(default_factory=dict, hash=False, compare=False)

    @cached_property
    def keys(self) -> set[str]:
        """Every word that names this student, in plain form."""
        words = [self.id, self.name, self.email, self.email.partition("@")[0], *self.others.values()]
        return {plain(word) for word in words if word} | {
            plain("".join(reversed(self.name.split()))) or self.id
        }


def plain(text: str) -> str:
    """Return letters and digits alone, small and without accents: how platforms write names into files."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if c.isalnum() and not unicodedata.combining(c))


def read(path: Path) -> list[Student]:
    """
    Return the students of a roster.

    Raises:
        PodlabError: Names the file and every line whose id is missing, unusable or there twice.
    """
    rows = read_rows(
        path, f"{path} cannot be read as a roster", "a CSV file in UTF-8 with the columns id,name,email"
    )
    if not rows or "id" not in rows[0]:
        raise PodlabError(
            f"{path} has no column 'id' or no students", hint="the first line is: id,name,email"
        )
    if len(rows) > MOST:
        raise PodlabError(f"{path} has {len(rows)} students, at most {MOST} are read")
    faults = list(_faults([str(row.get("id") or "").strip() for row in rows]))
    if faults:
        more = f" and {len(faults) - 10} more" if len(faults) > 10 else ""
        raise PodlabError(f"{path}: {len(faults)} ids cannot be used", cause="; ".join(faults[:10]) + more,
                          hint="use letters, digits and . _ @ - for an id, each id once") from None  # fmt: skip
    return [_student({k: str(v or "").strip() for k, v in row.items() if k}) for row in rows]


def usable(name: str) -> bool:
    """Return whether *name* can be the id of a student."""
    return bool(_ID.match(name))


def _student(row: dict[str, str]) -> Student:
    known = {"id", "name", "email"}
    return Student(
        row["id"], row.get("name", ""), row.get("email", ""), {k: v for k, v in row.items() if k not in known}
    )


def _faults(ids: Sequence[str]) -> Iterable[str]:
    seen: dict[str, int] = {}
    for line, name in enumerate(ids, 2):
        if not usable(name):
            yield f"line {line}: {name[:40]!r} cannot be an id" if name else f"line {line}: the id is missing"
        elif name.lower() in seen:
            yield f"line {line}: {name} stands in line {seen[name.lower()]} too"
        else:
            seen[name.lower()] = line


def match(words: Iterable[str], students: Iterable[Student]) -> Student | None:
    """Return the one student that a path's words name; None for none or several."""
    named = {plain(word) for word in words if plain(word)}
    found = [student for student in students if student.keys & named]
    return found[0] if len(found) == 1 else None
