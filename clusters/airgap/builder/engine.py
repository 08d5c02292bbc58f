"""The Docker engine as far as the build needs it: does it answer, which images has it, load one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .failure import BuildError
from .shell import need, run


def engine_version() -> str | None:
    """The version of the Docker engine that answers; None where none does."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            check=False,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def need_engine() -> None:
    """
    Stop unless a Docker engine answers.

    Raises:
        BuildError: With the line that starts one.
    """
    need("docker")
    if engine_version() is None:
        raise BuildError(
            "no Docker engine answers, and the node image has to be loaded into one",
            cause=f"`docker version` got no answer (DOCKER_HOST={os.environ.get('DOCKER_HOST', 'not set')})",
            hint="clusters/airgap/docker-engine start (the build goes on from here), or --no-load",
        )


def image_id(name: str) -> str | None:
    """The id of the image *name* in the engine; None if it has none of that name."""
    done = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{json .Id}}", name], capture_output=True, check=False
    )
    found: Any = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None
    return str(found) if found else None


def load(archive: Path, wanted_id: str, names: list[str]) -> bool:
    """Load *archive* unless the engine has all *names* with that id already. True if it was loaded."""
    if all(image_id(name) == wanted_id for name in names):
        return False
    run(["docker", "load", "--input", archive])
    if image_id(names[0]) is None:
        raise BuildError(
            f"the engine could not load {names[0]}",
            cause=f"docker load --input {archive} ran",
            hint="docker system df shows whether the engine's disk is full",
        )
    return True


def remove_others(repository: str, prefix: str, keep: list[str]) -> None:
    """Remove older images of this build that no container uses; those in use stay until the next time."""
    listed = run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]).split()
    for name in listed:
        if name.startswith(f"{repository}:{prefix}-") and name not in keep:
            subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)
