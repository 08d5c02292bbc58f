"""A real image, unpacked from a file as ``docker save`` writes it, run above an overlay."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.images import archive
from podlab.embedded.images.toolbox import find_busybox


def _static_busybox() -> bytes:
    found = find_busybox()
    content = found.read_bytes() if found else b""
    if b"ld-linux" in content[:4096] or not content:
        pytest.skip("needs a static busybox to make an image of")
    return content


def _image(path: Path, busybox: bytes) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, link in (("etc", ""), ("bin", ""), ("bin/sh", "busybox"), ("var/run", "/run"), ("run", "")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = (tarfile.SYMTYPE if link else tarfile.DIRTYPE), link, 0o755
            tar.addfile(info)
        info = tarfile.TarInfo("bin/busybox")
        info.size, info.mode = len(busybox), 0o755
        tar.addfile(info, io.BytesIO(busybox))
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
    busybox = _static_busybox()

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
