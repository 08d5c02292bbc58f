"""
The node's own clock: what the container runtime says of starts and ends, exact to the microsecond.

    ContainerdEvents   kind: ``ctr events`` inside the node's container, through ``docker exec``
    EmbeddedEvents     embedded: ``GET /podlab/v1/node-events``, already in the recording's form

containerd speaks of container ids only. A Pod's status names them, later; until then its events are held back, and
those of other namespaces are dropped at the end. So these lines stand in the file out of the order of ``t``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from podlab.client import Client, resources
from podlab.errors import PodlabError
from podlab.observe.logfollower import Incarnation
from podlab.observe.writing import Writer, encode

_MAX_HELD = 100_000
_START_DEADLINE_S = 10.0


class NodeSource(Protocol):
    """Where node observations come from."""

    def start(self, writer: Writer, wake: int) -> None:
        """Begin to listen; returns when nothing that happens from now on is missed."""

    def see(self, pod_uid: str) -> None:
        """Take note of a Pod, which may have no container yet."""

    def learn(self, runs: Iterable[Incarnation]) -> None:
        """Take note of which container ids belong to which container of which Pod."""

    def stop(self) -> None:
        """Write what is still held and end."""

    def another(self) -> NodeSource:
        """Return a new source of the same clock, for another recording."""


# topic of containerd -> event of a recording; all others are of no use to a timeline
_TOPICS = {
    "/tasks/create": "create",
    "/tasks/start": "start",
    "/tasks/exit": "exit",
    "/tasks/oom": "oom",
    "/tasks/paused": "paused",
}
# ctr says nothing when it has subscribed, which takes it some 30 ms. It lives as long as our end of stdin, so that
# a recorder that is killed leaves nothing behind in the node.
_LISTEN = "ctr -n k8s.io events & sleep 0.2; echo listening; cat >/dev/null; kill $!"
_LINE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) \+0000 UTC (\S+) (/\S+) (\{.*\})\s*\Z")


class ContainerdEvents:
    """
    Task events of containerd in one or more node containers of Docker.

    Args:
        nodes: Names of the node containers, such as ``podlab-lab-control-plane``.
    """

    def __init__(self, nodes: Iterable[str]) -> None:
        self._nodes = list(nodes)
        self._lock = threading.Lock()
        self._runs: dict[str, Incarnation] = {}
        self._held: dict[str, list[dict[str, Any]]] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []
        self._stopped = False

    def start(self, writer: Writer, wake: int) -> None:
        """Attach to each node; raises PodlabError where that fails."""
        self._writer = writer
        for node in self._nodes:
            listening = threading.Event()
            command = ["docker", "exec", "-i", node, "sh", "-c", _LISTEN]
            try:
                process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, text=True
                )  # fmt: skip
            except OSError as error:
                raise _no_node(node, str(error)) from error
            thread = threading.Thread(target=self._read, args=(node, process, listening), daemon=True)
            thread.start()
            self._processes.append(process)
            self._threads.append(thread)
            if not listening.wait(_START_DEADLINE_S) or process.poll() is not None:
                self.stop()
                raise _no_node(node, "ctr events did not start")

    def _read(self, node: str, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("listening"):
                listening.set()
            else:
                event = parse_event(line)
                if event:
                    self._place(
                        {"t": round(self._writer.now(), 6), "source": "node", "clock": "containerd", **event}
                    )
        listening.set()
        if not self._stopped:
            self._writer.mark("gap", of="node", node=node, reason="the runtime's events ended")

    def _place(self, event: dict[str, Any]) -> None:
        with self._lock:
            run = self._runs.get(event["container_id"])
            if run is None:
                if len(self._held) < _MAX_HELD:
                    self._held.setdefault(event["container_id"], []).append(event)
                return
        self._writer.observe(_named(event, run))

    def another(self) -> ContainerdEvents:
        """Return a new source of the same nodes."""
        return ContainerdEvents(self._nodes)

    def see(self, pod_uid: str) -> None:
        """Nothing to do: containerd speaks of containers only."""

    def learn(self, runs: Iterable[Incarnation]) -> None:
        """Release the events of containers that have a name now."""
        for run in runs:
            short = run.container_id.rsplit("/", 1)[-1]
            with self._lock:
                self._runs[short] = run
                held = self._held.pop(short, [])
            for event in held:
                self._writer.observe(_named(event, run))

    def stop(self) -> None:
        """End the listeners that this source started, in the node too."""
        self._stopped = True
        for process in self._processes:
            with suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()  # ends ctr in the node; ending "docker exec" alone would leave it there
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
        for process in self._processes:
            if process.poll() is None:
                process.kill()
        for thread in self._threads:
            thread.join(2)


def parse_event(line: str) -> dict[str, Any] | None:
    """Return one line of ``ctr events`` as node observation without its Pod; None for topics of no use."""
    match = _LINE.match(line)
    if not match or match[4] not in _TOPICS:
        return None
    try:
        body = json.loads(match[5])
    except ValueError:
        return None
    container_id = body.get("container_id") or body.get("id")
    # An exec inside a container is a task of its own, with an id of its own.
    if not container_id or body.get("exec_id") or body.get("id") not in {None, container_id}:
        return None
    at = f"{match[1]}T{match[2]}Z"
    event: dict[str, Any] = {"event": _TOPICS[match[4]], "container_id": container_id, "at": at}
    if event["event"] == "exit":
        event["at"] = _exited_at(body.get("exited_at")) or at
        event["exit_code"] = int(body.get("exit_status") or 0)
    return event


def _exited_at(stamp: Any) -> str | None:
    """When the process was reaped: seconds and nanoseconds as protobuf's JSON has them, or RFC 3339."""
    if isinstance(stamp, dict) and isinstance(stamp.get("seconds"), int):
        whole = datetime.fromtimestamp(stamp["seconds"], UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{whole}.{int(stamp.get('nanos') or 0):09d}Z"
    return stamp if isinstance(stamp, str) and stamp.endswith("Z") else None


def _named(event: dict[str, Any], run: Incarnation) -> dict[str, Any]:
    return {
        **event,
        "pod": run.pod,
        "pod_uid": run.pod_uid,
        "container": run.container,
        "attempt": run.restart,
        "container_id": run.container_id,
    }


def _no_node(node: str, cause: str) -> PodlabError:
    return PodlabError(
        f"the clock of node {node} cannot be read",
        cause=cause,
        hint="record without it: node=None; docker ps lists nodes",
    )


class EmbeddedEvents:
    """The embedded node's exact record; the daemon keeps it, so it is fetched when the recording ends."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._servers: dict[str, str] = {}  # uid of a Pod -> where it was seen
        self._seen: set[bytes] = set()

    def start(self, writer: Writer, wake: int) -> None:
        """Nothing to attach to: the daemon writes its record whether anybody listens or not."""
        self._writer, self._wake = writer, wake

    def another(self) -> EmbeddedEvents:
        """Return a new source of the same daemon."""
        return EmbeddedEvents(self._client)

    def see(self, pod_uid: str) -> None:
        """Remember a Pod to ask for; one whose image cannot be pulled has a record too."""
        self._servers.setdefault(pod_uid, self._client.server)

    def learn(self, runs: Iterable[Incarnation]) -> None:
        """Nothing to do: the embedded record names its containers itself."""

    def stop(self) -> None:
        """Fetch the record of every Pod seen; what cannot be fetched is a gap."""
        for uid, server in self._servers.items():
            if server != self._client.server:
                self._writer.mark(
                    "gap", of="node", pod_uid=uid, reason="its cluster is gone, with its record"
                )
                continue
            try:
                body = self._client.text("/podlab/v1/node-events", pod_uid=uid, timeout_s=5.0)
            except PodlabError as error:
                self._writer.mark("gap", of="node", pod_uid=uid, reason=str(error.cause))
                continue
            self._writer.raw([line for row in body.splitlines() if (line := self._line(row))])

    def _line(self, row: str) -> bytes | None:
        try:
            event: Mapping[str, Any] = json.loads(row)
        except ValueError:
            return None
        # The daemon runs on this machine and by the same clock, so its moment is a moment of this recording.
        at_s = datetime.fromisoformat(str(event["at"])).timestamp() - self._writer.started_at.timestamp()
        return encode({**event, "t": round(at_s, 6), "source": "node", "clock": "embedded"})


def node_clock(client: Client) -> NodeSource | None:
    """
    Return the node's own clock where one can be read: embedded, or kind with its Docker engine on this machine.

    Never raises: a cluster that is neither, or rights that do not reach to nodes, have no such clock.
    """
    with suppress(PodlabError):
        client.text("/podlab/v1/node-events", pod_uid="none", timeout_s=5.0)
        return EmbeddedEvents(client)
    if not client.context.startswith("kind-") or not shutil.which("docker"):
        return None
    with suppress(PodlabError, OSError, subprocess.SubprocessError):
        names = [
            node["metadata"]["name"] for node in client.get(resources.path("nodes"), timeout_s=5.0)["items"]
        ]
        command = ["docker", "inspect", "--format", "{{.State.Running}}", *names]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        if done.returncode == 0 and set(done.stdout.split()) == {"true"}:
            return ContainerdEvents(names)
    return None


__all__ = ["ContainerdEvents", "EmbeddedEvents", "NodeSource", "node_clock", "parse_event"]
