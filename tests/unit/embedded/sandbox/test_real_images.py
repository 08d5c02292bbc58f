"""A real image, unpacked from a file as ``docker save`` writes it, run above an overlay."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.images import archive
from podlab.embedded.images.toolbox import find_busybox


def _busybox() -> dict[str, bytes]:
    """A busybox of this machine as files of an image: with the libraries that it is linked to, if any."""
    found = find_busybox()
    if found is None:
        pytest.skip("needs a busybox to make an image of")
    linked = subprocess.run(["ldd", str(found)], capture_output=True, text=True, check=False).stdout
    libraries = re.findall(r"(/\S+) \(0x", linked)
    return {path.lstrip("/"): Path(path).read_bytes() for path in libraries} | {
        "bin/busybox": found.read_bytes()
    }


def _image(path: Path, files: dict[str, bytes]) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, link in (("etc", ""), ("bin", ""), ("bin/sh", "busybox"), ("var/run", "/run"), ("run", "")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = (tarfile.SYMTYPE if link else tarfile.DIRTYPE), link, 0o755
            tar.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    layer = buffer.getvalue()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "config": {
                "Entrypoint": ["/bin/busybox"],
                "Cmd": ["sh"],
                "Env": ["WORD=image"],
                "WorkingDir": "/w",
            },
            "rootfs": {"diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{name}.json", "RepoTags": ["demo:1"], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        parts = {f"{name}.json": config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
        for part, content in parts.items():
            info = tarfile.TarInfo(part)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_an_image_runs_with_its_own_files_and_a_layer_to_write_to() -> None:
    busybox = _busybox()

    async def scenario(bench: Bench) -> None:
        archive.load(_image(bench.folder / "demo.tar", busybox), bench.folder / "images")
        assert (await bench.runtime.find_image("demo:1")) is not None
        pod = await bench.pod()
        line = "pwd; echo $WORD; echo x > /bin/new && /bin/busybox ls /bin; /bin/busybox ls /usr 2>/dev/null"
        code, lines = await bench.run(pod, ["sh", "-c", line], image="demo:1")
        assert lines == ["/w", "image", "busybox", "new", "sh"]

        # the image itself is untouched, and a mount behind a link of the image stays inside
        mount = bench.folder / "v"
        mount.mkdir()
        from podlab.embedded.runtime import Mount

        code, lines = await bench.run(
            pod,
            ["sh", "-c", "/bin/busybox ls /bin; /bin/busybox ls -d /run/v"],
            image="demo:1",
            mounts=(Mount(str(mount), "/var/run/v"),),
        )
        assert (code, lines) == (0, ["busybox", "sh", "/run/v"])
        assert await bench.run(pod, ["sh", "-c", "exit 6"], image="demo:1") == (6, [])

    on_node(scenario)
