"""podlab.airgap says what the last build left, from its record and the engine's socket alone."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from podlab import airgap
from podlab.errors import DriverError

NAME = "podlab/node:v1.36.3-0123456789ab"


class Engine(socketserver.ThreadingUnixStreamServer):
    """A Docker engine that has the images in ``images`` (name: id)."""

    images: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        assert isinstance(self.server, Engine)
        name = (
            self.path.removeprefix("/images/").removesuffix("/json").replace("%2F", "/").replace("%3A", ":")
        )
        found = self.server.images.get(name)
        body = json.dumps({"Id": found} if found else {"message": "No such image"}).encode()
        self.send_response(200 if found or self.path == "/version" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine without images, on a socket of its own."""
    server = Engine(str(tmp_path / "docker.sock"), Handler)
    server.images = {}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'docker.sock'}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the record of one build of the reference, and its archive; returns the archive."""
    monkeypatch.setenv("PODLAB_AIRGAP_CACHE", str(tmp_path / "cache"))
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"x" * 10)
    record = {
        "kubernetes": "v1.36.3",
        "reference": True,
        "names": [NAME, "podlab/node:v1.36.3"],
        "image": "sha256:abc",
        "archive": str(archive),
        "programs": {"kind": str(tmp_path / "kind"), "kubectl": str(tmp_path / "gone")},
        "pod_images": {"busybox": {"names": ["docker.io/library/busybox:1.36"], "says": "made here"}},
        "steps": [],
        "last_run": {"seconds": 1.0, "made": []},
    }
    (tmp_path / "kind").write_text("")
    (tmp_path / "cache" / "built").mkdir(parents=True)
    (tmp_path / "cache" / "built" / "v1.36.3.json").write_text(json.dumps(record))
    return archive


def test_nothing_built_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    """The driver then looks for a registry."""
    monkeypatch.setenv("PODLAB_AIRGAP_CACHE", str(tmp_path / "empty"))

    assert airgap.node_image() is None
    assert airgap.programs() == {}


def test_an_image_in_the_engine_needs_no_loading(engine: Engine, built: Path) -> None:
    """By its id, so an older image of the same name does not count."""
    engine.images[NAME] = "sha256:abc"

    found = airgap.node_image()

    assert found is not None
    assert (found.name, found.version, found.loaded) == (NAME, "v1.36.3", True)
    assert found.config.exists()
    assert found.pod_images == ("docker.io/library/busybox:1.36",)
    engine.images[NAME] = "sha256:older"
    again = airgap.node_image()
    assert again is not None
    assert not again.loaded


def test_an_image_in_the_cache_can_be_loaded(engine: Engine, built: Path) -> None:
    """A fresh engine on the same machine has none yet."""
    found = airgap.node_image("1.36.3")

    assert found is not None
    assert not found.loaded
    assert found.archive == built


def test_an_image_that_is_nowhere_any_more_is_none(engine: Engine, built: Path) -> None:
    """The record alone is no image."""
    built.unlink()

    assert airgap.node_image() is None


def test_another_version_is_none(engine: Engine, built: Path) -> None:
    """Only what was built."""
    assert airgap.node_image("v1.34.4") is None


def test_programs_are_those_that_still_exist(built: Path) -> None:
    """A path that leads nowhere helps nobody."""
    assert list(airgap.programs()) == ["kind"]


def test_status_says_where_the_image_is(engine: Engine, built: Path) -> None:
    """In words and as JSON; exit code 0 when there is one."""
    said: list[str] = []

    assert airgap.main(["status"], said.append) == 0
    assert airgap.main(["status", "--json"], said.append) == 0

    words, data = said
    assert words.startswith(f"{NAME}: in the cache, not in a Docker engine")
    assert "docker.io/library/busybox:1.36: made here" in words
    assert json.loads(data)["images"][0]["name"] == NAME


def test_status_of_nothing_says_how_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1."""
    monkeypatch.setenv("PODLAB_AIRGAP_CACHE", str(tmp_path / "empty"))
    said: list[str] = []

    assert airgap.main(["status"], said.append) == 1
    assert "try: podlab airgap build" in said[0]


def test_an_unknown_verb_is_an_error() -> None:
    """Not a silent nothing."""
    with pytest.raises(DriverError, match="no verb"):
        airgap.main(["make"])
