"""
The images inside the node image: containerd's own store, filled before any cluster exists.

A containerd of ours is started on this machine with folders of its own, the archives are imported
without unpacking (unpacking inside a node image is impossible: overlay on overlay), and what it
wrote becomes a layer of the node image.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .cache import Step
from .failure import BuildError
from .gobuild import go_step
from .images import ARCHIVE, Ingredients
from .packing import compress_layer
from .shell import need_root, run

STORE = ("io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt")
START_DEADLINE_S = 60.0

CONFIG = """\
version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{socket}"
[ttrpc]
  address = "{socket}.ttrpc"
"""


def contents_step(have: Ingredients, images: Sequence[Step]) -> Step:
    """The step that makes the layer with all *images* in containerd's store."""
    inputs = {
        "containerd": go_step(have.go["containerd"]).key,
        "images": [s.key for s in images],
        "recipe": 1,
    }
    return Step(f"contents-{have.versions.kubernetes}", inputs, lambda out: _fill(have, images, out))


def _fill(have: Ingredients, images: Sequence[Step], out: Path) -> dict[str, Any]:
    need_root()
    root = out / "root"
    with _containerd(have, root) as socket:
        ctr: list[str | Path] = [
            have.program("containerd", "ctr"),
            "--address",
            socket,
            "--namespace",
            "k8s.io",
            "images",
        ]
        for step in images:
            run([*ctr, "import", "--local", "--no-unpack", have.cache.path(step) / ARCHIVE])
        names = sorted(run([*ctr, "list", "-q"]).split())
    target = out / "layer" / "var" / "lib" / "containerd"
    target.mkdir(parents=True)
    for name in STORE:
        shutil.move(root / name, target / name)
    shutil.rmtree(target / STORE[0] / "ingest", ignore_errors=True)
    notes = compress_layer(out / "layer", out / "layer.tar.gz")
    shutil.rmtree(root)
    shutil.rmtree(out / "layer")
    return {**notes, "names": names}


@contextmanager
def _containerd(have: Ingredients, root: Path) -> Iterator[Path]:
    """Run containerd on *root* for as long as the block lasts; yields its socket."""
    with tempfile.TemporaryDirectory(prefix="podlab-containerd-") as short:  # a socket's path must be short
        socket = Path(short) / "sock"
        config = Path(short) / "config.toml"
        config.write_text(CONFIG.format(root=root, state=Path(short) / "state", socket=socket))
        log = Path(short) / "log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [have.program("containerd", "containerd"), "--config", config],
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            _await_answer(have, process, socket, log)
            yield socket
        finally:
            process.send_signal(signal.SIGTERM)
            _reap(process)


def _await_answer(have: Ingredients, process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    until = time.monotonic() + START_DEADLINE_S
    ask: list[str | Path] = [have.program("containerd", "ctr"), "--address", socket, "version"]
    while process.poll() is None and time.monotonic() < until:
        if socket.exists() and subprocess.run(ask, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise BuildError(
        "containerd did not start for the import of images",
        cause=" | ".join(last),
        hint=f"free memory and disk, then run the build again (uid {os.geteuid()})",
    )


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
