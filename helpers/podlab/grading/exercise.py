"""
An exercise: one folder, read once; reading it needs no cluster.

``labs/exercises/README.md`` documents every field of ``exercise.toml`` and ``play.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab.errors import CheckError
from podlab.grading import values as drawing

if TYPE_CHECKING:
    from podlab.checks import Finding
    from podlab.checks.case import Check


class Refused(CheckError):  # noqa: N818  (a state of a report, not a fault)
    """Raised by reading, fencing or a check: the answer is not judged as it stands. Its summary is the reason."""


class Unreadable(CheckError):  # noqa: N818
    """Raised by reading: the text is not what the cell asks for; the lines say where."""


class NotGradable(CheckError):  # noqa: N818  (a state of a report, not a fault of the answer)
    """The cluster, a fixture or the grader failed: no marks either way."""


class CrowdedOut(NotGradable):
    """Other answers left no room on the nodes."""


KINDS = ("repair", "write", "convert", "predict", "choose", "diagnose")
OUTCOMES = {  # what a learner can do after the course
    "O1": "draw when each container starts and ends",
    "O2": "tell phase, condition, state, reason and STATUS apart",
    "O3": "choose a form for a need, and defend it",
    "O4": "write init containers that hand data over and may run twice",
    "O5": "write a sidecar that is usable before the app starts",
    "O6": "predict what comes back after an exit",
    "O7": "predict the order of stopping, and lose nothing in it",
    "O8": "diagnose a Pod by states, Events and logs",
    "O9": "convert older forms to sidecars",
    "O10": "tell what a timeline knows from what it only bounds",
    "O11": "compute what a Pod reserves on its node",
    "O12": "combine both patterns in a Deployment",
}
ANSWERS = ("manifest", "prediction", "choices")
IMAGES = ("busybox:1.36", "podlab-app:1", "python:3.11-slim")


@dataclass(frozen=True)
class CheckRow:
    """One entry of ``[[checks]]``: what is asked, and what it is worth."""

    id: str
    text: str
    points: Fraction
    expected: str = ""
    hint: int | None = None
    visible: bool = True


@dataclass(frozen=True)
class Fence:
    """
    The limits of an answer; checked before anything runs.

    Attributes:
        objects: Kinds that it must hold: ``Pod``, ``Service/web`` (of that name), ``ConfigMap?`` (may), ``Pod*`` (any
            number, at least one).
        images: Allowed image references.
        locked: Container name -> its fields that stay as in the starter.
    """

    objects: Sequence[str] = ("Pod",)
    images: Sequence[str] = IMAGES
    locked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    capabilities: Sequence[str] = ()


@dataclass(frozen=True)
class PlayRun:
    """
    One run of the play.

    Attributes:
        name: What checks call it.
        values: Values that replace the seed's in this run.
        set: Path in the answer's Pod (``spec.shareProcessNamespace``) -> value that the grader puts there.
        recorded: Name of a Pod that the notebook recorded: its timeline is used instead of a run, if there is one.
        recording: A recording file of the folder, used instead of a run.
        takes_s: What its fixtures, locked programs and the kubelet's back-off take by design, beside the play's pauses,
            in seconds. Nothing is waited for by it; it tells what a grading cannot be quicker than.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    set: Mapping[str, Any] = field(default_factory=dict)
    recorded: str = ""
    recording: str = ""
    takes_s: float = 0.0


@dataclass(frozen=True)
class Exercise:
    """
    One exercise; see ``loading`` for how a folder becomes one.

    Attributes:
        folder: Where it was read from.
        id, title: ``e14``, ``convert-shipper``.
        kind: One of ``KINDS``.
        answer: What the answer cell holds: one of ``ANSWERS``.
        asks: Names of choices that stand beside a manifest, as comments (``# cause: b``).
        starter: File that the answer cell starts from, unrendered text; empty for none.
        needs: Images of the labs that its fixtures or answers use, by name (``postgres``).
        rules: Rules of the seed's values, see ``values.draw``.
    """

    folder: Path
    id: str
    title: str
    kind: str
    answer: str
    points: Fraction
    minutes: int
    outcomes: Sequence[str]
    notebook: str
    ask: str
    hints: Sequence[str]
    debrief: str
    starter: str
    checks: Sequence[CheckRow]
    fence: Fence
    runs: Sequence[PlayRun]
    fixtures: Sequence[str] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    asks: Sequence[str] = ()
    needs: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Id and title, as reports begin."""
        return f"{self.id} {self.title}"

    def values(self, seed: int = 0) -> dict[str, Any]:
        """Return the values of one seed."""
        return drawing.draw(self.id, self.rules, seed)

    def text(self, file: str, values: Mapping[str, Any]) -> str:
        """Return a file of the folder with the values put in; empty if the file is unknown."""
        path = self.folder / file
        if not path.is_file():
            return ""
        return drawing.fill(path.read_text("utf-8"), values, source=f"{self.folder.name}/{file}")

    def shown(self, seed: int = 0) -> tuple[str, str]:
        """
        Return the question and the starter as a learner with this seed sees them.

        ``{{given}}`` in ask.md stands for the manifest of given.yaml.
        """
        values = self.values(seed)
        known = {**values, "given": self.text("given.yaml", values).strip()}
        return (
            drawing.fill(self.ask, known, source=f"{self.folder.name}/ask.md"),
            self.starter_text(values),
        )

    def starter_text(self, values: Mapping[str, Any]) -> str:
        """Return the starter with these values."""
        return drawing.fill(self.starter, values, source=f"{self.folder.name}/starter")

    @cached_property
    def functions(self) -> Mapping[str, Check]:
        """Return the functions of checks.py by check id."""
        from podlab.grading.functions import functions

        return functions(self.folder, [row.id for row in self.checks])

    def judge(self, row: CheckRow, case: Any) -> Finding:
        """Run one check on a case."""
        from podlab.checks import Finding

        result = self.functions[row.id](case)
        return result if isinstance(result, Finding) else Finding(result)
