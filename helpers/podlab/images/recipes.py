"""
``clusters/images.yaml``, read and checked: the parts that images are made of, and the images.

A part is one download (a wheel, a Debian package) or one program built from Go modules, with its version and the
SHA-256 of what is downloaded. An image names its parts and says how it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from podlab import paths
from podlab.errors import BuildError
from podlab.nearest import POSSIBLE, nearest

FOLDER = paths.shipped("clusters/images")
FILE = FOLDER.with_suffix(".yaml")
ORIGINS = ("wheel", "deb", "go")


@dataclass(frozen=True)
class ImagePart:
    """
    Something that programs come from.

    Args:
        name: The package's own name in its registry; for ``go`` the name of the program.
        origin: ``wheel``, ``deb`` or ``go``.
        version: As the registry writes it.
        file: Name of the download; ``go`` has none.
        sha256: Of the download; for ``go``, ``go.sum`` checks every module.
        files_sha256: wheel: of all files kept, so that an installed wheel can be checked too.
        keep: wheel, deb: path in the package, and the path in the image at which it comes to lie;
            go: the path begins with that of a module, ``example.org/module/file``.
        series: deb: what a security fix may change the version to begins so, such as ``3.0.``; empty: the same version.
        package: go: the package that is built, in the module of ``clusters/images/NAME``.
        stamp: go: the variable that the linker sets to the version.
        module: go: that NAME where several programs come from one module; otherwise it is the part's name.
    """

    name: str
    origin: str
    version: str
    file: str = ""
    sha256: str = ""
    files_sha256: str = ""
    keep: Mapping[str, str] = field(default_factory=dict)
    series: str = ""
    package: str = ""
    stamp: str = ""
    module: str = ""

    @property
    def source(self) -> str:
        """The folder of ``clusters/images`` that holds the main module of a Go program."""
        return self.module or self.name


@dataclass(frozen=True)
class ImageRecipe:
    """
    One image.

    Args:
        name: As manifests write it, such as ``podlab-postgres:18``.
        says: What it really is, in one line.
        parts: Names of parts, each with the paths in the image to take of it; none means all of it.
        files: Path in the image, and the file of ``clusters/images`` that comes to lie there.
        links: Path in the image, and what the symbolic link there points at.
        folders: Path in the image, and its mode, such as ``1777``.
        users: Lines of ``/etc/passwd`` beyond root and nobody: name, and number.
        user: ``UID:GID`` that containers run as; empty for root.
        entrypoint, command, environment: As in a Dockerfile.
        mib: Rough size of the finished archive.
        minutes: How long the first build takes where that is long (Go); 0 for seconds.
    """

    name: str
    says: str
    parts: Mapping[str, Sequence[str]]
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, int] = field(default_factory=dict)
    user: str = ""
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mib: int = 0
    minutes: int = 0


@dataclass(frozen=True)
class Recipes:
    """The whole file."""

    parts: Mapping[str, ImagePart]
    images: Mapping[str, ImageRecipe]

    def find(self, name: str) -> ImageRecipe:
        """
        Return the image called *name*; ``postgres``, ``podlab-postgres`` and ``podlab-postgres:18`` are the same.

        Raises:
            BuildError: There is no such image; the hint names the nearest.
        """
        for full, image in self.images.items():
            bare = full.partition(":")[0]
            if name in (full, bare, bare.removeprefix("podlab-")):
                return image
        near = nearest(name, self.images, POSSIBLE)
        raise BuildError(
            f"podlab has no recipe for an image {name!r}",
            cause=f"recipes: {', '.join(self.images)}",
            hint=f"podlab images build {near}" if near else "podlab images build   (lists them)",
        )

    def parts_of(self, image: ImageRecipe) -> list[ImagePart]:
        """Return the parts of *image*, in the order of the file."""
        return [self.parts[name] for name in image.parts]


def load(file: Path = FILE) -> Recipes:
    """
    Read the recipes.

    Raises:
        BuildError: The file is not there (podlab without its repository), or something in it is not right.
    """
    import yaml

    if not file.exists():
        raise BuildError(
            "the recipes of the labs' images are in podlab's repository, which is missing here",
            cause=f"{file} does not exist",
            hint="clone the repository and run ./start there",
        )
    raw = yaml.load(file.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    parts = {name: _make(ImagePart, name, row, file) for name, row in raw["parts"].items()}
    images = {name: _make(ImageRecipe, name, row, file) for name, row in raw["images"].items()}
    for part in parts.values():
        _check_part(part, file)
    for image in images.values():
        if missing := [name for name in image.parts if name not in parts]:
            raise _wrong(file, image.name, f"it names parts that are not there: {', '.join(missing)}")
    return Recipes(parts, images)


Row = TypeVar("Row", ImagePart, ImageRecipe)


def _make(kind: type[Row], name: str, row: dict[str, Any], file: Path) -> Row:
    unknown = set(row) - {one.name for one in fields(kind)} | ({"name"} & set(row))
    if unknown:
        raise _wrong(file, name, f"unknown keys: {', '.join(sorted(unknown))}")
    try:
        return kind(name=name, **row)
    except TypeError as error:
        raise _wrong(file, name, str(error).partition("__init__() ")[2] or str(error)) from error


def _check_part(part: ImagePart, file: Path) -> None:
    if part.origin not in ORIGINS:
        raise _wrong(file, part.name, f"origin {part.origin!r}: it is one of {', '.join(ORIGINS)}")
    wanted = {"wheel": ("file", "sha256", "files_sha256", "keep"), "deb": ("file", "sha256", "keep")}
    missing = [key for key in wanted.get(part.origin, ("package",)) if not getattr(part, key)]
    if missing:
        raise _wrong(file, part.name, f"missing: {', '.join(missing)}")


def _wrong(file: Path, name: str, why: str) -> BuildError:
    return BuildError(
        f"{file.name}: {name} is invalid", cause=why, hint="the top of that file lists the keys"
    )
