"""What is done with the text of a cell before anything runs: values, choices, the fence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from podlab.checks import Answer
from podlab.checks.case import Key, digest
from podlab.errors import CheckError
from podlab.grading import Place, find, grade, ids, seed_of
from podlab.grading.answers import choices, manifest
from podlab.grading.play import read
from podlab.grading.values import draw, fill

NOWHERE = Place(client=None)
STARTER = find("e14").shown()[1]


def refused(answer: str) -> str:
    """The reason of a refusal, in all its lines."""
    report = grade("e14", answer, NOWHERE)
    assert report.score == 0
    assert report.state == "refused", str(report)
    return str(report)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("", "", "started from"),
        ("name: shop-with-shipper", "name: mine", "started from"),
        ("kind: Pod", "kind: [Pod", "cannot be read"),
        ("spec:\n", "spec:\n  initContainers: 5\n", "initContainers is a list of containers"),
        ("spec:\n", "spec:\n  hostNetwork: true\n", "hostNetwork is not allowed"),
        ("spec:\n", "spec:\n  nodeName: other\n", "nodeName is not allowed"),
        ("emptyDir: {}", "hostPath: {path: /}", "volumes of kind hostPath"),
        ("[ship, /logs]", "[ship, /other]", "args of shipper stay"),
        ("name: shipper", "name: shopper", "container shipper is missing"),
        (
            "mountPath: /logs}]\n    - name: shipper",
            "mountPath: /usr/local}]\n    - name: shipper",
            "take the place",
        ),
        (
            "      args: [ship,",
            "      env: [{name: PYTHONPATH, value: /logs}]\n      args: [ship,",
            "PYTHONPATH",
        ),
        ("      args: [ship,", "      securityContext: {privileged: true}\n      args: [ship,", "privileged"),
        ("      args: [ship,", "      env: 7\n      args: [ship,", "env of shipper is a list"),
        ("spec:\n", "spec:\n  restartPolicy: Always\n", "given twice"),
    ],
)
def test_the_fence_gives_its_reason_before_anything_runs(old: str, new: str, reason: str) -> None:
    """Nothing of such an answer reaches a cluster: there is none here."""
    assert reason in refused(STARTER.replace(old, new, 1))


def test_an_answer_that_is_the_name_of_a_file_is_not_opened(tmp_path: Path) -> None:
    """Only the text of the cell is read."""
    file = tmp_path / "answer.yaml"
    file.write_text(STARTER)

    assert "cannot be read" in refused(str(file))


def test_a_huge_answer_is_refused() -> None:
    """Bounded in bytes."""
    assert "at most 65536 are read" in refused(STARTER + "#" * 70_000)


def test_an_answer_cannot_be_judged_without_a_cluster_but_gets_no_zero() -> None:
    """The grader's failure is not the learner's."""
    report = grade("e14", STARTER.replace("Never", "OnFailure"), NOWHERE)

    assert report.state == "not gradable"
    assert report.as_dict()["score"] is None


@pytest.mark.parametrize(
    "text",
    [
        "phase: Pending\nb: 2+",
        "phase -> Pending\nb = 2+",
        "- phase: Pending\n- b: 2+",
        "{phase: Pending, b: 2+}",
    ],
)
def test_choices_are_read_in_every_shape_that_people_write(text: str) -> None:
    """Lines, arrows, a YAML list, a YAML map."""
    assert dict(choices(text).choices) == {"phase": "Pending", "b": "2+"}


def test_a_list_may_hold_choices_with_arrows() -> None:
    """An item is a pair where it names one; else its number is its name."""
    assert dict(choices("- a -> certain\n- b -> possible\n").choices) == {"a": "certain", "b": "possible"}
    assert dict(choices("- init\n- sidecar\n").choices) == {"1": "init", "2": "sidecar"}


def test_nested_choices_get_dotted_names() -> None:
    """A table is a map of maps."""
    answer = choices("Never:\n  phase: Failed\n  again: no\n")

    assert answer.chose("never.phase") == "failed"
    assert answer.chose("Never.again") == "no"


def test_a_choice_without_a_value_does_not_take_the_next_line() -> None:
    """``# cause:`` as in the starter is a choice that was not made."""
    text = "# cause:\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"

    assert manifest(text, ["cause"]).chose("cause") == ""
    assert manifest(text.replace("cause:", "cause: b"), ["cause"]).chose("cause") == "b"


