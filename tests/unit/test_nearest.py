"""Near misses of names."""

from __future__ import annotations

import subprocess
import sys

from podlab.nearest import POSSIBLE, nearest


def test_a_slip_of_the_keyboard_finds_the_name() -> None:
    """The most alike of several; none where all are too different."""
    known = {"kind": 1, "context": 2, "embedded": 3}

    assert nearest("knd", known) == "kind"
    assert nearest("embeded", known) == "embedded"
    assert nearest("docker", known) is None
    assert nearest("kind", ()) is None


def test_a_lower_likeness_accepts_a_farther_name() -> None:
    """Among few names a vague hint is better than none."""
    assert nearest("app", ["application"]) is None
    assert nearest("app", ["application"], POSSIBLE) == "application"


def test_no_command_loads_difflib_before_it_fails() -> None:
    """The module is for errors: a command that succeeds does not wait for it."""
    code = (
        "import sys, podlab.cli.parser, podlab.cli.lookup, podlab.drivers; sys.exit('difflib' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
