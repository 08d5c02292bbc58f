"""
Small things that people reported from the field, each from its manifest to what a learner sees; the same on every
cluster.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from test_api_streams import KUBECTL

from podlab.client import Client
from podlab.drivers import Cluster
from podlab.errors import ApiError, ConflictError, NotFoundError
from podlab.observe import record

WAIT_S = 60
WAITS_FOR_JOB = """
import json, ssl, time, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
tls, space = ssl.create_default_context(cafile=folder + "ca.crt"), open(folder + "namespace").read()
url = "https://kubernetes.default.svc/apis/batch/v1/namespaces/" + space + "/jobs/migrate"
while True:
    try:
        ask = urllib.request.Request(url, headers={"Authorization": "Bearer " + open(folder + "token").read()})
        if json.load(urllib.request.urlopen(ask, context=tls))["status"].get("succeeded"):
            break
        print("not yet", flush=True)
    except urllib.error.HTTPError as error:
        print(json.load(error)["message"], flush=True)
    time.sleep(0.2)
"""


def until(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What *look* returns once *wanted* holds of it; the test fails after ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.1)


def phase(client: Client, namespace: str, name: str) -> str:
    pod = client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    return str(pod.get("status", {}).get("phase"))


def test_an_init_container_waits_for_a_job_once_its_account_may_see_jobs(
    client: Client, namespace: str
) -> None:
    """403 for the account as it is; with a Role and a RoleBinding the wait ends when the Job has succeeded."""
    core = f"/api/v1/namespaces/{namespace}"
    client.create(f"{core}/serviceaccounts", {"metadata": {"name": "waiter"}})
    init = {"name": "wait", "image": "python:3.11-slim", "command": ["python", "-c", WAITS_FOR_JOB]}
    app = {"name": "shop", "image": "busybox:1.36", "command": ["sleep", "600"]}
    spec = {"serviceAccountName": "waiter", "terminationGracePeriodSeconds": 0, "initContainers": [init],
            "containers": [app]}  # fmt: skip
    client.create(f"{core}/pods", {"metadata": {"name": "shop"}, "spec": spec})
    refusal = (
        f'User "system:serviceaccount:{namespace}:waiter" cannot get resource "jobs" in API group "batch"'
    )
    until(lambda: log_of(client, namespace), lambda text: refusal in text)

    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]}
    client.create(f"{rbac}/roles", {"metadata": {"name": "sees-jobs"}, "rules": [rule]})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees-jobs"}
    subjects = [{"kind": "ServiceAccount", "name": "waiter", "namespace": namespace}]
    client.create(f"{rbac}/rolebindings", {"metadata": {"name": "b"}, "roleRef": ref, "subjects": subjects})
    until(lambda: log_of(client, namespace), lambda text: 'jobs.batch "migrate" not found' in text)
    job = {"name": "m", "image": "busybox:1.36", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [job]}}
    client.create(
        f"/apis/batch/v1/namespaces/{namespace}/jobs",
        {"metadata": {"name": "migrate"}, "spec": {"template": template}},
    )
    until(lambda: phase(client, namespace, "shop"), lambda found: found == "Running")


def log_of(client: Client, namespace: str) -> str:
    """What the init container has written; empty while it has not started."""
    with contextlib.suppress(ApiError):
        return client.text(f"/api/v1/namespaces/{namespace}/pods/shop/log", container="wait")
    return ""


SERVES = (
    "import http.server as h, sys\n"
    "class Page(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        body = (self.command + ' ' + self.path).encode()\n"
    "        self.send_response(200); self.send_header('Content-Type', 'text/plain')\n"
    "        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)\n"
    "    def do_POST(self):\n"
    "        body = self.rfile.read(int(self.headers['Content-Length'])) * 3\n"
    "        self.send_response(201); self.end_headers(); self.wfile.write(body)\n"
    "h.HTTPServer(('', 8080), Page).serve_forever()\n"
)


@pytest.fixture
def shop(client: Client, namespace: str) -> str:
    """A ready Pod with a Service of the same name before it; the path of the namespace."""
    core = f"/api/v1/namespaces/{namespace}"
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    client.create(
        f"{core}/services",
        {"metadata": {"name": "shop"}, "spec": {"selector": {"app": "shop"}, "ports": ports}},
    )
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    container = {
        "name": "c",
        "image": "python:3.11-slim",
        "command": ["python", "-c", SERVES],
        "readinessProbe": probe,
    }
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    client.create(f"{core}/pods", {"metadata": {"name": "shop", "labels": {"app": "shop"}}, "spec": spec})
    until(
        lambda: client.get(f"{core}/endpoints/shop"),
        lambda one: any(subset.get("addresses") for subset in one.get("subsets") or ()),
    )
    return core


@pytest.mark.parametrize(
    "place", ["services/shop:80", "services/shop:http", "pods/shop:8080", "pods/http:shop:8080"]
)
def test_a_page_of_a_pod_comes_through_the_api_server(client: Client, shop: str, place: str) -> None:
    assert client.text(f"{shop}/{place}/proxy/cups/1", sort="a b") == "GET /cups/1?sort=a+b"


def test_a_body_goes_to_the_pod_and_comes_back(client: Client, shop: str) -> None:
    """More than one buffer of it, and its end is told by the end of the connection."""
    sent = {"body": "x" * 300_000}
    answer = client.transport.open("POST", f"{shop}/pods/shop:8080/proxy/", {}, body=sent)
    assert (answer.status, answer.read().count(b"x")) == (201, 900_000)


def test_nobody_behind_a_service_is_said(client: Client, shop: str) -> None:
    with pytest.raises(ApiError, match='no service port 81 found for service "shop"') as caught:
        client.text(f"{shop}/services/shop:81/proxy/")
    assert caught.value.code == 503
    with pytest.raises(ApiError, match="connection refused"):
        client.text(f"{shop}/pods/shop:9/proxy/")


def test_the_service_of_the_api_comes_back_with_its_name(client: Client, namespace: str) -> None:
    """The tidy-up ``kubectl delete all --all``: the Service is there again, and its name leads to it."""
    path = "/api/v1/namespaces/default/services/kubernetes"
    before = client.get(path)["metadata"]["uid"]
    client.delete(path)

    def uid() -> str:
        with contextlib.suppress(NotFoundError):
            return str(client.get(path)["metadata"]["uid"])
        return before

    until(uid, lambda found: found != before)
    ask = {
        "name": "c",
        "image": "busybox:1.36",
        "command": ["nslookup", "kubernetes.default.svc.cluster.local"],
    }
    spec = {"restartPolicy": "OnFailure", "containers": [ask]}
    client.create(f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": "ask"}, "spec": spec})
    until(lambda: phase(client, namespace, "ask"), lambda found: found == "Succeeded")


@pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")
def test_a_short_command_by_kubectl_run_loses_no_line(cluster: Cluster, namespace: str) -> None:
    """Its output was empty now and then, with exit code 0; each line comes once, whichever kubectl asks."""
    start = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "-n", namespace, "run", "-q", "--rm", "-i"]
    for number in range(4):
        what = ["--restart=Never", f"short-{number}", "--image=busybox:1.36", "--", "seq", "1", "2000"]
        done = subprocess.run(
            [*start, *what],
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        lines, wanted = done.stdout.split(), [str(n) for n in range(1, 2001)]
        if cluster.driver == "kind" and "falling back to streaming logs" in done.stderr:
            lines = lines[
                : len(wanted)
            ]  # kubectl itself prints the log twice when it comes too late to attach
        assert (done.returncode, lines) == (0, wanted), done.stderr


def test_a_hook_is_over_when_what_it_left_in_the_background_lets_go_of_its_output(
    client: Client, namespace: str
) -> None:
    """``server &`` in a postStart hook keeps its container in ContainerCreating, unless its output goes elsewhere."""
    core = f"/api/v1/namespaces/{namespace}"

    def start(name: str, hook: str) -> None:
        container = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "600"],
                     "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", hook]}}}}  # fmt: skip
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        client.create(f"{core}/pods", {"metadata": {"name": name}, "spec": spec})

    start("held", "sleep 30 &")
    start("free", "sleep 600 >/dev/null 2>&1 &")
    until(lambda: phase(client, namespace, "free"), lambda found: found == "Running")
    assert phase(client, namespace, "held") == "Pending"


def test_the_output_of_a_child_is_part_of_an_exec(client: Client, namespace: str, shop: str) -> None:
    done = client.exec(
        namespace, "shop", ["sh", "-c", "(sleep 2; echo from the child) & echo from the shell"]
    )
    assert done.stdout == "from the shell\nfrom the child\n"


def test_two_who_apply_another_value_of_one_field_find_their_conflict(client: Client, namespace: str) -> None:
    """The second won in silence, and clients in Python do not show a Warning."""
    path, kind = f"/api/v1/namespaces/{namespace}/configmaps/look", "application/apply-patch+yaml"

    def apply(manager: str, **data: str) -> dict[str, Any]:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "look"}, "data": data}
        return client.patch(path, body, content_type=kind, fieldManager=manager)

    apply("one", color="red", size="1")
    with pytest.raises(ConflictError) as caught:
        apply("two", color="blue")
    assert 'Apply failed with 1 conflict: conflict with "one": .data.color' in str(
        caught.value.status["message"]
    )
    assert apply("one", color="red")["data"] == {"color": "red"}


def test_a_recording_holds_the_pods_of_its_manifest_and_no_others(client: Client, namespace: str) -> None:
    """Pods of an earlier exercise that were still ending had timelines of their own, and lives that nobody recorded."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    spec = {
        "terminationGracePeriodSeconds": 4,
        "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "600"]}],
    }
    for name in ("old-1", "old-2"):
        client.create(pods, {"metadata": {"name": name}, "spec": spec})
    for name in ("old-1", "old-2"):
        until(lambda name=name: phase(client, namespace, name), lambda found: found == "Running")  # type: ignore[misc]
        client.delete(f"{pods}/{name}")
    quiet = {"name": "a", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 6; echo done"]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "quiet"},
                "spec": {"restartPolicy": "Never", "containers": [quiet]}}  # fmt: skip
    recording = record(client, [manifest], namespace=namespace, until="Succeeded")
    seen = {o["object"]["metadata"]["name"] for o in recording.observations if o.get("resource") == "pods"}
    told = {
        o["object"]["involvedObject"]["name"] for o in recording.observations if o.get("resource") == "events"
    }
    assert (seen, told, list(recording.gaps)) == ({"quiet"}, {"quiet"}, [])


