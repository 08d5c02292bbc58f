"""Running other programs: found or a clear error, quiet when they work, their last words when not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failure import BuildError

# What to run when a program is missing. Debian names, since the build makes Debian roots.
REMEDIES = {
    "go": "install Go 1.26 or newer and put it on PATH",
    "gcc": "apt-get install -y gcc libc6-dev",
    "make": "apt-get install -y make",
    "musl-gcc": "apt-get install -y musl-tools",
    "debootstrap": "apt-get install -y debootstrap",
    "tar": "apt-get install -y tar",
    "apt-get": "run the build on Debian or Ubuntu, or in a container of one",
    "dpkg-source": "apt-get install -y dpkg-dev",
    "docker": "clusters/airgap/docker-engine start",
}


def need(*programs: str) -> None:
    """
    Stop unless all *programs* are on PATH; name every one that is missing.

    Raises:
        BuildError: With one repair line.
    """
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        raise BuildError(
            f"the build needs {', '.join(missing)}, which this machine lacks",
            cause=f"not found on PATH ({os.environ.get('PATH', '')})",
            hint="; ".join(REMEDIES.get(p, f"install {p}") for p in missing),
        )


def need_root() -> None:
    """Roots are made with debootstrap, which needs chroot and mknod."""
    if os.geteuid() != 0:
        raise BuildError(
            "the build makes Debian roots and must run as root",
            cause=f"running as uid {os.geteuid()}",
            hint="sudo -E podlab airgap build (PODLAB_AIRGAP_CACHE chooses the cache folder)",
        )


def need_space(folder: Path, gib: float) -> None:
    """Stop before a disk that is too small fills up."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 2**30
    if free < gib:
        raise BuildError(
            f"the build needs {gib:.0f} GiB of disk, and {free:.1f} GiB are free",
            cause=f"cache folder {folder}",
            hint="free some space, or set PODLAB_AIRGAP_CACHE to a folder on a larger disk",
        )


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    hint: str | None = None,
) -> str:
    """
    Run *command* to its end and return what it printed on stdout.

    Raises:
        BuildError: If it exits with anything but 0; the cause is the end of its stderr.
    """
    words = [str(word) for word in command]
    need(words[0])
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **(env or {})}, input=stdin, capture_output=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-6:]
        raise BuildError(
            f"{Path(words[0]).name} {' '.join(words[1:4])} ... failed with exit code {done.returncode}",
            cause=" | ".join(last) or "it printed nothing",
            hint=hint or "run the build again: it resumes; with --verbose it prints each command",
        )
    return done.stdout.decode(errors="replace")
