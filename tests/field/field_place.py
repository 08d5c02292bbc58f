"""
Where a case from the field is tried: a namespace of a running cluster, with short ways to make and look at objects.

A case is a function that takes a `Place` and asserts what is right; `case` puts it into the list, with its kind. One
that is *alone* changes the node or the namespace ``default``, so it runs when the others have ended.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podlab.client import Client
from podlab.drivers import Cluster
from podlab.errors import ApiError, ConflictError, NotFoundError

Raw = dict[str, Any]
WAIT_S = 180
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
OURS = Path("~/.cache/podlab/bin/kubectl").expanduser()
KUBECTL = str(OURS) if OURS.exists() else shutil.which("kubectl") or ""
GROUPS = {
    "deployments": "apps", "replicasets": "apps", "daemonsets": "apps", "statefulsets": "apps",
    "controllerrevisions": "apps", "jobs": "batch", "cronjobs": "batch", "poddisruptionbudgets": "policy",
    "endpointslices": "discovery.k8s.io", "leases": "coordination.k8s.io", "roles": "rbac.authorization.k8s.io",
    "rolebindings": "rbac.authorization.k8s.io",
}  # fmt: skip
OF_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
VERSIONS = {
    "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "DaemonSet": "apps/v1", "StatefulSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "PodDisruptionBudget": "policy/v1",
    "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One case: its name, its kind, what it is a sibling of (empty for a reported one), and the trial."""

    name: str
    kind: str
    sibling_of: str
    alone: bool
    run: Callable[[Place], None]


CASES: dict[str, Case] = {}


def case(
    kind: str, *, sibling_of: str = "", alone: bool = False
) -> Callable[[Callable[[Place], None]], Callable[[Place], None]]:
    """Put a trial into the list under its own name."""

    def put(trial: Callable[[Place], None]) -> Callable[[Place], None]:
        name = trial.__name__.replace("_", " ")
        assert name not in CASES, f"two cases are called {name}"
        CASES[name] = Case(name, kind, sibling_of, alone, trial)
        return trial

    return put


@dataclass(frozen=True)
class Answer:
    """A status code and the body of an answer."""

    code: int
    text: str

    def json(self) -> Raw:
        """The body, read as JSON."""
        return dict(json.loads(self.text))


