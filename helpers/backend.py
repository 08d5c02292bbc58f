"""
The build backend of podlab (PEP 517 and 660): setuptools for wheels, and an editable install without it.

``./start`` installs podlab as editable, and everything else waits for that at the end. setuptools has to be fetched
for it, is started twice, and takes three processor seconds; the result is a wheel of a few small files, one of which
names this folder. Here they are written directly. Wheels and source distributions are setuptools' (see ``packing``).
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
SETUPTOOLS = ["setuptools>=69"]
_WHEEL = "Wheel-Version: 1.0\nGenerator: podlab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

Settings = Mapping[str, Any] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Return what a wheel is built with."""
    return SETUPTOOLS


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Return what a source distribution is built with."""
    return SETUPTOOLS


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Return nothing: an editable install needs no other package."""
    return []


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Write a wheel and return its name."""
    from setuptools import build_meta

    return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Write a source distribution and return its name."""
    from setuptools import build_meta

    return str(build_meta.build_sdist(sdist_directory, config_settings))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Write a wheel that leads to this working tree, and return its name."""
    settings = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    stem = f"{settings['project']['name']}-{settings['project']['version']}"
    name = f"{stem}-0.editable-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in _files(stem, settings):
            archive.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(data)}\n"
        record_path = f"{stem}.dist-info/RECORD"
        archive.writestr(record_path, f"{record}{record_path},,\n")
    return name


def _files(stem: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of the wheel, but RECORD."""
    project, info = settings["project"], f"{stem}.dist-info"
    yield f"__editable__.{stem}.pth", f"{TOP / 'helpers'}\n".encode()
    for target, patterns in settings["tool"]["setuptools"]["data-files"].items():
        for path in sorted(path for pattern in patterns for path in TOP.glob(pattern)):
            yield f"{stem}.data/data/{target}/{path.name}", path.read_bytes()
    for license_file in project["license-files"]:
        yield f"{info}/licenses/{license_file}", (TOP / license_file).read_bytes()
    scripts = "".join(f"{name} = {where}\n" for name, where in project["scripts"].items())
    yield f"{info}/entry_points.txt", f"[console_scripts]\n{scripts}".encode()
    yield f"{info}/METADATA", metadata(project).encode()
    yield f"{info}/WHEEL", _WHEEL.encode()


def metadata(project: Mapping[str, Any]) -> str:
    """Return the core metadata (version 2.4) of ``[project]``, its README included."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        "Description-Content-Type: text/markdown",
        *(f"License-File: {name}" for name in project["license-files"]),
        *(f"Requires-Dist: {line}" for line in project["dependencies"]),
    ]
    for extra, requirements in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_of_extra(line, extra)}" for line in requirements]
    return "\n".join(lines) + "\n\n" + (TOP / project["readme"]).read_text("utf-8")


def _of_extra(requirement: str, extra: str) -> str:
    what, _, marker = (part.strip() for part in requirement.partition(";"))
    return f'{what}; ({marker}) and extra == "{extra}"' if marker else f'{what}; extra == "{extra}"'
