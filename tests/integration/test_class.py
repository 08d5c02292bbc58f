"""A class on a cluster: students work in their own namespace, see nothing of the others, and leave nothing behind."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podlab.assignments.roster import Student
from podlab.classroom import board, creating, objects, serving
from podlab.client import Client
from podlab.course.progress import SHARED
from podlab.errors import ApiError, NotFoundError, PodlabError
from podlab.grading import Place, find, grade
from podlab.grading.prove import samples

STUDENTS = [Student("ada"), Student("Bob@x")]


@pytest.fixture(scope="module")
def room(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A class of two, and the folder with their kubeconfig files."""
    name, out = f"c{uuid.uuid4().hex[:6]}", tmp_path_factory.mktemp("kubeconfigs")
    creating.create(client, name, STUDENTS, out)
    yield name, out
    try:
        creating.delete(client, name)
    except PodlabError:
        assert creating.spaces(client, name) == []


def student(room: tuple[str, Path], which: int) -> tuple[Client, str]:
    """A student's client and namespace."""
    name, out = room
    return Client.from_kubeconfig(out / f"{STUDENTS[which].id}.kubeconfig"), objects.namespace_of(
        name, STUDENTS[which]
    )


def test_a_student_sees_nothing_outside_of_the_own_namespace(room: tuple[str, Path]) -> None:
    """Neither another student's Pods, nor secrets, nor nodes, nor the namespaces."""
    ada, own = student(room, 0)
    _, other = student(room, 1)

    assert ada.get(f"/api/v1/namespaces/{own}/pods")["kind"] == "PodList"
    for path in (
        f"/api/v1/namespaces/{other}/pods", f"/api/v1/namespaces/{other}/secrets", "/api/v1/secrets", "/api/v1/nodes",
        "/api/v1/namespaces", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{own}/roles",
    ):  # fmt: skip
        with pytest.raises(ApiError) as error:
            ada.get(path)
        assert error.value.code == 403, path


def test_a_student_cannot_take_more_rights_or_the_node(room: tuple[str, Path]) -> None:
    """Roles, quotas and privileged Pods are refused."""
    ada, own = student(room, 0)
    container = {"name": "a", "image": "busybox:1.36", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}

    with pytest.raises(ApiError) as refused:
        ada.create(f"/api/v1/namespaces/{own}/pods", pod)
    with pytest.raises(ApiError):
        ada.delete(f"/api/v1/namespaces/{own}/resourcequotas/class")

    assert refused.value.code == 403
    assert "PodSecurity" in str(refused.value)


def test_a_student_is_graded_in_the_one_namespace_and_stands_on_the_board(
    room: tuple[str, Path], client: Client
) -> None:
    """The grader makes no namespaces there, takes turns by a lock, and leaves nothing."""
    ada, own = student(room, 0)
    right = next(sample for sample in samples(find("e14")) if sample.name == "moved")
    report = grade("e14", right.text, Place(ada, own))
    event = '{"event": "answer", "exercise": "e14", "score": 5, "points": 5}'
    ada.create(f"/api/v1/namespaces/{own}/configmaps", {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SHARED}, "data": {"events": event},
    })  # fmt: skip

    assert report.score == 5, str(report)
    students = {row.student: row for row in serving.look(client, room[0])}
    assert (students["ada"].solved, students["Bob@x"].solved) == (1, 0)
    assert "ada" in board.text(list(students.values()))
    assert not ada.get(f"/api/v1/namespaces/{own}/pods", labelSelector="podlab/part=answer")["items"]


def test_a_class_can_be_made_again_and_leaves_nothing(client: Client, tmp_path: Path) -> None:
    """A second create keeps what is there; delete takes every namespace away."""
    name = f"d{uuid.uuid4().hex[:6]}"
    creating.create(client, name, STUDENTS[:1], tmp_path)
    made = creating.create(client, name, STUDENTS, tmp_path)

    assert (made.students, (tmp_path / "ada.kubeconfig").stat().st_mode & 0o777) == (2, 0o600)
    assert creating.delete(client, name) == 2
    assert creating.spaces(client, name) == []
    with pytest.raises(NotFoundError):
        client.get(f"/api/v1/namespaces/{name}-ada")
