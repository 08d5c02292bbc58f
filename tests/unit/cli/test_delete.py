"""``podlab delete``, and hints that name what podlab offers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.client.api_stub import Answer, Request, Stub, status

from podlab import cli, drivers, errors, manifests
from podlab.client import failures
from podlab.manifests import verdicts

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: b}]}\n"


class Cluster:
    """A cluster that is a scripted server with some Pods."""

    driver, name, namespace = "context", "lab", "default"

    def __init__(self, *pods: str) -> None:
        self.pods = set(pods)
        self.stub = Stub(self.answer)
        self.client = self.stub.client

    def answer(self, request: Request) -> Answer:
        path, _, _ = request.path.partition("?")
        name = path.rpartition("/pods/")[2] if "/pods/" in path else ""
        if request.method == "DELETE":
            self.pods.discard(name)
            return 200, {"kind": "Status", "status": "Success"}
        if name:
            found = {
                "metadata": {"name": name, "uid": f"u-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
            }
            return (200, found) if name in self.pods else status(404, "NotFound", f'pods "{name}" not found')
        if request.method == "POST":
            return status(409, "AlreadyExists", 'pods "web" already exists')
        return 200, {"items": [{"metadata": {"name": one}} for one in sorted(self.pods)]}

    def deleted(self) -> list[tuple[str, Any]]:
        """Return name and options of each deletion that was asked for."""
        asked = [one for one in self.stub.requests if one.method == "DELETE"]
        return [(one.path.rpartition("/")[2], json.loads(one.body)) for one in asked]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster("web", "db")
    monkeypatch.setattr(drivers, "need", lambda _name: made)
    monkeypatch.chdir(tmp_path)
    yield made
    made.stub.close()


def test_a_pod_is_deleted_by_name(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for it, with the grace period in whole seconds, and only this very Pod."""
    assert cli.main(["delete", "web", "--grace", "1.5"]) == 0

    assert capsys.readouterr().out == "pod/web deleted\n"
    [(name, options)] = cluster.deleted()
    assert name == "web"
    assert options["gracePeriodSeconds"] == 2
    assert options["preconditions"] == {"uid": "u-web"}
    assert cluster.pods == {"db"}


def test_the_objects_of_a_manifest_are_deleted(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not there is said, and is no error: the command can be run again."""
    (tmp_path / "pods.yaml").write_text(POD + "---\n" + POD.replace("web", "gone"))

    assert cli.main(["delete", "pods.yaml"]) == 0
    assert capsys.readouterr().out == "pod/web deleted\npod/gone was not there\n"


def test_a_pod_that_is_not_there_names_the_nearest(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is deleted, not even what was named before it."""
    assert cli.main(["delete", "db", "wbe"]) == 4
    assert "try: did you mean web?" in capsys.readouterr().err
    assert cluster.deleted() == []


def test_fresh_deletes_nothing_where_the_recording_cannot_be_written(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old Pod is worth more than a recording that cannot be."""
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "file").write_text("")

    assert cli.main(["record", "pod.yaml", "--fresh", "--out", "file/run.jsonl"]) == 7
    assert "nothing was deleted" in capsys.readouterr().err
    assert cluster.deleted() == []
    assert cli.main(["record", "pod.yaml", "--fresh", "--out", str(tmp_path)]) == 7
    assert cluster.deleted() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pod.yaml"]


def test_hints_begin_with_what_podlab_offers(cluster: Cluster) -> None:
    """The README does not ask for kubectl; where it helps it is said to be kubectl, and comes second."""
    [pod] = manifests.load(POD, source="pod.yaml")
    with pytest.raises(errors.ConflictError) as taken:
        manifests.apply(cluster.client(), [pod], namespace="demo")
    missing = failures.refusal("GET", "/x", 404, {"reason": "NotFound", "message": "not found"})
    unknown = errors.ApiError(
        "x", code=400, status={"message": 'strict decoding error: unknown field "spec.imge"'}
    )
    [fault] = verdicts.faults_of(pod, unknown)

    assert taken.value.hint == "podlab delete web --namespace demo, or change pod.yaml:3"
    assert "NAMESPACE" not in str(missing.hint)
    for hint in (taken.value.hint, missing.hint, fault.hint):
        assert "kubectl" not in str(hint).partition("with kubectl:")[0]
