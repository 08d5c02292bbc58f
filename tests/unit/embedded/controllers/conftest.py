"""The cluster that the tests of controllers run on."""

from __future__ import annotations

import pytest
from plane import Cluster


@pytest.fixture
def cluster():
    return Cluster()
