"""
The teaching image on a cluster: what the fixtures write down about a Pod, through Services and names.

Every check below reads a fixture's log, as the checks of exercises do; none asks the Pod itself.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_images import have

from podlab import manifests
from podlab.client import Client
from podlab.drivers import Cluster

SILENCE_S = 120.0

SERVER = """
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: main, port: 80, targetPort: {port}}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
    - name: main
      image: podlab-app:1
      args: {args}
"""

SHOP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: run}
data: {nonce: WORD}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: shop, labels: {app: shop}}
spec:
  terminationGracePeriodSeconds: 30
  initContainers:
    - name: fetch
      image: podlab-app:1
      args: [fetch, /shared/prices.json, "--call=http://config/prices.json", --sha256=SUM, --timeout=20]
      volumeMounts: [{name: shared, mountPath: /shared}]
    - name: shipper
      image: podlab-app:1
      restartPolicy: Always
      args: [ship, /shared, "--to=http://sink/", --state=/shared/ship.state]
      volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
    - name: shop
      image: podlab-app:1
      args: [shop, --log=/shared/shop.log, --last-words=2, --serve-file=/shared/prices.json]
      env: [{name: NONCE, valueFrom: {configMapKeyRef: {name: run, key: nonce}}}]
      volumeMounts: [{name: shared, mountPath: /shared}]
    - name: register
      image: podlab-app:1
      args: [register, "--call=http://localhost:8080/", "--to=http://registry/hello", --timeout=20]
  volumes: [{name: shared, emptyDir: {}}]
"""

Until = Callable[[str, Callable[[dict[str, Any]], bool]], dict[str, Any]]


@pytest.fixture
def word() -> str:
    """The nonce of this run."""
    return f"w{uuid.uuid4().hex[:8]}"


@pytest.fixture
def apply(client: Client, namespace: str, tmp_path: Path) -> Callable[[str], None]:
    """Apply the objects of a text."""

    def one(text: str) -> None:
        file = tmp_path / f"{uuid.uuid4().hex}.yaml"
        file.write_text(text)
        manifests.apply(client, manifests.load(file), namespace=namespace)

    return one


@pytest.fixture
def until(client: Client, namespace: str) -> Until:
    """Read a Pod's log until a line fits, and return it."""

    def read(pod: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        _started(client, f"/api/v1/namespaces/{namespace}/pods/{pod}")
        seen = []
        with client.lines(path, follow="true", read_timeout_s=SILENCE_S) as lines:
            for line in map(json.loads, lines):
                seen.append(line)
                if fits(line):
                    return line
        raise AssertionError(f"the log of {pod} ended without such a line: {seen[-5:]}")

    return read


def _started(client: Client, path: str) -> None:
    """Wait until every app container of a Pod has a log to read."""
    collection, _, name = path.rpartition("/")
    field = f"metadata.name={name}"
    with client.lines(
        collection, watch="true", fieldSelector=field, timeoutSeconds=int(SILENCE_S), read_timeout_s=SILENCE_S
    ) as events:
        for event in map(json.loads, events):
            if event["object"]["status"].get("phase") in ("Running", "Succeeded", "Failed"):
                return
    raise AssertionError(f"{path} did not start")


def server(name: str, *args: str, port: int = 8080) -> str:
    return SERVER.format(name=name, port=port, args=json.dumps(list(args)))


def test_each_fixture_notes_what_a_pod_did_with_this_run_s_nonce(
    client: Client, namespace: str, apply: Callable[[str], None], until: Until, word: str
) -> None:
    """Half a file first; then the page, the hello and every line up to the shop's last arrive, by name."""
    prices = json.dumps({"nonce": word})
    total = hashlib.sha256(prices.encode()).hexdigest()
    apply(server("config", "config", f"--text=prices.json={prices}", "--broken=1"))
    apply(server("sink", "sink"))
    apply(server("registry", "registry", f"--nonce={word}"))
    until("config", lambda line: line["event"] == "listening")
    until("sink", lambda line: line["event"] == "listening")
    until("registry", lambda line: line["event"] == "listening")
    apply(SHOP.replace("WORD", word).replace("SUM", total))
    apply(server("caller", "caller", "http://shop/", f"--nonce={word}", "--every=0.2", "--timeout=20"))

    until("caller", lambda line: line.get("in_a_row") == 3)
    until("registry", lambda line: line["event"] == "hello" and line["good"])
    answers = [
        until("config", lambda line, kind=kind: line.get("answer") == kind) for kind in ("half", "whole")
    ]
    client.delete(f"/api/v1/namespaces/{namespace}/pods/shop")
    last = until("sink", lambda line: line.get("last") == "end")

    assert answers[0]["seq"] < answers[1]["seq"]
    assert (last["nonce"], last["missing"], last["source"].split("/")[0]) == (word, [], "shop")


SHIPPERS = {
    "podlab-rsyslog:8.2302": (
        ["-f", "/conf/file"],
        """
        global(workDirectory="/shared")
        module(load="imfile" PollingInterval="1")
        input(type="imfile" File="/shared/shop.log" Tag="shop:" freshStartTail="off")
        action(type="omfwd" target="sink" port="81" protocol="tcp" action.resumeRetryCount="-1")
        """,
    ),
}


def shipped_by(image: str, args: list[str], config: str, word: str) -> str:
    mounts = [{"name": "shared", "mountPath": "/shared"}, {"name": "conf", "mountPath": "/conf"}]
    shipper = {
        "name": "shipper",
        "image": image,
        "restartPolicy": "Always",
        "args": args,
        "volumeMounts": mounts,
    }
    shop = {
        "name": "shop",
        "image": "podlab-app:1",
        "args": ["shop", "--log=/shared/shop.log", "--last-words=4", f"--nonce={word}"],
        "volumeMounts": mounts,
    }
    volumes = [{"name": "shared", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "conf"}}]
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "conf"},
        "data": {"file": config},
    }
    spec = {"initContainers": [shipper], "containers": [shop], "volumes": volumes}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": spec}
    return yaml.safe_dump_all([settings, pod])


@pytest.mark.parametrize("image", SHIPPERS)
def test_the_sink_has_every_line_that_a_common_shipper_sends(
    image: str,
    cluster: Cluster,
    client: Client,
    namespace: str,
    apply: Callable[[str], None],
    until: Until,
    word: str,
) -> None:
    """Learners may choose theirs: as a sidecar each brings the shop's last words, in its own wrapping."""
    have(image, cluster)
    syslog = "{name: main, port: 80, targetPort: 8080}, {name: syslog, port: 81, targetPort: 5140}"
    apply(
        server("sink", "sink", "--syslog-port=5140").replace(
            "{name: main, port: 80, targetPort: 8080}", syslog
        )
    )
    until("sink", lambda line: line["event"] == "listening")
    args, config = SHIPPERS[image]

    apply(shipped_by(image, args, textwrap.dedent(config), word))
    until("sink", lambda line: line.get("highest", 0) >= 5)
    client.delete(f"/api/v1/namespaces/{namespace}/pods/shop")
    last = until("sink", lambda line: line.get("last") == "end")

    assert (last["nonce"], last["missing"], last["doubled"]) == (word, [], 0)
