"""A small registry on this machine: it serves image archives in place of the registry that they are named after."""

from __future__ import annotations

import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"


class Shelf:
    """
    Manifests and blobs of some archives.

    Attributes:
        manifests: By ``PATH:TAG`` and by digest.
        blobs: Digest -> (archive, name of the member).
    """

    def __init__(self, archives: Sequence[Path]) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, tuple[Path, str]] = {}
        for archive in archives:
            with tarfile.open(archive) as tar:
                self._take(archive, tar)

    def _take(self, archive: Path, tar: tarfile.TarFile) -> None:
        (entry,) = json.loads(_read(tar, "manifest.json"))
        parts = {name: _read(tar, name) for name in [entry["Config"], *entry["Layers"]]}
        rows = []
        for name, content in parts.items():
            digest = _digest(content)
            self.blobs[digest] = (archive, name)
            kind = CONFIG if name == entry["Config"] else LAYER
            rows.append({"mediaType": kind, "size": len(content), "digest": digest})
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": rows[0], "layers": rows[1:]}
        raw = json.dumps(manifest).encode()
        for name in entry["RepoTags"]:
            self.manifests[name.partition("/")[2]] = raw
        self.manifests[_digest(raw)] = raw

    def find(self, path: str) -> tuple[bytes, str] | None:
        """Return the content behind a path of the registry's API and its type; None where there is none."""
        kept, _, reference = path.removeprefix("/v2/").rpartition("/")
        if kept.endswith("/manifests"):
            key = reference if ":" in reference else f"{kept.removesuffix('/manifests')}:{reference}"
            found = self.manifests.get(key)
            return (found, MANIFEST) if found else None
        if kept.endswith("/blobs") and reference in self.blobs:
            archive, name = self.blobs[reference]
            with tarfile.open(archive) as tar:
                return _read(tar, name), "application/octet-stream"
        return None


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def serving(archives: Sequence[Path]) -> Iterator[str]:
    """Serve *archives* on a free port of this machine; give ``localhost:PORT``."""
    shelf = Shelf(archives)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = shelf.find(self.path)
            content, kind = found or (b"", "text/plain")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: there is a request for each Pod."""

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
