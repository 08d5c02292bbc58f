"""Commands, logs and ports of running containers through the official client and kubectl; the same on every cluster."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from kubernetes import client as official
from kubernetes import config, stream

from podlab.client import Client
from podlab.drivers import Cluster

OURS = Path("~/.cache/podlab/bin/kubectl").expanduser()
KUBECTL = str(OURS) if OURS.exists() else shutil.which("kubectl") or ""
WAIT_S = 30
ASK = """
import json, ssl, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
context = ssl.create_default_context(cafile=folder + "ca.crt")
headers = {"Authorization": "Bearer " + open(folder + "token").read()}
for path in ("/version", "/api/v1/namespaces/%s/pods"):
    request = urllib.request.Request("https://kubernetes.default.svc" + path, headers=headers)
    try:
        print(json.loads(urllib.request.urlopen(request, context=context, timeout=10).read())["gitVersion"])
    except urllib.error.HTTPError as error:
        print(json.loads(error.read())["message"])
"""


@pytest.fixture
def api(cluster: Cluster) -> official.CoreV1Api:
    return official.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


@pytest.fixture
def web(client: Client, namespace: str) -> str:
    """A Pod that serves its folder on port 8000, in *namespace*."""
    serve = [
        "python",
        "-u",
        "-c",
        "print('up', flush=True); import http.server as h; h.test(h.SimpleHTTPRequestHandler)",
    ]
    client.create(
        f"/api/v1/namespaces/{namespace}/pods",
        {
            "metadata": {"name": "web"},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "c", "image": "python:3.11-slim", "command": serve,
                    "readinessProbe": {"httpGet": {"port": 8000}, "periodSeconds": 1},
                }],
            },
        },
    )  # fmt: skip
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        status = client.get(f"/api/v1/namespaces/{namespace}/pods/web").get("status", {})
        if {"Ready": "True"}.items() <= {
            c["type"]: c["status"] for c in status.get("conditions", [])
        }.items():
            return "web"
        time.sleep(0.1)
    raise AssertionError(f"the Pod is not ready: {status}")


def run(api: official.CoreV1Api, namespace: str, *command: str, **options: Any) -> Any:
    """A command by the official client."""
    asked = {"stdout": True, "stderr": True, "stdin": False, "tty": False, **options}
    return stream.stream(
        api.connect_get_namespaced_pod_exec, "web", namespace, command=list(command), **asked
    )


def test_commands_by_the_official_client(api: official.CoreV1Api, namespace: str, web: str) -> None:
    assert sorted(run(api, namespace, "sh", "-c", "echo out; echo err >&2").split()) == ["err", "out"]
    fed = run(api, namespace, "cat", stdin=True, _preload_content=False)
    fed.write_stdin("line\n")
    assert fed.readline_stdout(timeout=5) == "line"
    fed.close()
    failed = run(api, namespace, "sh", "-c", "exit 7", _preload_content=False)
    failed.run_forever(timeout=10)
    assert failed.returncode == 7


@pytest.fixture
def join(api: official.CoreV1Api, namespace: str) -> Iterator[Callable[..., websocket.WebSocket]]:
    """Opens a WebSocket below the Pod ``web``, as upstream's end-to-end tests do."""
    with contextlib.ExitStack() as opened:

        def to(path: str, *protocols: str) -> websocket.WebSocket:
            given = api.api_client.configuration
            url = f"{given.host}/api/v1/namespaces/{namespace}/pods/web/{path}".replace("https", "wss", 1)
            tls = {"ca_certs": given.ssl_ca_cert, "certfile": given.cert_file, "keyfile": given.key_file}
            keys = [one for one in given.auth_settings().values() if one["in"] == "header" and one["value"]]
            return opened.enter_context(
                contextlib.closing(
                    websocket.create_connection(
                        url,
                        subprotocols=list(protocols),
                        sslopt={name: value for name, value in tls.items() if value},
                        header=[f"{one['key']}: {one['value']}" for one in keys],
                        timeout=WAIT_S,
                    )
                )
            )

        yield to


def messages(socket: websocket.WebSocket) -> Iterator[bytes]:
    """What comes until the server closes. Empty messages are part of it: by one a server may say that it is ready."""
    while True:
        kind, data = socket.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return
        yield data


