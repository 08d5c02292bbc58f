"""
The notebook's magics, loaded with ``%load_ext podlab.magics``.

    %%manifest NAME     keep the manifest of this cell under NAME, for lab.record("NAME")
    %%predict ROUND     what you expect, before the Pod runs: lines  name: answer
    %%exercise ID       judge the answer in this cell
    %hint ID            open the next hint
    %timeline           the latest timeline once more, as text
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from podlab import grading, lab, manifests
from podlab.checks.verdict import ANSWERED
from podlab.course import progress
from podlab.course.cells import reply
from podlab.errors import PodlabError
from podlab.lab import predictions
from podlab.lab.showing import PodLines as Picture
from podlab.pods import roles

WIDTH = 100  # of lines that a page must not break in the middle of a word
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


@magics_class
class PodlabMagics(Magics):  # type: ignore[misc]  # IPython is read without its types
    """All magics; the state is the lab's, except for which hints are open."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.opened: dict[str, int] = {}

    @cell_magic  # type: ignore[untyped-decorator]
    def manifest(self, line: str, cell: str) -> None:
        """Keep the cell's YAML under a name and say what is in it."""
        name = line.strip()
        if not name:
            raise PodlabError("this manifest has no name", hint="%%manifest NAME on the first line")
        loaded = manifests.load(cell, source=name)
        lab.current().texts[name] = cell
        print("\n".join(f"{name}: {describe(each.object)}" for each in loaded))

    @cell_magic  # type: ignore[untyped-decorator]
    def predict(self, line: str, cell: str) -> None:
        """Remember what is expected of a round; facts are printed beside it."""
        if not line.strip():
            raise PodlabError("this prediction has no round", hint="%%predict 1.1 on the first line")
        answers = predictions.read(cell)
        lab.current().asked = line.strip()
        lab.current().predictions[line.strip()] = answers
        print(predictions.describe(line.strip(), answers))

    @cell_magic  # type: ignore[untyped-decorator]
    def exercise(self, line: str, cell: str) -> None:
        """Judge the cell's text as the answer to an exercise: ``%%exercise e06``, ``%%exercise e06 --seed 7``."""
        wanted, seed = named(line)
        growing = RunLines(lab.current().place(), wanted)
        try:
            with grading.once(growing.place) as place:
                report = grading.grade(wanted, cell, place, seed=seed)
        finally:
            growing.finish()
        print(reply(report, wanted))
        progress.attempt(report, seed=seed, cluster=lab.current().driver)
        if lab.current().driver == "context":
            progress.share(lab.current().client, lab.current().namespace)
        if report.state == ANSWERED and report.score == report.points and wanted.debrief:
            print(f"\n{taken_along(wanted.debrief)}")

    @line_magic  # type: ignore[untyped-decorator]
    def hint(self, line: str) -> None:
        """Open the next hint of an exercise; the last one stays open."""
        wanted, _ = named(line)
        self.opened[wanted.id] = min(progress.hints(wanted.id) + 1, len(wanted.hints))
        progress.note("hint", wanted.id, hint=self.opened[wanted.id])
        for number in range(self.opened[wanted.id]):
            print(f"hint {number + 1} of {len(wanted.hints)}: {wanted.hints[number]}")

    @line_magic  # type: ignore[untyped-decorator]
    def timeline(self, line: str) -> None:
        """Print the latest timeline, or that of a Pod by name, as text."""
        lab.current().print_timeline(line.strip() or None)


def named(line: str) -> tuple[grading.Exercise, int]:
    """
    Return the exercise and the seed that a magic's line names.

    Without ``--seed`` the seed is that of the learner's id in ``PODLAB_LEARNER``, and 0 where there is none.
    """
    words = line.split()
    if not words or words[0].startswith("--"):
        raise PodlabError("which exercise?", hint=f"%%exercise ID, with ID one of {', '.join(grading.ids())}")
    wanted = grading.find(words[0])
    learner = os.environ.get("PODLAB_LEARNER")
    if len(words) == 1:
        return wanted, grading.seed_of(learner, wanted.id) if learner else 0
    if len(words) == 3 and words[1] == "--seed" and words[2].isdigit():
        return wanted, int(words[2])
    raise PodlabError(f"cannot read {line.strip()!r}", hint=f"%%exercise {wanted.id} --seed 7")


class RunLines:
    """One line per run of an exercise that changes while it is graded, so that nobody waits before a still cell."""

    def __init__(self, place: grading.Place, exercise: grading.Exercise) -> None:
        self._pictures: dict[str, Picture] = {}
        self._new: Callable[[], Picture] = partial(Picture, ["answer"], active=True)
        self.place = replace(place, see=self._see if len(exercise.runs) < 4 else None)

    def _see(self, run: str, observation: Any) -> None:
        if run not in self._pictures:  # each has a thread: not one for every observation
            self._pictures[run] = self._new()
        self._pictures[run].see(observation)

    def finish(self) -> None:
        """Leave the report alone below the cell."""
        for picture in self._pictures.values():
            picture.clear()


def taken_along(debrief: str) -> str:
    """Return a debrief, which is Markdown, as lines of plain text; a link is its words and its address."""
    plain = _LINK.sub(r"\1 (\2)", debrief).replace("`", "")
    return textwrap.fill(
        f"To take along: {' '.join(plain.split())}", WIDTH, break_long_words=False, break_on_hyphens=False
    )


def describe(body: dict[str, Any]) -> str:
    """Return what an object is, in one line; of a Pod its containers, in the order in which it lists them."""
    kind, name = body.get("kind"), (body.get("metadata") or {}).get("name")
    if kind != "Pod":
        return f"{kind} {name}"
    parts = [f"{roles.role(key, each)} {each.get('name')}" for key, each in roles.every_container(body)]
    return f"Pod {name} with {', '.join(parts)}"


def show_error(
    shell: Any, kind: type[BaseException], error: BaseException, _trace: Any, **_: Any
) -> list[str]:
    """Show what happened, why, and what to try, without the forty lines of frames above them."""
    lines = [f"{kind.__name__}: {error}"]
    shell._showtraceback(kind, error, lines)
    return lines


def with_a_body(lines: list[str]) -> list[str]:
    """Give an entirely empty answer cell an empty line: IPython refuses a cell magic without any body."""
    first = lines[0].split(maxsplit=1)[:1] if lines else []
    if first in (["%%predict"], ["%%exercise"]) and not "".join(lines[1:]).strip():
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext``."""
    if with_a_body not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.insert(0, with_a_body)
    shell.register_magics(PodlabMagics)
    shell.set_custom_exc((PodlabError,), show_error)
