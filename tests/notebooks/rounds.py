"""The rounds of a page: question, prediction, run, facts, folded explanation; plain functions on notebooks."""

from __future__ import annotations

import re
from typing import Any

from podlab.lab import predictions

PAGES_WITH_ROUNDS = ("01", "02", "03", "04", "05", "06")
_HEADING = re.compile(r"^## (\d+\.\d+) .+$", re.M)
LINK = re.compile(r"\]\(https://(?:kubernetes\.io|github\.com/kubernetes)/")
_FOLD = re.compile(r"(?:\A|\n\n)<details>\n<summary>.+</summary>\n\n.+?\n\n</details>(?=\n\n|\Z)", re.S)


def rounds(notebook: Any) -> dict[str, list[tuple[str, str]]]:
    """The pieces of each round, by its number: ``(cell type, source)``; a heading parts a markdown cell."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            current.append((cell.cell_type, cell.source))
            continue
        before, *parts = _HEADING.split(cell.source)
        current.append(("markdown", before.strip()))
        for number, text in zip(parts[::2], parts[1::2], strict=True):
            current = found.setdefault(number, [])
            current.append(("markdown", text.split("\n## ")[0].strip()))
        if "\n## " in (parts[-1] if parts else before):
            current = []  # another section has begun
    return found


def faults_of_rounds(notebook: Any) -> list[str]:
    """What keeps a round from asking before it answers."""
    found = [] if rounds(notebook) else ["has no rounds"]
    for number, pieces in rounds(notebook).items():
        found += [f"round {number}: {fault}" for fault in _faults(number, pieces)]
    return found


def _faults(number: str, pieces: list[tuple[str, str]]) -> list[str]:
    asked = [at for at, (_, source) in enumerate(pieces) if source.startswith(f"%%predict {number}\n")]
    told = [at for at, (_, source) in enumerate(pieces) if f'facts("{number}"' in source]
    if not asked or not told:
        return ["asks for no prediction" if not asked else "prints no facts"]
    found = [] if asked[0] < told[0] else ["prints its facts before it asks"]
    found += _faults_of_prediction(number, pieces[asked[0]][1])
    prose = [source for kind, source in pieces[told[0] :] if kind == "markdown"]
    if not any(_FOLD.search(source) for source in prose):
        found.append("its explanation is not folded")
    if any(source.count("<details>") != len(_FOLD.findall(source)) for source in prose):
        found.append("a fold lacks the blank lines without which a web page shows its Markdown raw")
    if "with kubectl: `kubectl " not in "\n".join(prose):
        found.append("no line shows the same with kubectl")
    if not LINK.search("\n".join(source for kind, source in pieces if kind == "markdown")):
        found.append("links to no page of Kubernetes")
    return found


def predicted(notebook: Any) -> dict[str, int]:
    """The rounds of a page that ask for a prediction, and the number of the cell that does."""
    cells = enumerate(cell.source for cell in notebook.cells)
    return {found[1]: at for at, source in cells if (found := re.match(r"%%predict (\S+)\n", source))}


def faults_of_lab_rounds(notebook: Any) -> list[str]:
    """What keeps a lab's rounds from asking before they answer, or from answering what they asked."""
    found = []
    for number, asked_at in predicted(notebook).items():
        told_at = [at for at, cell in enumerate(notebook.cells) if f'facts("{number}"' in cell.source]
        facts = {fact for at in told_at for fact in _facts(notebook.cells[at])}
        faults = _faults_of_prediction(number, notebook.cells[asked_at].source)
        if not re.match(r"%%predict \S+\n# ", notebook.cells[asked_at].source):
            faults.append("shows no form of an answer")
        if not told_at or told_at[0] < asked_at:
            faults.append("prints its facts before it asks" if told_at else "prints no facts")
        open_ones = [label for label in predictions.rounds().get(number, []) if label not in facts]
        faults += [f"no fact answers {', '.join(open_ones)}"] if open_ones else []
        found += [f"round {number}: {fault}" for fault in faults]
    return found


def _facts(cell: Any) -> set[str]:
    lines = "".join(output.get("text", "") for output in cell.outputs).splitlines()
    return {predictions.key(re.split(r"\s{2,}", line)[0]) for line in lines}


def without_kubectl(notebook: Any) -> list[str]:
    """The numbered rounds of a lab after which no line shows the same with kubectl."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    parts = re.split(r"^(?=## )", text, flags=re.M)
    of_rounds = [part for part in parts if re.match(r"## L?\d+\.\d+ ", part)]
    return [part.splitlines()[0] for part in of_rounds if "with kubectl: `kubectl " not in part]


def _faults_of_prediction(number: str, source: str) -> list[str]:
    body = source.split("\n", 1)[1]
    labels = [
        predictions.key(line.split(":")[0]) for line in body.splitlines() if ":" in line and line[0] != "#"
    ]
    found = ["is shipped with an answer"] if predictions.read(body) else []
    if labels != predictions.rounds().get(number):
        found.append(f"asks for {labels}, rounds.toml says {predictions.rounds().get(number)}")
    return found
