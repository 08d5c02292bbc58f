"""
A score that stays: attempts, hints and scores, appended to ``progress.jsonl`` in the learner's folder.

Nothing is lost by a restart of the kernel or by a newer edition. Outside of a learner's folder the file is in
podlab's own folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab import paths
from podlab.checks.verdict import ANSWERED, Report, number
from podlab.client import resources
from podlab.errors import ConflictError, PodlabError
from podlab.grading.exercise import OUTCOMES, Exercise

if TYPE_CHECKING:
    from podlab.client import Client

FILE = "progress.jsonl"
SHARED = "podlab-progress"
_MOST_SHARED = 500
_MOST_BYTES = 16 << 20


def file() -> Path:
    """Return the file that progress is kept in."""
    return (paths.course_folder() or paths.data_folder()) / FILE


def note(event: str, exercise: str, **fields: Any) -> None:
    """Append one event; a full or read-only disk must not stop a lesson."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "event": event,
        "exercise": exercise,
        **fields,
    }
    with suppress(OSError):
        path = file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")


def share(client: Client, namespace: str) -> None:
    """
    Copy the last events into the ConfigMap ``podlab-progress`` of a class's namespace, for the instructor's board.

    Does nothing in other namespaces, and nothing when the server refuses: a lesson goes on without a board.
    """
    with suppress(PodlabError):
        client.get(resources.path("resourcequotas", namespace, "class"))
        events = "\n".join(json.dumps(event) for event in read()[-_MOST_SHARED:])
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SHARED},
            "data": {"events": events},
        }
        try:
            client.create(resources.path("configmaps", namespace), body)
        except ConflictError:
            client.replace(resources.path("configmaps", namespace, SHARED), body)


def attempt(report: Report, *, seed: int, cluster: str) -> None:
    """Append a judged answer; one that was empty or not gradable counts for nothing."""
    if report.state == ANSWERED:
        note(
            "answer",
            report.id,
            score=float(report.score),
            points=float(report.points),
            seed=seed,
            cluster=cluster,
        )


def read(path: Path | None = None) -> list[dict[str, Any]]:
    """Return all events, oldest first; lines that cannot be read are left out."""
    found = []
    with suppress(OSError), (path or file()).open("rb") as lines:
        for line in lines.read(_MOST_BYTES).splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and "exercise" in event:
                    found.append(event)
    return found


def hints(exercise: str) -> int:
    """Return how many hints of an exercise are open."""
    return max(
        (int(e.get("hint", 0)) for e in read() if e["exercise"] == exercise and e["event"] == "hint"),
        default=0,
    )


@dataclass(frozen=True)
class ProgressRow:
    """One exercise: its best score, and what it took."""

    exercise: Exercise
    best: float | None
    attempts: int
    hints: int

    @property
    def solved(self) -> bool:
        """Whether full marks were reached."""
        return self.best is not None and self.best >= float(self.exercise.points)


@dataclass(frozen=True)
class Progress:
    """The solved and the open exercises; prints as a table."""

    rows: Sequence[ProgressRow] = field(default=())

    @property
    def outcomes(self) -> dict[str, tuple[int, int]]:
        """Outcome -> exercises solved, exercises in all."""
        found: dict[str, tuple[int, int]] = {}
        for row in self.rows:
            for name in row.exercise.outcomes:
                solved, of = found.get(name, (0, 0))
                found[name] = (solved + row.solved, of + 1)
        return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "exercises": [
                {"id": r.exercise.id, "title": r.exercise.title, "points": float(r.exercise.points), "best": r.best,
                 "attempts": r.attempts, "hints": r.hints, "solved": r.solved} for r in self.rows
            ],
            "outcomes": {
                name: {"can": OUTCOMES[name], "solved": s, "of": of} for name, (s, of) in self.outcomes.items()
            },
        }  # fmt: skip

    def __str__(self) -> str:
        total = sum(r.exercise.points for r in self.rows)
        earned = sum(r.best or 0 for r in self.rows)
        lines = [f"{sum(r.solved for r in self.rows)} of {len(self.rows)} exercises solved, "
                 f"{earned:g} of {number(total)} points"]  # fmt: skip
        lines += [self._line(row) for row in self.rows]
        lines.append("what you can do, by exercises solved")
        lines += [
            f"    {name:<4} {OUTCOMES[name]:<60} {s} of {of}" for name, (s, of) in self.outcomes.items()
        ]
        return "\n".join(lines)

    @staticmethod
    def _line(row: ProgressRow) -> str:
        sign = "+" if row.solved else ("~" if row.best else " ")
        score = "open" if row.best is None else f"{row.best:g} of {number(row.exercise.points)}"
        took = f"{row.attempts} tries, {row.hints} hints" if row.attempts or row.hints else ""
        return f"  {sign} {row.exercise.name:<28} {score:<10} {took}".rstrip()

    __repr__ = __str__


def progress(events: Iterable[Mapping[str, Any]], exercises: Sequence[Exercise]) -> Progress:
    """Return what *events* say about *exercises*."""
    kept = list(events)
    return Progress([_row(each, [e for e in kept if e["exercise"] == each.id]) for each in exercises])


def _row(exercise: Exercise, events: Sequence[Mapping[str, Any]]) -> ProgressRow:
    scores = [float(e.get("score", 0)) for e in events if e["event"] == "answer"]
    opened = max((int(e.get("hint", 0)) for e in events if e["event"] == "hint"), default=0)
    return ProgressRow(exercise, max(scores, default=None), len(scores), opened)
