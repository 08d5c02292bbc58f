"""
Where the API is attacked: one cluster with a victim, and a thief who may edit his own namespace.

Requests are written to the socket as they are: what a library would mend is what an attacker sends.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from attacking import Range, cluster

Json = dict[str, Any]
WAIT_S = 120
PATIENCE_S = 240
BUSY_S = (
    20.0  # processor time of the daemon for one request: a clock would measure what else the machine does
)
GROWTH_BYTES = 400 << 20
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Answer:
    """A status code, 0 where the connection was closed instead, and the body."""

    code: int
    body: bytes
    head: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class ApiRange:
    """The cluster, its people, and the ways to ask. ``who`` is ``admin``, ``thief``, ``reader``, a token, or nobody."""

    def __init__(self, range_: Range) -> None:
        self.range = range_
        self.treasure = f"treasure-{uuid.uuid4().hex}"
        self.host = f"127.0.0.1:{range_.port}"
        self.tls = range_.tls()
        self.tokens = {"admin": range_.token}
        self.client = range_.client
        self._people()

    def _people(self) -> None:
        for name in ("victim", "evil", "secrets"):
            self.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
        gold = {"metadata": {"name": "gold"}, "stringData": {"word": self.treasure}}
        self.client.create("/api/v1/namespaces/victim/secrets", gold)
        self.client.create(
            "/api/v1/namespaces/victim/configmaps", {"metadata": {"name": "plain"}, "data": {"a": "1"}}
        )
        for namespace, name in (("evil", "thief"), ("evil", "reader"), ("victim", "boss"), ("evil", "gone")):
            self.client.create(
                f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}}
            )
        look = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
        self.client.create(f"{RBAC}/namespaces/evil/roles", {"metadata": {"name": "look"}, "rules": [look]})
        self._bind("evil", "ClusterRole", "edit", "evil", "thief")
        self._bind("secrets", "ClusterRole", "view", "evil", "thief")
        self._bind("evil", "Role", "look", "evil", "reader")
        subject = {"kind": "ServiceAccount", "name": "boss", "namespace": "victim"}
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        self.client.create(
            f"{RBAC}/clusterrolebindings",
            {"metadata": {"name": "boss"}, "roleRef": ref, "subjects": [subject]},
        )
        for namespace, name in (("evil", "mine"), ("victim", "target")):
            row = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "3600"]}
            spec = {"terminationGracePeriodSeconds": 0, "containers": [row]}
            if name == "target":
                spec["serviceAccountName"] = "boss"
            self.client.create(
                f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": name}, "spec": spec}
            )
        for name in ("thief", "reader", "gone"):
            self.tokens[name] = self.token_of("evil", name)
        self.until(lambda: all(self._runs(*one) for one in (("evil", "mine"), ("victim", "target"))))

    def _bind(self, namespace: str, kind: str, role: str, home: str, account: str) -> None:
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
        body = {"metadata": {"name": f"{account}-{role}"}, "roleRef": ref, "subjects": [subject]}
        self.client.create(f"{RBAC}/namespaces/{namespace}/rolebindings", body)

    def _runs(self, namespace: str, name: str) -> bool:
        pod = self.client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        return bool(pod["status"].get("phase") == "Running")

    def until(self, look: Callable[[], Any]) -> Any:
        """What *look* returns once it is true."""
        limit = time.monotonic() + WAIT_S
        while not (found := look()):
            assert time.monotonic() < limit, "the range does not get ready"
            time.sleep(0.1)
        return found

    def token_of(self, namespace: str, account: str) -> str:
        """A token of an account, as ``kubectl create token`` asks for it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(json.loads(self.ask("POST", path, who="admin", body={"spec": {}}).body)["status"]["token"])

    # -- asking ----------------------------------------------------------------------------------------------

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection of one's own."""
        plain = socket.create_connection(("127.0.0.1", self.range.port), PATIENCE_S)
        return (context or self.tls).wrap_socket(plain)

    def head(
        self,
        method: str,
        path: str,
        who: str | None = "thief",
        headers: Json | None = None,
        *,
        host: str = "",
    ) -> bytes:
        """The head of a request; *headers* with None as value are left out."""
        given: Json = {"Host": host or self.host}
        if who is not None:
            given["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        given |= headers or {}
        lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("utf-8", "surrogateescape")

    def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | None = "thief",
        body: Any = None,
        headers: Json | None = None,
        kind: str = "application/json",
        context: ssl.SSLContext | None = None,
    ) -> Answer:
        """One request, and its whole answer."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given: Json = {"Connection": "close"}
        if body is not None:
            given |= {"Content-Type": kind, "Content-Length": len(data)}
        sent = self.head(method, path, who, given | (headers or {}))
        try:
            with self.connect(context) as sock:
                with contextlib.suppress(OSError):  # it may answer, and hang up, before it has all
                    sock.sendall(sent + data)
                answer = http.client.HTTPResponse(sock, method=method)
                answer.begin()
                return Answer(
                    answer.status, b"" if answer.status == 101 else answer.read(), str(answer.headers)
                )
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, str(error).encode())

    def raw(self, sent: bytes, *, patience_s: float = 3.0) -> bytes:
        """Send bytes, and return all that comes back until the server hangs up or is silent."""
        got = b""
        with contextlib.suppress(OSError), self.connect() as sock:
            sock.sendall(sent)
            sock.settimeout(patience_s)
            while part := sock.recv(65536):
                got += part
        return got

    def lives(self) -> str:
        """Empty while another client is answered; else what is wrong."""
        answer = self.ask("GET", "/readyz", who="admin")
        return "" if answer.code == 200 else f"the server does not answer any more: {answer}"

    def beside(self, work: Callable[[], Any]) -> tuple[Any, str]:
        """
        What *work* returns, and what the daemon suffered from it: empty, or too much of its time or memory, or its end.
        """
        memory, busy = self.range.memory_bytes(), self.range.busy_s()
        found = work()
        wrong = self.lives()
        grown, spent = self.range.memory_bytes() - memory, self.range.busy_s() - busy
        if spent > BUSY_S:
            return found, f"the daemon was busy for {spent:.0f} s"
        return found, f"the daemon grew by {grown >> 20} MiB" if grown > GROWTH_BYTES else wrong


@contextmanager
def api_range() -> Iterator[ApiRange]:
    """The cluster with its people."""
    with cluster() as found:
        yield ApiRange(found)
