"""Real processes: these tests need Linux with user namespaces, and say so where there are none."""

from __future__ import annotations

import functools

import pytest

from podlab.embedded.sandbox.machine import namespaces_work


@functools.cache
def _refusal() -> str:
    return namespaces_work()


@pytest.fixture(autouse=True)
def _needs_namespaces() -> None:
    if _refusal():
        pytest.skip(f"no namespaces here: {_refusal()}")
