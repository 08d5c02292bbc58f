"""Images: names, the catalogue, archives that lie, and a registry on this machine."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from image_layers import sparse_layer

from podlab.embedded.images import ImageStore, archive, catalogue, registry
from podlab.embedded.images.names import parse
from podlab.embedded.runtime import ImageError
from podlab.errors import SandboxError


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("team/tool", "docker.io/team/tool:latest"),
        ("registry.invalid/team/tool:2", "registry.invalid/team/tool:2"),
        ("localhost/x", "localhost/x:latest"),
        ("host:5000/a/b", "host:5000/a/b:latest"),
        ("a@sha256:" + "0" * 64, "docker.io/library/a@sha256:" + "0" * 64),
    ],
)
def test_names_in_full(text: str, full: str) -> None:
    assert str(parse(text)) == full
    assert parse(parse(text).familiar) == parse(text)


@pytest.mark.parametrize(
    "text", ["", "No//Such", "a:b:c", "a b", "x:", "a@sha256:12", "/a", "-a", "a/" * 200]
)
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(text)
    assert caught.value.reason == "InvalidImageName"


def test_capital_letters_are_named_as_the_kubelet_does() -> None:
    with pytest.raises(ImageError) as caught:
        parse("No//Such Image")
    assert caught.value.message == (
        'Failed to apply default image tag "No//Such Image": couldn\'t parse image name "No//Such Image": '
        "invalid reference format: repository name (/Such Image) must be lowercase"
    )


def test_the_catalogue_answers_only_the_tags_that_it_lists(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    assert store.find("busybox:1.36") is store.find("docker.io/library/busybox:1.36")
    for name in ("busybox", "busybox:latest", "my-app:latest", "fluentd:latest", "podlab-app"):
        assert store.find(name) is None
    assert {"busybox:1.36", "podlab-app:1"} <= {row["name"] for row in store.rows()}


def test_all_faults_of_a_catalogue_are_named(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "images:\n- {names: [a], kind: nope}\n- {names: [b], kind: host}\n- {names: [c], kind: app, x: 1}\n"
    )
    with pytest.raises(SandboxError, match="3 faults"):
        catalogue.load(file)


def test_a_pull_that_fails_says_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODLAB_REGISTRY", "off")
    with pytest.raises(ImageError) as caught:
        asyncio.run(ImageStore(tmp_path).pull("my-app:latest"))
    assert caught.value.reason == "ErrImagePull"
    assert caught.value.message.startswith(
        'failed to pull and unpack image "docker.io/library/my-app:latest": '
    )
    assert "present on this node: busybox:1.36" in caught.value.message


def layer(*entries: tuple[str, bytes | str | None], kind: bytes = tarfile.REGTYPE) -> bytes:
    """A layer: content by name; text is the target of a link, None a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = (tarfile.SYMTYPE if kind == tarfile.REGTYPE else kind), content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def saved(path: Path, layers: list[bytes], *, wrong_layer: bool = False, wrong_config: bool = False) -> Path:
    """A docker save file."""
    digests = [hashlib.sha256(one).hexdigest() for one in layers]
    stated = ["0" * 64 if wrong_layer else one for one in digests]
    config = json.dumps(
        {
            "config": {"Cmd": ["hello"], "Env": ["A=b"], "WorkingDir": "/w"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one}" for one in stated]},
        }
    ).encode()
    name = "0" * 64 if wrong_config else hashlib.sha256(config).hexdigest()
    manifest = [
        {"Config": f"{name}.json", "RepoTags": ["demo:1"], "Layers": [f"{one}/layer.tar" for one in digests]}
    ]
    with tarfile.open(path, "w") as tar:
        parts = {f"{name}.json": config, "manifest.json": json.dumps(manifest).encode()}
        parts |= {f"{digest}/layer.tar": one for digest, one in zip(digests, layers, strict=True)}
        for part, content in parts.items():
            info = tarfile.TarInfo(part)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_layers_are_applied_with_whiteouts_and_links_inside(tmp_path: Path) -> None:
    lower = layer(
        ("usr", None),
        ("usr/lib", None),
        ("lib", "usr/lib"),
        ("a", b"1"),
        ("gone", b"x"),
        ("d", None),
        ("d/x", b""),
    )
    upper = layer(("lib/so", b"2"), (".wh.gone", b""), ("d/.wh..wh..opq", b""), ("d/y", b"3"))
    store = tmp_path / "images"
    assert archive.load(saved(tmp_path / "demo.tar", [lower, gzip.compress(upper)[:0] or upper]), store) == [
        "docker.io/library/demo:1"
    ]
    image = ImageStore(store).find("demo:1")
    root = Path(image.root("/unused")["layers"][0])
    assert (root / "usr/lib/so").read_bytes() == b"2"
    assert sorted(one.name for one in root.iterdir()) == ["a", "d", "lib", "usr"]
    assert [one.name for one in (root / "d").iterdir()] == ["y"]
    assert (image.record.command, image.record.env, image.record.working_dir) == (
        ("hello",),
        {"A": "b"},
        "/w",
    )


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([layer(("../evil", b"x"))], "leads out"),
        ([layer(("a/../../evil", b"x"))], "leads out"),
        ([layer(("hard", "../../evil"), kind=tarfile.LNKTYPE)], "leads out"),
        ([layer(("loop", "loop"), ("loop/x", b""))], "too many levels"),
        ([layer((".wh...", b""))], "leads out"),
        ([layer(("a/.wh..", b""))], "leads out"),
        ([b"no tar at all" * 100], "header"),
        ([sparse_layer(1 << 43)], "larger than 20 GiB once unpacked"),
    ],
)
def test_archives_that_lead_out_are_refused_and_leave_nothing(
    tmp_path: Path, layers: list[bytes], words: str
) -> None:
    store = tmp_path / "deep" / "images"
    (store / "unpacked").mkdir(parents=True)
    with pytest.raises(SandboxError, match="not an image archive") as caught:
        archive.load(saved(tmp_path / "bad.tar", layers), store)
    assert words in str(caught.value.cause)
    assert (store / "unpacked").is_dir()
    assert not list(tmp_path.rglob("evil"))
    assert [one.name for one in store.rglob("*") if one.name != "unpacked"] == []


