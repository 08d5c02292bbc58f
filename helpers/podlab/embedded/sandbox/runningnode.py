"""
The node as the runtime holds it: its processes, the link to them, and the folder for the files of Pods.

Its processes can end and be started again; what ran in them stays dead. Containers are not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from podlab.embedded.sandbox import launch
from podlab.embedded.sandbox.link import Link, NodeLink
from podlab.embedded.sandbox.zygote import seccomp
from podlab.errors import SandboxError

_READY_S = 20.0
_CLOSE_S = 10.0


class RunningNode:
    """
    One node, from its start to its end; its processes may be others in between.

    Attributes:
        zygote: The processes.
        link: Sends requests to them.
        ip: The node's address.
        facts: The node's own report of what it can do, such as ``cgroups``.
        granted: Capabilities that a container gets if it asks, beside the usual ones.
        filters_calls: Whether a container that asks for the runtime's seccomp profile gets it.
        reduced: Why this is the reduced mode and what it cannot do; empty on a real node.
        lost: Why the processes are gone; empty while they serve.
        files: The folder for the files of Pods, as this process sees it: they are small, many, and gone with the node.
            A node that has memory for them sees it under another path.
    """

    def __init__(
        self,
        zygote: launch.Zygote,
        on_event: Callable[[str, Any], None],
        make_link: Callable[[Callable[[str, Any], None]], NodeLink] | None = None,
    ) -> None:
        self.zygote, self._on_event = zygote, on_event
        self.link: NodeLink = make_link(on_event) if make_link else self._link_to(zygote)
        self.ip = launch.NODE_IP
        self.facts: dict[str, Any] = {}
        self.granted: frozenset[str] = frozenset()
        self.filters_calls = False
        self.reduced = ""
        self.lost = ""
        self.files = self._files_in_node = f"{zygote.folder}/node"
        self._folder = -1

    def _link_to(self, zygote: launch.Zygote) -> Link:
        assert zygote.control
        return Link(socket.socket(fileno=zygote.control.detach()), self._on_event)

    async def greet(self) -> None:
        """Wait until the node serves. Raises SandboxError."""
        link = self.link
        assert isinstance(link, Link)
        try:
            async with asyncio.timeout(_READY_S):
                outcome, value = await asyncio.shield(link.greeting)
        except TimeoutError:
            outcome, value = "refused", (0, f"the node did not answer within {_READY_S:.0f} s")
        if outcome == "ready":
            self.facts = value
            self.granted = frozenset({"NET_ADMIN"} if value["net_admin"] else ())
            self.filters_calls = seccomp.supported()
            assert link.folder is not None
            self._keep_folder(link.folder)
            return
        raise SandboxError(
            "this machine does not let podlab make a node of its own",
            cause=f"the kernel refused: {value[1]}",
            hint="podlab doctor   (names what is missing and the setting that allows it)",
        )

    def _keep_folder(self, descriptor: int) -> None:
        """Hold the node's folder open, that of a later node under the same number: others know the path."""
        if self._folder < 0:
            self._folder = descriptor
        else:
            os.dup2(descriptor, self._folder, inheritable=False)
            os.close(descriptor)
        self.files = f"/proc/self/fd/{self._folder}"

    def shared_files(self, pod_uid: str, sandbox_id: str) -> str:
        """Return the folder for the files that the containers of one sandbox share."""
        return f"{self.files}/pods/{pod_uid}/sandbox-{sandbox_id[:24]}"

    def path_in_node(self, source: str) -> str:
        """Return the path under which the node sees *source*."""
        return source.replace(self.files, self._files_in_node, 1) if source.startswith(self.files) else source

    async def renew(self) -> None:
        """Start the processes again after they have ended. Raises SandboxError."""
        await self.end(keep_folders=True)
        self.zygote = launch.launch_again(self.zygote)
        self.link = self._link_to(self.zygote)
        await self.greet()

    async def end(self, *, keep_folders: bool = False) -> None:
        """End node and janitor, which removes control groups, and the folders of Pods if they are not to stay."""
        life, self.zygote.life = self.zygote.life, -1
        if life >= 0 and keep_folders:
            with contextlib.suppress(BrokenPipeError):  # the janitor was killed, too
                os.write(life, launch.KEEP)
        if life >= 0:
            os.close(life)
        self.link.close()
        if life >= 0:
            await asyncio.get_running_loop().run_in_executor(None, _wait_for, self.zygote.pid)

    def close_folder(self) -> None:
        """Give the folder's descriptor back, after the last use of `files`: its number is soon another file's."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def _wait_for(pid: int) -> None:
    """Wait for the janitor, at most ten seconds; it is then ended too."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        waiter = select.poll()  # not select(): the descriptor may be beyond its 1024
        waiter.register(pidfd, select.POLLIN)
        if not waiter.poll(_CLOSE_S * 1000):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
    finally:
        os.close(pidfd)
