"""A client and a namespace for tests that need a real API server; every test gets a namespace of its own."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clusters import RUN_ID, cluster  # noqa: F401  (a fixture)
from grading_command import BLUEPRINT, PODLAB

from podlab.client import Client
from podlab.drivers import Cluster
from podlab.errors import ConflictError, NotFoundError


@pytest.fixture(scope="session")
def client(cluster: Cluster) -> Client:  # noqa: F811
    """A client of the session's cluster."""
    return cluster.client()


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """A fresh namespace, deleted afterwards."""
    name = f"t-{RUN_ID}-{uuid.uuid4().hex[:6]}"
    client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    with suppress(NotFoundError, ConflictError):  # a test may have deleted it, or be deleting it still
        client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def term(tmp_path: Path) -> Path:
    """The released assignment."""
    subprocess.run([*PODLAB, "release", str(BLUEPRINT), "--out", str(tmp_path / "term")], check=True)
    return tmp_path / "term"