class Place:
    """A fresh namespace of *cluster*."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder
        self.client: Client = cluster.client()

    # -- objects -----------------------------------------------------------------------------

    def path(self, what: str) -> str:
        """The path of ``pods``, ``pods/p``, ``deployments/d/scale``; what begins with ``/`` stays as it is."""
        if what.startswith("/"):
            return what
        kind = what.split("/", 1)[0]
        root = f"/apis/{GROUPS[kind]}/v1" if kind in GROUPS else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{what}"

    def get(self, what: str, **params: Any) -> Raw:
        return self.client.get(self.path(what), **params)

    def find(self, what: str) -> Raw | None:
        return self.client.find(self.path(what))

    def items(self, what: str, **params: Any) -> list[Raw]:
        return list(self.get(what, **params)["items"])

    def make(self, kind: str, name: str, spec: Raw | None = None, /, **more: Any) -> Raw:
        """Create an object; *more* are its other fields, those that ``OF_METADATA`` names in its metadata."""
        inner = {key: more.pop(key) for key in OF_METADATA if key in more}
        body = {
            "apiVersion": VERSIONS.get(kind, "v1"),
            "kind": kind,
            "metadata": {"name": name, **inner},
            **more,
        }
        if spec is not None:
            body["spec"] = spec
        return self.client.create(self.client.path_of(body, self.namespace, collection=True), body)

    def patch(self, what: str, body: Any, content_type: str = MERGE, **params: Any) -> Raw:
        return self.client.patch(self.path(what), body, content_type=content_type, **params)

    def delete(self, what: str, body: Raw | None = None, **params: Any) -> None:
        self.client.delete(self.path(what), body, **params)

    def refused(self, kind: str, name: str, spec: Raw | None = None, /, **more: Any) -> str:
        """The words with which the server refuses an object."""
        try:
            self.make(kind, name, spec, **more)
        except ApiError as error:
            return str(error.status["message"])
        raise AssertionError(f"{kind} {name} was accepted")

    # -- Pods --------------------------------------------------------------------------------

    def pod(self, name: str, *command: str, spec: Raw | None = None, **more: Any) -> Raw:
        """Create a Pod of one container, ``c``; ``container`` and *spec* are its other fields."""
        labels = {"labels": more.pop("labels")} if "labels" in more else {}
        return self.make("Pod", name, pod_spec(*command, spec=spec, **more), **labels)

    def ended(self, name: str, *command: str, spec: Raw | None = None, **more: Any) -> Raw:
        """Create a Pod that runs once, and return it when it has ended."""
        self.pod(name, *command, spec={"restartPolicy": "Never", **(spec or {})}, **more)
        self.until(lambda: self.phase(name), lambda found: found in ("Succeeded", "Failed"))
        return self.get(f"pods/{name}")

    def prints(self, name: str, *command: str, spec: Raw | None = None, **more: Any) -> list[str]:
        """Run a Pod to its end and return the lines that it printed."""
        self.ended(name, *command, spec=spec, **more)
        return self.log(name).splitlines()

    def phase(self, name: str) -> str:
        return str(self.get(f"pods/{name}").get("status", {}).get("phase"))

    def running(self, *names: str) -> None:
        for name in names:
            self.until(lambda name=name: self.phase(name), lambda found: found == "Running")

    def ready(self, name: str) -> None:
        self.until(
            lambda: condition(self.get(f"pods/{name}"), "Ready").get("status"), lambda found: found == "True"
        )

    def log(self, name: str, **params: Any) -> str:
        return self.client.text(self.path(f"pods/{name}/log"), **params)

    def sh(self, name: str, script: str) -> str:
        """The output of a script in a running Pod."""
        return self.client.exec(self.namespace, name, ["sh", "-c", script]).stdout

    def events(self, reason: str = "", **about: str) -> list[Raw]:
        """The Events with that reason, of the object with that ``name`` or ``kind``."""
        return [
            event for event in self.items("events")
            if reason in ("", event["reason"]) and about.items() <= event["involvedObject"].items()
        ]  # fmt: skip

    # -- the rest ----------------------------------------------------------------------------

    def until(self, look: Callable[[], Any], wanted: Callable[[Any], Any] = bool) -> Any:
        """What *look* returns once *wanted* holds of it."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                seen: Any = look()
            except NotFoundError as error:
                seen = None
                last = str(error)
            else:
                last = str(seen)[:600]
            if wanted(seen):
                return seen
            assert time.monotonic() < deadline, f"still {last}"
            time.sleep(0.1)

    def kubectl(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl in the namespace; its exit code and output are the caller's to judge."""
        return subprocess.run(
            self.kubectl_line(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def kubectl_line(self, *words: str) -> list[str]:
        """The command line that calls kubectl in the namespace."""
        return [KUBECTL, "--kubeconfig", str(self.cluster.kubeconfig), "-n", self.namespace, *words]

    def podlab(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run podlab's command line on this cluster."""
        return subprocess.run(
            [sys.executable, "-m", "podlab", *words],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def ask(
        self, method: str, what: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request as it is written, and its answer."""
        config = json.loads(self.cluster.kubeconfig.read_text(encoding="utf-8"))
        server = urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"])
        context = ssl._create_unverified_context()  # the client checks it; this asks oddly
        link = http.client.HTTPSConnection(str(server.hostname), server.port, timeout=WAIT_S, context=context)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {config['users'][0]['user']['token']}", **(headers or {})}
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        with contextlib.closing(link):
            link.request(method, self.path(what), data, given)
            answer = link.getresponse()
            return Answer(answer.status, answer.read().decode("utf-8", "replace"))

    def node(self) -> str:
        """The name of the node."""
        return str(self.client.get("/api/v1/nodes")["items"][0]["metadata"]["name"])


def pod_spec(*command: str, spec: Raw | None = None, **container: Any) -> Raw:
    """The spec of a Pod of one container, ``c``."""
    row = {"name": "c", "image": "busybox:1.36", "command": list(command or ("sleep", "600")), **container}
    return {"terminationGracePeriodSeconds": 1, "containers": [row], **(spec or {})}


def template(app: str, *command: str, spec: Raw | None = None, **container: Any) -> Raw:
    """The fields ``selector`` and ``template`` of a workload whose Pods have the label ``app``."""
    return {
        "selector": {"matchLabels": {"app": app}},
        "template": {
            "metadata": {"labels": {"app": app}},
            "spec": pod_spec(*command, spec=spec, **container),
        },
    }


def condition(body: Raw, kind: str) -> Raw:
    """The condition of that type; empty if there is none."""
    return next((c for c in body.get("status", {}).get("conditions") or () if c["type"] == kind), {})


def owner(body: Raw) -> str | None:
    """The uid of the object's controller."""
    rows = body["metadata"].get("ownerReferences") or ()
    return next((row["uid"] for row in rows if row.get("controller")), None)


@contextlib.contextmanager
def place(cluster: Cluster, folder: Path) -> Iterator[Place]:
    """A namespace that is deleted at the end."""
    name = f"field-{uuid.uuid4().hex[:8]}"
    client = cluster.client()
    client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    found = Place(cluster, name, folder)
    try:
        found.until(lambda: found.find("serviceaccounts/default"))
        yield found
    finally:
        with contextlib.suppress(NotFoundError, ConflictError):
            client.delete(f"/api/v1/namespaces/{name}")
