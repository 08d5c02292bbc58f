"""
Statements that pages make about versions of Kubernetes, and what a server answers to the same question.

A statement is one row of a table whose first column is called ``server``: ``up to 1.34``, ``1.29 to 1.33``, ``1.34`` or
``from 1.35 on``. For every other column but ``why`` there is a question to the server in ``QUESTIONS``; it uses the
manifests of the page itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pages import code

from podlab import manifests
from podlab.client import resources
from podlab.errors import ApiError
from podlab.lab.core import Lab

_TABLE = re.compile(r"^\| server \| (?P<head>.+) \|\n\|[-|]+\|\n(?P<rows>(?:\| .+ \|(?:\n|\Z))+)", re.M)
_MANIFEST = re.compile(r"%%manifest (\S+)\n(.+)", re.S)
_INVALID = 422


class Claim(NamedTuple):
    """A column of a table: its head, and what each row says, by the words for its versions."""

    column: str
    rows: dict[str, str]

    def of(self, minor: int) -> str:
        """
        Return what the page says of version 1.*minor*.

        Raises:
            LookupError: No row covers it, or two do.
        """
        found = [text for words, text in self.rows.items() if covers(words, minor)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows on {self.column} speak of 1.{minor}")
        return found[0]


def claims(notebook: Any) -> list[Claim]:
    """Return all columns of all tables on versions, in the order of the page."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for table in _TABLE.finditer(cell.source):
            rows = [row.strip("| ").split(" | ") for row in table["rows"].splitlines()]
            for at, column in enumerate(table["head"].split(" | "), 1):
                if column != "why":
                    found.append(Claim(column, {row[0]: row[at] for row in rows}))
    return found


def covers(words: str, minor: int) -> bool:
    """Tell whether ``up to 1.34``, ``1.29 to 1.33``, ``1.34`` or ``from 1.35 on`` includes 1.*minor*."""
    numbers = [int(number) for number in re.findall(r"\b1\.(\d+)", words)]
    least = 0 if words.startswith("up to ") else numbers[0]
    most = math.inf if words.startswith("from ") else numbers[-1]
    return least <= minor <= most


def answers(lab: Lab, notebook: Any) -> dict[str, str]:
    """Put the question of each column to the server; return its answers by column."""
    lab.texts |= {
        found[1]: found[2] for cell in code(notebook) if (found := _MANIFEST.fullmatch(cell.source))
    }
    return {claim.column: QUESTIONS[claim.column](lab) for claim in claims(notebook)}


def short(said: str) -> str:
    """Return a statement in the words of an answer: ``refused``, ``dropped``, ``kept``, or a STATUS."""
    first = said.partition(":")[0].split()[0]
    return first if first in ("refused", "dropped", "Completed", "Error") else "kept"


def fate(lab: Lab, text: str) -> str:
    """Ask by dry run what becomes of containers' own restart policies: ``refused``, ``dropped`` or ``kept``."""
    fates = set()
    for each in manifests.load(text):
        try:
            stored = lab.client.create(resources.path("pods", lab.namespace), each.object, dryRun="All")
        except ApiError as error:
            if error.code != _INVALID:
                raise
            fates.add("refused")
        else:
            fates.add("kept" if _policies(stored) == _policies(each.object) else "dropped")
    return ", ".join(sorted(fates))


def _policies(pod: Mapping[str, Any]) -> dict[str, str]:
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return {each["name"]: each["restartPolicy"] for each in containers if "restartPolicy" in each}


def _status(pod: str) -> Callable[[Lab], str]:
    def ask(lab: Lab) -> str:
        lab.apply(_documents(lab, "words", pod))
        lab.wait(lambda: lab.get("pod", pod)["status"].get("phase") == "Failed", f"{pod} did not fail")
        return lab.status(pod)

    return ask


def _fate(manifest: str, *names: str, word: str = "OnFailure") -> Callable[[Lab], str]:
    return lambda lab: fate(lab, _documents(lab, manifest, *names).replace("OnFailure", word))


def _documents(lab: Lab, manifest: str, *names: str) -> str:
    """Return the Pods *names* of a page's manifest as one text."""
    documents = lab.text(manifest).split("\n---\n")
    return "\n---\n".join(text for text in documents if any(f"  name: {name}\n" in text for name in names))


QUESTIONS: dict[str, Callable[[Lab], str]] = {
    "STATUS of `one`": _status("one"),
    "STATUS of `two`": _status("two"),
    "`restartPolicy: Never` of an init container's own": _fate("policies", "own"),
    "`OnFailure` on an init, `Always` on an app container": _fate("edits", "other-policy", "on-the-app"),
    "`always` in small letters": _fate("edits", "other-policy", word="always"),
}
