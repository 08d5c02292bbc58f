"""
Programs from Debian packages, downloaded by apt and unpacked without being installed; root is not needed.

apt checks a package against the archive's signed list, and the recipe names its SHA-256 as well: a machine of another
Debian release offers other versions, and those have not been tried.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from podlab.errors import BuildError
from podlab.images import cache, running, wheels
from podlab.images.cache import Progress
from podlab.images.recipes import Part

RELEASE = "bookworm"
"""The Debian release whose packages the recipes name."""


def unpack(part: Part, root: Path, progress: Progress) -> None:
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


def is_here(part: Part) -> bool:
    """Tell whether the package was downloaded: then no network is needed."""
    return (cache.folder() / "downloads" / part.file).exists()


def fetch(part: Part, progress: Progress) -> Path:
    """Return the package's file, downloaded by apt if need be. Raises BuildError."""
    target = cache.folder() / "downloads" / part.file
    if target.exists() and cache.sha256(target) == part.sha256:
        return target
    running.need("apt-get", f"the Debian package {part.name}", "use a machine with Debian or Ubuntu")
    progress(f"downloading {part.file}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with cache.scratch() as work:
        work.chmod(0o755)  # apt downloads as a user of its own
        running.run(
            ["apt-get", "download", "--quiet", f"{part.name}={part.version}"],
            f"the Debian package {part.name} {part.version} could not be downloaded",
            f"sudo apt-get update; apt-cache policy {part.name} (another version: another Debian, not tried)",
            cwd=work,
        )
        found = next(work.glob("*.deb"))
        wheels.check(part, found)
        shutil.move(found, target)
    return target


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, part: Part, root: Path) -> None:
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
