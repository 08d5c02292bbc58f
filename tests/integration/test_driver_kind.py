"""
The kind driver against a real Docker engine: made, found, loaded, stopped; and nothing left behind,
whatever happens.

Every test has a state folder of its own, so it sees no cluster but its own, and a cluster name of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podlab import airgap, paths
from podlab.drivers import docker, kind_binary, state
from podlab.drivers.base import Profile
from podlab.drivers.kind import PREFIX, KindDriver
from podlab.errors import DriverError

pytestmark = pytest.mark.kind


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, while caches and the node image stay where they are."""
    monkeypatch.setenv("PODLAB_AIRGAP_CACHE", str(airgap.cache_folder()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(paths.cache_folder().parent))
    monkeypatch.delenv("PODLAB_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "users-own"))
    return tmp_path


@pytest.fixture
def name(home: Path) -> Iterator[str]:
    chosen = f"t{secrets.token_hex(3)}"
    yield chosen
    if state.read(chosen):
        KindDriver().stop(chosen)


def containers(name: str) -> list[str]:
    return [node["Name"] for node in docker.nodes(PREFIX + name)]


def podlab(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from podlab.cli import main; sys.exit(main())", *arguments]


def test_a_cluster_is_made_found_loaded_and_stopped_without_a_trace(name: str, home: Path) -> None:
    """The whole life of a cluster, with the user's own kubeconfig untouched throughout."""
    driver, said = KindDriver(), list[str]()
    cluster = driver.make(Profile(name=name), progress=said.append)
    try:
        assert any("control-plane" in line for line in said)
        assert driver.find(name) == cluster
        assert cluster.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert cluster.client().get("/api/v1/namespaces/default")["metadata"]["name"] == "default"

        status = driver.status(name)
        assert status.running
        assert (status.version or "").startswith("v1.")
        assert status.nodes == [f"{PREFIX}{name}-control-plane"]
        assert all(Path(f"/proc/{pid}").exists() for pid in status.pids.values())

        assert driver.make(Profile(name=name)) == cluster  # a second `up` finds it

        image = f"podlab-test:{name}"
        subprocess.run(["docker", "import", "-", image], input=_empty_tar(), check=True, capture_output=True)
        try:
            driver.load_images(name, [image])
            assert any(image in one for one in _images_on(f"{PREFIX}{name}-control-plane"))
        finally:
            subprocess.run(["docker", "image", "rm", image], check=True, capture_output=True)
        with pytest.raises(DriverError, match="no image"):
            driver.load_images(name, ["podlab-test:nowhere"])
    finally:
        assert driver.stop(name)

    assert containers(name) == []
    assert not state.folder(name).exists()
    assert driver.find(name) is None
    assert not driver.stop(name)
    assert not (home / "users-own").exists()


def test_stopped_node_containers_are_started_again(name: str) -> None:
    """What a reboot of the machine leaves: `up` revives it, with the objects that were in it."""
    driver = KindDriver()
    client = driver.make(Profile(name=name)).client()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
    client.create("/api/v1/namespaces/default/configmaps", body)
    subprocess.run(["docker", "stop", f"{PREFIX}{name}-control-plane"], check=True, capture_output=True)

    assert not driver.status(name).running
    assert "podlab up" in driver.status(name).note
    cluster = driver.make(Profile(name=name))
    assert cluster.client().get("/api/v1/namespaces/default/configmaps/kept")
    driver.stop(name)
    assert containers(name) == []


def start_up(name: str) -> subprocess.Popen[str]:
    """
    Start `podlab up` as a terminal would: Ctrl-C reaches it, even where these tests run in the background.
    """
    return subprocess.Popen(
        podlab("up", "--driver", "kind", "--name", name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_making_leaves_nothing(name: str, number: signal.Signals) -> None:
    """The node container exists and kubeadm is at work when the signal comes; afterwards there is nothing."""
    up = start_up(name)
    _wait_for(lambda: bool(containers(name)), up)
    time.sleep(1.0)
    up.send_signal(number)
    _, errors = up.communicate(timeout=60)

    assert up.returncode == 128 + number
    assert "removing what was created so far" in errors
    assert errors.splitlines()[-1].startswith("podlab: ")
    assert containers(name) == []
    assert not state.folder(name).exists()


def test_what_a_killed_command_left_is_removed_by_the_next(name: str) -> None:
    """
    SIGKILL cannot be caught: kind goes on alone, and the next command ends it and removes its containers.
    """
    up = start_up(name)
    _wait_for(lambda: bool(containers(name)), up)
    up.kill()
    up.communicate()
    record = state.read(name)
    assert record is not None
    assert record["state"] == "making"
    assert KindDriver().find(name) is None

    assert KindDriver().stop(name)
    time.sleep(2)  # a kind that were still alive would make its container anew
    assert containers(name) == []
    assert not Path(f"/proc/{record['maker']['pid']}").exists()


def test_a_cluster_of_somebody_else_is_never_touched(name: str, home: Path) -> None:
    """Same name, made by kind itself: podlab neither uses, nor stops, nor deletes it."""
    program, image = str(kind_binary.find_or_install()), airgap.node_image()
    foreign = [program, "create", "cluster", "--name", PREFIX + name, "--kubeconfig", str(home / "foreign")]
    foreign += ["--image", image.name, "--config", str(image.config)] if image else []
    subprocess.run(foreign, check=True, capture_output=True)
    try:
        before = containers(name)
        up = subprocess.run(
            podlab("up", "--driver", "kind", "--name", name), capture_output=True, text=True, check=False
        )
        assert up.returncode == 3
        assert "podlab did not create" in up.stderr
        down = subprocess.run(podlab("down", "--name", name), capture_output=True, text=True, check=False)
        assert f"no cluster {name} is running" in down.stdout
        # Even a record of that name is not enough: the mark on the container is missing.
        state.save(state.new_record("kind", name, context=f"kind-{PREFIX}{name}"))
        with pytest.raises(DriverError, match="left unchanged"):
            KindDriver().stop(name)
        assert containers(name) == before
        assert docker.nodes(PREFIX + name)[0]["State"]["Running"]
    finally:
        state.forget(name)
        subprocess.run(
            [program, "delete", "cluster", "--name", PREFIX + name], check=True, capture_output=True
        )


def test_the_users_kubeconfig_is_merged_only_when_asked_and_given_back(name: str, home: Path) -> None:
    """--merge adds one context and makes it current; down takes exactly that out again."""
    theirs = home / "users-own"
    theirs.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "work",
                "clusters": [{"name": "work", "cluster": {"server": "https://work.example"}}],
                "users": [{"name": "me", "user": {"token": "secret"}}],
                "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
            }
        )
    )
    driver = KindDriver()
    driver.make(Profile(name=name, merge=True))
    try:
        text = theirs.read_text()
        assert f"kind-{PREFIX}{name}" in text
        assert "https://work.example" in text
    finally:
        driver.stop(name)
    text = theirs.read_text()
    assert PREFIX + name not in text
    assert "secret" in text
    assert "current-context: work" in text


def _wait_for(condition: object, child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert child.poll() is None, "the command ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _empty_tar() -> bytes:
    return b"\0" * 10240


def _images_on(node: str) -> list[str]:
    done = subprocess.run(
        ["docker", "exec", node, "ctr", "-n", "k8s.io", "images", "ls", "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


if __name__ == "__main__":
    sys.exit(pytest.main([os.fspath(__file__)]))
