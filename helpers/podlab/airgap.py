"""
The air-gapped node image: what has been built on this machine, and the way in to building it.

The build itself is ``clusters/airgap/build.py`` (its README says how it works); this module runs it, and
answers within milliseconds what its last run left, which is what the kind driver asks on every ``podlab up``.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from podlab import paths
from podlab.errors import DriverError

ENGINE_TIMEOUT_S = 2.0
RECIPE = Path(__file__).resolve().parents[2] / "clusters" / "airgap"


@dataclass(frozen=True)
class NodeImage:
    """
    A node image that this machine can make kind clusters of without a registry.

    Attributes:
        name: What to give to ``kind create cluster --image``, such as ``podlab/node:v1.36.3-0123456789ab``.
        version: Kubernetes version, such as ``v1.36.3``.
        config: The kind configuration for one node of this image.
        archive: The image as a file, for ``docker load``; None if only the engine still has it.
        loaded: Whether the Docker engine has it; where not, ``load()`` brings it there in seconds.
        pod_images: Image names that every cluster made of it has from the start.
    """

    name: str
    version: str
    config: Path
    archive: Path | None
    loaded: bool
    pod_images: tuple[str, ...]

    def load(self) -> None:
        """
        Load the image into the Docker engine, unless it is there.

        Raises:
            DriverError: If there is no archive, or the engine does not take it.
        """
        if self.loaded:
            return
        if self.archive is None:
            raise DriverError(f"{self.name} has no archive to load", hint="podlab airgap build")
        done = subprocess.run(
            ["docker", "load", "--input", str(self.archive)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise DriverError(
                f"the Docker engine could not load {self.name}",
                cause=done.stderr.strip().splitlines()[-1] if done.stderr.strip() else None,
                hint="podlab airgap build",
            )


def cache_folder() -> Path:
    """Where the build keeps its results: PODLAB_AIRGAP_CACHE, else ``airgap`` in podlab's cache folder."""
    return Path(os.environ.get("PODLAB_AIRGAP_CACHE") or paths.cache_folder() / "airgap")


def node_image(version: str | None = None) -> NodeImage | None:
    """
    Return the node image of the last build, for *version* or for the reference; None if absent.

    Builds nothing, and loads nothing. An image counts if the Docker engine has it or its archive is whole.
    """
    built = _built(version)
    if built is None:
        return None
    archive = Path(built["archive"])
    loaded = _engine_has(built["names"][0], built["image"])
    if not loaded and not archive.exists():
        return None
    return NodeImage(
        name=built["names"][0],
        version=built["kubernetes"],
        config=RECIPE / "kind-config.yaml",
        archive=archive if archive.exists() else None,
        loaded=loaded,
        pod_images=tuple(name for image in built["pod_images"].values() for name in image["names"]),
    )


def build(kubernetes: str | None = None, *, options: Sequence[str] = ()) -> int:
    """
    Run the build in this terminal; return its exit code.

    Raises:
        DriverError: If podlab was installed without its repository, where the recipe is.
    """
    program = _recipe("build.py")
    chosen = ["--kubernetes", kubernetes] if kubernetes else []
    environment = {**os.environ, "PODLAB_AIRGAP_CACHE": str(cache_folder())}
    return subprocess.run(
        [sys.executable, str(program), *chosen, *options], env=environment, check=False
    ).returncode


def status() -> dict[str, Any]:
    """
    Return what there is, ready for JSON: images (as NodeImage), pod images, programs, sizes in bytes.
    """
    said = []
    for record in sorted((cache_folder() / "built").glob("*.json")):
        built = json.loads(record.read_text())
        image = node_image(built["kubernetes"])
        facts: dict[str, Any] = {} if image is None else asdict(image)
        facts = {key: str(value) if isinstance(value, Path) else value for key, value in facts.items()}
        facts["pod_images"] = {n: i["says"] for i in built["pod_images"].values() for n in i["names"]}
        size = image.archive.stat().st_size if image and image.archive else None
        said.append(
            {
                **facts,
                "usable": image is not None,
                "reference": built["reference"],
                "size_bytes": size,
                "programs": built["programs"],
                "last_run": built["last_run"],
            }
        )
    return {"cache": str(cache_folder()), "engine": _engine_get("/version") is not None, "images": said}


def programs() -> dict[str, Path]:
    """Return paths of ``kind`` and ``kubectl`` as the reference build made them; empty where nothing was built."""
    built = _built(None) or {"programs": {}}
    return {name: Path(path) for name, path in built["programs"].items() if Path(path).exists()}


def main(arguments: Sequence[str], say: Callable[[str], None] = print) -> int:
    """``podlab airgap build [--kubernetes V] ...``, ``podlab airgap status [--json]``; gives an exit code."""
    verb, *rest = list(arguments) or ["status"]
    if verb == "build":
        return build(options=rest)
    if verb == "status":
        facts = status()
        say(json.dumps(facts, indent=1) if "--json" in rest else _in_words(facts))
        return 0 if any(image["usable"] for image in facts["images"]) else 1
    raise DriverError(f"airgap has no verb {verb!r}", hint="podlab airgap build, or podlab airgap status")


def _in_words(facts: dict[str, Any]) -> str:
    if not facts["images"]:
        return f"no air-gapped node image was built here (cache {facts['cache']})\n  try: podlab airgap build"
    lines = []
    for image in facts["images"]:
        if not image["usable"]:
            lines.append("an image was built, but neither the Docker engine nor the cache has it any more")
            continue
        where = "in the Docker engine" if image["loaded"] else "in the cache, not in a Docker engine"
        size = f", {image['size_bytes'] / 2**20:.0f} MiB" if image["size_bytes"] else ""
        lines.append(f"{image['name']}: {where}{size}{' (reference)' if image['reference'] else ''}")
        lines += [f"  {name}: {says}" for name, says in image["pod_images"].items()]
    return "\n".join(lines)


def _recipe(name: str) -> Path:
    path = RECIPE / name
    if not path.exists():
        raise DriverError(
            "the air-gapped image is built from podlab's repository, which is missing here",
            cause=f"{path} does not exist",
            hint="clone the repository and run ./start there",
        )
    return path


def _built(version: str | None) -> dict[str, Any] | None:
    """Return the record of the last build of *version*, or of the reference; None without one."""
    for path in sorted((cache_folder() / "built").glob("*.json"), reverse=True):
        try:
            said: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        wanted = (
            said.get("reference") if version is None else said.get("kubernetes") == f"v{version.lstrip('v')}"
        )
        if wanted:
            return said
    return None


def _engine_has(name: str, image_id: str) -> bool:
    found = _engine_get(f"/images/{quote(name, safe='')}/json")
    return found is not None and found.get("Id") == image_id


def _engine_get(path: str) -> dict[str, Any] | None:
    """GET *path* from the Docker engine's socket; None if no engine answers, or not with 200."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return _engine_ask(path)
    connection = http.client.HTTPConnection("localhost", timeout=ENGINE_TIMEOUT_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(ENGINE_TIMEOUT_S)
        connection.sock.connect(host.removeprefix("unix://"))
        connection.request("GET", path)
        answer = connection.getresponse()
        return dict(json.loads(answer.read())) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _engine_ask(path: str) -> dict[str, Any] | None:
    """The same through the docker program, for engines that are not behind a Unix socket."""
    is_version = path == "/version"
    name = path.removeprefix("/images/").removesuffix("/json").replace("%2F", "/").replace("%3A", ":")
    command = (
        ["docker", "version", "--format", "{{json .Server}}"]
        if is_version
        else ["docker", "image", "inspect", "--format", "{{json .}}", name]
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
