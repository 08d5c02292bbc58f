"""What e14 refuses before anything is run; how answers live is tested on clusters."""

from pathlib import Path

import pytest

from podlab.checks.life import ended_in
from podlab.errors import CheckError
from podlab.grading import Place, find, grade, ids
from podlab.grading.bank.e14 import STARTER, remarks
from podlab.manifests import load

FOLDER = Path(__file__).parents[3] / "labs/e14-convert-shipper"
NOWHERE = Place(client=None, namespace="none", runs={})


def refused(answer):
    report = grade("e14", answer, NOWHERE)
    assert report.score == 0
    return report.refused


def test_an_empty_answer_is_not_answered_yet():
    assert refused((FOLDER / "exercise/empty.yaml").read_text()) == "not answered yet"


def test_the_unchanged_starter_earns_nothing_whatever_its_name():
    assert "started from" in refused(STARTER)
    assert "started from" in refused(STARTER.replace("shop-with-shipper", "mine"))


def test_the_starter_beside_the_exercise_is_the_one_in_the_notebook():
    assert (FOLDER / "exercise/starter.yaml").read_text() == STARTER


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("shipper-deleted", "container shipper is missing"),
        ("shop-sleeps-first", "args of shop stay"),
        ("wrapped-in-exit-0", "args of shipper stay"),
    ],
)
def test_shortcuts_are_refused_with_the_reason(name, reply):
    assert reply in refused((FOLDER / f"shortcuts/{name}.yaml").read_text())


def test_other_images_are_refused():
    answer = STARTER.replace("containers:\n", "containers:\n    - {name: x, image: evil}\n", 1)

    assert "evil" in refused(answer)


@pytest.mark.parametrize("answer", ["import os; os.system('id')", "{}", "a: [", "- 1", "kind: Service"])
def test_what_is_no_pod_is_refused_and_never_run(answer):
    assert refused(answer)


def test_a_shipper_that_does_not_mount_the_logs_is_told_so():
    """Its Pod lives as one that ships every line, so only a remark can say that nothing is shipped."""
    answer = (FOLDER / "solution/moved.yaml").read_text()
    mount = "      volumeMounts: [{name: logs, mountPath: /logs}]\n"
    assert answer.count(mount) == 2

    assert remarks(load(answer)[0]) == []
    assert 'only "shop" mounts' in remarks(load(answer.replace(mount, "", 1))[0])[0]


def test_every_exercise_has_three_hints_and_a_question():
    for exercise in map(find, ids()):
        assert len(exercise.hints) == 3
        assert exercise.ask.strip()


def test_an_unknown_exercise_names_the_near_miss():
    with pytest.raises(CheckError, match="e41"):
        grade("e41", "x", NOWHERE)


def test_ended_in_looks_at_the_last_phase():
    assert ended_in(type("T", (), {"phase": "Succeeded"})(), "Succeeded")
