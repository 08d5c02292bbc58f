"""
Programs built from Go modules: ``clusters/images/NAME`` holds a main module with its ``go.mod`` and ``go.sum``.

The build is read-only and static; every module that is downloaded is checked against ``go.sum``. A program is kept in
the cache under the hash of its module, so a changed recipe of an image does not build it again.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from podlab.errors import BuildError
from podlab.images import cache, recipes, running, wheels
from podlab.images.cache import Progress
from podlab.images.recipes import ImagePart

_KEPT = "files"
_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOOS": "linux",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def key(part: ImagePart) -> str:
    """Return the name of the program's folder in the cache."""
    facts: list[object] = [cache.tree(recipes.FOLDER / part.source), part.version, part.package, part.stamp]
    return f"go-{part.name}-{cache.digest([*facts, dict(part.keep)] if part.keep else facts)}"


def is_here(part: ImagePart) -> bool:
    """Tell whether the program has been built."""
    return cache.finished(key(part)) is not None


def program(part: ImagePart, progress: Progress) -> Path:
    """
    Return the program in the cache, built first if need be. It is static, so this machine can run it too.

    Raises:
        BuildError: There is no Go, a module cannot be had, or the build fails.
    """
    built = key(part)
    if cache.finished(built) is None:
        _build(part, built, progress)
    return cache.folder() / built / part.name


def unpack(part: ImagePart, root: Path, progress: Progress) -> None:
    """
    Put the program at ``/usr/local/bin/NAME`` below *root*, and beside it the files that are kept of its modules.

    Raises:
        BuildError: As `program` does.
    """
    built = program(part, progress)
    target = root / "usr/local/bin" / part.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(built, target)
    target.chmod(0o755)
    if part.keep:
        shutil.copytree(built.parent / _KEPT, root, dirs_exist_ok=True)


def _build(part: ImagePart, built: str, progress: Progress) -> None:
    go = running.need("go", f"{part.name} {part.version}", "install Go 1.26 or newer and put it on PATH")
    progress(f"compiling {part.name} {part.version}")
    with cache.making(built) as (work, _notes), cache.scratch() as copy:
        module = copy / "module"
        shutil.copytree(recipes.FOLDER / part.source, module)
        linker = f"-s -w -X {part.stamp}={part.version}" if part.stamp else "-s -w"
        compiled = PackageCounter(f"compiling {part.name} {part.version}", progress)
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
        for source, place in part.keep.items():
            path = _file_of_module(go, source, module)
            wheels.write(work / _KEPT / place, path.read_bytes())


def _file_of_module(go: str, source: str, main: Path) -> Path:
    """
    Return the file *source*, ``example.org/module/file``, of a module that the main module requires.

    Raises:
        BuildError: No such module, or no such file in it.
    """
    failure, hint = f"the file {source} could not be had", "look at clusters/images.yaml"
    name = module_of(source, (main / "go.mod").read_text())
    command = [go, "list", "-m", "-f", "{{.Dir}}", name or source]
    folder = running.run(command, failure, hint, cwd=main, env=_ENVIRONMENT)[-1]
    path = Path(folder) / source.removeprefix(f"{name}/")
    if not path.is_file():
        raise BuildError(failure, cause=f"{name} has no such file", hint=hint)
    return path


def module_of(source: str, go_mod: str) -> str:
    """Return the longest path of a module in the text *go_mod* that *source* lies below; empty without one."""
    names = re.findall(r"^\s*(?:require )?(\S+) v\d", go_mod, re.M)
    return max((name for name in names if source.startswith(f"{name}/")), key=len, default="")


class PackageCounter:
    """Says every hundred lines how many packages a compiler has finished."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what, self._progress, self._count = what, progress, 0

    def __call__(self, _line: str) -> None:
        self._count += 1
        if self._count % 100 == 0:
            self._progress(f"{self._what}: {self._count} packages")