def test_two_loads_of_one_image_at_once_both_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is through before the first has renamed its folder."""
    tar, store = saved(tmp_path / "demo.tar", [layer(("a", b"1"))]), tmp_path / "images"
    apply, loads = archive._apply, []

    def overtaken(*args: Any) -> None:
        apply(*args)
        if not loads:
            loads.append("second")
            loads.extend(archive.load(tar, store))

    monkeypatch.setattr(archive, "_apply", overtaken)

    assert archive.load(tar, store) == loads[1:] == ["docker.io/library/demo:1"]
    assert sorted(path.name for path in store.iterdir()) == ["index.json", "unpacked"]
    assert [path.read_bytes() for path in store.glob("unpacked/*/a")] == [b"1"]


def test_two_images_entered_at_once_are_both_in_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would read the index before the other has written it, if it could."""
    read, both = archive._index, threading.Barrier(2, timeout=1)

    def slowly(folder: Path) -> dict[str, Any]:
        found = read(folder)
        with suppress(threading.BrokenBarrierError):
            both.wait()
        return found

    monkeypatch.setattr(archive, "_index", slowly)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: archive.remember(tmp_path, name, [name], {}, tmp_path), ("one", "two")))

    assert sorted(read(tmp_path)) == ["one", "two"]


def test_the_layers_of_an_image_share_its_room() -> None:
    """Each may be small enough: it is their sum that fills a disk."""
    room, member = archive.UnpackLimit(100, 3), tarfile.TarInfo("f")
    member.size = 50
    room.take(member)
    room.take(member)
    with pytest.raises(ValueError, match="larger than 20 GiB once unpacked"):
        room.take(member)
    with pytest.raises(ValueError, match="2000000 files"):
        archive.UnpackLimit(100, 0).take(tarfile.TarInfo("empty"))


