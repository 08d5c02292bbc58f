"""Who an image's USER is."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from test_images import layer, saved

from podlab.embedded.images import accounts, archive
from podlab.embedded.images.names import parse
from podlab.embedded.runtime import ContainerConfig, ImageRecord
from podlab.embedded.sandbox import program

PASSWD = "root:x:0:0:root:/root:/bin/sh\n# note\nbroken\nnode:x:1000:1001::/:/bin/sh\nmysql:x:999:998::/:/bin/false\n"
GROUP = "root:x:0:\nstaff:x:50:node\nbad:x:many:\n"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", (0, 0)),
        ("root", (0, 0)),
        ("node", (1000, 1001)),
        ("999", (999, 998)),
        ("1234", (1234, 0)),
        ("node:staff", (1000, 50)),
        ("999:7", (999, 7)),
        ("1234:staff", (1234, 50)),
        ("nobody-here", None),
        ("node:nowhere", None),
    ],
)
def test_a_user_is_looked_up_in_the_images_own_files(user: str, expected: tuple[int, int] | None) -> None:
    """``USER node`` was root, and ``USER 999`` had the group 0."""
    assert accounts.ids(user, accounts.passwd(PASSWD), accounts.group(GROUP)) == expected


def container(**more: int) -> ContainerConfig:
    given = {
        "image": "i",
        "image_id": "",
        "command": None,
        "args": None,
        "env": {},
        "mounts": (),
        "attempt": 0,
    }
    return ContainerConfig(name="c", log_path="", **given, **more)  # type: ignore[arg-type]


def test_a_pod_overrides_the_user_and_the_images_files_give_his_group() -> None:
    image = ImageRecord("sha256:1", (), user="node", ids=(1000, 1001), primary_groups={1000: 1001, 999: 998})
    assert program.ids(container(), image) == (1000, 1001)
    assert program.ids(container(run_as_user=999), image) == (999, 998)
    assert program.ids(container(run_as_user=5), image) == (5, 0)
    assert program.ids(container(run_as_user=999, run_as_group=3), image) == (999, 3)
    assert program.ids(container(), ImageRecord("sha256:2", (), user="7:8")) == (7, 8)


def test_an_unpacked_image_knows_its_users_and_follows_no_link_to_the_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("node:x:1:1::/:/\n")
    for number, entries in enumerate([
        [("etc", None), ("etc/passwd", PASSWD.encode()), ("etc/group", GROUP.encode())],
        [("etc", None), ("etc/passwd", str(tmp_path / "secret"))],
    ]):  # fmt: skip
        store = tmp_path / f"images-{number}"
        archive.load(with_user(saved(tmp_path / f"{number}.tar", [layer(*entries)]), "node"), store)
        found = archive.find(store, parse("demo:1"))
        assert found is not None
        assert found.record.ids == ((1000, 1001) if number == 0 else None)


def with_user(path: Path, user: str) -> Path:
    """The same archive with a USER in its configuration."""
    import hashlib

    with tarfile.open(path) as tar:
        parts = {m.name: tar.extractfile(m).read() for m in tar if m.isreg()}  # type: ignore[union-attr]
    (manifest,) = json.loads(parts["manifest.json"])
    config = json.loads(parts.pop(manifest["Config"]))
    config["config"]["User"] = user
    data = json.dumps(config).encode()
    manifest["Config"] = f"{hashlib.sha256(data).hexdigest()}.json"
    parts |= {manifest["Config"]: data, "manifest.json": json.dumps([manifest]).encode()}
    with tarfile.open(path, "w") as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_container_is_in_the_groups_that_the_image_lists_for_its_user() -> None:
    """``id -G`` was ``0 60000``; containerd gives ``1000 50000 60000``, and Strict leaves the image's groups out."""
    known = accounts.passwd("app:x:1000:1000::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n")
    members = accounts.memberships("app:x:1000:\nextra:x:50000:root, app\nbad:x:many:app\nshort:x:7\n", known)
    image = ImageRecord("sha256:1", (), primary_groups={1000: 1000}, member_groups=members)
    asked = container(run_as_user=1000)._replace(supplemental_groups=(60000,))
    assert program.user(asked, image) == (1000, 1000, [1000, 50000, 60000])
    assert program.user(asked._replace(strict_groups=True), image) == (1000, 1000, [1000, 60000])
    assert program.user(container(run_as_user=5), image) == (5, 0, [0])
