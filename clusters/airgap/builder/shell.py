"""Running other programs: found or a clear error, quiet when they work, their last words when not."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .failure import BuildError

PR_SET_PDEATHSIG = 1
HEARTBEAT_S = 20.0

# Told what long commands are doing; build.py puts its own here.
listener: Callable[[str], None] = lambda _: None  # noqa: E731

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
    with_stderr: bool = False,
) -> str:
    """
    Run *command* to its end and return what it printed on stdout, and then on stderr if *with_stderr*.

    Raises:
        BuildError: If it exits with anything but 0; the cause is the end of its stderr.
    """
    words = [str(word) for word in command]
    need(words[0])
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=end_with_parent,  # noqa: PLW1509  (this program has one thread)
    )
    stdout, stderr = _communicate(process, stdin, " ".join(words[:3]))
    if process.returncode != 0:
        last = (stderr or stdout).decode(errors="replace").strip().splitlines()[-6:]
        raise BuildError(
            f"{Path(words[0]).name} {' '.join(words[1:4])} ... failed with exit code {process.returncode}",
            cause=" | ".join(last) or "it printed nothing",
            hint=hint or "run the build again: it goes on from the last finished step",
        )
    return (stdout + stderr if with_stderr else stdout).decode(errors="replace")


def _communicate(process: subprocess.Popen[bytes], stdin: bytes | None, what: str) -> tuple[bytes, bytes]:
    """Wait for *process*, saying every 20 seconds that it still runs; end it if the wait is interrupted."""
    began = time.monotonic()
    try:
        while True:
            try:
                return process.communicate(stdin, timeout=HEARTBEAT_S)
            except subprocess.TimeoutExpired:
                stdin = None  # it was sent with the first call
                listener(f"  {what} ... still runs after {time.monotonic() - began:.0f} s")
    except BaseException:
        process.terminate()
        process.wait()
        raise


def end_with_parent() -> None:
    """Have the kernel end this child when the build dies, even by kill -9: no compiler is left behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
