"""Conditions on which a recording ends."""

import pytest

from podlab.errors import PodlabError
from podlab.lab.when import When


def pod(name, phase="Running", **rows):
    statuses = [{"name": key, **row} for key, row in rows.items()]
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": key} for key in rows]},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


WAITING = {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (When("a", container="c", restarts=2), True),
        (When("a", container="c", restarts=3), False),
        (When("a", container="c", reason="CrashLoopBackOff"), True),
        (When("a", container="d", restarts=0), False),
        (When("a", phase="Running"), True),
        (When("a", phase="Failed"), False),
        (When("a", status="CrashLoopBackOff"), True),
        (When("b", phase="Running"), False),
        (When("a", phase="Running", container="c", reason="Error"), False),
    ],
)
def test_one_question(condition, holds):
    assert condition([pod("a", c=WAITING)]) is holds


def test_joined_conditions_may_hold_at_different_moments():
    both = When("a", phase="Failed") & When("b", phase="Succeeded")

    assert not both([pod("a", "Failed"), pod("b", "Running")])
    assert both([pod("b", "Succeeded")])


def test_a_containers_question_needs_its_container():
    with pytest.raises(PodlabError, match="container"):
        When("a", restarts=1)
