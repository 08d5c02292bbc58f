"""
The API server's questions to the node, on top of the runtime: which log file, which container, which sandbox.
"""

from __future__ import annotations

from collections.abc import Sequence

from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.runtime import ContainerRecord, ContainerState, ExecSession, Runtime
from podlab.pods import roles
from podlab.pods.raw import RawObject


def names(pod: RawObject) -> list[str]:
    """Every container of a Pod: init, regular, ephemeral."""
    return [c["name"] for c in roles.containers(pod)]


def choose(pod: RawObject, container: str) -> str:
    """
    Return the container that a request means.

    Raises:
        StatusError: 400, when it names none of the Pod's, or none and there are several.
    """
    name = pod["metadata"]["name"]
    if container:
        if container not in names(pod):
            raise bad_request(f"container {container} is not valid for pod {name}")
        return container
    regular = roles.group(pod, roles.APP)
    if len(regular) == 1:
        return str(regular[0]["name"])
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: "
                      f"[{' '.join(names(pod))}]")  # fmt: skip


def status_of(pod: RawObject, container: str) -> RawObject:
    """Return the status of one container; empty if absent."""
    return next((dict(status) for status in roles.statuses(pod) if status["name"] == container), {})


MOST_LOGS = 64  # containers whose log was read lately


class LogsRead:
    """How far the logs of containers were read by clients that wanted the whole of them."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def note(self, container_id: str, position: int) -> None:
        """A client has the log up to *position*, in bytes of the file."""
        self._known.pop(container_id, None)
        self._known[container_id] = position
        while len(self._known) > MOST_LOGS:
            del self._known[next(iter(self._known))]

    def take(self, container_id: str) -> int:
        """Return the position, which counts for one attach; 0 when nobody has read."""
        return self._known.pop(container_id, 0)


class NodeConnection:
    """The one node; without a runtime every question is refused."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.runtime = runtime
        self.logs_read = LogsRead()

    def _running(self) -> Runtime:
        if self.runtime is None:
            raise StatusError(503, "no kubelet runs on this server")
        return self.runtime

    def record(self, pod: RawObject, container_id: str) -> ContainerRecord | None:
        """Return what the runtime knows of one instance, by the id in a container status."""
        wanted = container_id.partition("://")[2]
        _, containers = self._running().view(pod["metadata"]["uid"])
        return next((c for c in containers if c.id == wanted), None)

    def instance(self, pod: RawObject, container: str) -> ContainerRecord | None:
        """Return the running instance of a container, or None."""
        _, containers = self._running().view(pod["metadata"]["uid"])
        running = (c for c in containers if c.name == container and c.state is ContainerState.RUNNING)
        return next(running, None)

    def check_running(self, pod: RawObject, container: str) -> ContainerRecord:
        """
        Return the running instance of a container.

        Raises:
            StatusError: 400 for a Pod that has ended, 500 with the kubelet's words when the container does not run.
        """
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
        phase = (pod.get("status") or {}).get("phase")
        if phase in ("Succeeded", "Failed"):
            raise bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
        found = self.instance(pod, container)
        if found is None:
            raise StatusError(500, f'container not found ("{container}")')
        return found

    async def exec(
        self, pod: RawObject, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """
        Start a command in a running container.

        Raises:
            StatusError: 400 for a Pod that has ended, 500 with the kubelet's words when the container does not run.
        """
        found = self.check_running(pod, container)
        return await self._running().exec_stream(found.id, command, stdin=stdin, tty=tty)

    async def connect(self, pod: RawObject, port: int) -> int:
        """
        Return a connected socket (descriptor owned by the caller) to localhost of the Pod.

        Raises:
            StatusError: 400 when the Pod has no sandbox.
            OSError: As connect() does.
        """
        sandboxes, _ = self._running().view(pod["metadata"]["uid"])
        ready = next((s for s in sandboxes if s.ready), None)
        if ready is None:
            phase = (pod.get("status") or {}).get("phase", "Unknown")
            raise bad_request(f"unable to forward port because pod is not running. Current status={phase}")
        return await self._running().connect(ready.id, port)
