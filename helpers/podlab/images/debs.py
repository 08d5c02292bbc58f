"""
Programs from Debian packages, downloaded by apt and unpacked without being installed; root is not needed.

apt checks a package against the archive's signed list, and the recipe names its SHA-256 as well. Debian replaces a
package when it mends a fault of it; then the later revision of the same version is taken, which apt alone has checked.
Few packages are mended by a newer version of the same series, OpenSSL is; their recipe names the series.
A machine of another Debian release offers other versions; those have not been tried, and are refused.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import unquote

from podlab.errors import BuildError
from podlab.images import cache, running, wheels
from podlab.images.cache import Progress
from podlab.images.recipes import ImagePart

RELEASE = "bookworm"
"""The Debian release whose packages the recipes name."""


def unpack(part: ImagePart, root: Path, progress: Progress) -> None:
    """
    Put the files that are kept of *part* below *root*.

    Raises:
        BuildError: The package cannot be had in this version, or its checksum differs.
    """
    package = fetch(part, progress)
    command = [running.need("dpkg-deb", f"the package {part.name}", "use a machine with Debian or Ubuntu")]
    done = subprocess.run([*command, "--fsys-tarfile", str(package)], capture_output=True, check=False)
    if done.returncode:
        raise BuildError(
            f"{package.name} could not be unpacked", cause=done.stderr.decode(errors="replace").strip()
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        for member in tar:
            _place(tar, member, part, root)


def is_here(part: ImagePart) -> bool:
    """Tell whether the package was downloaded: then no network is needed."""
    return _downloaded(part) is not None


def fetch(part: ImagePart, progress: Progress) -> Path:
    """
    Return the package's file, downloaded by apt if need be.

    Raises:
        BuildError: apt has neither this version nor a later Debian revision of it, or a checksum differs.
    """
    found = _downloaded(part)
    if found is not None:
        return found
    running.need("apt-get", f"the Debian package {part.name}", "use a machine with Debian or Ubuntu")
    progress(f"downloading {part.file}")
    target = cache.folder() / "downloads"
    target.mkdir(parents=True, exist_ok=True)
    with cache.scratch() as work:
        work.chmod(0o755)  # apt downloads as a user of its own
        try:
            package = _download(part, work, f"{part.name}={part.version}")
        except BuildError as error:
            package = _later_revision(part, work, error)
        if package.name == part.file:
            wheels.check(part, package)
        else:
            progress(
                f"{part.name}: {package.name} in place of {part.version}, checked by apt's signed list alone"
            )
        beside = target / f".{package.name}.{os.getpid()}"
        shutil.move(package, beside)  # apt's own user owns it until here
        return beside.replace(target / package.name)


def upstream(version: str) -> str:
    """Return the version without Debian's epoch and revision: ``2.39.5`` of ``1:2.39.5-0+deb12u3``."""
    return version.rpartition(":")[2].rpartition("-")[0]


def stands_in(part: ImagePart, version: str) -> bool:
    """Tell whether a package of *version* may take the place of the recipe's: a revision of it, or of its series."""
    if part.series:
        return upstream(version).startswith(part.series)
    return upstream(version) == upstream(part.version)


def _downloaded(part: ImagePart) -> Path | None:
    """Return the file of the recipe; else a later revision, which apt has checked when it was downloaded."""
    folder = cache.folder() / "downloads"
    exact = folder / part.file
    if exact.exists() and cache.sha256(exact) == part.sha256:
        return exact
    others = sorted(path for path in folder.glob(f"{part.name}_*.deb") if path != exact)
    same = [path for path in others if stands_in(part, _version_of(path))]
    return same[-1] if same else None


def _version_of(package: Path) -> str:
    return unquote(package.name.split("_")[1])


def _download(part: ImagePart, work: Path, wanted: str) -> Path:
    running.run(
        ["apt-get", "download", "--quiet", wanted],
        f"the Debian package {part.name} {part.version} could not be downloaded",
        f"sudo apt-get update; apt-cache policy {part.name} (another version: another Debian, not tried)",
        cwd=work,
    )
    return next(work.glob("*.deb"))


def _later_revision(part: ImagePart, work: Path, error: BuildError) -> Path:
    """Return what Debian offers now: a security fix takes the place of the revision that the recipe names."""
    package = _download(part, work, part.name)
    if not stands_in(part, _version_of(package)):
        raise error
    return package


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, part: ImagePart, root: Path) -> None:
    place = wheels.placed(member.name.removeprefix("./"), part.keep)
    if place is None or ".." in place.split("/"):
        return
    path = root / place
    if member.issym():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(member.linkname)
    elif member.isfile() or member.islnk():
        source = tar.extractfile(member)
        assert source is not None
        wheels.write(path, source.read())