def test_values_come_from_the_seed_alone() -> None:
    """A new value does not change the others; another seed gives others."""
    rules = {"nonce": "word", "port": {"range": [8000, 8999]}, "order": {"shuffle": [1, 2, 3, 4, 5]}}

    assert draw("e06", rules, 3) == {
        k: v for k, v in draw("e06", {**rules, "more": "word"}, 3).items() if k != "more"
    }
    assert draw("e06", rules, 3) != draw("e06", rules, 4)
    assert seed_of("ada", "e06") != seed_of("ada", "e07")


def test_a_sum_is_taken_of_a_text_with_earlier_values() -> None:
    """A fixture serves a file with the nonce in it, and the learner is given the file's sum."""
    found = draw("e07", {"nonce": "word", "sum": {"sha256": "the word is {{nonce}}"}}, 3)

    assert found["sum"] == hashlib.sha256(f"the word is {found['nonce']}".encode()).hexdigest()


def test_a_value_that_is_not_there_names_file_and_line() -> None:
    """A misspelt name in a starter shows when it is read."""
    with pytest.raises(CheckError, match=r"starter\.yaml, line 2: no value 'nonse'"):
        fill("a\n{{nonse}}\n", {"nonce": "x"}, source="starter.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps:\n  - kil: shop\n", "line 2: a step has one verb; unknown: kil"),
        ("steps:\n  - apply: answer\n  - wait: {runing: [a]}\n", "line 3: cannot wait for runing"),
        ("steps: []\n", "a play is 'steps:'"),
        ("steps:\n  - pause: 1\n    within_s: 9000\n", "line 2: within_s"),
        ("steps:\n  - kill: a\n    if: never\n", "line 2: 'if' names no earlier step"),
        (
            "steps:\n  - kill: a\n    signal: HUP\n",
            "line 2: signal belongs to kill, and is one of TERM, KILL",
        ),
        ("steps:\n  - pause: 1\n    signal: KILL\n", "line 2: signal belongs to kill"),
    ],
)
def test_a_fault_in_a_play_names_the_line(text: str, message: str) -> None:
    """Nothing is run then."""
    with pytest.raises(CheckError) as error:
        read(text, source="play.yaml")

    assert message in str(error.value)


def test_a_kill_asks_first_unless_it_is_to_be_a_crash() -> None:
    """SIGTERM is what a container is stopped with; SIGKILL leaves no time for last words."""
    steps = read("steps:\n  - kill: a\n  - kill: a\n    signal: KILL\n", source="play.yaml")

    assert [step.signal for step in steps] == ["TERM", "KILL"]


def test_a_key_knows_values_by_digest_alone() -> None:
    """What the learner's edition holds does not show the value."""
    key = Key({"one": frozenset({digest("e28", "one", "Init")})}, "e28")

    assert key.accepts("one", " init ")
    assert not key.accepts("one", "sidecar")
    assert not key.accepts("two", "init")


def test_an_answer_is_asked_by_any_case() -> None:
    """Names of choices are words."""
    assert Answer("", (), {"The cause": "B."}).chose("the cause") == "b"


@pytest.mark.parametrize("name", [name for name in ids() if find(name).answer != "manifest"])
def test_labels_without_values_are_not_answered_yet(name: str) -> None:
    """A prediction or choice as it was shipped costs nothing, needs no cluster, and says what to do."""
    assert grade(name, find(name).shown()[1] or "# nothing\n", NOWHERE).state == "not answered"
