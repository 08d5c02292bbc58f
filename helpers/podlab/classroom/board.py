"""
The board of a class: for each student the best scores, what was tried last, and Pods that are stuck.

Scores come from the ConfigMap ``podlab-progress`` of the student's namespace, which the notebook writes. It is the
student's own report, for teaching in the room; marks come from ``podlab grade`` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from podlab.classroom.objects import STUDENT
from podlab.pods import roles

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = (
    "body{font:18px/1.4 system-ui,sans-serif;margin:1.5rem}table{border-collapse:collapse}"
    "td,th{border:1px solid #999;padding:.25rem .6rem;text-align:center}td.n{text-align:left}"
    "td.full{background:#1b7837;color:#fff}td.part{background:#d9f0d3}td.tried{background:#fee0b6}"
)


@dataclass(frozen=True)
class StudentRow:
    """
    One student on the board.

    Attributes:
        best: Exercise id -> share of its points, 0 to 1.
        tries: Exercise id -> attempts.
        stuck: Pods that are not running as they should, each with its reason.
    """

    student: str
    best: Mapping[str, float] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)
    stuck: Sequence[str] = ()

    @property
    def solved(self) -> int:
        """How many exercises have full marks."""
        return sum(share >= 1 for share in self.best.values())


def student_row(
    space: Mapping[str, Any], progress: Mapping[str, Any] | None, pods: Iterable[Mapping[str, Any]]
) -> StudentRow:
    """Return one student's row from the namespace, its progress ConfigMap and its Pods."""
    name = str((space["metadata"].get("annotations") or {}).get(STUDENT) or space["metadata"]["name"])
    best: dict[str, float] = {}
    tries: dict[str, int] = {}
    for event in _events(progress):
        exercise, points = str(event.get("exercise"))[:12], event.get("points")
        if event.get("event") != "answer" or not isinstance(points, int | float) or points <= 0:
            continue
        share = min(1.0, max(0.0, float(event.get("score") or 0) / points))
        best[exercise] = max(best.get(exercise, 0.0), share)
        tries[exercise] = tries.get(exercise, 0) + 1
    return StudentRow(name, best, tries, [each for each in map(_stuck, pods) if each])


def _events(progress: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return what a student wrote: lines that cannot be read as events are left out."""
    text = ((progress or {}).get("data") or {}).get("events", "")
    found = []
    for line in str(text).splitlines()[:2000]:
        try:
            event = json.loads(line)
            float(event.get("score") or 0)
        except (ValueError, TypeError, AttributeError):
            continue
        found.append(event)
    return found


def _stuck(pod: Mapping[str, Any]) -> str:
    """Return the Pod's name and the first reason for which a container waits; empty for one that is well."""
    for row in roles.statuses(pod, roles.INIT, roles.APP):
        reason = ((row.get("state") or {}).get("waiting") or {}).get("reason")
        if reason and reason not in ("PodInitializing", "ContainerCreating"):
            return f"{pod['metadata']['name']}/{row['name']}: {reason}"
    return ""


def columns(students: Sequence[StudentRow]) -> list[str]:
    """Return the exercises that anybody has tried, in order."""
    return sorted({name for each in students for name in each.tries})


def text(students: Sequence[StudentRow]) -> str:
    """Return the board for a terminal: + solved, a digit for tries without full marks, a dot for not tried."""
    names = columns(students)
    width = max([7, *(len(each.student) for each in students)])
    lines = [f"{'student':<{width}} solved  {' '.join(names)}"]
    for each in sorted(students, key=lambda one: (-one.solved, one.student)):
        marks = " ".join(f"{_sign(each, name):^{len(name)}}" for name in names)
        stuck = f"  {each.stuck[0]}" if each.stuck else ""
        lines.append(f"{each.student:<{width}} {each.solved:>6}  {marks}{stuck}".rstrip())
    return "\n".join(lines)


def _sign(each: StudentRow, name: str) -> str:
    if each.best.get(name, 0) >= 1:
        return "+"
    return str(min(9, each.tries[name])) if name in each.tries else "."


def page(title: str, students: Sequence[StudentRow], *, refresh_s: int = 5) -> str:
    """Return the board as a page for the wall: inert, renewed by the browser every *refresh_s* seconds."""
    names = columns(students)
    titles = "".join(f"<th>{escape(name)}</th>" for name in ("student", "solved", *names, "stuck"))
    rows = "".join(_row(each, names) for each in sorted(students, key=lambda one: (-one.solved, one.student)))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    meta = f'<meta charset="utf-8"><meta http-equiv="refresh" content="{refresh_s}">{policy}'
    body = f"<h1>{escape(title)}</h1><table><tr>{titles}</tr>{rows}</table>"
    head = f"<head>{meta}<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    return f'<!doctype html><html lang="en">{head}<body>{body}</body></html>\n'


def _row(each: StudentRow, names: Sequence[str]) -> str:
    cells = [f'<td class="n">{escape(each.student)}</td>', f"<td>{each.solved}</td>"]
    for name in names:
        share = each.best.get(name, 0.0)
        kind = "full" if share >= 1 else "part" if share > 0 else "tried" if name in each.tries else ""
        cells.append(f'<td class="{kind}">{_sign(each, name)}</td>')
    return f'<tr>{"".join(cells)}<td class="n">{escape("; ".join(each.stuck[:2]))}</td></tr>'
