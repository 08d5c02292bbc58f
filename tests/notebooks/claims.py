"""
Statements that pages make about versions of Kubernetes, and what a server answers to the same question.

A statement is one row of a table whose first column is called ``server``: ``up to 1.34``, ``1.29 to 1.33``, ``1.34`` or
``from 1.35 on``. For every other column but ``why`` there is a question to the server in ``QUESTIONS``; it uses the
manifests of the page itself.

``docs/platforms.md`` has the same the other way round, a column for each version. Two of its rows are on no page, and
have a question of their own in ``ROWS``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pages import ROOT, code

from podlab import manifests
from podlab.client import resources
from podlab.errors import ApiError
from podlab.lab.core import Lab
from podlab.pods.raw import RawObject

_TABLE = re.compile(r"^\| server \| (?P<head>.+) \|\n\|[-|]+\|\n(?P<rows>(?:\| .+ \|(?:\n|\Z))+)", re.M)
_MANIFEST = re.compile(r"%%manifest (\S+)\n(.+)", re.S)
_BY_COLUMN = re.compile(r"^\| \| (?P<head>1\..+) \|\n\|[-|]+\|\n(?P<rows>(?:\| .+ \|(?:\n|\Z))+)", re.M)
_INVALID = 422
DOCUMENT = ROOT / "docs" / "platforms.md"
RULE = """
apiVersion: v1
kind: Pod
metadata: {name: rule}
spec:
  containers:
    - name: app
      image: busybox:1.36
      command: [sleep, "3600"]
      restartPolicy: Never
      restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [7]}}]
"""
PLAIN = """
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: app, image: "busybox:1.36", command: [sleep, "3600"]}]
"""


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


class Question(NamedTuple):
    """
    What a column asks of a server.

    Attributes:
        manifest: The ``%%manifest`` of the page whose Pods the question is about.
        pods: Their names.
        asks: ``status``, the word under STATUS once they are Failed, or ``fate`` of containers' own policies.
        word: What stands in place of ``OnFailure``.
    """

    manifest: str
    pods: tuple[str, ...]
    asks: str
    word: str = "OnFailure"

    def text(self, notebook: Any) -> str:
        """Return the Pods as the page writes them, but for *word*."""
        texts = {found[1]: found[2] for cell in code(notebook) if (found := _MANIFEST.fullmatch(cell.source))}
        documents = texts[self.manifest].split("\n---\n")
        kept = [text for text in documents if any(f"  name: {name}\n" in text for name in self.pods)]
        return "\n---\n".join(kept).replace("OnFailure", self.word)


QUESTIONS = {
    "STATUS of `one`": Question("words", ("one",), "status"),
    "STATUS of `two`": Question("words", ("two",), "status"),
    "`restartPolicy: Never` of an init container's own": Question("policies", ("own",), "fate"),
    "`OnFailure` on an init, `Always` on an app container": Question(
        "edits", ("other-policy", "on-the-app"), "fate"
    ),
    "`always` in small letters": Question("edits", ("other-policy",), "fate", word="always"),
}


def answers(lab: Lab, notebook: Any) -> dict[str, str]:
    """Put the question of each column to the server; return its answers by column."""
    ask = {"status": _status, "fate": _fate}
    asked = {claim.column: QUESTIONS[claim.column] for claim in claims(notebook)}
    return {column: ask[each.asks](lab, each.text(notebook)) for column, each in asked.items()}


def document() -> list[Claim]:
    """Return the rows of the document's table that ``ROWS`` has a question for, in the order of the table."""
    table = _BY_COLUMN.search(DOCUMENT.read_text("utf-8"))
    assert table is not None, f"{DOCUMENT.name} has no table on versions"
    versions, found = table["head"].split(" | "), []
    for row in table["rows"].splitlines():
        name, *texts = row.strip("| ").split(" | ")
        for at, text in enumerate(texts):
            texts[at] = texts[at - 1] if text == "the same" else text
        if name in ROWS:
            found.append(Claim(name, dict(zip(versions, texts, strict=True))))
    return found


def document_answers(lab: Lab) -> dict[str, str]:
    """Put the questions of ``ROWS`` to the server; return its answers in the words of the document."""
    return {claim.column: ROWS[claim.column](lab) for claim in document()}


def _rule(lab: Lab) -> str:
    (each,) = manifests.load(RULE)
    stored = _stored(lab, each.object)
    if stored is None:
        return "refused"
    return "works" if stored["spec"]["containers"][0].get("restartPolicyRules") else "dropped silently"


def _created(lab: Lab) -> str:
    lab.apply(PLAIN)

    def messages() -> list[str]:
        return [event["message"] for event in lab.events("plain") if event["reason"] == "Created"]

    lab.wait(messages, "no Event says that the container was created")
    return messages()[0]


ROWS: dict[str, Callable[[Lab], str]] = {
    "the restart rule `RestartAllContainers`": _rule,
    "text of the Event `Created`": _created,
}


def short(said: str) -> str:
    """Return a statement in the words of an answer: ``refused``, ``dropped``, ``kept``, or a STATUS."""
    first = said.partition(":")[0].split()[0]
    return first if first in ("refused", "dropped", "Completed", "Error") else "kept"


def fate(asked: Mapping[str, Any], stored: Mapping[str, Any] | None) -> str:
    """Return what became of containers' own restart policies: ``refused``, ``dropped`` or ``kept``; None: no Pod."""
    if stored is None:
        return "refused"
    return "kept" if _policies(stored) == _policies(asked) else "dropped"


def together(fates: Iterable[str]) -> str:
    """Return the one fate of several Pods, or all, with commas."""
    return ", ".join(sorted(set(fates)))


def _policies(pod: Mapping[str, Any]) -> dict[str, str]:
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return {each["name"]: each["restartPolicy"] for each in containers if "restartPolicy" in each}


def _status(lab: Lab, text: str) -> str:
    (pod,) = [each["metadata"]["name"] for each in lab.apply(text)]
    lab.wait(lambda: lab.get("pod", pod)["status"].get("phase") == "Failed", f"Pod {pod} did not fail")
    return lab.status(pod)


def _fate(lab: Lab, text: str) -> str:
    return together(fate(each.object, _stored(lab, each.object)) for each in manifests.load(text))


def _stored(lab: Lab, pod: RawObject) -> RawObject | None:
    """Return what the server would store of *pod*, by dry run; None if it refuses."""
    try:
        return lab.client.create(resources.path("pods", lab.namespace), pod, dryRun="All")
    except ApiError as error:
        if error.code != _INVALID:
            raise
        return None
