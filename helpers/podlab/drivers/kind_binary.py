"""
Find the ``kind`` program, or install it for this user alone where Go can build it.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from podlab import airgap, paths
from podlab.drivers import process
from podlab.drivers.base import Progress, silent
from podlab.errors import DriverError
from podlab.files import make_folder

VERSION = "v0.33.0"
MODULE = f"sigs.k8s.io/kind@{VERSION}"
DEFAULT_IMAGE = "kindest/node:v1.37.0"
"""The node image that this version of kind takes by default (without its digest)."""

OLDEST = (0, 24)
"""kind versions from this one on know all that our configs say."""


def find() -> Path | None:
    """
    Return the kind on PATH, else the one that podlab installed, else one that ``go install`` left, else
    None.
    """
    on_path = shutil.which("kind")
    if on_path:
        return Path(on_path)
    go_bin = Path(os.environ.get("GOBIN") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin")
    built = airgap.programs().get("kind")
    candidates = [*([built] if built else []), paths.cache_folder() / "bin" / "kind", go_bin / "kind"]
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def version(program: Path) -> str | None:
    """Return what ``kind version`` says, such as ``v0.33.0``, or None."""
    words = process.run([str(program), "version"], timeout_s=10)[1].split()
    return words[1] if len(words) > 1 and words[0] == "kind" else None


def find_or_install(progress: Progress = silent, *, deadline_s: float = 600.0) -> Path:
    """
    Return the kind program; install it with ``go install`` into podlab's own cache folder if absent.

    Raises:
        DriverError: There is none, and no Go to build it with.
    """
    found = find()
    if found:
        return found
    go = shutil.which("go")
    if not go:
        raise DriverError(
            "kind is not installed, and building it needs Go, which is not installed either",
            cause="looked on PATH, in podlab's cache folder and in Go's bin folder",
            hint=f"install kind {VERSION} (https://kind.sigs.k8s.io), or: podlab up --driver embedded",
        )
    return _install(go, progress, deadline_s)


def _install(go: str, progress: Progress, deadline_s: float) -> Path:
    target = paths.cache_folder() / "bin"
    make_folder(target, 0o755)
    progress(f"installing kind {VERSION} with go install (half a minute the first time)")
    began = time.monotonic()
    env = {**os.environ, "GOBIN": str(target), "GOFLAGS": "-trimpath"}
    code, lines = process.stream([go, "install", MODULE], lambda _line: None, deadline_s=deadline_s, env=env)
    if code:
        raise DriverError(
            f"kind {VERSION} could not be installed",
            cause=lines[-1] if lines else f"go install ended with exit code {code}",
            hint=f"go install {MODULE}",
        )
    progress(f"installed kind {VERSION} in {time.monotonic() - began:.0f} s")
    return target / "kind"
