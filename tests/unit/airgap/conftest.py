"""The build under clusters/airgap is no part of the package: put it where tests can import it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[3] / "clusters" / "airgap"
sys.path.insert(0, str(RECIPE))


@pytest.fixture
def recipe() -> Path:
    """The folder clusters/airgap."""
    return RECIPE
