"""
Images of the labs that this machine cannot make, and what to do; asks no network.

A part that was downloaded or built before is no obstacle, nor is one that pip, apt or Go may fetch.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from importlib.util import find_spec
from typing import NamedTuple

from podlab.images import builder, debs, golang, wheels
from podlab.images.recipes import ImagePart, Recipes

_ELSEWHERE = (
    "build on such a machine, and copy the files that `podlab images build` prints: podlab images --load FILE"
)


class Obstacle(NamedTuple):
    """Why an image cannot be built here, and one thing to do about it."""

    image: str
    why: str
    repair: str


class Machine(NamedTuple):
    """The programs and files that building depends on; `here` fills it from this machine."""

    system: str = "linux"
    architecture: str = "x86_64"
    glibc_minor: int | None = 36
    has_pip: bool = True
    has_apt: bool = True
    has_go: bool = True
    debian: str = debs.RELEASE


def here() -> Machine:
    """Look at this machine."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    name = "CS_GNU_LIBC_VERSION"
    libc = re.fullmatch(r"glibc 2\.(\d+).*", (os.confstr(name) if name in os.confstr_names else None) or "")
    return Machine(
        system=sys.platform,
        architecture=platform.machine(),
        glibc_minor=int(libc[1]) if libc else None,
        has_pip=find_spec("pip") is not None,
        has_apt=bool(shutil.which("apt-get") and shutil.which("dpkg-deb")),
        has_go=shutil.which("go") is not None,
        debian=release.get("VERSION_CODENAME", release.get("ID", "unknown")),
    )


def find(known: Recipes, machine: Machine) -> list[Obstacle]:
    """Return one obstacle for each image that has one; none for what has been built already."""
    found = []
    for image in known.images.values():
        if builder.archive_of(image, known) is None:
            whys = (_of_part(part, machine) for part in known.parts_of(image))
            why = next((one for one in whys if one), None)
            found += [Obstacle(image.name, *why)] if why else []
    return found


def _of_part(part: ImagePart, machine: Machine) -> tuple[str, str] | None:
    if (machine.system, machine.architecture) != ("linux", "x86_64"):
        return f"built on x86_64 Linux only, and this is {machine.architecture} {machine.system}", _ELSEWHERE
    return {"wheel": _of_wheel, "deb": _of_deb, "go": _of_go}[part.origin](part, machine)


def _of_wheel(part: ImagePart, machine: Machine) -> tuple[str, str] | None:
    oldest = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)", part.file)]
    if "musllinux" not in part.file and oldest and (machine.glibc_minor or 0) < min(oldest):
        return f"{part.name} needs glibc 2.{min(oldest)} or newer", "use a newer Linux, such as Debian 12"
    if not machine.has_pip and not wheels.is_here(part):
        return f"{part.name} is not installed, and pip is missing", "python -m ensurepip, or ./start again"
    return None


def _of_deb(part: ImagePart, machine: Machine) -> tuple[str, str] | None:
    if debs.is_here(part):
        return None
    if not machine.has_apt:
        return f"{part.name} is a Debian package, and apt-get is missing", _ELSEWHERE
    if machine.debian != debs.RELEASE:
        return (
            f"{part.name} {part.version} is of Debian {debs.RELEASE}, and this is {machine.debian}",
            _ELSEWHERE,
        )
    return None


def _of_go(part: ImagePart, machine: Machine) -> tuple[str, str] | None:
    if machine.has_go or golang.is_here(part):
        return None
    return (
        f"{part.name} is built with Go, which is not installed",
        "install Go 1.26 or newer and put it on PATH",
    )
