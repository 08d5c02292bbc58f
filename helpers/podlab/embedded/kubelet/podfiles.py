"""The files that the node keeps for a Pod besides its volumes: logs, termination messages, /etc/hosts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from podlab.embedded.filetrees import remove_tree
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject

MESSAGE_BYTES = 4096
LOG_LINES, LOG_BYTES = 80, 2048
HOSTS_HEAD = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


HOSTS_HEAD_OF_NODE = "# Kubernetes-managed hosts file (host network).\n"
NODE_HOSTS = Path("/etc/hosts")


class PodFiles:
    """
    Paths and contents below the kubelet's folder.

    Args:
        folder: Where logs are.
        small: Where the small files are, in a folder for each Pod below ``pods``; by default with the logs.
    """

    def __init__(self, folder: Path, small: str = "") -> None:
        self._logs = f"{folder}/logs"
        self._small = f"{small or folder}/pods"

    def log_path(self, pod: RawObject, container: str, attempt: int) -> str:
        """``logs/<namespace>_<name>_<uid>/<container>/<attempt>.log``, as a node lays them out."""
        return f"{self._logs_of(pod)}/{container}/{attempt}.log"

    def _logs_of(self, pod: RawObject) -> str:
        meta = pod["metadata"]
        return f"{self._logs}/{meta['namespace']}_{meta['name']}_{meta['uid']}"

    def begin_log(self, pod: RawObject, container: str, attempt: int) -> str:
        """Return the path of a new log; the log of the run before the last is dropped, as a node keeps two."""
        path = self.log_path(pod, container, attempt)
        for old in (attempt - 2, attempt - 3):
            for stale in (f"{old}.log", f"{old}.log.1") if old >= 0 else ():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{os.path.dirname(path)}/{stale}")
        return path

    def message_path(self, pod: RawObject, container: str, attempt: int) -> str:
        """Where the termination message of one run is written by the container."""
        return f"{self._small_of(pod)}/messages/{container}.{attempt}"

    def begin_message(self, pod: RawObject, container: str, attempt: int) -> str:
        """Return an empty message file that every user in the container may write."""
        path = self.message_path(pod, container, attempt)
        _write(path, b"", 0o666)
        return path

    def _small_of(self, pod: RawObject) -> str:
        return f"{self._small}/{pod['metadata']['uid']}"

    def hosts(self, pod: RawObject, hostname: str, domain: str, address: str) -> str:
        """
        Return the Pod's /etc/hosts, with the names of its spec's hostAliases; on the host's network the host's own.
        """
        path = f"{self._small_of(pod)}/hosts"
        if pod["spec"].get("hostNetwork"):
            text = HOSTS_HEAD_OF_NODE + NODE_HOSTS.read_text(encoding="utf-8", errors="replace")
        else:
            names = f"{hostname}.{domain}\t{hostname}" if domain else hostname
            text = HOSTS_HEAD + f"{address}\t{names}\n"
        aliases = pod["spec"].get("hostAliases") or ()
        if aliases:
            text += "\n# Entries added by HostAliases.\n"
            text += "".join(f"{a['ip']}\t{chr(9).join(a.get('hostnames') or ())}\n" for a in aliases)
        # A file with the right content stays as it is: while it is rewritten, a reader would miss it.
        if _read(path) != text.encode():
            _write(path, text.encode(), 0o644)
        return path

    def message(self, pod: RawObject, record: ContainerRecord) -> str:
        """
        Return the termination message of one run that has ended: the end of its file, or of its log where the policy
        says so and the run failed; what the runtime has to say comes first.
        """
        if record.state is not ContainerState.EXITED:
            return ""
        text = _tail(self.message_path(pod, record.name, record.attempt), MESSAGE_BYTES)
        found = roles.find(pod, record.name)
        policy = found[1].get("terminationMessagePolicy") if found else None
        if not text and policy == "FallbackToLogsOnError" and record.exit_code != 0:
            text = log_tail(self.log_path(pod, record.name, record.attempt))
        if record.message and text:
            return f"{record.message}: {text}"
        return record.message or text

    def remove(self, pod: RawObject) -> None:
        """The Pod is gone: nothing of it stays."""
        remove_tree(self._logs_of(pod))
        remove_tree(self._small_of(pod))


class NoFiles(PodFiles):
    """A simulation's: paths only, nothing is read or written."""

    def begin_log(self, pod: RawObject, container: str, attempt: int) -> str:
        """Return the path alone."""
        return self.log_path(pod, container, attempt)

    def begin_message(self, pod: RawObject, container: str, attempt: int) -> str:
        """Return the path alone."""
        return self.message_path(pod, container, attempt)

    def hosts(self, pod: RawObject, hostname: str, domain: str, address: str) -> str:
        """Return the path alone."""
        return f"{self._small_of(pod)}/hosts"

    def message(self, pod: RawObject, record: ContainerRecord) -> str:
        """Return what the script says."""
        return record.message

    def remove(self, pod: RawObject) -> None:
        """Nothing was made."""


def _write(path: str, content: bytes, mode: int) -> None:
    """Write a file whose mode does not depend on the umask, and its folder where that is missing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    try:
        while content:  # a disk that fills up takes a part, and says so at the next
            content = content[os.write(descriptor, content) :]
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", 0) as file:
            return file.read()
    except FileNotFoundError:
        return None


def _tail(path: str, size: int) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.stat(path).st_size - size))
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""


def log_tail(path: str) -> str:
    """Return the last 80 lines of a CRI log, at most 2048 bytes, without times and stream names."""
    # The older part comes first: the log may have been renamed a moment ago.
    lines = [line for part in (f"{path}.1", path) for line in _last_lines(part)]
    text = b"".join(_plain(lines)[-LOG_LINES:])[-LOG_BYTES:]
    return text.decode("utf-8", "replace")


def _last_lines(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            # A CRI line adds about 45 bytes to what the container wrote; 64 KiB hold 80 lines of any usual log.
            file.seek(max(0, os.stat(path).st_size - (64 << 10)))
            return file.read().split(b"\n")
    except OSError:
        return []


def _plain(lines: Sequence[bytes]) -> list[bytes]:
    out: list[bytes] = []
    partial = b""
    for line in lines:
        parts = line.split(b" ", 3)
        if len(parts) < 4:
            continue
        partial += parts[3]
        if parts[2].startswith(b"F"):
            out.append(partial + b"\n")
            partial = b""
    return [*out, partial] if partial else out
