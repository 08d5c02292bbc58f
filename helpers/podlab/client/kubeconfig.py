"""
Reads one context of a kubeconfig: where the server is, how to trust it, who we are.

The rules are kubectl's: ``$KUBECONFIG`` may list several files, the first that defines a name wins; relative
paths are relative to the file; ``*-data`` fields win over file fields.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from podlab.errors import DriverError

_MAX_BYTES = 4 << 20


class Kubeconfig(NamedTuple):
    """
    One context, resolved. ``*_file`` paths are absolute; ``*_data`` are base64 as in the file.
    """

    server: str
    context: str
    namespace: str = "default"
    cluster: Mapping[str, Any] = MappingProxyType({})
    user: Mapping[str, Any] = MappingProxyType({})  # holds secrets: never printed

    def __repr__(self) -> str:
        return f"Kubeconfig(server={self.server!r}, context={self.context!r}, namespace={self.namespace!r})"

    @classmethod
    def load(cls, path: Path | None = None, context: str | None = None) -> Kubeconfig:
        """
        Read *context* (default: the current one) from *path*, else ``$KUBECONFIG``, else ``~/.kube/config``.

        Raises:
            DriverError: If no file is there, it is no kubeconfig, or the context is not in it.
        """
        files = [path] if path else _default_files()
        merged = _merge(file for file in files if file.is_file())
        if not merged["files"]:
            raise DriverError(
                "no kubeconfig was found",
                cause="looked at " + ", ".join(str(file) for file in files),
                hint="podlab up creates a cluster; podlab kubeconfig prints the path of its file",
            )
        name = context or merged["current-context"]
        entry = merged["contexts"].get(name)
        if entry is None:
            raise DriverError(
                f'the kubeconfig has no context "{name}"'
                if name
                else "the kubeconfig has no current context",
                cause="it has: " + (", ".join(sorted(merged["contexts"])) or "none"),
                hint="name one of them with --context",
            )
        cluster = merged["clusters"].get(entry.get("cluster"), {})
        if not cluster.get("server"):
            raise DriverError(
                f'context "{name}" names a cluster without a server',
                cause=f'cluster "{entry.get("cluster")}" in {merged["files"][0]}',
                hint="with kubectl: kubectl config view shows the file as it is read",
            )
        user = merged["users"].get(entry.get("user"), {})
        return cls(_address(cluster, user), name, entry.get("namespace") or "default", cluster, user)


def _address(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> str:
    """
    Return the server's URL, with the scheme that client-go adds where it is missing: https if anything of TLS is said.

    Raises:
        DriverError: If it is none.
    """
    server = str(cluster["server"]).rstrip("/")
    if "://" not in server:
        tls = any(key.startswith(("certificate-authority", "insecure-skip")) for key in cluster)
        tls = tls or any(key.startswith("client-certificate") for key in user)
        server = f"{'https' if tls else 'http'}://{server}"
    try:
        parts = urlsplit(server)
        parts.port  # noqa: B018 - reading it is what checks it
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("no host" if not parts.hostname else f"the scheme {parts.scheme}")
    except ValueError as error:
        raise DriverError(
            f'the kubeconfig\'s server "{server}" is not the address of an API server',
            cause=str(error),
            hint="it looks like https://HOST:6443",
        ) from error
    return server


def _default_files() -> list[Path]:
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def _merge(files: Iterable[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {"files": [], "clusters": {}, "users": {}, "contexts": {}, "current-context": ""}
    for file in files:
        content = _read(file)
        merged["files"].append(file)
        merged["current-context"] = merged["current-context"] or content.get("current-context") or ""
        for section, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for row in content.get(section) or []:
                body = _absolute(dict(row.get(inner) or {}), file.parent)
                merged[section].setdefault(row.get("name"), body)
    return merged


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        content = _parsed(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("its top level is not a mapping")
    except (OSError, ValueError) as error:
        raise DriverError(
            f"{file} cannot be read as a kubeconfig",
            cause=" ".join(str(error).split()),
            hint="give another file with --kubeconfig",
        ) from error
    return content


def _parsed(text: str) -> Any:
    """JSON, as the embedded cluster writes it, without loading a YAML parser; anything else is YAML."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # YAML's own braces
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _absolute(body: dict[str, Any], folder: Path) -> dict[str, Any]:
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if body.get(key):
            body[key] = str(folder / body[key])
    return body
