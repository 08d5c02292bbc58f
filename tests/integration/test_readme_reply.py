"""The graded answer in the README is what the grader prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podlab.drivers import Cluster
from podlab.grading import Place, find, grade
from podlab.grading.prove import samples

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cluster", [pytest.param("embedded", marks=pytest.mark.embedded)], indirect=True)
def test_the_reply_in_the_readme_is_that_of_the_grader(cluster: Cluster) -> None:
    """The command below the block names the answer; it is graded here."""
    [(reply, exercise, kind, name)] = re.findall(
        r"```text\n(.*?)```\n\n`podlab exercise check (\w+) --only (\w+)/([\w-]+) --show`", README, re.DOTALL
    )
    wanted = find(exercise)
    answer = next(one for one in samples(wanted) if (one.kind, one.name) == (kind, name))

    report = grade(wanted, answer.text, Place(client=cluster.client()))

    assert str(report).strip() == reply.strip()
