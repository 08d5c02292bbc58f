"""
The cluster that the pages are run on.

``PODLAB_CLUSTER`` names one that runs already and stays; else one is made for the session, by the driver that
``PODLAB_DRIVER`` names or the machine allows, and stopped afterwards.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podlab import drivers

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The name of a running cluster."""
    given = os.environ.get("PODLAB_CLUSTER")
    if given:
        yield drivers.make(given).name
        return
    name = f"pages-{uuid.uuid4().hex[:6]}"
    made = drivers.make(name)
    try:
        yield made.name
    finally:
        drivers.stop(name)
