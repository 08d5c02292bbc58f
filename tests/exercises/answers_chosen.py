"""
Which answers are proved on which cluster: all on the embedded one, on kind a sample that every commit draws anew.

``PODLAB_KIND_ANSWERS`` says how many are drawn beside each exercise's first right answer; ``all`` takes all.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from podlab.grading import find, ids
from podlab.grading.prove import Sample, samples

ROOT = Path(__file__).parents[2]
ALL = [sample for name in ids() for sample in samples(find(name))]


def key(sample: Sample) -> str:
    """The name of a test."""
    return f"{sample.exercise.id}-{sample.kind}-{sample.name}"


def chosen(driver: str) -> list[Sample]:
    """The answers that are proved on this kind of cluster."""
    wanted = os.environ.get("PODLAB_KIND_ANSWERS", "24")
    if driver == "embedded" or wanted == "all":
        return ALL
    first = {sample.exercise.id: sample for sample in reversed(ALL) if sample.kind == "right"}
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    others = [sample for sample in ALL if sample not in first.values()]
    drawn = random.Random(commit.stdout).sample(others, min(int(wanted), len(others)))
    return [*first.values(), *drawn]
