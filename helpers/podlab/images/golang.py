"""
Programs built from Go modules: ``clusters/images/NAME`` holds a main module with its ``go.mod`` and ``go.sum``.

The build is read-only and static; every module that is downloaded is checked against ``go.sum``. A program is kept in
the cache under the hash of its module, so a changed recipe of an image does not build it again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from podlab.images import cache, recipes, running
from podlab.images.cache import Progress
from podlab.images.recipes import Part

_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOOS": "linux",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def key(part: Part) -> str:
    """Return the name of the program's folder in the cache."""
    module = cache.tree(recipes.FOLDER / part.name)
    return f"go-{part.name}-{cache.digest([module, part.version, part.package, part.stamp])}"


def is_here(part: Part) -> bool:
    """Tell whether the program has been built."""
    return cache.finished(key(part)) is not None


def unpack(part: Part, root: Path, progress: Progress) -> None:
    """
    Put the program at ``/usr/local/bin/NAME`` below *root*, building it first if need be.

    Raises:
        BuildError: There is no Go, a module cannot be had, or the build fails.
    """
    built = key(part)
    if cache.finished(built) is None:
        _build(part, built, progress)
    target = root / "usr/local/bin" / part.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cache.folder() / built / part.name, target)
    target.chmod(0o755)


def _build(part: Part, built: str, progress: Progress) -> None:
    go = running.need("go", f"{part.name} {part.version}", "install Go 1.26 or newer and put it on PATH")
    progress(f"compiling {part.name} {part.version}")
    with cache.making(built) as (work, _notes), cache.scratch() as copy:
        module = copy / "module"
        shutil.copytree(recipes.FOLDER / part.name, module)
        linker = f"-s -w -X {part.stamp}={part.version}" if part.stamp else "-s -w"
        compiled = Counted(f"compiling {part.name} {part.version}", progress)
        running.run(
            [
                "nice",
                go,
                "build",
                "-v",
                "-trimpath",
                "-ldflags",
                linker,
                "-o",
                str(work / part.name),
                part.package,
            ],
            f"{part.name} {part.version} could not be built",
            "403 means that the module mirror does not serve a version; otherwise run it again: it goes on",
            cwd=module,
            env=_ENVIRONMENT,
            progress=compiled,
        )


class Counted:
    """Says every hundred lines how many packages a compiler has finished."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what, self._progress, self._count = what, progress, 0

    def __call__(self, _line: str) -> None:
        self._count += 1
        if self._count % 100 == 0:
            self._progress(f"{self._what}: {self._count} packages")
