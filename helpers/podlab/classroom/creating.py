"""Makes and deletes a class on a cluster: each student's objects, and a kubeconfig file each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podlab.assignments.roster import Student
from podlab.classroom import objects
from podlab.client import Client, resources
from podlab.client.waiting import until
from podlab.errors import ApiError, ConflictError, NotFoundError, PodlabError, WaitTimeoutError
from podlab.files import PRIVATE, write_whole

DAY_S = 24 * 3600
_AT_ONCE = 4
_GONE_S = 300.0
_UNKNOWN_KIND = 404


@dataclass
class CreatedClass:
    """The result of making a class: students, kubeconfig files, and kinds that the cluster does not know."""

    students: int = 0
    files: list[Path] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)


def create(
    client: Client, name: str, students: Sequence[Student], out: Path, *, days: float = 30,
    tell: Callable[[str], None] = lambda _line: None,
) -> CreatedClass:  # fmt: skip
    """
    Make a class and keep what already exists, so that it can be run again, for students who come later too.

    Args:
        out: Folder for the kubeconfig files, mode 0600 each.
        days: How long the students' tokens hold; the server may give less.

    Raises:
        ApiError: The cluster refuses; what was made until then stays, and a second call goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    made = CreatedClass()
    server = _server(client)

    def one(student: Student) -> Path:
        return _student(client, name, student, out, server, days, made)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for path in pool.map(one, students):
            made.files.append(path)
            made.students += 1
            tell(f"{made.students} of {len(students)} students: {path.name}")
    return made


def _student(
    client: Client,
    name: str,
    student: Student,
    out: Path,
    server: dict[str, Any],
    days: float,
    made: CreatedClass,
) -> Path:
    space = objects.namespace_of(name, student)
    _ensure(client, resources.path("namespaces"), objects.namespace(name, student))
    for body in objects.inside():
        path = client.path_of(body, space, collection=True)
        try:
            _ensure(client, path, body)
        except NotFoundError as error:
            if "namespaces" in str(error.cause):
                raise
            made.left_out.add(str(body["kind"]))
    token = _token(client, space, int(days * DAY_S))
    file = out / f"{student.id}.kubeconfig"
    text = json.dumps(objects.kubeconfig(server, space, token), indent=1) + "\n"
    write_whole(file, text, mode=PRIVATE)
    return file


def _ensure(client: Client, path: str, body: dict[str, Any]) -> None:
    with suppress(ConflictError):
        client.create(path, body)


def _token(client: Client, space: str, seconds: int) -> str:
    path = resources.path("serviceaccounts", space, objects.ACCOUNT) + "/token"
    body = {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}
    }  # fmt: skip
    return str(client.create(path, body)["status"]["token"])


def _server(client: Client) -> dict[str, Any]:
    """Return the instructor's cluster entry: where the server is and how to trust it; never who the instructor is."""
    entry = dict(client.config.cluster)
    entry["server"] = client.server
    file = entry.pop("certificate-authority", None)
    if file and "certificate-authority-data" not in entry:
        import base64

        entry["certificate-authority-data"] = base64.b64encode(Path(file).read_bytes()).decode()
    return entry


def spaces(client: Client, name: str) -> list[dict[str, Any]]:
    """Return the namespaces of a class, by name."""
    found = (
        client.get(resources.path("namespaces"), labelSelector=f"{objects.CLASS}={name}").get("items") or []
    )
    return sorted(found, key=lambda each: str(each["metadata"]["name"]))


def delete(client: Client, name: str, *, tell: Callable[[str], None] = lambda _line: None) -> int:
    """
    Delete every namespace of a class, wait until they are gone, and return how many there were.

    Raises:
        PodlabError: There is no such class.
        WaitTimeoutError: Some namespace is still there; run it again.
    """
    found = [each["metadata"]["name"] for each in spaces(client, name)]
    if not found:
        raise PodlabError(
            f"unknown class {name!r}: this cluster has no namespaces of it", hint="podlab class list"
        )
    for space in found:
        client.remove(resources.path("namespaces", name=space))
    left = len(found)

    def all_gone() -> bool:
        nonlocal left
        left = len(spaces(client, name))
        return left == 0

    until(
        all_gone,
        deadline_s=_GONE_S,
        every_s=1.0,
        meanwhile=lambda: tell(f"{left} of {len(found)} namespaces are still being deleted"),
        late=lambda: WaitTimeoutError(
            f"{left} namespaces of {name} are still there", hint=f"podlab class delete {name}"
        ),
    )
    return len(found)


def classes(client: Client) -> Iterator[tuple[str, int]]:
    """Yield the classes on a cluster and how many students each has."""
    found = client.get(resources.path("namespaces"), labelSelector=objects.CLASS).get("items") or []
    names = sorted(str(each["metadata"]["labels"][objects.CLASS]) for each in found)
    for name in dict.fromkeys(names):
        yield name, names.count(name)


__all__ = ["ApiError", "CreatedClass", "classes", "create", "delete", "spaces"]
