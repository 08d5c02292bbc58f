"""
The local JupyterHub of ``clusters/hub``: two students log in, each gets a cluster, and neither reaches the other's.

The hub runs as an instructor starts it, by its one command, as root. It has namespaces of its own for processes and
mounts, with a copy of ``/etc``: the accounts that it makes are not made on this machine, and all ends with it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket
from hub_visitor import Visitor

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.timeout(900),  # the first test installs JupyterHub
    pytest.mark.skipif(os.getuid() != 0, reason="a hub starts servers as other users: only root can"),
]

ROOT = Path(__file__).resolve().parents[2]
CELLS = Path(__file__).with_name("hub_cells.py").read_text()
START_S = 600.0
# The process that reads standard input ends the hub when the test closes it.
ROOM = """
set -e
exec 3<&0
mount -t tmpfs tmpfs "$1/etc" && cp -a /etc/. "$1/etc/" && mount --bind "$1/etc" /etc
"$2/clusters/hub/start" --at "$1/at" --roster "$1/roster.csv" --port "$3" </dev/null & hub=$!
(read -r _ <&3 || true; kill -TERM $hub 2>/dev/null) &
wait $hub
"""


@dataclass
class Hub:
    """A running hub: its folder, its address, the accounts' passwords, and the process that holds it."""

    folder: Path
    url: str
    log: Path
    room: subprocess.Popen[bytes]

    def password(self, account: str) -> str:
        with (self.folder / "passwords.csv").open() as file:
            return next(row["password"] for row in csv.DictReader(file) if row["account"] == account)

    def end(self) -> int:
        """End the hub as Ctrl-C does, and wait until its last process is gone."""
        assert self.room.stdin is not None
        self.room.stdin.close()
        return self.room.wait(120)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """The hub for a roster of two, where other users can read it (pytest's own folders are closed)."""
    folder = Path(tempfile.mkdtemp(prefix="podlab-hub-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "etc").mkdir()
    (folder / "roster.csv").write_text("id,name,email\nada,Ada,\nBob@x,Bob,\n")
    port, log = three_free_ports(), ROOT / "artefacts" / "hub.log"
    log.parent.mkdir(exist_ok=True)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation=private",
    ]
    with log.open("wb") as output:
        room = subprocess.Popen(
            [*command, "bash", "-c", ROOM, "room", str(folder), str(ROOT), str(port)],
            stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment,
        )  # fmt: skip
    made = Hub(folder / "at", f"http://127.0.0.1:{port}", log, room)
    try:
        wait_for_hub(made)
        yield made
        made.end()
    finally:
        room.kill()  # and with it, all in its process namespace
        room.wait(20)
        shutil.rmtree(folder)


def three_free_ports() -> int:
    """The first of three free ports in a row: the hub's, and the two above it."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
        try:
            for number in (port, port + 1, port + 2):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", number))
        except (OSError, OverflowError):
            continue
        return port


def wait_for_hub(hub: Hub) -> None:
    end = time.monotonic() + START_S
    while True:
        assert hub.room.poll() is None, hub.log.read_text()[-4000:]
        assert time.monotonic() < end, hub.log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(f"{hub.url}/hub/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.3)


ADA, BOB = "lab-ada", "lab-bob-x-4a4690"


@pytest.fixture(scope="module")
def visitors(hub: Hub) -> dict[str, Visitor]:
    """Both students, logged in, with a server and a kernel each, in which the cells are defined."""
    found = {}
    for account in (ADA, BOB):
        visitor = found[account] = Visitor(hub.url, account)
        assert visitor.log_in(hub.password(account)).url.endswith("/hub/home")
        visitor.start_server()
        visitor.run(CELLS)
    return found


@pytest.fixture(scope="module")
def facts(visitors: dict[str, Visitor]) -> dict[str, dict[str, Any]]:
    """Each student's Pod, and where each student's things are."""
    return {account: answer(visitor, "work()") for account, visitor in visitors.items()}


def probe(visitor: Visitor, own: dict[str, Any], target: dict[str, Any]) -> dict[str, list[str]]:
    return dict(answer(visitor, f"probe({own['kubeconfig']!r}, {target!r})"))


def answer(visitor: Visitor, expression: str) -> Any:
    """The value of an expression in a visitor's kernel; what it printed on the way stands before it."""
    return json.loads(visitor.run(f"tell({expression})").splitlines()[-1])


def test_only_students_of_the_roster_come_in(hub: Hub) -> None:
    """Neither a wrong password, nor another student's, nor an account of the machine."""
    wrong = Visitor(hub.url, ADA).log_in(hub.password(BOB))
    root = Visitor(hub.url, "root").log_in("root")

    assert (wrong.status, root.status) == (403, 403)
    assert Visitor(hub.url, ADA).open(f"/user/{ADA}/api/contents").url.startswith(f"{hub.url}/hub/")


def test_each_student_has_a_pod_on_a_cluster_of_their_own(facts: dict[str, dict[str, Any]]) -> None:
    """A regular init container, a sidecar and an app, on two daemons of two Unix users, with nothing reduced."""
    for mine in facts.values():
        assert (mine["order"], mine["phase"]) == ("fetch | proxy | shop", "Succeeded")
        assert (mine["driver"], mine["note"]) == ("embedded", "")
    ada, bob = facts[ADA], facts[BOB]
    for what in ("uid", "home", "kubeconfig", "server", "daemon", "kernel"):
        assert ada[what] != bob[what], what
    assert 0 not in (ada["uid"], bob["uid"])


@pytest.mark.parametrize(("who", "whose"), [(ADA, BOB), (BOB, ADA)])
def test_a_student_reaches_the_own_things_and_nothing_of_the_other(
    who: str, whose: str, visitors: dict[str, Visitor], facts: dict[str, dict[str, Any]]
) -> None:
    """The same probe: files, processes, sockets, API with own credentials. On the own things it gets everywhere."""
    own = probe(visitors[who], facts[who], facts[who])
    other = probe(visitors[who], facts[who], facts[whose])

    assert other == {"files": [], "processes": [], "sockets": [], "api": [], "ports": []}
    assert own["ports"] == []  # who does not say who he is gets nothing, wherever he comes from
    assert len(facts[whose]["ports"]) >= 2, "the API server's and the notebook server's"
    assert len(own["files"]) == 8
    assert len(own["processes"]) == 3 * 7
    assert len(own["api"]) == 3
    assert len(own["sockets"]) >= 5


def test_a_student_cannot_open_the_others_server(visitors: dict[str, Visitor], hub: Hub) -> None:
    """The hub does not let a logged-in student into another's pages, nor to the kernels' WebSockets."""
    ada = visitors[ADA]

    assert ada.open(f"/user/{BOB}/api/contents").status in (403, 404)
    assert ada.open(f"/hub/api/users/{BOB}").status in (403, 404)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        ada.connect(f"{hub.url.replace('http', 'ws')}/user/{BOB}/api/kernels/x/channels")
    assert refused.value.status_code in (403, 404)


def test_students_can_change_nothing_of_the_hub(visitors: dict[str, Visitor], hub: Hub) -> None:
    """The installed packages are root's, its secrets are closed, and the course there holds no answers."""
    parts = {path.name: str(path) for path in hub.folder.iterdir()}
    packages = next((hub.folder / "venv").glob("lib/python*/site-packages/podlab"))
    asked = [str(hub.folder), *parts.values(), str(packages)]

    readable = answer(visitors[BOB], f"[path for path in {asked} if readable(path)]")
    assert set(readable) == {parts["venv"], parts["user-server"], str(packages)}
    assert answer(visitors[BOB], f"writable({asked})") == []
    assert list((hub.folder / "venv").rglob("answers")) == []


def test_kernels_sockets_lie_in_a_folder_of_this_hub(
    hub: Hub, visitors: dict[str, Visitor], facts: dict[str, dict[str, Any]]
) -> None:
    """Two hubs may have accounts of one name; the end of a server of one must not be felt at the other."""
    folder = (hub.folder / "hub" / "sockets").readlink()

    for account in visitors:
        mine = [name for name in facts[account]["sockets"] if "/kernel-" in name]
        assert mine
        assert {Path(name).parent for name in mine} == {folder / account}
        assert (folder / account).stat().st_mode & 0o777 == 0o700


def test_a_stopped_server_takes_its_cluster_with_it_and_no_other(
    visitors: dict[str, Visitor], facts: dict[str, dict[str, Any]]
) -> None:
    """Ada's daemon ends with her server; Bob's goes on."""
    visitors[ADA].stop_server()
    pids = [facts[ADA]["daemon"], facts[BOB]["daemon"]]
    alive = answer(visitors[BOB], f"[Path(f'/proc/{{pid}}').exists() for pid in {pids}]")

    assert alive == [False, True]


def test_the_end_of_the_hub_is_the_end_of_everything(hub: Hub, visitors: dict[str, Visitor]) -> None:
    """Ctrl-C: the servers and their clusters are ended in order; the process namespace empties by itself."""
    sockets = (hub.folder / "hub" / "sockets").readlink()
    assert sockets.is_dir()

    assert hub.end() == 0, hub.log.read_text()[-3000:]

    assert not sockets.exists()
    text = hub.log.read_text()
    assert "...done" in text
    assert text.count("cluster lab is stopped") == 2
    assert "Uncaught exception" not in text
