"""
Who we are, for each request: a header, or a client certificate; tokens of plugins and files are renewed.

A kubeconfig with an ``exec`` section runs a program of its author's choice, by Kubernetes' own design. It
runs when the first request needs it, never when the file is only read.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podlab.client.kubeconfig import Kubeconfig
from podlab.errors import DriverError

_TOKEN_FILE_AGE_S = 60.0  # client-go re-reads a token file about once a minute
_EXPIRY_MARGIN_S = 10.0
_PLUGIN_TIMEOUT_S = 60


class Credentials:
    """The credentials of one context; safe to share between threads."""

    def __init__(self, config: Kubeconfig) -> None:
        self._config, self._user = config, config.user
        self._lock = threading.Lock()
        self._plugin: dict[str, Any] = {}
        self._token, self._read_at = "", 0.0
        self.generation = 0  # grows with each renewal, so that several threads renew once

    def headers(self) -> dict[str, str]:
        """Return the Authorization header, or nothing where a certificate speaks for us."""
        token = self._current_token()
        if token:
            return {"Authorization": f"Bearer {token}"}
        if self._user.get("username"):
            pair = f"{self._user['username']}:{self._user.get('password', '')}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}

    def certificate(self) -> tuple[bytes, bytes] | None:
        """Return the client's certificate and key as PEM, or None."""
        plugin = self._from_plugin()
        if plugin.get("clientCertificateData"):
            return plugin["clientCertificateData"].encode(), plugin["clientKeyData"].encode()
        pair = [_material(self._user, f"client-{part}") for part in ("certificate", "key")]
        return (pair[0], pair[1]) if pair[0] and pair[1] else None

    def renew(self, generation: int) -> bool:
        """Forget what the server refused; return whether a try can differ (not so for a fixed token)."""
        with self._lock:
            if generation != self.generation:
                return True
            self.generation += 1
            self._plugin, self._read_at = {}, 0.0
        return bool(self._user.get("exec") or self._user.get("tokenFile"))

    def _current_token(self) -> str:
        if self._user.get("exec"):
            return str(self._from_plugin().get("token", ""))
        if self._user.get("tokenFile"):
            with self._lock:
                if time.monotonic() - self._read_at > _TOKEN_FILE_AGE_S or not self._read_at:
                    self._token = _read_token(Path(self._user["tokenFile"]))
                    self._read_at = time.monotonic()
                return self._token
        return str(self._user.get("token") or "")

    def _from_plugin(self) -> dict[str, Any]:
        if not self._user.get("exec"):
            return {}
        with self._lock:
            if not self._plugin or _expired(self._plugin):
                if self._plugin:
                    self.generation += 1
                self._plugin = run_plugin(self._user["exec"], self._config)
            return self._plugin


def _material(section: Mapping[str, Any], name: str) -> bytes | None:
    """Return PEM bytes of ``NAME-data`` (base64) or of the file in ``NAME``; None when neither is set."""
    try:
        if section.get(f"{name}-data"):
            return base64.b64decode(section[f"{name}-data"])
        if section.get(name):
            return Path(section[name]).read_bytes()
    except (OSError, ValueError) as error:
        raise DriverError(f"the kubeconfig's {name} cannot be read", cause=str(error)) from error
    return None


def authority(config: Kubeconfig) -> bytes | None:
    """Return the PEM bytes that the server's certificate must be signed by, or None for the system's own."""
    return _material(config.cluster, "certificate-authority")


def _read_token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DriverError("the kubeconfig's token file cannot be read", cause=str(error)) from error


def _expired(plugin: dict[str, Any]) -> bool:
    stamp = plugin.get("expirationTimestamp")
    if not stamp:
        return False
    left = datetime.fromisoformat(stamp) - datetime.now(UTC)
    return left.total_seconds() < _EXPIRY_MARGIN_S


def run_plugin(spec: dict[str, Any], config: Kubeconfig) -> dict[str, Any]:
    """
    Run the credential plugin of a kubeconfig and return the ``status`` of its ExecCredential.

    Raises:
        DriverError: If it cannot be run, fails, takes over a minute, or prints something else.
    """
    command = [str(spec.get("command", "")), *map(str, spec.get("args") or [])]
    api_version = str(spec.get("apiVersion") or "client.authentication.k8s.io/v1")
    info: dict[str, Any] = {
        "apiVersion": api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    if spec.get("provideClusterInfo"):
        info["spec"]["cluster"] = {
            "server": config.server,
            "certificate-authority-data": config.cluster.get("certificate-authority-data"),
        }
    extra = {str(row["name"]): str(row["value"]) for row in spec.get("env") or []}
    environment = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_PLUGIN_TIMEOUT_S, check=True
        )
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        detail = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").strip()
        raise DriverError(
            f"the credential plugin {command[0]} of this kubeconfig returned no credentials",
            cause=detail or str(error),
            hint=str(spec.get("installHint") or "run the plugin by hand to see why"),
        ) from error
    return dict(status)
