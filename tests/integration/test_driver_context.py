"""
The context driver on a real API server: one namespace, nothing outside of it, and only what it made is
deleted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab.client import Client
from podlab.drivers import Cluster, Profile, state
from podlab.drivers.context import ContextDriver
from podlab.errors import DriverError, NotFoundError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> Path:
    """A state folder of the test's own, made after the session's cluster, which lives in the usual one."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path))
    return tmp_path


def namespaces(client: Client) -> set[str]:
    return {item["metadata"]["name"] for item in client.get("/api/v1/namespaces")["items"]}


def test_a_namespace_of_its_own_comes_and_goes(cluster: Cluster, client: Client, home: Path) -> None:
    """Made, labelled as ours, handed out by a kubeconfig that stays in it, and deleted; all others stay."""
    driver, before = ContextDriver(), namespaces(client)
    mine = driver.make(Profile(name="class", source=cluster.kubeconfig, context=cluster.context))
    try:
        assert namespaces(client) - before == {"podlab-class"}
        assert mine.namespace == mine.client().namespace == "podlab-class"
        labels = client.get("/api/v1/namespaces/podlab-class")["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "podlab"
        assert labels["podlab.dev/cluster"] == state.read("class")["id"]  # type: ignore[index]
        assert driver.make(Profile(name="class")) == mine
        assert driver.find("class") == mine
        assert driver.status("class").running
    finally:
        assert driver.stop("class")

    # Not "equal": the namespace of an earlier test may still have been on its way out.
    assert "podlab-class" not in namespaces(client)
    assert namespaces(client) >= {"default", "kube-system", "kube-public"}
    assert state.names() == []
    assert not driver.stop("class")


def test_a_namespace_that_the_user_names_is_never_deleted(
    cluster: Cluster, client: Client, namespace: str, home: Path
) -> None:
    """Adopted, used, left."""
    driver = ContextDriver()
    mine = driver.make(Profile(name="class", source=cluster.kubeconfig, namespace=namespace))
    assert mine.namespace == namespace
    driver.stop("class")

    assert namespace in namespaces(client)


def test_a_namesake_is_left_alone(cluster: Cluster, client: Client, home: Path) -> None:
    """A namespace of our name that we did not make: refused, and still there with what is in it."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podlab-namesake"}}
    client.create("/api/v1/namespaces", body)
    try:
        with pytest.raises(DriverError, match="left unchanged"):
            ContextDriver().make(Profile(name="namesake", source=cluster.kubeconfig))
        assert "podlab-namesake" in namespaces(client)
        assert state.names() == []
    finally:
        client.delete("/api/v1/namespaces/podlab-namesake")


def test_a_namespace_that_does_not_exist_is_an_error(cluster: Cluster, home: Path) -> None:
    """And leaves no record behind."""
    with pytest.raises(DriverError, match="namespace nowhere does not exist"):
        ContextDriver().make(Profile(name="class", source=cluster.kubeconfig, namespace="nowhere"))

    assert state.names() == []


def test_a_namespace_that_was_made_anew_by_somebody_else_is_not_ours(
    cluster: Cluster, client: Client, home: Path
) -> None:
    """Deleted and made again behind our back, it lacks our label: stop forgets it and leaves it."""
    driver = ContextDriver()
    driver.make(Profile(name="again", source=cluster.kubeconfig))
    path = "/api/v1/namespaces/podlab-again"
    labels = {"metadata": {"labels": {"podlab.dev/cluster": "somebody-else"}}}
    client.patch(path, labels, content_type="application/merge-patch+json")
    try:
        assert driver.stop("again")
        assert client.get(path)["metadata"]["name"] == "podlab-again"
    finally:
        client.delete(path)


def test_no_images_are_loaded_onto_nodes_of_others(cluster: Cluster, home: Path) -> None:
    """Refused, with what to do instead."""
    with pytest.raises(DriverError, match="belong to somebody else"):
        ContextDriver().load_images("class", ["busybox:1.36"])


def test_a_status_tells_when_the_namespace_has_gone(cluster: Cluster, client: Client, home: Path) -> None:
    """A user deleted it: one line reports that, and `down` still cleans up."""
    driver = ContextDriver()
    driver.make(Profile(name="gone", source=cluster.kubeconfig))
    client.delete("/api/v1/namespaces/podlab-gone")
    note = driver.status("gone").note
    assert "gone" in note or "Terminating" in note
    assert driver.stop("gone")
    with pytest.raises(NotFoundError):
        client.get("/api/v1/namespaces/podlab-gone")
