"""
The cells that students of ``test_hub.py`` run in their kernels.

``work`` makes a Pod on the own cluster and returns where the own things are. ``probe`` takes such facts, of oneself or
of somebody else, and tries to get at each of them: what it reached is in the answer. The source of this file is sent to
the kernel, so it imports nothing of the tests.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

POD = """
apiVersion: v1
kind: Pod
metadata: {name: hub}
spec:
  restartPolicy: Never
  initContainers:
    - {name: fetch, image: "busybox:1.36", command: [sh, -c, "echo fetched"]}
    - {name: proxy, image: "podlab-app:1", args: [proxy], restartPolicy: Always}
  containers:
    - {name: shop, image: "podlab-app:1", args: [shop, "--exit-after=1:0"]}
"""


PROCESSES = ("daemon", "kernel", "notebook_server")


def work() -> dict[str, Any]:
    """Record a Pod on the own cluster, and say what others must not reach."""
    import podlab
    from podlab import drivers

    with podlab.open(namespace="hub") as lab:
        timeline = lab.record(POD, until="Succeeded", deadline_s=100)
        order, phase = timeline.start_order(), timeline.phase
    cluster = drivers.find("lab")
    assert cluster is not None
    status = drivers.get("embedded").status("lab")
    return {
        "uid": os.getuid(),
        "order": order,
        "phase": phase,
        "driver": cluster.driver,
        "note": status.note,
        "home": str(Path.home()),
        "kubeconfig": str(cluster.kubeconfig),
        "server": cluster.client().server,
        "daemon": status.pids["daemon"],
        "kernel": os.getpid(),
        "notebook_server": os.getppid(),
        "sockets": sockets_of(os.getuid()),
        "ports": ports_of(os.getuid()),
        "prefix": os.environ["JUPYTERHUB_SERVICE_PREFIX"],
    }


def ports_of(uid: int) -> list[int]:
    """TCP ports on which processes of *uid* listen in this network namespace."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[7]) == uid:
            found.append(int(fields[1].rpartition(":")[2], 16))
    return sorted(found)


def sockets_of(uid: int) -> list[str]:
    """Names of the Unix sockets that processes of *uid* hold: paths, and abstract ones as ``@name``."""
    held = {link for pid in Path("/proc").glob("[0-9]*") if owner(pid) == uid for link in links(pid / "fd")}
    # One read leaves rows out while other sockets of the machine come and go.
    lines = [line for _ in range(5) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    rows = [line.split() for line in lines]
    return sorted({row[7] for row in rows if len(row) > 7 and f"socket:[{row[6]}]" in held})


def owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def links(folder: Path) -> list[str]:
    found = []
    try:
        for path in folder.iterdir():
            found.append(str(path.readlink()))
    except OSError:
        pass
    return found


def probe(own_kubeconfig: str, facts: dict[str, Any]) -> dict[str, list[str]]:
    """Try everything on *facts*; what was reached, by kind."""
    return {
        "files": [path for path in files(facts) if readable(path)],
        "processes": [what for name in PROCESSES for what in process(facts[name])],
        "sockets": [name for name in facts["sockets"] if connects(name)],
        "api": api(own_kubeconfig, facts["server"]),
        "ports": [got for port in facts["ports"] if (got := unguarded(port, facts["prefix"] + "api/contents"))],
    }  # fmt: skip


def files(facts: dict[str, Any]) -> list[str]:
    """The kubeconfig, the folders on the way to it, and what lies beside it."""
    config = Path(facts["kubeconfig"])
    home = Path(facts["home"])
    beside = [config.parent / name for name in ("daemon.log", "daemon.json", "sandbox")]
    return [str(path) for path in (config, config.parent, home, home / "course", home / ".local", *beside)]


def readable(path: str) -> bool:
    try:
        if Path(path).is_dir():
            list(Path(path).iterdir())
        else:
            Path(path).open("rb").close()
    except OSError:
        return False
    return True


def process(pid: int) -> list[str]:
    """What can be done to a process: a signal, its environment, its memory, its files."""
    found = []
    try:
        os.kill(
            pid, signal.SIGCONT
        )  # does nothing to a process that runs, and asks the same right as SIGKILL
        found.append(f"signal {pid}")
    except OSError:
        pass
    for name in ("environ", "mem", "maps", "fd", "cwd", "root"):
        if readable(f"/proc/{pid}/{name}"):
            found.append(f"/proc/{pid}/{name}")
    return found


def connects(name: str) -> bool:
    address = "\0" + name[1:] if name.startswith("@") else name
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as sock:
            try:
                sock.connect(address)
            except OSError:
                continue
            return True
    return False


def api(own_kubeconfig: str, server: str) -> list[str]:
    """Ask another API server with the own credentials, and with none; the paths that it answers."""
    import yaml

    user = yaml.safe_load(Path(own_kubeconfig).read_text())["users"][0]["user"]
    found = []
    for who, context, headers in (
        ("own", *credentials(user)),
        ("nobody", ssl._create_unverified_context(), {}),
    ):
        for path in ("/api/v1/namespaces/hub/pods", "/api/v1/secrets", "/api/v1/nodes"):
            try:
                request = urllib.request.Request(server + path, headers=headers)
                with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                    found.append(f"{who} {path} {answer.status}")
            except urllib.error.HTTPError as error:
                assert error.code in (401, 403), f"{who} {path}: {error.code}"
            except (ssl.SSLError, urllib.error.URLError, OSError):
                continue
    return found


def credentials(user: dict[str, Any]) -> tuple[ssl.SSLContext, dict[str, str]]:
    """A kubeconfig's user, for Python's own HTTP; the server's certificate is not checked."""
    import base64
    import tempfile

    context = ssl._create_unverified_context()
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:
            for key in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[key]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context, {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}


def unguarded(port: int, path: str) -> str:
    """How a port answers somebody who does not say who he is; empty when it refuses, as each of them must."""
    kind = zeromq_type(port)
    if (
        kind == "PULL"
    ):  # where a kernel's children hand in what they print: it gives nothing, and takes nothing
        return ""  # without a number that only the kernel knows
    word = kind or answers("http", port, path) or answers("https", port, path)
    return "" if word in ("", "http 401", "http 403", "https 401", "https 403") else f"{port}: {word}"


def answers(scheme: str, port: int, path: str) -> str:
    """What comes back; empty where another protocol is spoken."""
    context = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(
            f"{scheme}://127.0.0.1:{port}{path}", timeout=20, context=context
        ) as answer:
            return f"{scheme} {answer.status}"
    except urllib.error.HTTPError as error:
        return f"{scheme} {error.code}"
    except (OSError, http.client.HTTPException):
        return ""


def zeromq_type(port: int) -> str:
    """The kind of ZeroMQ socket behind a port, from its READY command (ZMTP 3); empty for another protocol."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(28) + b"\r\n\r\n"
    heard = b""  # the last four bytes mean nothing to ZeroMQ, and let an HTTP server answer at once
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(greeting)
            while data := sock.recv(4096):
                heard += data
                rest = heard.partition(b"Socket-Type")[2]
                size = int.from_bytes(rest[:4], "big")
                if size and len(rest) >= 4 + size:
                    return rest[4 : 4 + size].decode()
    except OSError:
        pass
    return ""


def writable(paths: list[str]) -> list[str]:
    """What of *paths* and all below this user could change, links aside."""
    every = [one for path in map(Path, paths) for one in (path, *path.rglob("*"))]
    return [str(path) for path in every if not path.is_symlink() and os.access(path, os.W_OK)]


def tell(answer: object) -> None:
    """Print what the test reads."""
    print(json.dumps(answer))
