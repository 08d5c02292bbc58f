"""
Questions of the kind driver and the doctor to the Docker engine, through the ``docker`` program.

The program knows contexts, ``DOCKER_HOST`` and Desktop's sockets; asking it costs 30 ms and saves knowing
them too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podlab.drivers import process

KIND_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"


@dataclass(frozen=True)
class Engine:
    """
    Whether a Docker engine answers.

    Args:
        version: Of the engine, such as ``28.2.2``; None when none answered.
        problem: ``""``, ``"no program"``, ``"no permission"`` or ``"no engine"``.
        detail: What the program said.
    """

    version: str | None
    problem: str = ""
    detail: str = ""


def engine(*, timeout_s: float = 10.0) -> Engine:
    """Ask the engine for its version."""
    code, out, err = process.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=timeout_s
    )
    if code == 0 and out.strip():
        return Engine(out.strip())
    detail = next((line.strip() for line in err.splitlines() if line.strip()), f"exit code {code}")
    if code == 127:
        return Engine(None, "no program", "docker is not on PATH")
    return Engine(None, "no permission" if "permission denied" in err.lower() else "no engine", detail)


def hint(problem: str) -> str:
    """Return the one line that mends a problem of `Engine`, on this system."""
    if problem == "no permission":
        return 'sudo usermod -aG docker "$USER", then log in again'
    if problem == "no program":
        return _INSTALL.get(sys.platform, _INSTALL["linux"])
    if sys.platform == "darwin":
        return "start Docker Desktop"
    systemd = Path("/run/systemd/system").exists()
    return "sudo systemctl start docker" if systemd else "sudo service docker start"


_INSTALL = {
    "linux": "sudo apt-get install docker.io (or your system's package), or: podlab up --driver embedded",
    "darwin": "install Docker Desktop (https://docs.docker.com/desktop), or: podlab up --driver embedded",
}


def has_image(reference: str) -> bool:
    """Tell whether the engine holds an image of that name."""
    return process.run(["docker", "image", "inspect", "--format", "{{.Id}}", reference], timeout_s=10)[0] == 0


def can_pull(reference: str, *, timeout_s: float = 6.0) -> tuple[bool, str]:
    """Ask the registry for the image's manifest: (it is there, what went wrong otherwise)."""
    code, _, err = process.run(["docker", "manifest", "inspect", reference], timeout_s=timeout_s)
    return code == 0, "" if code == 0 else (err.strip().splitlines() or ["no answer"])[-1]


def nodes(cluster: str) -> list[dict[str, Any]]:
    """Return what ``docker inspect`` says of each node container of a kind cluster, running or not."""
    listing = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={KIND_LABEL}={cluster}"]
    code, out, err = process.run(listing, timeout_s=30)
    if code:
        raise OSError(err.strip() or f"docker ps: exit code {code}")
    ids = out.split()
    if not ids:
        return []
    code, out, err = process.run(["docker", "inspect", *ids], timeout_s=30)
    if code and "no such" not in err.lower():
        raise OSError(err.strip())
    return list(json.loads(out or "[]"))


def network_exists(name: str = "kind") -> bool:
    """Tell whether the engine has a network of that name."""
    return process.run(["docker", "network", "inspect", name], timeout_s=10)[0] == 0


def remove_network(name: str = "kind") -> bool:
    """Remove a network; the engine refuses, harmlessly, while a container is on it."""
    return process.run(["docker", "network", "rm", name], timeout_s=20)[0] == 0


def skew_s() -> float | None:
    """Return how far the engine's clock is ahead of this machine's, in seconds; None when unknown."""
    asked = datetime.now(UTC)
    code, out, _ = process.run(["docker", "info", "--format", "{{.SystemTime}}"], timeout_s=10)
    answered = datetime.now(UTC)
    try:
        theirs = datetime.fromisoformat(out.strip()[:26].rstrip("Z") + "+00:00")
    except ValueError:
        return None
    if code or "Z" not in out:
        return None
    return (theirs - asked - (answered - asked) / 2).total_seconds()
