"""One list of dependencies: pyproject.toml; environment.yml and constraints.txt follow it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_CONDA_FORGE = {"kubernetes": "python-kubernetes", "matplotlib": "matplotlib-base"}


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def test_conda_installs_what_pip_installs() -> None:
    """Same packages, same oldest versions, same Python; the package itself comes last, without surprises."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = requirements(
        [line for line in environment if isinstance(line, str) and line not in {"git", "pip"}]
    )
    wanted = {
        ON_CONDA_FORGE.get(name, name): one.specifier
        for name, one in requirements(PROJECT["dependencies"]).items()
    }

    assert conda.pop("python").specifier == PROJECT["requires-python"]
    assert {name: one.specifier for name, one in conda.items()} == wanted
    assert environment[-1] == {"pip": ["--editable ."]}


def test_every_dependency_is_pinned_and_the_pin_is_allowed() -> None:
    """
    A new dependency without a pin would make installs differ; a pin below the bound could not be installed.
    """
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in lines if line[0] != "#")  # type: ignore[union-attr]
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = requirements(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])

    assert sorted(wanted.keys() - pins.keys()) == []
    assert [name for name, one in wanted.items() if not one.specifier.contains(pins[name])] == []
