"""
Provoke the situations of ``data/situations.yaml`` on a cluster, and keep what was there; ``situation_data.py`` asks.

A situation that says ``on: kind`` needs a real node to break, or a registry that refuses; one that says ``alone: true``
changes the node or a controller for everybody, so it comes after the others, by itself. Nodes of the air-gapped image
are expected: their kubelet is ended by its process id and starts again by itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from situation_data import Raw, catalogue, file_of, holds

from podlab.client import resources
from podlab.errors import NotFoundError

if TYPE_CHECKING:
    from podlab.client import Client

WAIT_S = 240
AT_ONCE = 8
PORT, TLS_PORT = 5055, 5056
ASK_BY_HTTP = f"""
mkdir -p /etc/containerd/certs.d/127.0.0.1:{PORT}
echo '[host."http://127.0.0.1:{PORT}"]' >/etc/containerd/certs.d/127.0.0.1:{PORT}/hosts.toml
cat >>/etc/containerd/config.toml <<'.'
[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"
.
"""
MERGE = "application/merge-patch+json"


def record(cluster: str, names: list[str]) -> int:
    """Provoke each situation in a namespace of its own, and keep what was there; how many failed."""
    from podlab import drivers

    found = drivers.need(cluster)
    wanted = [
        row for row in catalogue().values() if "manifest" in row and (not names or row["name"] in names)
    ]
    rows = [row for row in wanted if row.get("on", found.driver) == found.driver]
    for row in wanted:
        if row not in rows:
            print(f"{row['name']}: needs {row['on']}")
    client = found.client()

    def one(row: Raw) -> str:
        space = f"situation-{list(catalogue()).index(row['name'])}-{os.getpid()}"
        try:
            got = Stage(client, found.driver, cluster, space, row).play()
        except Exception as error:
            return f"{row['name']}: {type(error).__name__}: {error}"
        file_of(row).write_text(json.dumps(got, indent=1) + "\n")
        return ""

    with registry(client, found.driver):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            failed = list(pool.map(one, (row for row in rows if not row.get("alone"))))
        failed += [one(row) for row in rows if row.get("alone")]
    failed = [text for text in failed if text]
    print("\n".join([*failed, f"recorded: {len(rows) - len(failed)} of {len(rows)}"]))
    return len(failed)


@contextmanager
def registry(client: Client, driver: str) -> Iterator[None]:
    """The registry that refuses, in the network of a kind node; nothing elsewhere."""
    if driver != "kind":
        yield
        return
    node = node_of(client)
    if "config_path" not in docker("exec", node, "cat", "/etc/containerd/config.toml"):
        docker("exec", node, "sh", "-ec", ASK_BY_HTTP)
        docker("restart", node)
        wait_for(lambda: _ready(client.get(f"/api/v1/nodes/{node}")), bool)
    pid = docker("inspect", "--format", "{{.State.Pid}}", node).strip()
    program = Path(__file__).with_name("situation_registry.py")
    with subprocess.Popen(
        ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, program, str(PORT), str(TLS_PORT)],
        stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            server.terminate()


def _ready(node: Raw) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions") or [])


def docker(*arguments: str) -> str:
    """What docker printed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=WAIT_S)
    if done.returncode:
        raise RuntimeError(f"docker {arguments[0]}: {done.stderr[-300:]}")
    return done.stdout


def node_of(client: Client) -> str:
    """The name of the first node that a kubelet stands behind."""
    nodes = client.get("/api/v1/nodes")["items"]
    return str(
        next(
            n["metadata"]["name"] for n in nodes if (n["status"].get("nodeInfo") or {}).get("kubeletVersion")
        )
    )


