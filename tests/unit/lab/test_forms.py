"""What a recorded life shows of a helper's form, and the table that is built from it."""

import pytest

from podlab.lab import forms
from podlab.lab.comparison import jobs_are_over, scheduler_has_looked
from podlab.lab.table import FormTable
from podlab.timeline import Instant, Lane, Run, Timeline


def life(*lanes: tuple[str, str, float, float]) -> Timeline:
    """A Pod of (name, role, start, end)."""
    runs = {name: (Run(0, Instant(a, a), Instant(b, b), exit_code=0),) for name, _, a, b in lanes}
    return Timeline(
        "pod",
        "default",
        tuple(Lane(name, role, "busybox:1.36", (), runs[name]) for name, role, _, _ in lanes),
        until=20.0,
    )


@pytest.mark.parametrize(
    ("role", "start", "end", "words"),
    [
        ("init", 1, 2, ["before"]),
        ("sidecar", 2, 9, ["before", "with", "after"]),
        ("app", 3, 8, ["with"]),
        ("sidecar", 2, 3, ["before"]),
    ],
)
def test_a_helper_runs_before_with_or_after_the_app(role, start, end, words):
    lanes = [("helper", role, start, end), ("app", "app", 4, 8)]

    assert forms.when(life(*lanes), "helper", "app") == words


def test_two_app_containers_have_no_order_whatever_chance_made_of_it():
    assert "before" not in forms.when(life(("app", "app", 4, 8), ("helper", "app", 1, 9)), "helper", "app")


def test_work_beside_the_app_serves_and_all_other_prepares():
    assert forms.purpose(life(("helper", "sidecar", 1, 9), ("app", "app", 4, 8)), "helper", "app") == "serve"
    assert forms.purpose(life(("helper", "init", 1, 3), ("app", "app", 4, 8)), "helper", "app") == "prepare"


@pytest.mark.parametrize(
    ("claims", "word"), [((True, True), "true"), ((True, False), "half true"), ((False, False), "false")]
)
def test_a_printed_sentence_is_as_true_as_its_claims(claims, word):
    assert forms.verdict(*claims) == word


def test_the_table_prints_each_value_beside_its_form_and_replaces_a_row_of_the_same_name():
    table = FormTable({"init": "init", "sidecar": "sidecar"})
    table.add("Runs?", init=(False,))
    table.add("Runs?", init=({"runs": 2, "done": True},), sidecar=(["before", "with"],))

    assert str(table).splitlines() == ["Runs?", "  init     runs: 2, done: yes", "  sidecar  before, with"]


def test_a_cell_that_no_round_asked_for_says_so():
    table = FormTable({"init": "init", "sidecar": "sidecar"})
    table.add("Runs?", init=(True,))

    assert str(table).splitlines()[-1] == "  sidecar  not in the printed table"


def job_pod(phase, **states):
    """A Pod with a sidecar ``helper`` and an app ``report`` in these states."""
    init, app = ([{"name": name, "state": {states[name]: {}}}] for name in ("helper", "report"))
    return {"status": {"phase": phase, "initContainerStatuses": init, "containerStatuses": app}}


def test_the_jobs_are_over_when_two_of_three_pods_have_ended_with_their_sidecars():
    """The phase alone is not enough: without the sidecar's end, the order of ends was unknown."""
    done = job_pod("Succeeded", helper="terminated", report="terminated")
    early = job_pod("Succeeded", helper="running", report="terminated")
    older = job_pod("Running", helper="running", report="terminated")

    assert jobs_are_over([done, done, older])
    assert not jobs_are_over([done, early, older])
    assert not jobs_are_over([done, done])
    assert not jobs_are_over([done, older, older])


def test_the_scheduler_has_looked_when_the_condition_is_there_whatever_it_says():
    assert scheduler_has_looked([{"status": {"conditions": [{"type": "PodScheduled", "status": "False"}]}}])
    assert not scheduler_has_looked([{"status": {}}])
    assert not scheduler_has_looked([])
