"""
Where the sandbox is attacked: a cluster with baits around it, many Pods at a time, and the places of the twins.

Baits are what an attacker would like to reach: a file, a process, a server, shared memory and a key of the host, and a
Pod of somebody else. Each holds the treasure, a word of this run alone.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attacking import Outcome, ProbeError, Range, cluster, weakened
from sandbox_attacks import Attack, Json

from podlab.errors import ApiError

DEADLINE_S = 150
LOG_BYTES = 24 << 20
NAMESPACE = "attackers"
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "--net", "--ipc",
           "--uts", "--cgroup", "--kill-child")  # fmt: skip
WEAK = (
    # the former root stays, and its name is found
    ("sandbox/zygote/rootfs.py", "    linux.umount(old)\n    os.rmdir(old)\n", "    pass\n"),
    ("sandbox/zygote/rootfs.py", "    os.mkdir(stage + old, 0o700)\n", "    os.mkdir(stage + old, 0o755)\n"),
    # a link in a volume is followed
    ("sandbox/zygote/linux.py", "0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS", "0, 0"),
)
BAIT = """
import ctypes, sys, time
ctypes.CDLL(None).prctl(0x59616d61, -1, 0, 0, 0)
print("ready", flush=True)
time.sleep(600)
"""


class Baits:
    """What may not be reached from a Pod; ``words`` replaces their names in manifests and programs."""

    def __init__(self, stack: ExitStack) -> None:
        self.treasure = f"treasure-{uuid.uuid4().hex}"
        mark = f"bait-{uuid.uuid4().hex[:12]}"
        self.aim = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podlab-aim-")))
        self.aim.chmod(0o755)
        (self.aim / "secret").write_text(self.treasure)
        (self.aim / "env").write_text(f"KEY={self.treasure}\n")
        (self.aim / "mark").write_text("untouched")
        self.process = subprocess.Popen([sys.executable, "-c", BAIT, mark], stdout=subprocess.PIPE)
        stack.callback(self._end)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.port = self._serve(stack, socket.AF_INET, ("127.0.0.1", 0))
        self._serve(stack, socket.AF_UNIX, "\0" + mark)
        self.orphan = f"orphan-{uuid.uuid4().hex[:12]}"
        self.word = f"spoofed-{uuid.uuid4().hex[:12]}"
        self.words = {
            "AIM": str(self.aim), "TREASURE": self.treasure, "MARK": mark, "BAIT": str(self.process.pid),
            "PORT": str(self.port), "SHM": str(self._segment(stack)), "NEIGHBOUR": f"next-{uuid.uuid4().hex[:12]}",
            "ORPHAN": self.orphan, "WORD": self.word,
        }  # fmt: skip
        self.has_key = self._key(mark)

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _serve(self, stack: ExitStack, family: int, address: Any) -> int:
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(address)
        server.listen(64)
        stack.callback(server.close)

        def answer() -> None:
            while True:
                try:
                    sock, _ = server.accept()
                except OSError:
                    return
                with sock, contextlib.suppress(OSError):
                    sock.sendall(self.treasure.encode())

        threading.Thread(target=answer, daemon=True).start()
        return 0 if family == socket.AF_UNIX else int(server.getsockname()[1])

    def _segment(self, stack: ExitStack) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        key = 0x50000000 | int(uuid.uuid4().hex[:6], 16)
        identity = libc.shmget(key, 4096, 0o1666)
        assert identity >= 0
        libc.shmat.restype = ctypes.c_void_p
        place = libc.shmat(identity, None, 0)
        ctypes.memmove(place, self.treasure.encode(), len(self.treasure))
        stack.callback(libc.shmctl, identity, 0, None)
        return key

    def _key(self, name: str) -> bool:
        """A key of the session that the cluster inherits; False where the kernel has none."""
        number = 217 if os.uname().machine == "aarch64" else 248
        text = self.treasure.encode()
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(
            libc.syscall(
                ctypes.c_long(number),
                b"user",
                name.encode(),
                text,
                ctypes.c_long(len(text)),
                ctypes.c_long(-3),
            )
            > 0
        )

    def fill_in(self, value: Any) -> Any:
        """*value* with ``$NAME`` replaced by the bait."""
        if isinstance(value, str):
            for name, word in sorted(self.words.items(), reverse=True):
                value = value.replace(f"${name}", word)
            return value
        if isinstance(value, dict):
            return {key: self.fill_in(item) for key, item in value.items()}
        return [self.fill_in(item) for item in value] if isinstance(value, list) else value


class SandboxRange:
    """Two clusters, one as it is and one weakened, and all that was tried there."""

    def __init__(self, baits: Baits, strong: Range, weak: Range) -> None:
        self.baits, self.strong, self.weak = baits, strong, weak
        self._results: dict[str, Outcome | ProbeError] = {}
        self._helpers = _children(strong.daemon)

    def try_all(self, attacks: Iterable[Attack]) -> None:
        """Run all attacks and their twins; the results are kept."""
        listed = list(attacks)
        for one in (self.strong, self.weak):
            one.client.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self._others()
        pods = [(a.id, a, self.strong, False) for a in listed]
        pods += [(f"twin-{a.id}", a, self.strong, True) for a in listed if a.twin.where == "pod"]
        pods += [(f"twin-{a.id}", a, self.weak, False) for a in listed if a.twin.where == "weak"]
        for name, attack, where, twin in pods:
            self._create(name, attack, where, twin=twin)
        for attack in listed:
            if attack.twin.where in ("host", "bare"):
                self._results[f"twin-{attack.id}"] = self._on_host(attack)
        self._await([(name, where) for name, _, where, _ in pods])
        for name, attack, where, twin in pods:
            self._results[name] = self._judge(name, attack, where, twin=twin)
        self._delete()
        for attack in listed:
            self._look_after(attack)

    def outcome(self, attack: Attack, *, twin: bool = False) -> Outcome:
        """
        What an attack, or its twin, came to.

        Raises:
            ProbeError: If it was not tried.
        """
        found = self._results[f"twin-{attack.id}" if twin else attack.id]
        if isinstance(found, ProbeError):
            raise found
        return found

    # -- Pods ------------------------------------------------------------------------------------------------

    def _others(self) -> None:
        """The Pod of somebody else, which has a terminal, and one that writes down packets."""
        sink = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('', 5353))\n"
                "print('ready', flush=True)\nwhile True: print(s.recv(999).decode(), flush=True)")  # fmt: skip
        rows = {
            "neighbour": {
                "image": "busybox:1.36",
                "command": ["sh", "-c", "sleep 3600; true $NEIGHBOUR"],
                "tty": True,
            },
            "sink": {"image": "python:3.11-slim", "command": ["python", "-c", sink]},
        }
        core = f"/api/v1/namespaces/{NAMESPACE}/pods"
        for name, row in rows.items():
            spec = {
                "containers": [self.baits.fill_in({"name": "c", **row})],
                "terminationGracePeriodSeconds": 0,
            }
            self.strong.client.create(core, {"metadata": {"name": name}, "spec": spec})
        limit = time.monotonic() + DEADLINE_S
        while "ready" not in _log(self.strong, "sink", "c"):
            assert time.monotonic() < limit, "the Pod that writes down packets did not start"
            time.sleep(0.1)
        self.baits.words["SINK"] = self.strong.client.get(f"{core}/sink")["status"]["podIP"]

    def _create(self, name: str, attack: Attack, where: Range, *, twin: bool) -> None:
        env = {"AIM": "$AIM", "MARK": "$MARK", "BAIT": "$BAIT", "PORT": "$PORT", "SHM": "$SHM", "SINK": "$SINK",
               "ORPHAN": "$ORPHAN", **attack.env, **(attack.twin.env if twin else {})}  # fmt: skip
        row: Json = {
            "name": "attack", "image": "python:3.11-slim", "command": ["python", "-c", attack.text()],
            "env": [{"name": key, "value": value} for key, value in env.items()],
        }  # fmt: skip
        pod: Json = {
            "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [row]},
        }
        for change in (attack.change, attack.twin.change if twin else None):
            if change:
                change(pod)
        depth = len(where.folder.parts) - 1 + len(("volumes", "uid", "name"))
        self.baits.words |= {"WHERE": self._word_of(where), "UP": "/".join([".."] * depth)}
        text = pod["spec"]["containers"]
        filled = self.baits.fill_in(copy.deepcopy(pod))
        for one, given in zip(filled["spec"]["containers"], text, strict=True):
            if given["name"] == "attack":
                one["command"] = given["command"]  # a program's own dollars stay
        try:
            where.client.create(f"/api/v1/namespaces/{NAMESPACE}/pods", filled)
        except ApiError as error:
            self._results[name] = (
                Outcome(True, f"refused: {error}")
                if attack.may_not_run and not twin
                else ProbeError(str(error))
            )

    def _word_of(self, where: Range) -> str:
        return "weak" if where is self.weak else "strong"

    def _await(self, pods: list[tuple[str, Range]]) -> None:
        limit = time.monotonic() + DEADLINE_S
        waiting = [one for one in pods if one[0] not in self._results]
        while waiting and time.monotonic() < limit:
            time.sleep(0.3)
            states = {where.port: _pods(where) for _, where in waiting}
            waiting = [(name, where) for name, where in waiting if not _over(states[where.port].get(name))]

    def _judge(self, name: str, attack: Attack, where: Range, *, twin: bool) -> Outcome | ProbeError:
        if name in self._results:
            return self._results[name]
        pod = _pods(where).get(name, {})
        log = _log(where, name, "attack")
        message = str(
            [(s.get("state"), s.get("lastState")) for s in pod.get("status", {}).get("containerStatuses", ())]
        )
        breach = self._success(log) or (
            attack.look == "message" and self.baits.treasure in message and "its message"
        )
        if attack.look == "logs" and not twin:
            breach = breach or _too_much(where.folder / "pods" / "logs", name)
        if attack.look == "sink":
            word = self.baits.word + ("-twin" if twin else "")
            heard = [line for line in _log(self.strong, "sink", "c").splitlines() if line == word]
            breach = breach or (heard and "the other Pod heard it")
        if attack.look == "made":
            breach = breach or (
                (self.baits.aim / f"made-{self._word_of(where)}").is_dir() and "a folder was made"
            )
        if breach:
            return Outcome(False, str(breach))
        if "TRIED" in log.splitlines() or attack.may_not_run:
            return Outcome(True, log.strip()[-300:] or f"did not run: {message[-300:]}")
        return ProbeError(f"the probe of {name} did not get to its end:\n{log[-2000:]}\n{pod.get('status')}")

    def _success(self, log: str) -> str:
        breach = next((line for line in log.splitlines() if line.startswith("BREACH")), "")
        return breach or ("the treasure" if self.baits.treasure in log else "")

    def _delete(self) -> None:
        for where in (self.strong, self.weak):
            where.client.delete(f"/api/v1/namespaces/{NAMESPACE}")
        limit = time.monotonic() + DEADLINE_S
        while any(_pods(where) for where in (self.strong, self.weak)):
            assert time.monotonic() < limit, "Pods of attackers cannot be deleted"
            time.sleep(0.2)

    def _look_after(self, attack: Attack) -> None:
        """What is only known once every Pod has gone."""
        found = self._results.get(attack.id)
        if attack.look == "orphans" and (pids := _running(self.baits.orphan + "\0")):
            self._results[attack.id] = Outcome(False, f"still running: {pids}")
        if attack.look == "helpers" and isinstance(found, Outcome):
            lost = [pid for pid in self._helpers if not Path(f"/proc/{pid}").exists()]
            if lost:
                self._results[attack.id] = Outcome(False, f"helpers of the node are gone: {lost}")
        if (self.baits.aim / "mark").read_text() != "untouched" and isinstance(found, Outcome) and found.held:
            self._results[attack.id] = Outcome(False, "the marker was touched")

    # -- twins on the host -----------------------------------------------------------------------------------

    def _on_host(self, attack: Attack) -> Outcome | ProbeError:
        env = {"AIM": "$AIM", "MARK": "$MARK", "BAIT": "$BAIT", "PORT": "$PORT", "SHM": "$SHM", "SCRATCH": "$AIM",
               **attack.env}  # fmt: skip
        env = self.baits.fill_in({**env, **attack.twin.env})
        words = [*(UNSHARE if attack.twin.where == "bare" else ()), sys.executable, "-S", "-c",
                 attack.text(attack.twin.setup)]  # fmt: skip
        with tempfile.TemporaryFile() as out:  # not a pipe: an orphan would hold its end
            done = subprocess.run(
                words,
                env={**os.environ, **env},
                stdout=out,
                stderr=out,
                timeout=60,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            out.seek(0)
            written = out.read().decode("utf-8", "replace")
        breach = self._success(written)
        if attack.look == "logs":
            breach = breach or (len(written) > (1 << 20) - 1024 and "as much as it wrote")
        if attack.look == "orphans":
            pids = _running(env["ORPHAN"] + "\0")
            for pid in pids:
                os.kill(pid, 9)
            breach = breach or (pids and f"still running: {pids}")
        with contextlib.suppress(OSError):
            (self.baits.aim / "filled").unlink()
        return Outcome(
            not breach, str(breach) if breach else f"exit code {done.returncode}: {written[-1500:]}"
        )


def _pods(where: Range) -> dict[str, Json]:
    found = where.client.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    return {pod["metadata"]["name"]: pod for pod in found}


def _over(pod: Json | None) -> bool:
    """Ended, or held up by what nothing will change."""
    status = (pod or {}).get("status", {})
    reasons = {
        (s.get("state", {}).get("waiting") or {}).get("reason") for s in status.get("containerStatuses", ())
    }
    stuck = reasons & {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
    attack = [s for s in status.get("containerStatuses", ()) if s["name"] == "attack"]
    ended = any("terminated" in s.get("state", {}) for s in attack)
    waits_for_volume = pod is not None and any(
        "hostPath" in volume for volume in pod["spec"].get("volumes", ())
    ) and status.get("phase") == "Pending"  # fmt: skip
    return status.get("phase") in ("Succeeded", "Failed") or bool(stuck) or ended or waits_for_volume


def _log(where: Range, pod: str, container: str) -> str:
    with contextlib.suppress(ApiError):
        return where.client.text(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/log", container=container)
    return ""


def _too_much(logs: Path, pod: str) -> str:
    size = sum(p.stat().st_size for p in logs.glob(f"{NAMESPACE}_{pod}_*/*/*"))
    return f"{size >> 20} MiB of logs" if size > LOG_BYTES else ""


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def _children(pid: int) -> list[int]:
    """The descendants of a process."""
    parents = {}
    for name in _pids():
        with contextlib.suppress(OSError, IndexError):
            parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [below for child in found for below in _children(child)]


def _running(mark: str) -> list[int]:
    """The processes of this machine with a word in their command line."""
    found = []
    for name in _pids():
        with contextlib.suppress(OSError):
            if mark.encode() in Path(f"/proc/{name}/cmdline").read_bytes() and int(name) != os.getpid():
                found.append(int(name))
    return found


@contextmanager
def sandbox_range() -> Iterator[SandboxRange]:
    """Baits and both clusters; umask 000, as some shells of images have it."""
    with ExitStack() as stack:
        baits = Baits(stack)
        source = stack.enter_context(weakened(WEAK))
        strong = stack.enter_context(cluster(umask=0))
        weak = stack.enter_context(cluster("--allow-host-path", source=source))
        yield SandboxRange(baits, strong, weak)
