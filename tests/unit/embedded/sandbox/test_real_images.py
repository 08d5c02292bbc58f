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
from podlab.embedded.runtime import Mount, RuntimeFault


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


def test_the_files_of_an_image_are_a_volume() -> None:
    """Read-only, whole or a part of them; nothing is made in the image where the part is missing."""
    busybox = _busybox()

    async def scenario(bench: Bench) -> None:
        files = {**busybox, "data/site/index.html": b"hello", "data/app.conf": b"x=1"}
        archive.load(_image(bench.folder / "demo.tar", files), bench.folder / "images")
        pod = await bench.pod()
        mounts = (
            Mount("", "/image", image="demo:1"),
            Mount("", "/site", sub_path="data/site", image="demo:1"),
            Mount("", "/etc/app.conf", sub_path="data/app.conf", image="demo:1"),
        )
        line = "cat /image/data/site/index.html; echo; ls /site; cat /etc/app.conf; echo; "
        line += "for f in /image/new /site/index.html /etc/app.conf; do echo no > $f || echo refused; done 2>/dev/null"
        _, lines = await bench.run(pod, line, mounts=mounts)
        assert lines == ["hello", "index.html", "x=1", "refused", "refused", "refused"]

        for sub_path in (
            "data/none",
            "bin/../../..",
            "var/run",
        ):  # the last is a link to /run, outside of the image
            with pytest.raises(RuntimeFault, match="no such file or directory") as caught:
                await bench.start(pod, "true", mounts=(Mount("", "/v", sub_path=sub_path, image="demo:1"),))
            assert caught.value.reason == "CreateContainerError"
        assert not (bench.folder / "images" / "data" / "none").exists()

    on_node(scenario)


def test_a_stand_in_of_the_catalogue_is_a_volume_too() -> None:
    """It is put together from folders of this machine; the container's own root keeps none of it."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        mounts = (
            Mount("", "/image", image="busybox:1.36"),
            Mount("", "/tools", sub_path="bin", image="busybox:1.36"),
        )
        line = "test -e /image/bin/sh && test -e /tools/sh && echo there; cat /image/etc/passwd | head -n 1; "
        line += "echo x > /image/etc/passwd || echo refused; echo x > /tools/sh || echo refused; ls -A / | grep '^[.]'"
        _, lines = await bench.run(pod, line + " 2>/dev/null", mounts=mounts)
        assert [one for one in lines if "ead-only" not in one] == [
            "there", "root:x:0:0:root:/root:/bin/sh", "refused", "refused"
        ]  # fmt: skip
        with pytest.raises(
            RuntimeFault, match=re.escape('mounting "busybox:1.36" to rootfs at "/v": No such file')
        ):
            await bench.start(pod, "true", mounts=(Mount("", "/v", sub_path="none", image="busybox:1.36"),))

    on_node(scenario)