@pytest.mark.parametrize(
    ("protocol", "output"), [("channel.k8s.io", b"\1remote\n"), ("base64.channel.k8s.io", b"1cmVtb3RlCg==")]
)
def test_commands_by_the_oldest_protocols(
    join: Callable[..., websocket.WebSocket], web: str, protocol: str, output: bytes
) -> None:
    """Output on channel 1; nothing on the error channel of a command that did well."""
    asked = "exec?command=echo&command=remote&stdout=1&stderr=1"
    assert [one for one in messages(join(asked, protocol)) if len(one) > 1] == [output]


@pytest.mark.parametrize(("protocol", "log"), [("binary.k8s.io", b"up\n"), ("base64.binary.k8s.io", b"dXAK")])
def test_a_log_over_a_websocket(
    join: Callable[..., websocket.WebSocket], web: str, protocol: str, log: bytes
) -> None:
    """The bytes of the log, in messages."""
    assert b"".join(messages(join("log?limitBytes=3", protocol))) == log


def test_a_port_by_the_official_client(api: official.CoreV1Api, namespace: str, web: str) -> None:
    forward = stream.portforward(api.connect_get_namespaced_pod_portforward, web, namespace, ports="8000")
    link = forward.socket(8000)
    link.setblocking(True)
    link.settimeout(10)
    link.sendall(b"GET / HTTP/1.0\r\n\r\n")
    data = b""
    with contextlib.suppress(TimeoutError):
        while chunk := link.recv(4096):
            data += chunk
    assert data.startswith(b"HTTP/1.0 200 OK")
    assert b"</html>" in data


def test_a_pod_may_ask_the_api_who_it_is_and_little_else(
    api: official.CoreV1Api, namespace: str, web: str
) -> None:
    version, refusal = run(api, namespace, "python", "-c", ASK % namespace).strip().splitlines()
    assert version == "v1.36.3"
    assert refusal == (
        f'pods is forbidden: User "system:serviceaccount:{namespace}:default" cannot list resource "pods" in API '
        f'group "" in the namespace "{namespace}"'
    )


needs_kubectl = pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")


class Kubectl:
    """kubectl in one namespace of one cluster."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.start = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "-n", namespace]

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.start, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
        )


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str) -> Iterator[Kubectl]:
    yield Kubectl(cluster, namespace)


@needs_kubectl
def test_commands_by_kubectl(kubectl: Kubectl, web: str) -> None:
    assert kubectl("exec", web, "--", "sh", "-c", "exit 4").returncode == 4
    assert kubectl("exec", "-i", web, "--", "cat", input="fed\n").stdout == "fed\n"
    missing = kubectl("exec", web, "--", "nosuch")
    assert missing.returncode == 1
    assert 'exec: "nosuch": executable file not found in $PATH' in missing.stderr
    nobody = kubectl("exec", web, "-c", "nobody", "--", "id")
    assert "container nobody is not valid for pod web" in nobody.stderr


@needs_kubectl
def test_run_with_input_by_kubectl(kubectl: Kubectl) -> None:
    command = ["run", "fed", "-i", "--rm", "--quiet", "--restart=Never", "--image=busybox:1.36", "--"]
    done = kubectl(*command, "sh", "-c", "sleep 2; cat; echo end", input="line\n")
    assert done.stdout.startswith("line\nend\n")


@needs_kubectl
def test_logs_by_kubectl(kubectl: Kubectl, web: str) -> None:
    assert kubectl("logs", web).stdout.startswith("up\n")
    stamped = kubectl("logs", web, "--timestamps", "--limit-bytes=20").stdout
    assert len(stamped) == 20
    assert stamped[10] == "T"
    before = kubectl("logs", web, "--previous")
    assert 'previous terminated container "c" in pod "web" not found' in before.stderr


@needs_kubectl
def test_a_port_by_kubectl_many_times(kubectl: Kubectl, web: str) -> None:
    forward = subprocess.Popen(
        [*kubectl.start, "port-forward", web, ":8000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert forward.stdout is not None
        port = forward.stdout.readline().split("127.0.0.1:")[1].split()[0]
        import urllib.request

        for _ in range(20):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                assert answer.status == 200
    finally:
        forward.terminate()
        forward.wait(10)
