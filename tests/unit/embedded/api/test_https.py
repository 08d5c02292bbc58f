"""The real thing over HTTPS: the server, a certificate, the ``kubernetes`` package and kubectl as clients."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi import PODS, pod

OURS = Path("~/.cache/podlab/bin/kubectl").expanduser()
KUBECTL = str(OURS) if OURS.exists() else shutil.which("kubectl") or ""


class Daemon:
    """A daemon without a node: API server and controllers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        reader, writer = os.pipe()
        arguments = ["--folder", str(folder), "--name", "test", "--no-node", "--ready-fd", str(writer)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "podlab.embedded.daemon", *arguments],
            pass_fds=(writer,),
            stderr=subprocess.PIPE,
        )
        os.close(writer)
        ready = os.read(reader, 16)
        os.close(reader)
        assert ready == b"ready\n", self.process.communicate()
        self.config = json.loads((folder / "kubeconfig").read_text())
        self.port = json.loads((folder / "daemon.json").read_text())["port"]
        self.token = self.config["users"][0]["user"]["token"]

    def connection(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.folder / "pki" / "server.crt"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=10)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = self.connection()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    started = Daemon(tmp_path_factory.mktemp("cluster"))
    yield started
    started.process.terminate()
    assert started.process.wait(10) == 0, started.process.stderr and started.process.stderr.read()
    assert not (started.folder / "kubeconfig").exists()


def test_files_are_private(daemon: Daemon) -> None:
    for path in ("kubeconfig", "daemon.json", "pki/token", "pki/server.key"):
        assert (daemon.folder / path).stat().st_mode & 0o077 == 0, path


def test_without_token_and_without_tls(daemon: Daemon) -> None:
    assert daemon.ask("GET", PODS, Authorization="")[0] == 401
    assert daemon.ask("GET", PODS, Origin="https://evil.example")[0] == 403
    plain = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", PODS, headers={"Authorization": f"Bearer {daemon.token}"})
        plain.getresponse()


def test_a_websocket_without_token_is_refused(daemon: Daemon) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    status, body = daemon.ask("GET", PODS + "/p/exec?command=id&stdout=true", Authorization="", **upgrade)
    assert (status, body["reason"]) == (401, "Unauthorized")


def test_requests_cut_short_do_no_harm(daemon: Daemon) -> None:
    cut = b"POST /x HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"
    for data in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", cut, b"\xff" * 4096):
        connection = daemon.connection()
        connection.connect()
        connection.sock.sendall(data)
        connection.close()
    assert daemon.ask("GET", "/version")[0] == 200


def test_headers_without_end_are_cut_off(daemon: Daemon) -> None:
    connection = daemon.connection()
    connection.connect()
    connection.sock.settimeout(5)
    connection.sock.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n")
    with pytest.raises(OSError):
        for place in range(100_000):
            connection.sock.sendall(b"X-%d: %s\r\n" % (place, b"y" * 1000))
    connection.close()
    assert daemon.ask("GET", "/version")[0] == 200


def test_the_official_client_works_unchanged(daemon: Daemon) -> None:
    from kubernetes import client, config, watch

    api = client.CoreV1Api(config.new_client_from_config(str(daemon.folder / "kubeconfig")))
    made = api.create_namespaced_pod("default", pod("official"))
    assert made.status.phase == "Pending"
    listed = api.list_namespaced_pod("default", field_selector="metadata.name=official")
    assert [item.metadata.name for item in listed.items] == ["official"]
    api.patch_namespaced_pod("official", "default", {"metadata": {"labels": {"a": "b"}}})
    api.delete_namespaced_pod("official", "default")
    stream = watch.Watch().stream(
        api.list_namespaced_pod,
        "default",
        timeout_seconds=2,
        resource_version=listed.metadata.resource_version,
    )
    seen = []
    for event in stream:
        seen.append(event["type"])
        if event["type"] == "DELETED":
            break
    assert seen[0] == "MODIFIED"
    assert seen[-1] == "DELETED"
    with pytest.raises(client.ApiException) as error:
        api.read_namespaced_pod("official", "default")
    assert json.loads(error.value.body)["message"] == 'pods "official" not found'
    assert client.VersionApi(api.api_client).get_code().git_version == "v1.36.3"


def kubectl(daemon: Daemon, *arguments: str, text: str = "", fails: bool = False) -> str:
    """Run kubectl against the daemon; its output, or its errors when it is to fail."""
    environment = {**os.environ, "KUBECONFIG": str(daemon.folder / "kubeconfig"), "HOME": str(daemon.folder)}
    done = subprocess.run(
        [KUBECTL, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: app, image: 'busybox:1.36'}]
"""


@pytest.mark.skipif(not KUBECTL, reason="no kubectl on this machine: podlab up --driver kind brings one")
def test_kubectl_works_unchanged(daemon: Daemon) -> None:
    assert kubectl(daemon, "apply", "-f", "-", text=MANIFEST) == "pod/web created\n"
    assert kubectl(daemon, "apply", "-f", "-", text=MANIFEST) == "pod/web unchanged\n"
    changed = MANIFEST.replace("busybox:1.36", "busybox:1.37")
    assert kubectl(daemon, "apply", "-f", "-", text=changed) == "pod/web configured\n"
    assert kubectl(daemon, "get", "pods").split()[:7] == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "web",
        "0/1",
    ]
    assert "Image:" in kubectl(daemon, "describe", "pod", "web")
    assert "FIELD: image <string>" in kubectl(daemon, "explain", "pod.spec.containers.image")
    wrong = kubectl(daemon, "apply", "-f", "-", text=MANIFEST.replace("image:", "imgae:"), fails=True)
    assert 'strict decoding error: unknown field "spec.containers[0].imgae"' in wrong
    assert kubectl(daemon, "create", "configmap", "c", "--from-literal=a=b") == "configmap/c created\n"
    assert kubectl(daemon, "create", "namespace", "extra") == "namespace/extra created\n"
    assert kubectl(daemon, "get", "configmap", "c", "-o", "jsonpath={.data.a}") == "b"
    assert kubectl(daemon, "auth", "can-i", "create", "pods") == "yes\n"
    assert kubectl(daemon, "label", "pod", "web", "tier=front") == "pod/web labeled\n"
    assert kubectl(daemon, "get", "pods", "-l", "tier=front", "-o", "name") == "pod/web\n"
    assert "web" in kubectl(daemon, "get", "all")
    assert 'pod "web" deleted' in kubectl(daemon, "delete", "pod", "web")
    assert kubectl(daemon, "delete", "namespace", "extra", "--timeout=10s").startswith(
        'namespace "extra" deleted'
    )


def test_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path), "--name", "idle", "--no-node", "--idle-s", "0.1"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "podlab.embedded.daemon", *arguments], timeout=30, check=False
    )
    assert done.returncode == 0
    assert time.monotonic() - began < 25
    assert not (tmp_path / "daemon.json").exists()
