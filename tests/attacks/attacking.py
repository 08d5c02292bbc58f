"""
What the corpora of attacks share: one attack, what came of it, and clusters to try it on.

An attack is *held* if it reached nothing. Each attack has a **planted twin**: the same probe, pointed at a condition
that is weak on purpose. The twin must be a breach, or nobody knows whether the probe can see one.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import podlab
from podlab.client import Client

READY_S = 60


@dataclass(frozen=True)
class Outcome:
    """What one attack, or its twin, came to; *seen* is the evidence."""

    held: bool
    seen: str

    def __str__(self) -> str:
        return f"{'held' if self.held else 'BREACH'}: {self.seen}"


class ProbeError(Exception):
    """The probe did not get as far as trying: neither held nor a breach."""


@dataclass(frozen=True)
class Range:
    """A running cluster to attack: its folder, the pid of its daemon, a client of its owner."""

    folder: Path
    daemon: int
    client: Client
    port: int
    token: str

    def tls(self) -> ssl.SSLContext:
        """Trust the cluster's own certificate."""
        context = ssl.create_default_context(cadata=(self.folder / "pki" / "server.crt").read_text())
        context.check_hostname = False
        return context

    def memory_bytes(self) -> int:
        """The most memory that the daemon has held."""
        with Path(f"/proc/{self.daemon}/status").open(encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def busy_s(self) -> float:
        """The processor time that the daemon has used, in seconds."""
        fields = Path(f"/proc/{self.daemon}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def cluster(*options: str, source: Path | None = None, umask: int = 0o022) -> Iterator[Range]:
    """
    A cluster of its own in a temporary folder.

    Args:
        options: Of the daemon, such as ``--allow-host-path``.
        source: The folder with the package ``podlab`` that it runs; by default the one under test.
        umask: Of the daemon's parent.
    """
    folder = Path(tempfile.mkdtemp(prefix="podlab-attacked-"))
    reader, writer = os.pipe()
    package = source or Path(podlab.__file__).parent.parent
    path = [str(package), *(one for one in sys.path if one and Path(one) != package)]
    words = ["--folder", str(folder), "--name", "attacked", "--ready-fd", str(writer), *options]
    code = f"import sys; sys.path[:] = {path!r}; from podlab.embedded.daemon import main; sys.exit(main({words!r}))"
    daemon = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code],
        pass_fds=(writer,),
        cwd="/",
        umask=umask,
        stdin=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as ready:
            assert ready.read() == b"ready\n", "the daemon has ended instead of getting ready"
        config = json.loads((folder / "kubeconfig").read_text())
        token = config["users"][0]["user"]["token"]
        port = int(config["clusters"][0]["cluster"]["server"].rpartition(":")[2])
        yield Range(folder, daemon.pid, Client.from_kubeconfig(folder / "kubeconfig"), port, token)
    finally:
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def weakened(changes: Sequence[tuple[str, str, str]]) -> Iterator[Path]:
    """
    A copy of the package under test with protections taken out of its source.

    Args:
        changes: ``(file below podlab/embedded, what stands there, what to put there)``; a text that is not there any
            more is an error, for then the twin would prove nothing.
    """
    with tempfile.TemporaryDirectory(prefix="podlab-weakened-") as name:
        copy = Path(name) / "podlab"
        shutil.copytree(Path(podlab.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for file, there, instead in changes:
            path = copy / "embedded" / file
            text = path.read_text(encoding="utf-8")
            assert there in text, f"{file} does not hold {there!r} any more"
            path.write_text(text.replace(there, instead), encoding="utf-8")
        yield Path(name)
