"""The shape of the package: what ``import podlab`` costs, which names it offers, how its errors read."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import pytest

import podlab
from podlab import errors

ERRORS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.PodlabError)
]


def test_import_loads_nothing_third_party():
    """Only the standard library and podlab itself are loaded by ``import podlab``."""
    code = (
        "import sys; before = set(sys.modules); import podlab; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert found == "['podlab']"


def test_public_names_are_sorted_and_can_be_fetched():
    """``__all__`` is complete, sorted, and each name leads to an object."""
    assert podlab.__all__ == sorted(podlab._HOMES)
    for name in podlab.__all__:
        assert getattr(podlab, name) is getattr(importlib.import_module(podlab._HOMES[name]), name)


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = podlab.opne


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_survives_pickling(kind):
    """An error that crossed a process boundary still has its three lines."""
    error = kind("it broke", cause="a reason", hint="a command")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is kind
    assert str(copy) == "it broke\n  why: a reason\n  try: a command"


def test_the_drawn_tree_names_every_error():
    """The tree in the module docstring is complete."""
    for kind in ERRORS:
        assert kind.__name__ in (errors.__doc__ or "")


def test_exit_codes_are_those_of_a_family():
    """Each branch of the tree has an exit code of its own; its leaves share it."""
    branches = [kind for kind in ERRORS if errors.PodlabError in kind.__bases__]

    codes = [kind.exit_code for kind in branches]
    assert len(set(codes)) == len(codes)
    assert 1 not in codes
