"""
Which answers are proved on which cluster: all on the embedded one, on kind a sample that every commit draws anew.

``PODLAB_KIND_ANSWERS`` says how many are drawn beside each exercise's first right answer; ``all`` takes all. Of an
exercise whose folder changed, with this commit or since ``PODLAB_CHANGED_SINCE``, kind proves all answers. Of an
exercise that keeps a learner busy for an hour, whose play takes minutes too, the embedded cluster proves the first
right answer and ``PODLAB_LARGE_ANSWERS`` others, or ``all``; kind proves the first right answer, or all with ``all``.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from podlab.grading import find, ids, prove
from podlab.grading.prove import Sample, samples

ROOT = Path(__file__).parents[2]
ALL = [sample for name in ids() for sample in samples(find(name))]


def key(sample: Sample) -> str:
    """The name of a test."""
    return f"{sample.exercise.id}-{sample.kind}-{sample.name}"


def is_large(sample: Sample) -> bool:
    """Whether the answer is one of a large exercise."""
    return prove.is_large(sample.exercise)


def chosen(driver: str) -> list[Sample]:
    """The answers that are proved on this kind of cluster."""
    large, small = (list(filter(test, ALL)) for test in (is_large, lambda one: not is_large(one)))
    if driver == "embedded":
        return [*small, *_drawn(large, os.environ.get("PODLAB_LARGE_ANSWERS", "2"))]
    wanted = os.environ.get("PODLAB_KIND_ANSWERS", "24")
    new = [sample for sample in small if sample.exercise.folder.name in changed()]
    drawn = [*_drawn(small, wanted), *new, *_drawn(large, "all" if wanted == "all" else "0")]
    return list({key(sample): sample for sample in drawn}.values())


def _drawn(every: Sequence[Sample], wanted: str) -> list[Sample]:
    """Each exercise's first right answer, and *wanted* others."""
    if wanted == "all":
        return list(every)
    first = {sample.exercise.id: sample for sample in reversed(every) if sample.kind == "right"}
    others = [sample for sample in every if sample not in first.values()]
    return [*first.values(), *random.Random(commit()).sample(others, min(int(wanted), len(others)))]


@cache
def commit() -> str:
    return _git("rev-parse", "HEAD")


@cache
def changed() -> set[str]:
    """The folders of exercises that differ from those of ``PODLAB_CHANGED_SINCE``, by default the commit before."""
    base = os.environ.get("PODLAB_CHANGED_SINCE", "HEAD~1")
    names = _git("diff", "--name-only", base, "--", "labs/exercises").splitlines()
    names += _git("ls-files", "--others", "--exclude-standard", "--", "labs/exercises").splitlines()
    return {name.split("/")[2] for name in names}


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout
