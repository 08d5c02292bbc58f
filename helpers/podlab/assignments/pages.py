"""
Inert HTML: a page for each student without hidden checks, and one for the instructor with everything.

Nothing of a submission is active in it: all text is escaped, pictures are images (an SVG in an ``img`` runs no
script), and the page's own policy forbids scripts, frames and requests.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from podlab.assignments import marking
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import Item, StudentMarks, items, outcomes
from podlab.errors import PodlabError
from podlab.grading.exercise import OUTCOMES

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}"
    "pre{background:#f5f5f5;padding:.6rem;overflow:auto;white-space:pre-wrap}table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.2rem .5rem;text-align:left;vertical-align:top}img{max-width:100%}"
    ".yes::before{content:'+ '}.no::before{content:'\\2212\\a0'}.open::before{content:'? '}"
)
_SIGNS = {True: "yes", False: "no", None: "open"}
_MOST_TEXT = 20_000


def student(blueprint: Blueprint, mark: StudentMarks) -> str:
    """Return the page that a student gets: verdicts of visible checks, no evidence, no hidden part."""
    return _page(_title(blueprint, mark), _head(mark), *_results(mark))


def instructor(blueprint: Blueprint, mark: StudentMarks, folder: Path) -> str:
    """Return the page of one student for the instructor: every check, the answer, and the recorded lives."""
    evidence = marking.evidence_of(folder, mark.student.id)
    return _page(_title(blueprint, mark), _head(mark), *_results(mark, evidence))


def _title(blueprint: Blueprint, mark: StudentMarks) -> str:
    name = mark.student.name
    return f"{blueprint.title}: {f'{name} ({mark.student.id})' if name else mark.student.id}"


def overview(blueprint: Blueprint, found: Sequence[StudentMarks], others: Sequence[StudentMarks] = ()) -> str:
    """
    Return the instructor's first page: a row for each student, statistics of exercises and outcomes.

    *others* handed in, but are not in the roster: they have a table of their own, and no part in the statistics.
    """
    apart = ["<h2>Not in the roster</h2>", _students(others)] if others else []
    means = [(name, OUTCOMES[name], f"{value:.0%}") for name, value in outcomes(found).items()]
    return _page(
        blueprint.title,
        f"<p>{len(found)} students, {float(blueprint.points):g} points.</p>",
        _students(found),
        *apart,
        "<h2>Exercises</h2>",
        _table(
            ("exercise", "answers", "mean", "full marks", "none", "checks that held"),
            map(_item, items(found)),
        ),
        "<h2>Outcomes</h2>",
        _table(("outcome", "a student can", "mean"), (tuple(map(escape, row)) for row in means)),
    )


def _students(found: Sequence[StudentMarks]) -> str:
    rows = [
        (f'<a href="{escape(marking.safe(m.student.id))}.html">{escape(m.student.id)}</a>', escape(m.student.name),
         "" if m.total is None else _points(m.total), escape(m.state), escape("; ".join(m.notes)))
        for m in found
    ]  # fmt: skip
    return _table(("student", "name", "points", "state", "notes"), rows)


def _item(item: Item) -> tuple[str, ...]:
    held = ", ".join(f"{name} {value:.0%}" for name, value in item.checks.items())
    return tuple(
        map(
            escape,
            (item.exercise, str(item.answers), f"{item.mean:.0%}", str(item.full), str(item.none), held),
        )
    )


def _head(mark: StudentMarks) -> str:
    total = "not known yet" if mark.total is None else _points(mark.total)
    given = [
        f"{name}, by a reader: {'not yet' if value is None else f'{value:g}'}"
        for name, value in mark.reader.items()
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*given, *mark.notes))
    return f"<p><b>{total}</b> of {mark.of:g} points ({escape(mark.state)}).</p>" + (
        f"<ul>{notes}</ul>" if notes else ""
    )


def _points(value: float) -> str:
    """Return points as people read them; files for other programs hold more digits."""
    return f"{round(value, 2):g}"


def _results(mark: StudentMarks, evidence: Path | None = None) -> Iterator[str]:
    """Yield all exercises; hidden checks, answers and pictures are shown to whom the *evidence* is given."""
    for result in mark.results:
        report = result["report"]
        earned = (
            "not gradable, it will be run again"
            if result["earned"] is None
            else f"{_points(result['earned'])} of {_points(result['points'])}"
        )
        yield f"<h2>{escape(report['title'])}: {earned}</h2>"
        shown = [verdict for verdict in report["verdicts"] if evidence or verdict["visible"]]
        if report["reason"]:
            yield f"<p>{escape(report['reason'])}</p>"
        scale = result["points"] / report["points"] if report["points"] else 1.0
        yield "<ul>" + "".join(_verdict(verdict, scale) for verdict in shown) + "</ul>"
        left_out = len(report["verdicts"]) - len(shown)
        if left_out:
            yield f"<p>{left_out} more checks are not shown.</p>"
        notes = "\n".join(report["notes"])
        if notes:
            yield f"<pre>{escape(notes[:_MOST_TEXT])}</pre>"
        if evidence:
            yield f"<details><summary>the answer</summary><pre>{escape(result['answer'][:_MOST_TEXT])}</pre></details>"
            yield from _pictures(evidence, report["exercise"])


def _verdict(verdict: Mapping[str, Any], scale: float) -> str:
    """Return one check; its points are those of the assignment, so that they add up to the exercise's."""
    words = "" if verdict["holds"] else "".join(
        f"<br>{name}: {escape(str(verdict[name]))}" for name in ("expected", "found", "why") if verdict[name]
    )  # fmt: skip
    score = f"{_points(verdict['earned'] * scale)} of {_points(verdict['points'] * scale)}"
    return f'<li class="{_SIGNS[verdict["holds"]]}">{escape(verdict["text"])}: {score}{words}</li>'


def _pictures(evidence: Path, exercise: str) -> Iterator[str]:
    from podlab import observe, views

    for path in sorted(evidence.glob(f"{exercise}-*.jsonl")):
        yield f"<h3>{escape(path.stem)}</h3>"
        try:
            recording = observe.read_recording(path)
            for pod in recording.pods():
                timeline = recording.timeline(pod)
                data = base64.b64encode(views.svg(timeline).encode("utf-8", "replace")).decode()
                alt = escape(views.alt_text(timeline), quote=True)
                yield f'<img alt="{alt}" src="data:image/svg+xml;base64,{data}">'
        except PodlabError as error:
            yield f"<pre>{escape(str(error))}</pre>"


def _table(head: Sequence[str], rows: Any) -> str:
    lines = ["<tr>" + "".join(f"<th>{name}</th>" for name in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>" + "".join(lines) + "</table>"


def _page(title: str, *body: str) -> str:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    head = f'<meta charset="utf-8">{policy}<title>{escape(title)}</title><style>{_STYLE}</style>'
    content = f"<h1>{escape(title)}</h1>{''.join(body)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{content}</body></html>\n'