def ended(client: Client, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A Pod of one container that has run to its end."""
    container = {"name": "c", "image": "busybox:1.36", **spec.pop("container")}
    whole = {"restartPolicy": "Never", "containers": [container], **spec}
    core = f"/api/v1/namespaces/{namespace}/pods"
    name = client.create(core, {"metadata": {"generateName": "case-"}, "spec": whole})["metadata"]["name"]
    until(lambda: phase(client, namespace, name), lambda found: found in ("Succeeded", "Failed"))
    return client.get(f"{core}/{name}")


def printed(client: Client, pod: dict[str, Any]) -> list[str]:
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log"
    return client.text(path).splitlines()


def test_a_token_is_for_the_one_user_of_the_pod(client: Client, namespace: str) -> None:
    """Mode 0600, owned by runAsUser."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    container = {
        "command": ["stat", "-L", "-c", "%a %u", "/t/token"],
        "volumeMounts": [{"name": "t", "mountPath": "/t"}],
        "securityContext": {"runAsUser": 1000},
    }
    spec = {"container": container, "volumes": [{"name": "t", "projected": {"sources": [token]}}]}
    assert printed(client, ended(client, namespace, spec)) == ["600 1000"]


def test_a_volume_in_memory_belongs_to_the_group_of_the_pod(client: Client, namespace: str) -> None:
    """Its root, and what is made in it."""
    container = {
        "command": ["sh", "-c", "touch /m/f; stat -c '%a %g' /m; stat -c %g /m/f"],
        "volumeMounts": [{"name": "m", "mountPath": "/m"}],
    }
    volumes = [{"name": "m", "emptyDir": {"medium": "Memory"}}]
    spec = {"container": container, "securityContext": {"fsGroup": 123}, "volumes": volumes}
    assert printed(client, ended(client, namespace, spec)) == ["3777 123", "123"]


