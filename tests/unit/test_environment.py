"""One list of dependencies: pyproject.toml; environment.yml and constraints.txt follow it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ON_CONDA_FORGE = {"kubernetes": "python-kubernetes", "matplotlib": "matplotlib-base"}


OLDEST_PYTHON = "3.11.0"  # the README says "Python 3.11 or newer"; Debian 12 has 3.11.2


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def pins() -> dict[str, str]:
    """Exact versions of ``constraints.txt``, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = (re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in lines if line[0] != "#")  # type: ignore[union-attr]
    return {canonicalize_name(name): version for name, version in found}


def test_conda_installs_what_pip_installs() -> None:
    """Same packages, same oldest versions, same Python; the package itself comes last, without surprises."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = requirements(
        [line for line in environment if isinstance(line, str) and line not in {"git", "pip"}]
    )
    wanted = {
        ON_CONDA_FORGE.get(name, name): one.specifier
        for name, one in requirements(PROJECT["dependencies"] + EXTRAS["jupyter"]).items()
    }

    assert conda.pop("python").specifier == PROJECT["requires-python"]
    assert {name: one.specifier for name, one in conda.items()} == wanted
    assert environment[-1] == {"pip": ["--editable ."]}


def test_the_pinned_conda_environment_takes_the_versions_that_were_tested() -> None:
    """Python is the release whose pins constraints.txt holds; pip reads the rest as lines of a requirements file."""
    environment = yaml.safe_load((ROOT / "environment-pinned.yml").read_text())["dependencies"]
    python, *others, by_pip = environment

    assert SpecifierSet(f"=={python.removeprefix('python=')}.*").contains(OLDEST_PYTHON)
    assert others == ["git", "pip"]
    assert by_pip == {"pip": ["--constraint constraints.txt", "--editable .[jupyter]"]}
    assert (ROOT / "constraints.txt").is_file()


def test_every_dependency_is_pinned_and_the_pin_is_allowed() -> None:
    """
    A new dependency without a pin would make installs differ; a pin below the bound could not be installed.
    """
    pinned = pins()
    wanted = requirements([*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)])
    del wanted["podlab"]  # podlab[dev] holds podlab[jupyter]

    assert sorted(wanted.keys() - pinned.keys()) == []
    assert [name for name, one in wanted.items() if not one.specifier.contains(pinned[name])] == []


def test_every_pin_can_be_installed_on_the_oldest_python_that_is_promised() -> None:
    """
    A pin may ask for a newer patch release of Python than the README does: then ``./start`` fails on machines that it
    promises to work on. What is installed here is asked, so nothing is downloaded.
    """
    pinned = pins()
    too_new = [
        f"{one.name}=={one.version} wants Python {one.metadata['Requires-Python']}"
        for one in distributions()
        if pinned.get(canonicalize_name(one.name)) == one.version
        and not SpecifierSet(one.metadata.get("Requires-Python", "")).contains(OLDEST_PYTHON)
    ]

    assert too_new == []
