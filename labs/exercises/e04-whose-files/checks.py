"""e04 whose-files: yes and no for six files at two starts, against what shop wrote about them at both."""

import re
from collections.abc import Mapping

from podlab.checks import Case, Finding, check
from podlab.grading.exercise import Refused

Seen = Mapping[str, bool | None]
FIRST, AGAIN = ("first",), ("second", "again", "after", "crash")
WORDS = {"yes": True, "true": True, "y": True, "no": False, "false": False, "n": False}
_PATH, _WORD = re.compile(r"/[a-z]+/note"), re.compile(r"\b(yes|no|true|false|y|n)\b", re.IGNORECASE)
RULES = ("shop sees its own disk, and the volumes that it mounts itself",
         "a container's own disk ends with its run, a volume of the Pod with the Pod")  # fmt: skip


def files(case: Case) -> list[str]:
    """Return the six paths."""
    return [f"/{name}/note" for name in case.values["dirs"]]


def said(case: Case, start: int) -> Seen:
    """Return the answer for one start (0, 1): file -> there or not, None for an answer without it."""
    by_start = grouped(case, (FIRST, AGAIN)[start])
    return by_start if by_start is not None else lines(case, start)


def lines(case: Case, start: int) -> Seen:
    """Read ``/box/note: yes no``, or the rows of a table."""
    found = dict.fromkeys(files(case))
    for line in case.answer.text.splitlines():
        path, words = _PATH.search(line), _WORD.findall(line)
        if path and path[0] in found and len(words) > start:
            found[path[0]] = WORDS[words[start].lower()]
    return found


def grouped(case: Case, names: tuple[str, ...]) -> Seen | None:
    """Read a map of both starts: to the files that are there, or to file and yes or no. None: another text."""
    rows = {key: value for key, value in case.answer.choices.items() if key.lower().startswith(names)}
    if not rows:
        return None
    if any(_PATH.search(key) for key in rows):
        return {file: WORDS.get(_value(rows, file)) for file in files(case)}
    there = " ".join(rows.values())
    return {file: file in there for file in files(case)}


def _value(rows: Mapping[str, str], file: str) -> str:
    return next((value.strip().lower() for key, value in rows.items() if key.endswith(file)), "")


def truth(case: Case, start: int) -> Seen:
    """Return what shop wrote about each file in one of its runs."""
    seen = {each["file"]: each["there"] for each in case.life().said(None, "shop", event="look")
            if each["_run"] == start}  # fmt: skip
    return {file: seen.get(file) for file in files(case)}


def compared(case: Case, start: int) -> Finding:
    """All six or nothing: a guess is right half of the time."""
    if set(said(case, 0).values()) | set(said(case, 1).values()) == {None}:
        raise Refused("this cannot be read", cause="write a line for each file, such as  /box/note: yes no")
    answer, wanted = said(case, start), truth(case, start)
    if None in wanted.values():
        return Finding(None, "shop wrote nothing about some of the files")
    wrong = [file for file in files(case) if answer[file] != wanted[file]]
    return Finding(not wrong, f"{len(wrong)} of 6 were wrong", RULES[start])


@check("first")
def first(case: Case) -> Finding:
    """The first run of shop."""
    return compared(case, 0)


@check("again")
def again(case: Case) -> Finding:
    """The second run, in the same Pod."""
    return compared(case, 1)
