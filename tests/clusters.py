"""
The clusters that tests run on: made for the session, or given.

A test that takes ``cluster`` runs once on the embedded cluster and once on kind; ``-m embedded`` or ``-m kind``
chooses. ``PODLAB_TEST_KIND=name`` (or ``PODLAB_TEST_EMBEDDED``) names one that runs already, and stays.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from podlab.drivers import Cluster, Profile, get

RUN_ID = uuid.uuid4().hex[:6]


@contextmanager
def own(driver: str, purpose: str) -> Iterator[Cluster]:
    """Make a cluster with a name that begins with *purpose*; it is stopped at the end of the block."""
    found = get(driver)
    made = found.make(Profile(name=f"{purpose}-{RUN_ID}"))
    try:
        yield made
    finally:
        found.stop(made.name)


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kind", marks=pytest.mark.kind),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster, one for the whole session."""
    given = os.environ.get(f"PODLAB_TEST_{request.param.upper()}")
    if given:
        found = get(request.param).find(given)
        assert found is not None, f"no {request.param} cluster named {given}"
        yield found
        return
    with own(request.param, "test") as made:
        yield made
