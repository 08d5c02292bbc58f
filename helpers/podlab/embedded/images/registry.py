"""
Images from a registry over HTTPS: the v2 API, anonymous tokens, every digest checked.

Runs in a thread of the daemon, which lives in the host's network (the node and its Pods do not). A registry that
cannot be reached is said so in a containerd's words within seconds, and is not asked again for half a minute, so that
a room without a registry gets its ErrImagePull at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import platform
import re
import socket
import ssl
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from podlab.embedded.images import archive
from podlab.embedded.images.names import ImageName
from podlab.files import make_folder

_CONNECT_S, _READ_S, _RESOLVE_S = 4.0, 60.0, 4.0
_REMEMBER_S = 30.0
_MAX_MANIFEST = 4 << 20
_MAX_LAYER = 10 << 30
_LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64", "arm64": "arm64"}
_unreachable: dict[str, tuple[float, str]] = {}


class PullError(Exception):
    """A pull failed; the text is what containerd would say."""


async def pull(name: ImageName, folder: Path) -> None:
    """Bring *name* into the store at *folder*. Raises PullError."""
    host = _host(name)
    url = f"{_scheme(host)}://{host}/v2/{name.path}/manifests/{name.digest or name.tag}"
    if os.environ.get("PODLAB_REGISTRY", "on") == "off":
        raise PullError(_request_failed(url, f"lookup {host}: registries are switched off here"))
    known = _unreachable.get(host)
    if known and time.monotonic() - known[0] < _REMEMBER_S:
        raise PullError(_request_failed(url, known[1]))
    await _reach(host, url)
    try:
        await asyncio.to_thread(_Pull(name, host, folder).run)
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        raise PullError(f"failed to copy: {error}") from error


async def _reach(host: str, url: str) -> None:
    """Resolve and connect once, with short limits: without a network, a person waits for this."""
    place, _colon, port = host.partition(":")
    try:
        async with asyncio.timeout(_RESOLVE_S):
            _reader, writer = await asyncio.open_connection(place, int(port or 443))
    except (TimeoutError, OSError) as error:
        why = _words(host, error)
        _unreachable[host] = (time.monotonic(), why)
        raise PullError(_request_failed(url, why)) from error
    writer.close()


def _words(host: str, error: OSError | TimeoutError) -> str:
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}: connect: connection refused"
    if isinstance(error, TimeoutError):
        return f"dial tcp {host}: i/o timeout"
    return f"dial tcp {host}: {(error.strerror or str(error)).lower()}"


def _request_failed(url: str, why: str) -> str:
    return f'failed to resolve image: failed to do request: Head "{url}": {why}'


def mirrors() -> dict[str, str]:
    """
    Return the registries that others stand in for, as containerd's ``hosts.toml`` has them: domain -> host.

    ``PODLAB_REGISTRY_MIRRORS`` names them, such as ``registry.k8s.io=localhost:5001,docker.io=mirror.example.org``.
    """
    rows = os.environ.get("PODLAB_REGISTRY_MIRRORS", "").split(",")
    pairs = (row.strip().partition("=") for row in rows)
    return {domain: host for domain, _equals, host in pairs if domain and host}


def _host(name: ImageName) -> str:
    mirror = mirrors().get(name.domain)
    if mirror:
        return mirror
    return "registry-1.docker.io" if name.domain == "docker.io" else name.domain


def _scheme(host: str) -> str:
    """Plain HTTP for a registry on this machine only, as container engines do."""
    return "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"


class _Pull:
    """One pull, blocking."""

    def __init__(self, name: ImageName, host: str, folder: Path) -> None:
        self._name, self._host, self._folder = name, host, folder
        self._token = ""

    def run(self) -> None:
        """Manifest, configuration, layers. Raises PullError, OSError, ValueError."""
        manifest = self._manifest(self._name.digest or self._name.tag)
        if "manifests" in manifest:
            manifest = self._manifest(self._choose(manifest))
        config = self._small_blob(manifest["config"]["digest"])
        digest = hashlib.sha256(config).hexdigest()
        target = self._folder / "unpacked" / digest
        make_folder(self._folder, 0o755)
        names = [str(self._name)]
        if not target.exists():
            image = archive.SavedImage(names, config, self._layers(manifest["layers"]))
            archive.unpack(image, self._folder, target)
        archive.remember(self._folder, digest, names, json.loads(config), target)

    def _choose(self, manifest: dict[str, Any]) -> str:
        wanted = _MACHINES.get(platform.machine(), platform.machine())
        for entry in manifest["manifests"]:
            about = entry.get("platform") or {}
            if about.get("os") == "linux" and about.get("architecture") == wanted:
                return str(entry["digest"])
        raise PullError(f"no match for platform in manifest: not found (linux/{wanted})")

    def _manifest(self, reference: str) -> dict[str, Any]:
        path = f"/v2/{self._name.path}/manifests/{reference}"
        with self._get(path, ", ".join(_LISTS + _MANIFESTS)) as reply:
            raw = reply.read(_MAX_MANIFEST + 1)
        if len(raw) > _MAX_MANIFEST:
            raise ValueError("the manifest is too large")
        if ":" in reference:
            _check(hashlib.sha256(raw).hexdigest(), reference)
        found: dict[str, Any] = json.loads(raw)
        return found

    def _small_blob(self, digest: str) -> bytes:
        with self._get(f"/v2/{self._name.path}/blobs/{digest}") as reply:
            raw = reply.read(_MAX_MANIFEST + 1)
        _check(hashlib.sha256(raw).hexdigest(), digest)
        return raw

    def _layers(self, layers: list[dict[str, Any]]) -> Iterator[IO[bytes]]:
        """Each layer in a temporary file, so that its digest is known before any of it is unpacked."""
        for layer in layers:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                self._fetch(layer["digest"], file)
                file.seek(0)
                yield file

    def _fetch(self, digest: str, file: IO[bytes]) -> None:
        hashing = hashlib.sha256()
        size = 0
        with self._get(f"/v2/{self._name.path}/blobs/{digest}") as reply:
            while part := reply.read(1 << 20):
                hashing.update(part)
                file.write(part)
                size += len(part)
                if size > _MAX_LAYER:
                    raise ValueError("a layer is larger than 10 GiB")
        _check(hashing.hexdigest(), digest)

    def _get(self, path: str, accept: str = "*/*") -> http.client.HTTPResponse:
        url = f"{_scheme(self._host)}://{self._host}{path}"
        reply = self._request(url, accept)
        if reply.status == 401 and not self._token:
            self._token = self._ask_token(reply.headers.get("WWW-Authenticate", ""))
            reply = self._request(url, accept)
        if reply.status == 404:
            raise PullError(f"failed to resolve image: {self._name}: not found")
        if reply.status in (401, 403):
            raise PullError(
                "failed to resolve image: pull access denied, repository does not exist or may require authorization: "
                f"server message: {reply.reason}"
            )
        if reply.status != 200:
            raise PullError(
                f"failed to resolve image: unexpected status from GET request to {url}: {reply.status}"
            )
        return reply

    def _request(self, url: str, accept: str) -> http.client.HTTPResponse:
        """GET, with up to five redirects; the token stays with the registry's own host."""
        for _hop in range(6):
            parts = urllib.parse.urlsplit(url)
            own = parts.netloc == self._host
            if parts.scheme != _scheme(parts.netloc) and parts.scheme != "https":
                raise PullError(f"redirected to {parts.scheme}, which is not allowed")
            headers = {"Accept": accept, "User-Agent": "podlab"}
            if self._token and own:
                headers["Authorization"] = f"Bearer {self._token}"
            reply = _open(parts, headers)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply
            url = urllib.parse.urljoin(url, reply.headers.get("Location", ""))
            reply.close()
        raise PullError("too many redirects")

    def _ask_token(self, challenge: str) -> str:
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if not challenge.lower().startswith("bearer") or "realm" not in fields:
            return ""
        query = {key: fields[key] for key in ("service", "scope") if key in fields}
        query.setdefault("scope", f"repository:{self._name.path}:pull")
        url = f"{fields['realm']}?{urllib.parse.urlencode(query)}"
        with self._request(url, "application/json") as reply:
            if reply.status != 200:
                return ""
            found = json.loads(reply.read(1 << 20))
        return str(found.get("token") or found.get("access_token") or "")


def _open(parts: urllib.parse.SplitResult, headers: dict[str, str]) -> http.client.HTTPResponse:
    kind: Any = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    extra = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(parts.netloc, timeout=_READ_S, **extra)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={**headers, "Connection": "close"})
    reply: http.client.HTTPResponse = connection.getresponse()
    return reply


def _check(found: str, stated: str) -> None:
    if stated != f"sha256:{found}":
        raise PullError(
            f"failed commit on ref: unexpected commit digest sha256:{found}, expected {stated}: failed precondition"
        )