def test_links_that_point_out_of_the_image_write_inside_of_it(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    evil = layer(("out", str(tmp_path / "target")), ("out/x", b"1"), ("up", "../../../.."), ("up/y", b"2"))
    archive.load(saved(tmp_path / "evil.tar", [evil]), tmp_path / "images")
    assert list((tmp_path / "target").iterdir()) == []
    root = Path(ImageStore(tmp_path / "images").find("demo:1").root("/unused")["layers"][0])
    assert (root / "y").read_bytes() == b"2"
    assert (root / str(tmp_path / "target").lstrip("/") / "x").read_bytes() == b"1"


@pytest.mark.parametrize("fault", ["wrong_layer", "wrong_config"])
def test_a_wrong_digest_is_refused(tmp_path: Path, fault: str) -> None:
    file = saved(tmp_path / "bad.tar", [layer(("a", b"1"))], **{fault: True})
    with pytest.raises(SandboxError) as caught:
        archive.load(file, tmp_path / "images")
    assert "digest" in str(caught.value.cause)


class Registry:
    """A registry with one image, on this machine."""

    def __init__(self, *, corrupt: bool = False) -> None:
        plain = layer(("bin", None), ("bin/hello", b"#!/bin/sh\necho hello\n"))
        blob = gzip.compress(plain)
        config = json.dumps(
            {"rootfs": {"diff_ids": [_digest(plain)]}, "config": {"Entrypoint": ["/bin/hello"]}}
        ).encode()
        manifest = json.dumps(
            {"config": {"digest": _digest(config)}, "layers": [{"digest": _digest(blob)}]}
        ).encode()
        index = json.dumps(
            {
                "manifests": [
                    {"digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "s390x"}},
                    *(
                        {"digest": _digest(manifest), "platform": {"os": "linux", "architecture": one}}
                        for one in ("amd64", "arm64")
                    ),
                ]
            }
        ).encode()
        self.replies = {
            "/v2/team/hello/manifests/1": index,
            f"/v2/team/hello/manifests/{_digest(manifest)}": manifest,
            f"/v2/team/hello/blobs/{_digest(config)}": config,
            f"/v2/team/hello/blobs/{_digest(blob)}": blob + b"x" if corrupt else blob,
        }
        registry_ = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_values: Any) -> None:
                pass

            def do_GET(self) -> None:
                if self.path.startswith("/token"):
                    self._send(200, b'{"token": "sesame"}')
                elif self.headers.get("Authorization") != "Bearer sesame":
                    place = f'Bearer realm="http://{self.headers["Host"]}/token",service="test"'
                    self._send(401, b"", {"WWW-Authenticate": place})
                else:
                    found = registry_.replies.get(self.path)
                    self._send(200 if found is not None else 404, found or b"")

            def _send(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(code)
                for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.name = f"127.0.0.1:{self.server.server_port}/team/hello:1"


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_an_image_comes_from_a_registry_with_a_token_and_checked_digests(tmp_path: Path) -> None:
    made = Registry()
    try:
        image = asyncio.run(ImageStore(tmp_path).pull(made.name))
        assert image.record.entrypoint == ("/bin/hello",)
        assert (Path(image.root("/u")["layers"][0]) / "bin/hello").read_bytes().startswith(b"#!/bin/sh")
        with pytest.raises(ImageError, match="not found"):
            asyncio.run(
                ImageStore(tmp_path).pull(made.name.replace(":1", ":2").replace("127.0.0.:2", "127.0.0.1"))
            )
    finally:
        made.server.shutdown()
        made.server.server_close()


def test_a_registry_that_sends_other_bytes_is_refused(tmp_path: Path) -> None:
    made = Registry(corrupt=True)
    try:
        with pytest.raises(ImageError, match="unexpected commit digest"):
            asyncio.run(ImageStore(tmp_path).pull(made.name))
        assert ImageStore(tmp_path).find(made.name) is None
    finally:
        made.server.shutdown()
        made.server.server_close()


def test_a_mirror_is_asked_in_the_place_of_its_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image keeps the name that was asked for; other registries have no mirror."""
    made = Registry()
    try:
        host = made.name.partition("/")[0]
        monkeypatch.setenv("PODLAB_REGISTRY_MIRRORS", f"registry.invalid={host}, other.invalid=127.0.0.1:1")
        image = asyncio.run(ImageStore(tmp_path).pull("registry.invalid/team/hello:1"))
        assert image.record.names == ("registry.invalid/team/hello:1",)
        with pytest.raises(ImageError, match=r"no such host|timeout"):
            asyncio.run(ImageStore(tmp_path).pull("registry.other.invalid/team/hello:1"))
    finally:
        made.server.shutdown()
        made.server.server_close()


def test_an_unreachable_registry_is_not_asked_twice(tmp_path: Path) -> None:
    registry._unreachable.clear()
    for _turn in range(2):
        with pytest.raises(ImageError, match="connection refused"):
            asyncio.run(ImageStore(tmp_path).pull("127.0.0.1:1/x/y:1"))
    assert "127.0.0.1:1" in registry._unreachable


def test_a_second_cluster_does_not_read_the_catalogue_s_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading a YAML parser costs more than three containers: the copy belongs to the machine, not to a cluster."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "home"))
    first = ImageStore(tmp_path / "one")
    monkeypatch.setitem(sys.modules, "yaml", None)  # importing it fails from here on
    assert ImageStore(tmp_path / "two").present() == first.present()
