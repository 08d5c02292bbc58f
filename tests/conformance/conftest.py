"""The clusters that scenarios run on: made here, or given by ``PODLAB_TEST_KIND`` / ``PODLAB_TEST_EMBEDDED``."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podlab.drivers import Cluster, Profile, get

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kind", marks=pytest.mark.kind),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster."""
    driver = get(request.param)
    given = os.environ.get(f"PODLAB_TEST_{request.param.upper()}")
    if given:
        found = driver.find(given)
        assert found is not None, f"no {request.param} cluster named {given}"
        yield found
        return
    name = f"conformance-{uuid.uuid4().hex[:6]}"
    made = driver.make(Profile(name=name))
    try:
        yield made
    finally:
        driver.stop(name)
