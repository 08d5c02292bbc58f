"""STATUS of ``kubectl get pods`` where upstream changed its rule; all other words: tests/conformance/printed."""

import pytest

from podlab.pods.status import minor_of, row, status_word


def ended(name, code, reason=""):
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason}}}


def pod(*statuses, phase="Failed", deleted=False):
    meta = {"name": "p", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})}
    spec = {"containers": [{"name": each["name"]} for each in statuses]}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase, "containerStatuses": list(statuses)}}


COMPLETED_FIRST = pod(ended("app", 0, "Completed"), ended("helper", 3, "Error"))
FAILED_FIRST = pod(ended("a-helper", 3, "Error"), ended("app", 0, "Completed"))


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("v1.29.15", ("Completed", "Error")),
        ("v1.34.4", ("Completed", "Error")),
        ("v1.35.0", ("Error", "Error")),
        ("v1.36.3", ("Error", "Error")),
        (None, ("Error", "Error")),
    ],
)
def test_from_1_35_on_a_failed_container_wins_over_one_that_completed(server, words):
    assert (status_word(COMPLETED_FIRST, server), status_word(FAILED_FIRST, server)) == words


def test_a_failure_without_a_reason_is_named_by_its_code():
    assert status_word(pod(ended("app", 0, "Completed"), ended("helper", 7)), "v1.36.3") == "ExitCode:7"


@pytest.mark.parametrize(("server", "word"), [("v1.30.0", "Terminating"), ("v1.31.0", "Error")])
def test_from_1_31_on_a_finished_pod_that_is_deleted_keeps_its_word(server, word):
    assert status_word(pod(ended("app", 1, "Error"), deleted=True), server) == word


def test_restarts_of_init_containers_after_the_one_that_holds_the_pod_are_not_counted():
    """Upstream's loop stops there; found by comparing with its program."""
    inits = [{"name": "one"}, {"name": "two"}]
    waiting = {"state": {"waiting": {"reason": "RestartingAllContainers"}}, "restartCount": 1}
    body = pod(phase="Pending")
    body["spec"]["initContainers"] = inits
    body["status"]["initContainerStatuses"] = [{**each, **waiting} for each in inits]

    assert row(body) == (0, 0, "Init:RestartingAllContainers", 1, "")


@pytest.mark.parametrize(
    ("server", "minor"), [("v1.36.3", 36), ("1.29", 29), ("v1.34.4-eks-1", 34), ("simulated", 36), (None, 36)]
)
def test_an_unknown_server_is_taken_as_the_newest(server, minor):
    assert minor_of(server) == minor
