"""
The embedded driver: daemons side by side, found, ended and replaced, with nothing left behind.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from podlab import drivers
from podlab.client import waiting
from podlab.drivers import Profile, process, state
from podlab.drivers.embedded import EmbeddedDriver
from podlab.errors import DriverError

pytestmark = pytest.mark.embedded


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A state folder of the test's own; whatever a test left running is ended."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PODLAB_HOME", raising=False)
    yield tmp_path
    for name in state.names():
        drivers.stop(name)


def daemons(folder: Path) -> list[str]:
    """The command lines of all processes that mention this test's folder, but this one's."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and int(path.parent.name) != os.getpid():
            found.append(words)
    return found


def test_two_clusters_live_side_by_side(home: Path) -> None:
    """Each has its own objects; stopping one leaves the other; afterwards no process and no file is left."""
    driver = EmbeddedDriver()
    first, second = driver.make(Profile(name="first")), driver.make(Profile(name="second"))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "only-in-first"}}
    first.client().create("/api/v1/namespaces/default/configmaps", body)
    there = second.client().get("/api/v1/namespaces/default/configmaps")["items"]
    assert "only-in-first" not in {item["metadata"]["name"] for item in there}
    assert [status.name for status in drivers.statuses()] == ["first", "second"]
    assert all(status.running and status.pids["daemon"] for status in drivers.statuses())

    assert driver.stop("first")
    assert driver.find("first") is None
    assert second.client().version().startswith("v1.")
    assert driver.make(Profile(name="second")) == second
    assert driver.stop("second")
    assert daemons(home) == []
    assert list((home / "podlab" / "clusters").iterdir()) == []


def test_two_commands_at_once_make_one_cluster(home: Path) -> None:
    """Two notebooks opened together: the second waits for the first, and both get the same cluster."""
    command = [sys.executable, "-m", "podlab", "up", "--driver", "embedded", "--name", "lab", "--json"]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [json.loads(one.communicate(timeout=60)[0]) for one in both]

    assert said[0]["pids"] == said[1]["pids"] != {}
    assert len([line for line in daemons(home) if "--ready-fd" in line]) == 1


def test_files_are_for_this_user_alone(home: Path) -> None:
    """The kubeconfig is a password."""
    cluster = EmbeddedDriver().make(Profile(name="private"))

    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0
    assert cluster.kubeconfig.parent.stat().st_mode & 0o077 == 0


def test_a_killed_daemon_is_noticed_and_replaced(home: Path) -> None:
    """kill -9: status reports it, `up` starts a new one, and no process of the first is left."""
    driver = EmbeddedDriver()
    driver.make(Profile(name="lab"))
    pid = driver.status("lab").pids["daemon"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while driver.find("lab") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not driver.status("lab").running
    assert "podlab up" in driver.status("lab").note

    anew = driver.make(Profile(name="lab"))
    assert anew.client().version().startswith("v1.")
    assert driver.status("lab").pids["daemon"] != pid
    driver.stop("lab")
    assert daemons(home) == []


def test_a_pid_that_was_given_to_another_program_is_left_alone(home: Path) -> None:
    """The record's pid lives, but it is not our daemon: stop forgets the cluster and kills nobody."""
    driver = EmbeddedDriver()
    driver.make(Profile(name="lab"))
    record = state.read("lab")
    assert record is not None
    os.kill(record["daemon"]["pid"], signal.SIGTERM)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        deadline = time.monotonic() + 20
        while process.is_same(record["daemon"]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        state.folder("lab").mkdir(parents=True, exist_ok=True)
        state.save({**record, "daemon": {**record["daemon"], "pid": stranger.pid}})
        assert driver.find("lab") is None
        assert driver.stop("lab")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_daemon_that_cannot_start_says_why_and_leaves_nothing(home: Path) -> None:
    """An argument it does not know: its own words are the cause."""
    with pytest.raises(DriverError, match="ended while starting") as caught:
        EmbeddedDriver().make(Profile(name="lab", options=["--nonsense"]))

    assert "nonsense" in str(caught.value.cause)
    assert state.names() == []
    assert daemons(home) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.12, 0.25, 0.4])
