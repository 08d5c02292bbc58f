"""
The clusters that tests run on: made for the session, or given.

A test that takes ``cluster`` runs once on the embedded cluster and once on kind; ``-m embedded`` or ``-m kind``
chooses. ``PODLAB_TEST_KIND=name`` (or ``PODLAB_TEST_EMBEDDED``) names one that runs already, and stays.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from podlab.drivers import Cluster, Profile, get

RUN_ID = uuid.uuid4().hex[:6]


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kind", marks=pytest.mark.kind),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster, one for the whole session."""
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
