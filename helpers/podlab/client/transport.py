"""
Sends requests: TLS, proxies, credentials, and one renewal of credentials when the server answers 401.

urllib3 is loaded with the first request, not with the import of this package.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from podlab.client import credentials as identity
from podlab.client import failures
from podlab.client.kubeconfig import Kubeconfig

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

    from podlab.client.budget import Budget

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
_BUSY_DEADLINE_S = 15.0  # how long 429 answers are waited out, as client-go does up to ten times
_POOL_SIZE = 32
_POOL_AGE_S = 60.0  # kube-apiserver closes a connection that is idle for 90 s, the embedded one after 120 s


class Transport:
    """One server, one identity and, if given, a budget of requests; safe to share between threads."""

    def __init__(self, config: Kubeconfig, budget: Budget | None = None) -> None:
        self.config, self._budget = config, budget
        self.credentials = identity.Credentials(config)
        self._lock = threading.Lock()
        self._pool: PoolManager | None = None
        self._pool_generation, self._pool_since = -1, 0.0

    def open(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        *,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout_s: float | None = READ_TIMEOUT_S,
    ) -> BaseHTTPResponse:
        """
        Send one request and return its answer with the body unread; the caller releases it.

        Raises:
            ApiError: If the server refused it, after one renewal of credentials on 401.
            ConnectionLostError: If the server could not be reached or did not answer in *read_timeout_s*.
        """
        url = self.config.server + path + _query(params)
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "User-Agent": "podlab"}
        if payload is not None:
            headers["Content-Type"] = content_type
        renewed, give_up_at = False, time.monotonic() + _BUSY_DEADLINE_S
        while True:
            generation = self.credentials.generation
            answer = self._send(
                method, path, url=url, payload=payload, headers=headers, read_timeout_s=read_timeout_s
            )
            if answer.status < 300:
                return answer
            status = failures.status_of(_drain(answer))
            if answer.status == 401 and not renewed and self.credentials.renew(generation):
                renewed = True
                continue
            pause_s = _retry_after_s(answer)
            if pause_s is not None and time.monotonic() + pause_s < give_up_at:
                time.sleep(pause_s)
                continue
            raise failures.refusal(method, path, answer.status, status)

    def _send(
        self,
        method: str,
        path: str,
        *,
        url: str,
        payload: bytes | None,
        headers: dict[str, str],
        read_timeout_s: float | None,
    ) -> BaseHTTPResponse:
        from urllib3 import Timeout

        self.take_turn()
        headers = {**headers, **self.credentials.headers()}
        try:
            return self.pool().request(
                method,
                url,
                body=payload,
                headers=headers,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
            )
        except failures.broken() as error:
            raise failures.lost(self.config.server, method, path, error) from error

    def take_turn(self) -> None:
        """Wait until the budget has a token for one more request."""
        if self._budget:
            self._budget.take()

    def pool(self) -> PoolManager:
        """
        Return the connections of the current identity; a renewed certificate gets new ones.

        Old ones are left behind as well: urllib3 keeps an idle connection without a limit of time, and a server that
        closes it while the next request is under way looks like a server that is gone.
        """
        with self._lock:
            now = time.monotonic()
            renewed = self._pool_generation != self.credentials.generation and self.config.user.get("exec")
            if self._pool is None or renewed or now - self._pool_since >= _POOL_AGE_S:
                self._pool_generation, self._pool_since = self.credentials.generation, now
                self._pool = self._new_pool()
            return self._pool

    def _new_pool(self) -> PoolManager:
        from urllib3 import PoolManager, ProxyManager, disable_warnings, exceptions

        options: dict[str, Any] = {"maxsize": _POOL_SIZE, "socket_options": _kept_alive()}
        context, name = self.ssl_context(), self.config.cluster.get("tls-server-name")
        if context:
            options["ssl_context"] = context
        if context and name:
            options.update(server_hostname=name, assert_hostname=name)
        if self.config.cluster.get("insecure-skip-tls-verify"):
            options["cert_reqs"] = ssl.CERT_NONE
            disable_warnings(exceptions.InsecureRequestWarning)  # the kubeconfig asks for it
        proxy = self.proxy()
        return ProxyManager(proxy, **options) if proxy else PoolManager(**options)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings of this context; None over plain http."""
        if not self.config.server.startswith("https"):
            return None
        root = identity.authority(self.config)
        context = ssl.create_default_context(cadata=root.decode() if root else None)
        # As Go judges certificates, by whose judgement clusters are made: what the kubeconfig names is trusted also if
        # somebody else signed it, and a CA without a key identifier (EKS) is one; Python 3.13 refuses that.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.config.cluster.get("insecure-skip-tls-verify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        pair = self.credentials.certificate()
        if pair:
            _load_pair(context, *pair)
        return context

    def proxy(self) -> str | None:
        """Return the proxy for this server: the kubeconfig's own, else the environment's, else None."""
        named = self.config.cluster.get("proxy-url")
        if named:
            return str(named)
        if not any(name.lower().endswith("_proxy") for name in os.environ):
            return None
        from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

        url = urlsplit(self.config.server)
        if url.hostname in {"localhost", "127.0.0.1", "::1"} or proxy_bypass_environment(url.netloc):
            return None
        return getproxies_environment().get(url.scheme)


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # Python's ssl reads a certificate from a file only; the folder is 0700 and lives for these three lines.
    with TemporaryDirectory(prefix="podlab-") as folder:
        files = [Path(folder, name) for name in ("certificate.pem", "key.pem")]
        for file, content in zip(files, (certificate, key), strict=True):
            file.write_bytes(content)
        context.load_cert_chain(str(files[0]), str(files[1]))


def _query(params: Mapping[str, Any]) -> str:
    rows: list[tuple[str, str]] = []
    for name, value in params.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                rows.append((name, str(one).lower() if isinstance(one, bool) else str(one)))
    return "?" + urlencode(rows) if rows else ""


def _kept_alive() -> list[tuple[int, int, int]]:
    """
    Return options that probe an idle connection each 30 s.

    A firewall or a NAT before a real cluster forgets a silent connection in 4 to 6 minutes, without a word to either
    side; the next request would wait for its whole timeout.
    """
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # Linux, macOS
    probes = [] if idle is None else [(socket.IPPROTO_TCP, idle, 30)]
    return [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),  # urllib3's own, which a list of ours replaces
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *probes,
    ]


def _drain(answer: BaseHTTPResponse) -> bytes:
    try:
        return answer.read(1 << 20)
    except Exception:  # an error page that breaks off changes nothing: the code is known
        return b""
    finally:
        answer.close()  # unread rest or not, an error is rare enough to pay for a new connection


def _retry_after_s(answer: BaseHTTPResponse) -> float | None:
    """Return how long a busy server (429) asks us to wait; None when it does not say or is not busy."""
    if answer.status != 429:
        return None
    try:
        return max(0.05, float(answer.headers.get("Retry-After", "")))
    except ValueError:
        return None