def test_a_signal_while_starting_leaves_nothing(home: Path, number: signal.Signals, after_s: float) -> None:
    """At whatever moment: either the cluster is there and whole, or nothing is."""
    up = subprocess.Popen(
        [sys.executable, "-m", "podlab", "up", "--driver", "embedded", "--name", "lab"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    time.sleep(after_s)
    up.send_signal(number)
    up.communicate(timeout=30)

    if state.read("lab") is not None:
        assert EmbeddedDriver().status("lab").running
    else:
        assert daemons(home) == []


def test_it_goes_on_after_the_command_that_made_it(home: Path) -> None:
    """It has a session of its own: a closed terminal does not end it, and it keeps none of the caller's pipes open."""
    command = [sys.executable, "-m", "podlab", "up", "--driver", "embedded", "--name", "lab", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert '"running": true' in done.stdout
    assert EmbeddedDriver().status("lab").running
    pid = EmbeddedDriver().status("lab").pids["daemon"]
    assert os.getsid(pid) == pid


def test_an_idle_cluster_ends_itself(home: Path) -> None:
    """After the time that was asked for, without a request."""
    driver = EmbeddedDriver()
    driver.make(Profile(name="lab", options=["--idle-s=1"]))
    deadline = time.monotonic() + 20
    while driver.find("lab") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert driver.make(Profile(name="lab")).client().version()


def test_an_image_archive_becomes_an_image_of_the_cluster(home: Path) -> None:
    """A file as `docker save` writes it; it is listed under its name."""
    driver = EmbeddedDriver()
    cluster = driver.make(Profile(name="lab"))
    archive = home / "hello.tar"
    archive.write_bytes(_archive("hello:1", "#!/bin/sh\necho hello from the archive\n"))
    driver.load_images("lab", [str(archive)])

    done = subprocess.run(
        [sys.executable, "-m", "podlab", "images"], capture_output=True, text=True, check=True
    )
    assert any(line.startswith("hello:1 ") for line in done.stdout.splitlines())
    with pytest.raises(DriverError, match=r"file nowhere\.tar does not exist"):
        driver.load_images("lab", ["nowhere.tar"])
    assert cluster.client().version()


def _archive(name: str, script: str) -> bytes:
    """The smallest archive that `docker save` could have written: one layer with one file."""
    layer = _tar({"bin/hello": script.encode()})
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/hello"]}}
    config["rootfs"] = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}
    encoded = json.dumps(config).encode()
    digest = hashlib.sha256(encoded).hexdigest()
    manifest = [{"Config": f"{digest}.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest).encode(), f"{digest}.json": encoded, "layer.tar": layer}
    return _tar(files)


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_a_cluster_that_isolates_nothing_says_so_everywhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """up, status and the first lines of a notebook; each was silent. A cluster of the usual kind has no such note."""
    import podlab
    from podlab.cli import main
    from podlab.drivers import embedded
    from podlab.embedded import bootstrap

    assert embedded.REDUCED == bootstrap.REDUCED
    said = "reduced mode, nothing is isolated"
    monkeypatch.setenv("PODLAB_SANDBOX", "reduced")
    assert main(["up", "--driver", "embedded", "--name", "bare"]) == 0
    assert said in "".join(capsys.readouterr())
    main(["status"])
    assert said in "".join(capsys.readouterr())
    podlab.open("bare")
    assert said in capsys.readouterr().out

    monkeypatch.delenv("PODLAB_SANDBOX")
    assert main(["up", "--driver", "embedded", "--name", "whole"]) == 0
    podlab.open("whole")
    assert "reduced" not in "".join(capsys.readouterr())


def test_others_can_write_to_nothing_of_a_cluster_whatever_the_umask(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under umask 000 they could put a kubeconfig, or the programs of an image, in the place of podlab's own."""
    monkeypatch.setenv("PODLAB_HOME", str(home / "deep" / "home"))
    before = os.umask(0)
    try:
        cluster = EmbeddedDriver().make(Profile(name="open"))
        spec = {
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "busybox:1.36", "command": ["true"]}],
        }
        pods = "/api/v1/namespaces/default/pods"
        cluster.client().create(pods, {"metadata": {"name": "p"}, "spec": spec})
        waiting.until(
            lambda: cluster.client().get(f"{pods}/p")["status"]["phase"] == "Succeeded",
            deadline_s=60,
            late=lambda: DriverError("p did not end"),
        )
        found = writable_by_others(home / "deep")
        drivers.stop("open")
        assert found == []
        assert writable_by_others(home / "deep") == []
    finally:
        os.umask(before)


def writable_by_others(top: Path) -> list[str]:
    """What others can reach by its name, and change."""
    found = []
    for path, folders, files in os.walk(top):
        if not Path(path).stat().st_mode & stat.S_IXOTH:
            folders.clear()
            files.clear()
        for one in (Path(path), *(Path(path) / name for name in files)):
            mode = one.lstat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX and not stat.S_ISLNK(mode):
                found.append(str(one))
    return found
