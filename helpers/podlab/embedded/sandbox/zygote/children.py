"""
The processes that the node has started: their way to exec, their members, and their end.

A child on its way to exec writes to its report: ``t`` and the time before exec, ``e`` and a text if it fails; exec
closes the report.
"""

from __future__ import annotations

import os
import select

from podlab.embedded import clock
from podlab.embedded.sandbox.zygote import cgroups, linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class StartedProcess:
    """One started process: a container's first one, or a command in a container."""

    def __init__(
        self, name: str, pid: int, pidfd: int, folders: list[str], sequence: int, report: int
    ) -> None:
        self.name, self.pid, self.pidfd, self.folders = name, pid, pidfd, folders
        self.sequence, self.report = sequence, report
        self.started = False
        self.shared = False  # lives in the Pod's process namespace
        self.mount_namespace = 0
        self.users = -1  # its user namespace, where that is not the node's
        # Held where members are killed after the end: the number of a namespace that nothing holds is soon another's.
        self.held = -1


class Children:
    """
    All started processes of a node.

    Args:
        poll: Watches the reports.
        answer: Sends an answer or an event to the daemon: sequence (0 for an event), outcome, value.

    Attributes:
        reports: By the descriptor of its report, each process that is on its way to exec.
        busy_groups: Control groups that could not be removed yet.
        proc: The node's /proc; ``/proc`` where it has none of its own.
    """

    def __init__(self, poll: select.poll, answer: Callable[[int, str, Any], None]) -> None:
        self._poll, self._answer = poll, answer
        self.by_pid: dict[int, StartedProcess] = {}
        self.by_name: dict[str, StartedProcess] = {}
        self.reports: dict[int, StartedProcess] = {}
        self.busy_groups: list[str] = []
        self.proc = "/proc"

    def register(
        self, name: str, pid: int, pidfd: int, folders: list[str], sequence: int, report: int
    ) -> StartedProcess:
        """Know a new child."""
        running = StartedProcess(name, pid, pidfd, folders, sequence, report)
        self.by_pid[pid] = self.by_name[name] = self.reports[report] = running
        self._poll.register(report, select.POLLIN)
        return running

    def read_report(self, running: StartedProcess) -> None:
        """Answer the start of a child that has become its program, or could not."""
        text = os.read(running.report, 8192)
        if text[:1] == b"t" and text.find(b"e") < 0:
            running.started = True
            # exec may still fail: the pipe then carries an error, else it just closes
            rest = _read_rest(running.report)
            if rest[:1] == b"e":
                running.started = False
                text = rest
        elif text[:1] == b"t":
            text = text[text.find(b"e") :]
        self._close_report(running)
        if running.started:
            value = {"at": int(text[1:]), "pid": running.pid}
            self._answer(running.sequence, "ok", value)
        else:
            words = text[1:].decode("utf-8", "replace") or "the process ended before it became the program"
            self._answer(running.sequence, "error", (-1, words))

    def _close_report(self, running: StartedProcess) -> None:
        self._poll.unregister(running.report)
        self.reports.pop(running.report)
        os.close(running.report)
        running.report = -1

    def reap(self, before_ends: Callable[[], None]) -> None:
        """
        Take all children that have ended, and report their ends.

        Args:
            before_ends: Called before the end of a process is reported that may have ended with its Pod's PID 1.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            at = clock.now_ns()
            running = self.by_pid.pop(pid, None)
            if running is None or running.shared:
                before_ends()
            if running is not None:
                self._ended(running, status, at)
        if self.busy_groups:
            self.busy_groups = cgroups.remove(self.busy_groups)

    def _ended(self, running: StartedProcess, status: int, at: int) -> None:
        if running.report >= 0:
            self.read_report(running)
        self.by_name.pop(running.name, None)
        if running.held >= 0:
            self._kill_members(running)
            os.close(running.held)
        if running.started:
            oom = cgroups.oom_kills(running.folders) if running.folders else 0
            value = {"name": running.name, "at": at, "status": status, "oom": oom}
            self._answer(0, "exited", value)
        if running.folders:
            self.busy_groups += cgroups.remove(running.folders)
        os.close(running.pidfd)

    def note_members(self, running: StartedProcess) -> None:
        """
        Note the mount namespace that tells a container's processes.

        It is held where the Pod shares processes: its number must not be given to another while members live.
        A program that has ended already has no namespace to look at, and no members.
        """
        try:
            descriptor = os.open(f"{self.proc}/{running.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        running.mount_namespace = os.fstat(descriptor).st_ino
        if running.shared:
            running.held = descriptor
        else:
            os.close(descriptor)

    def _mount_namespace(self, pid: int) -> int:
        try:
            return os.stat(f"{self.proc}/{pid}/ns/mnt").st_ino
        except OSError:
            return 0

    def members(self, running: StartedProcess) -> list[int]:
        """Processes of one container, told by their mount namespace: true also where the Pod shares processes."""
        if self.proc == "/proc" or not running.mount_namespace:
            return []
        pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]
        return [pid for pid in pids if pid != 1 and self._mount_namespace(pid) == running.mount_namespace]

    def _kill_members(self, running: StartedProcess) -> None:
        for pid in self.members(running):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue

    def resident_bytes(self, running: StartedProcess) -> int:
        """Memory of all processes of a container, for limits on machines without cgroups."""
        pages = 0
        for pid in self.members(running):
            try:
                with open(f"{self.proc}/{pid}/statm", "rb") as file:
                    pages += int(file.read().split()[1])
            except (OSError, IndexError):
                continue
        return pages * 4096

    def written_bytes(self, running: StartedProcess) -> int:
        """Return bytes that a container wrote into a root in memory; -1 when its writable layer lies on the disk."""
        try:
            with open(f"{self.proc}/{running.pid}/mountinfo", encoding="utf-8", errors="replace") as file:
                root = next(line for line in file if line.split()[4] == "/")
            found = os.statvfs(f"{self.proc}/{running.pid}/root")
        except (OSError, StopIteration, IndexError):
            return 0
        if " - overlay " in root and "-upper/up," not in root:
            return -1
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def signal(self, running: StartedProcess, number: int, *, group: bool) -> bool:
        """Send a signal to the process, or to its whole group; False: it has ended."""
        if not group:
            return linux.pidfd_send_signal(running.pidfd, number) or number == 9
        try:
            os.killpg(running.pid, number)
        except ProcessLookupError:
            return False
        return True


def _read_rest(report: int) -> bytes:
    """Return what follows the time stamp. Blocks for the few microseconds until exec closes the pipe."""
    return os.read(report, 8192)