def test_a_termination_message_may_lie_below_dev(client: Client, namespace: str) -> None:
    """Written there by a user who is not root."""
    path = "/dev/termination-custom-log"
    container = {
        "command": ["sh", "-c", f"echo -n DONE > {path}"],
        "terminationMessagePath": path,
        "securityContext": {"runAsUser": 1000},
    }
    status = ended(client, namespace, {"container": container})["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["message"] == "DONE"


@pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")
def test_stdin_stays_open_for_the_next_client(cluster: Cluster, client: Client, namespace: str) -> None:
    """Without stdinOnce the end of one client's input is not the end of the container's."""
    command = ["sh", "-c", "while read line; do echo got $line; done; echo closed"]
    container = {"name": "c", "image": "busybox:1.36", "command": command, "stdin": True}
    core = f"/api/v1/namespaces/{namespace}/pods"
    client.create(core, {"metadata": {"name": "reads"}, "spec": {"containers": [container]}})
    until(lambda: phase(client, namespace, "reads"), lambda found: found == "Running")
    for word in ("one", "two"):
        start = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "-n", namespace]
        attached = subprocess.Popen([*start, "attach", "-qi", "reads"], stdin=subprocess.PIPE, text=True)
        try:
            assert attached.stdin is not None
            attached.stdin.write(f"{word}\n")
            attached.stdin.close()
            until(lambda: client.text(f"{core}/reads/log"), lambda log, word=word: f"got {word}" in log)
        finally:
            attached.kill()
            attached.wait()
    assert "closed" not in client.text(f"{core}/reads/log")
