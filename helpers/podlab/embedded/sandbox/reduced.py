"""
The reduced mode, for machines that refuse namespaces: containers as plain processes of this user. All of it is here.

It takes the place of the node behind the same requests, so that everything above is the same. What it can do: order of
start and stop, exit codes, logs, exec, probes over loopback, restarts. What it cannot, it refuses in words:

- no root of its own and no mounts: a container with a volume of the Pod is not created;
- no Service addresses and no names; two servers on one port clash, whatever their Pod;
- PID 1 is not deaf to SIGTERM: a program without a handler ends with 143 here and 137 on a real node;
- no memory limits, users or capabilities; after ``kill -9`` of the daemon, children that left their session live on.

Works where there is only POSIX (macOS), with one address for all Pods there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from podlab.embedded import clock
from podlab.embedded.images import toolbox
from podlab.embedded.sandbox.link import NodeError

CANNOT = (
    "containers are processes of your own user and reach all that you reach; "
    "no volumes, no Service addresses or names, one set of ports for all Pods, and a program that ignores SIGTERM by "
    "being PID 1 on a real node (137) ends by it here (143)"
)
# Mounts that every container gets and a plain process can do without.
_IGNORED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log")
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
_DARWIN = sys.platform == "darwin"


class ReducedLink:
    """Answers the node's requests with plain processes; the interface is ``link.Link``'s."""

    def __init__(self, folder: str, on_event: Callable[[str, Any], None]) -> None:
        self._folder, self._on_event = Path(folder), on_event
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._bin = self._folder / "reduced-bin"
        self.closed = False
        self._make_bin()

    def _make_bin(self) -> None:
        """``python3`` and ``podlab-app`` by their names in images; the toolbox stands behind it on the PATH."""
        self._bin.mkdir(parents=True, exist_ok=True)
        source = Path(__file__).parents[3]
        program = (
            f"#!{toolbox.interpreter()}\nimport runpy, sys\nsys.path.insert(0, {str(source)!r})\n"
            'sys.argv[0] = "podlab-app"\nrunpy.run_module("podlab.app", run_name="__main__", alter_sys=True)\n'
        )
        (self._bin / "podlab-app").write_text(program)
        (self._bin / "podlab-app").chmod(0o755)
        for name in ("python", "python3"):
            link = self._bin / name
            link.unlink(missing_ok=True)
            link.symlink_to(toolbox.interpreter())

    async def call(self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()) -> Any:
        """Return the answer to one request. Raises NodeError."""
        return (await self.request(operation, arguments, descriptors))[0]

    async def call_with_descriptors(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> tuple[Any, list[int]]:
        """Return the answer and its descriptors."""
        return await self.request(operation, arguments, descriptors)

    def request(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> asyncio.Future[tuple[Any, list[int]]]:
        """Answered at once: nothing here waits."""
        future: asyncio.Future[tuple[Any, list[int]]] = self._loop.create_future()
        handler = getattr(self, "_on_" + operation, None)
        try:
            future.set_result(handler(arguments, descriptors) if handler else (True, []))
        except NodeError as error:
            future.set_exception(error)
        except OSError as error:
            future.set_exception(NodeError(error.errno or 0, error.strerror or str(error)))
        return future

    def _on_start(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        refused = sorted(one["target"] for one in request["mounts"] if not _can_do_without(one["target"]))
        if refused:
            raise NodeError(-1, f"the reduced mode cannot mount {', '.join(refused)}: see `podlab doctor`")
        return self._spawn(request, descriptors)

    def _on_exec(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        if request["container"] not in self._running:
            raise NodeError(3, "container not running")
        return self._spawn(request, descriptors)

    def _on_terminal(self, _request: dict[str, Any], _descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        return 0, list(os.openpty())

    def _spawn(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        path = ":".join([str(self._bin), str(toolbox.build().folder), os.environ.get("PATH", os.defpath)])
        program = _find(request["argv"][0], path)
        place = self._folder / "work" / request["name"][:24]
        place.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            request["argv"],
            executable=program,
            stdin=descriptors[0],
            stdout=descriptors[1],
            stderr=descriptors[2],
            cwd=place,
            env={**request["env"], "PATH": path, "HOME": str(place)},
            start_new_session=True,
        )
        at = clock.now_ns()
        self._running[request["name"]] = process
        threading.Thread(target=self._wait, args=(request["name"], process), daemon=True).start()
        return {"at": at, "pid": process.pid}, []

    def _wait(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """In a thread each: the one way to wait that every system has."""
        code = process.wait()
        at = clock.now_ns()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended, name, code, at)

    def _ended(self, name: str, code: int, at: int) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            _kill_session(process.pid)
        status = code << 8 if code >= 0 else -code
        self._on_event("exited", {"name": name, "at": at, "status": status, "oom": 0})

    def _on_signal(self, request: dict[str, Any], _descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        process = self._running.get(request["name"])
        if process is None:
            return False, []
        if request["signal"] == signal.SIGKILL:
            _kill_session(process.pid)
        else:
            process.send_signal(request["signal"])
        return True, []

    def _on_socket(self, request: dict[str, Any], _descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        sock = socket.socket(request["family"], request["kind"])
        try:
            if request["bind"]:
                sock.bind(tuple(request["bind"]))
                if request["kind"] == socket.SOCK_STREAM:
                    sock.listen(128)
            return True, [sock.detach()]
        finally:
            sock.close()

    def _on_netfilter(self, _request: dict[str, Any], _descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        return [1], []  # EPERM: there is no network of our own to give rules to

    def _on_usage(self, _request: dict[str, Any], _descriptors: Sequence[int]) -> tuple[Any, list[int]]:
        return 0, []

    def close(self) -> None:
        """Kill everything and remove the files."""
        if self.closed:
            return
        self.closed = True
        for process in self._running.values():
            _kill_session(process.pid)
        for process in self._running.values():
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._on_event("gone", None)


def address_prefix() -> str:
    """Loopback addresses for Pods; macOS answers to one only."""
    return "" if _DARWIN else "127.77.0."


def _can_do_without(target: str) -> bool:
    return target in _IGNORED or target.startswith(_TOKEN) or target == "/etc"


def _find(name: str, path: str) -> str:
    if "/" in name:
        if not Path(name).exists():
            raise NodeError(-1, f'exec: "{name}": stat {name}: no such file or directory')
        if Path(name).is_dir() or not os.access(name, os.X_OK):
            raise NodeError(-1, f'exec: "{name}": permission denied')
        return name
    found = shutil.which(name, path=path)
    if found is None:
        raise NodeError(-1, f'exec: "{name}": executable file not found in $PATH')
    return found


def _kill_session(leader: int) -> None:
    """KILL the process group of *leader*, and on Linux every other group of its session."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue
