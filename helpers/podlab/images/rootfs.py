"""
The files of an image: a shell and small programs, the parts, the recipe's own files, and the libraries that all need.

Small programs are those of the embedded cluster's toolbox (busybox where this machine has one), without the ones that
are written in Python. Libraries that no part brings are this machine's own, as ``ldd`` names them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from podlab.embedded.images import toolbox
from podlab.errors import BuildError
from podlab.images import debs, golang, recipes, running, wheels
from podlab.images.cache import Progress
from podlab.images.recipes import ImagePart, ImageRecipe

_UNPACK = {"wheel": wheels.unpack, "deb": debs.unpack, "go": golang.unpack}
_OPENED_LATER = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")
"""
Opened by the C library while it runs, so ldd does not name them: for names, and for ending a thread.

Without the last one rsyslogd aborts at each SIGTERM.
"""

_FOLDERS = {
    "tmp": 0o1777,
    "var/tmp": 0o1777,
    "run": 0o1777,
    "root": 0o700,
    "home": 0o755,
    "proc": 0o755,
    "etc": 0o755,
}


def fill(root: Path, image: ImageRecipe, parts: Sequence[ImagePart], progress: Progress) -> None:
    """
    Make the image's files below the empty folder *root*.

    Raises:
        BuildError: A part cannot be had, or a library is missing on this machine.
    """
    _put_toolbox(root)
    for part in parts:
        _put_part(root, part, image.parts[part.name], progress)
    _put_own(root, image)
    _put_libraries(root)


def identity() -> list[str]:
    """Return what of this machine goes into every image: the C library's version, and the small programs."""
    busybox = toolbox.find_busybox()
    name = "CS_GNU_LIBC_VERSION"
    libc = os.confstr(name) if name in os.confstr_names else None
    stamp = f"{busybox.stat().st_size} {busybox.stat().st_mtime_ns}" if busybox else "host programs"
    return [libc or "unknown C library", os.uname().machine, stamp]


def _put_toolbox(root: Path) -> None:
    target = root / "bin"
    target.mkdir()
    box = toolbox.build().folder
    for source in sorted(box.iterdir()):
        if source.is_symlink():
            (target / source.name).symlink_to(source.readlink())
        elif not _is_script(source):
            shutil.copy2(source, target / source.name)
        elif (box / "busybox").exists():
            (target / source.name).symlink_to("busybox")
    link(root / "usr/bin/env", "/bin/env")


def _put_part(root: Path, part: ImagePart, chosen: Sequence[str], progress: Progress) -> None:
    """Unpack *part*; where only some paths are wanted, beside, and move those."""
    if not chosen:
        _UNPACK[part.origin](part, root, progress)
        return
    beside = root.with_name(f"all of {part.name}")
    _UNPACK[part.origin](part, beside, progress)
    for name in chosen:
        if not (beside / name).exists():
            raise BuildError(
                f"{part.name} {part.version} does not contain {name}", hint="look at clusters/images.yaml"
            )
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).rename(root / name)
    shutil.rmtree(beside)


def _put_own(root: Path, image: ImageRecipe) -> None:
    modes = _FOLDERS | {name: int(mode, 8) for name, mode in image.folders.items()}
    for name, mode in modes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    for name, source in image.files.items():
        wheels.write(root / name, (recipes.FOLDER / source).read_bytes())
    for name, target in image.links.items():
        link(root / name, target)
    users = {"root": 0, "nobody": 65534, **image.users}
    passwd = "".join(f"{name}:x:{number}:{number}::/tmp:/bin/sh\n" for name, number in users.items())
    groups = "".join(f"{name}:x:{number}:\n" for name, number in users.items())
    wheels.write(root / "etc/passwd", passwd.encode())
    wheels.write(root / "etc/group", groups.encode())
    wheels.write(root / "etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")


def link(path: Path, target: str) -> None:
    """Make a symbolic link, in place of one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _put_libraries(root: Path) -> None:
    for name in sorted(_needed(root)):
        path = Path(name)
        for library in (path, *(path.parent / one for one in _OPENED_LATER if path.name == "libc.so.6")):
            place = root / str(library).lstrip("/")
            if library.exists() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(library.resolve(), place)
                place.chmod(0o755)


def _needed(root: Path) -> set[str]:
    """Return the libraries of this machine that programs below *root* are linked to, the loader among them."""
    programs = [str(path) for path in _elf_files(root)]
    if not programs:
        return set()
    ldd = running.need(
        "ldd", "an image with linked programs", "install your system's C library tools (libc-bin)"
    )
    own = [str(path) for path in (root / "usr/lib", root / "lib") if path.is_dir()]
    places = ":".join(str(path.parent) for one in own for path in Path(one).rglob("*.so*"))
    done = subprocess.run(
        [ldd, *programs],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ.get("PATH", ""),
            "LD_LIBRARY_PATH": ":".join(dict.fromkeys(places.split(":"))),
        },
    )
    return libraries(done.stdout, str(root))


def libraries(said: str, root: str) -> set[str]:
    """
    Return what ``ldd`` names outside of *root*.

    Raises:
        BuildError: It did not find a library.
    """
    missing = sorted(set(re.findall(r"^\s*(\S+) => not found", said, re.M)))
    if missing:
        raise BuildError(
            f"this machine has no {', '.join(missing)}",
            cause="ldd does not find a library that a program of the image needs",
            hint=f"apt-file search {missing[0]}   (names the package), or use Debian 12",
        )
    found = re.findall(r"^\s*(?:\S+ => )?(/\S+) \(0x", said, re.M)
    return {name for name in found if not name.startswith(root + "/")}


def _elf_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
