"""Building an image without a network: from a wheel made here, with every fault that a download can have."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from podlab.embedded.images import archive as embedded
from podlab.errors import BuildError
from podlab.images import build, builder, cache, rootfs, running, wheels
from podlab.images.recipes import ImagePart, ImageRecipe, Recipes

HELLO = b"#!/bin/sh\necho hello\n"
IMAGE = ImageRecipe(
    "podlab-hello:1", "a test", {"hello": ()}, user="7:7", users={"hello": 7}, entrypoint=["hello"], mib=1
)


def silent(_line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of images."""
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def part(home: Path) -> ImagePart:
    """A wheel with one program, as if it had been downloaded."""
    file = home / "downloads" / "hello-1-py3-none-any.whl"
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("hello-1.data/scripts/hello", HELLO)
        wheel.writestr("hello/__init__.py", "")
    files = f"{hashlib.sha256(HELLO).hexdigest()}  scripts/hello"
    return ImagePart(
        "hello", "wheel", "1", file.name, cache.sha256(file), hashlib.sha256(files.encode()).hexdigest(),
        keep={"scripts/hello": "usr/local/bin/hello"},
    )  # fmt: skip


def known(part: ImagePart) -> Recipes:
    return Recipes({part.name: part}, {IMAGE.name: IMAGE})


def test_a_wheel_becomes_an_image_that_the_embedded_cluster_takes(part: ImagePart, tmp_path: Path) -> None:
    """Its program can be run, a shell is beside it, and it starts as the recipe says."""
    archive = build(IMAGE, known(part), silent)

    assert embedded.load(archive, tmp_path / "store") == ["docker.io/library/podlab-hello:1"]
    (entry,) = json.loads((tmp_path / "store" / "index.json").read_text()).values()
    program = Path(entry["folder"]) / "usr/local/bin/hello"
    assert program.read_bytes() == HELLO
    assert program.stat().st_mode & 0o777 == 0o755
    assert (Path(entry["folder"]) / "bin/sh").exists()
    assert "hello:x:7:7:" in (Path(entry["folder"]) / "etc/passwd").read_text()
    assert (entry["config"]["User"], entry["config"]["Entrypoint"]) == ("7:7", ["hello"])


def test_the_same_recipe_gives_the_same_bytes_and_is_made_once(part: ImagePart, home: Path) -> None:
    """An image that is finished is found again; built again, it is the same image."""
    first = build(IMAGE, known(part), silent)
    made = first.stat().st_mtime_ns
    assert build(IMAGE, known(part), silent).stat().st_mtime_ns == made
    digest = cache.sha256(first)

    shutil.rmtree(first.parent)

    assert cache.sha256(build(IMAGE, known(part), silent)) == digest


def test_an_archive_that_was_cut_short_is_made_again(part: ImagePart) -> None:
    """A full disk or a crash may leave half a file under the right name."""
    archive = build(IMAGE, known(part), silent)
    whole = archive.stat().st_size
    with archive.open("r+b") as file:
        file.truncate(whole // 2)

    assert builder.archive_of(IMAGE, known(part)) is None
    assert build(IMAGE, known(part), silent).stat().st_size == whole


def test_a_build_that_is_interrupted_leaves_nothing(
    part: ImagePart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: no image, no scratch folder."""

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rootfs, "_put_libraries", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(IMAGE, known(part), silent)

    assert builder.archive_of(IMAGE, known(part)) is None
    assert list((home / "tmp").iterdir()) == []


def test_a_wheel_with_another_checksum_is_not_used(
    part: ImagePart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed file is downloaded again; where that gives no other file, the error names the wheel."""

    def no_network(*_arguments: object, **_options: object) -> None:
        raise BuildError("the wheel hello 1 could not be downloaded", hint="a network")

    monkeypatch.setattr(running, "run", no_network)
    (home / "downloads" / part.file).write_bytes(b"something else")

    with pytest.raises(BuildError, match="hello 1 could not be downloaded"):
        build(IMAGE, known(part), silent)


def test_a_component_of_another_version_is_named(
    part: ImagePart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network an installed wheel of another version does not help, and whoever sees it asks why."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    absent = replace(part, name="pytest", version="0.0.1", file="pytest-0.0.1-py3-none-any.whl")

    with pytest.raises(BuildError) as failed:
        wheels.fetch(absent, silent)

    assert failed.value.summary == (
        "the wheel pytest 0.0.1 could not be downloaded, "
        f"and the {pytest.__version__} that is installed is another version"
    )
    assert [path.name for path in (home / "downloads").iterdir()] == [part.file]


def test_files_of_a_wheel_are_checked_too(part: ImagePart) -> None:
    """An installed wheel has no file of its own any more, so what is taken from it is compared."""
    with pytest.raises(BuildError, match="does not match the recipe"):
        build(IMAGE, known(replace(part, files_sha256="0" * 64)), silent)


def test_a_program_that_is_not_there_is_named() -> None:
    """With what to install; not a traceback."""
    with pytest.raises(BuildError) as failed:
        running.need("no-such-program", "the part X", "install it")

    assert str(failed.value).splitlines()[0] == "the part X needs no-such-program, which this machine lacks"


def test_a_command_that_fails_has_the_last_word() -> None:
    """pip prints advice below its error; the error is what counts."""
    with pytest.raises(BuildError) as failed:
        running.run(
            ["sh", "-c", "echo ERROR: no match; echo 'notice: update'; exit 1"], "it failed", "try again"
        )

    assert failed.value.cause == "ERROR: no match"


def test_libraries_are_read_from_what_ldd_prints() -> None:
    """Those that the image brings itself are left out; the loader counts."""
    said = (
        "\tlinux-vdso.so.1 (0x00007f)\n\tlibpq.so.5 => /build/root/opt/libpq.so.5 (0x1)\n"
        "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n"
    )

    assert rootfs.libraries(said, "/build/root") == {
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    }
    with pytest.raises(BuildError, match="no libestr"):
        rootfs.libraries(said + "\tlibestr.so.0 => not found\n", "/build/root")


@pytest.mark.parametrize(
    ("name", "place"),
    [("a/b", "x"), ("a/b/c", "x/c"), ("a/bc", None), ("scripts/envoy", None)],
)
def test_what_is_kept_of_a_package_is_chosen_by_folders(name: str, place: str | None) -> None:
    """A prefix means a whole name or a folder, never half a name."""
    assert wheels.placed(name, {"a/b": "x"}) == place


def test_an_image_belongs_to_root_and_bears_one_date(part: ImagePart, tmp_path: Path) -> None:
    """Whoever builds it, and whenever: else equal files would give different images."""
    with tarfile.open(build(IMAGE, known(part), silent)) as tar:
        (name,) = json.loads(tar.extractfile("manifest.json").read())[0]["Layers"]  # type: ignore[union-attr]
        layer = tar.extractfile(name)
        with tarfile.open(fileobj=layer) as inner:
            members = inner.getmembers()

    assert {(one.uid, one.gid, one.uname, one.mtime) for one in members} == {(0, 0, "", 1767225600)}