@dataclass
class Stage:
    """A namespace in which one situation is played."""

    client: Client
    driver: str
    cluster: str
    space: str
    row: Raw
    made: list[str] = field(default_factory=list)

    def play(self) -> Raw:
        """Make the objects, take the steps, wait for the moment; return what is there then."""
        labels = self.row.get("labels") or {}
        self.client.create("/api/v1/namespaces", {"metadata": {"name": self.space, "labels": labels}})
        node = node_of(self.client)
        address = next(a["address"] for a in self.client.get(f"/api/v1/nodes/{node}")["status"]["addresses"])
        words = {
            "NODE": node,
            "SPACE": self.space,
            "TLSREGISTRY": f"{address}:{TLS_PORT}",
            "HTTPREGISTRY": f"localhost:{PORT}",
            "REGISTRY": f"127.0.0.1:{PORT}",
        }
        self.row = json.loads(_exchanged(json.dumps(self.row), words))
        try:
            wait_for(
                lambda: self.client.get(f"/api/v1/namespaces/{self.space}/serviceaccounts/default"), bool
            )
            for body in self.row["manifest"]:
                known = resources.named(body["kind"])
                self._create({"apiVersion": known.api_version, **body} if known else body)
            return self._reach()
        finally:
            self._clear()

    def _reach(self) -> Raw:
        before = self.row.get("wait") or self.row["when"]
        for step in self.row.get("steps") or []:
            self._take(step)
        if self.row.get("delete"):
            if "wait" in self.row:
                self._wait(before)
            time.sleep(3)
            for pod in self.client.get(f"/api/v1/namespaces/{self.space}/pods")["items"]:
                self.client.delete(f"/api/v1/namespaces/{self.space}/pods/{pod['metadata']['name']}")
        if self.row.get("lose_sandbox"):
            self._wait(before)
            _end_sandboxes(self.cluster)
        if "wait_s" in self.row:
            time.sleep(self.row["wait_s"])
            return self._look()
        self._wait(self.row["when"], all_of_it=True)
        time.sleep(1)  # Events come a moment after the state that they are about
        return self._look()

    # -- steps --------------------------------------------------------------------------------

    def _take(self, step: Raw) -> None:
        ((verb, given),) = step.items()
        getattr(self, f"_{verb}")(given)

    def _create(self, body: Raw) -> None:
        path = self.client.path_of(body, self.space, collection=True)
        made = self.client.create(path, body)
        if "namespaces" not in path:
            self.made.append(f"{path}/{made['metadata']['name']}")

    def _path(self, given: str) -> str:
        """The path of ``KIND/NAME``, or ``KIND/NAME/SUBRESOURCE``."""
        kind, name, *part = given.split("/")
        return "/".join([resources.path(kind, self.space, name), *part])

    def _patch(self, given: Raw) -> None:
        kind = "application/strategic-merge-patch+json" if given.get("by") == "name" else MERGE
        self.client.patch(self._path(given["of"]), given["with"], content_type=kind)

    def _patch_all(self, given: Raw) -> None:
        """Patch what a controller has made and named, once it is there."""

        def theirs() -> list[Raw]:
            return [
                each for each in self.client.get(given["of"])["items"] if given["about"] in json.dumps(each)
            ]

        for each in wait_for(theirs, bool):
            path = f"{given['of']}/{each['metadata']['name']}{given.get('part', '')}"
            self.client.patch(path, given["with"], content_type=MERGE)

    def _remove(self, given: str) -> None:
        self.client.delete(self._path(given))

    def _wait(self, when: str, *, all_of_it: bool = False) -> None:
        deadline_s = self.row.get("deadline_s", WAIT_S)
        wait_for(lambda: self._look(all_of_it=all_of_it), lambda got: holds(when, **_parts(got)), deadline_s)

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _node(self, command: str) -> None:
        docker("exec", node_of(self.client), "sh", "-ec", command)

    # -- what is there ----------------------------------------------------------------------------

    def _look(self, *, all_of_it: bool = True) -> Raw:
        def items(kind: str) -> list[Raw]:
            return [_bare(item) for item in self.client.get(resources.path(kind, self.space))["items"]]

        got: Raw = {"pods": items("pods"), "events": items("events")}
        kind, _, name = self.row.get("about", "pod/").partition("/")
        if kind != "pod" and all_of_it:
            about = resources.named(kind)
            assert about is not None
            got["owner"] = {**_bare(self.client.get(about.path(self.space, name))), "kind": about.kind}
            between = {"deployment": "replicasets", "cronjob": "jobs"}.get(kind)
            got["sets"] = items(between) if between else []
        elif "of" in self.row:
            got["pods"].sort(key=lambda pod: pod["metadata"]["name"] != self.row["of"])
        if self.row.get("clock"):
            got["now"] = time.time()
        return got

    # -- afterwards ---------------------------------------------------------------------------

    def _clear(self) -> None:
        """Undo what was changed on the node, and delete the objects, what holds them included."""
        for step in self.row.get("undo") or []:
            _try(partial(self._take, step))
        for kind in ("pods", "jobs", "cronjobs", "poddisruptionbudgets"):
            path = resources.path(kind, self.space)
            for each in self.client.get(path)["items"]:
                if each["metadata"].get("finalizers"):
                    _try(partial(self._free, f"{path}/{each['metadata']['name']}"))
        for path in self.made:
            if f"/namespaces/{self.space}/" not in path:
                _try(partial(self.client.delete, path))
        _try(lambda: self.client.delete(f"/api/v1/namespaces/{self.space}"))

    def _free(self, path: str) -> None:
        self.client.patch(path, {"metadata": {"finalizers": None}}, content_type=MERGE)


def _try(act: Callable[[], Any]) -> None:
    """Clear away what is left, whatever the rest says."""
    try:
        act()
    except NotFoundError:
        pass
    except Exception as error:
        print(f"not cleared: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)


def _exchanged(text: str, words: dict[str, str]) -> str:
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def _parts(got: Raw) -> Raw:
    return {name: got[name] for name in ("pods", "events", "owner") if name in got}


def _end_sandboxes(cluster: str) -> None:
    """Kill what holds a sandbox open: the process /pause of a Pod that shares its processes, on an embedded cluster."""
    from podlab import drivers

    below = [str(pid) for one in drivers.statuses([cluster]) for pid in one.pids.values()]
    while below:
        pid = below.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            below += task.read_text().split()
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/pause"):
            os.kill(int(pid), signal.SIGKILL)


def wait_for(look: Callable[[], Any], wanted: Callable[[Any], Any], deadline_s: float = WAIT_S) -> Any:
    """What *look* returns, once *wanted* accepts it."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            got = look()
            if wanted(got):
                return got
        except Exception as error:
            got = error
        if time.monotonic() > deadline:
            raise TimeoutError(str(got)[:600])
        time.sleep(0.2)


def _bare(body: Raw) -> Raw:
    body["metadata"].pop("managedFields", None)
    return body
