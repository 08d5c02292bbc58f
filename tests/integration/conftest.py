"""
Clusters and namespaces for tests that need a real API server.

A test that takes ``cluster`` runs once on the embedded cluster and once on kind; ``-m embedded`` or ``-m kind``
chooses. One cluster serves the whole session; every test gets a namespace of its own, whose name carries the run.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from podlab.client import Client
from podlab.drivers import Cluster, Profile, get
from podlab.errors import ConflictError, NotFoundError

RUN_ID = uuid.uuid4().hex[:6]


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kind", marks=pytest.mark.kind),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster; ``PODLAB_TEST_KIND=name`` (or ``…_EMBEDDED``) reuses one instead of making it."""
    driver = get(request.param)
    given = os.environ.get(f"PODLAB_TEST_{request.param.upper()}")
    if given:
        found = driver.find(given)
        assert found is not None, f"no {request.param} cluster named {given}"
        yield found
        return
    name = f"test-{RUN_ID}"
    made = driver.make(Profile(name=name))
    try:
        yield made
    finally:
        driver.stop(name)


@pytest.fixture(scope="session")
def client(cluster: Cluster) -> Client:
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
