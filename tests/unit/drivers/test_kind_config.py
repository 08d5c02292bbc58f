"""What kind is given: the right base, the right image, and our mark on every node."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podlab.drivers import kind_config
from podlab.drivers.base import Profile
from podlab.drivers.kind import _failed, _report
from podlab.errors import DriverError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    monkeypatch.delenv("PODLAB_AIRGAP_CACHE", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["one-node", "three-nodes", "class"])
def test_every_node_of_every_config_carries_the_mark(name: str, tmp_path: Path) -> None:
    """As a mount, seen without the API server, and as a label, seen with kubectl; own mounts are kept."""
    chosen = kind_config.choose(Profile(config=name, image="node:1"))
    path = kind_config.write(tmp_path / "kind.yaml", chosen, "id1", tmp_path / "owner")
    written = yaml.safe_load(path.read_text())
    asked = yaml.safe_load((kind_config.folder() / f"{name}.yaml").read_text())

    assert len(written["nodes"]) == len(asked["nodes"])
    assert written["kubeadmConfigPatches"][:-1] == asked.get("kubeadmConfigPatches")
    for node, original in zip(written["nodes"], asked["nodes"], strict=True):
        assert node["image"] == "node:1"
        assert node["labels"]["podlab.dev/cluster"] == "id1"
        assert node["extraMounts"][:-2] == original.get("extraMounts", [])
        assert node["extraMounts"][-2]["containerPath"] == "/etc/podlab/owner-id1"


def test_dns_of_a_new_cluster_is_ready_soon(tmp_path: Path) -> None:
    """kubeadm finds our patch of CoreDNS where the config says, on every node."""
    path = kind_config.write(
        tmp_path / "kind.yaml", kind_config.choose(Profile(image="n:1")), "id1", tmp_path / "owner"
    )
    written = yaml.safe_load(path.read_text())
    patch = yaml.safe_load(written["kubeadmConfigPatches"][-1])
    mount = written["nodes"][0]["extraMounts"][-1]

    assert patch == {"kind": "InitConfiguration", "patches": {"directory": mount["containerPath"]}}
    (file,) = Path(mount["hostPath"]).iterdir()
    assert file.name.startswith("corednsdeployment")
    assert yaml.safe_load(file.read_text())["spec"]["template"]["spec"]["containers"][0]["name"] == "coredns"


def test_without_an_air_gapped_image_kind_takes_its_own() -> None:
    """One node, no image named."""
    chosen = kind_config.choose(Profile())

    assert chosen.image is None
    assert chosen.config["nodes"] == [{"role": "control-plane"}]


def test_a_version_that_was_not_built_is_an_error_with_the_command() -> None:
    """Rather than quietly another version."""
    with pytest.raises(DriverError) as caught:
        kind_config.choose(Profile(kubernetes="v1.34.4"))

    assert caught.value.hint == "podlab airgap build --kubernetes v1.34.4"


@pytest.mark.parametrize("text", ["[", "kind: Pod", ""])
def test_a_file_that_is_no_kind_config_is_refused(tmp_path: Path, text: str) -> None:
    """Before anything is made."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(DriverError, match=r"c\.yaml"):
        kind_config.choose(Profile(config=str(tmp_path / "c.yaml")))


def test_an_unknown_config_lists_the_known_ones() -> None:
    """The names are the files in clusters/kind."""
    with pytest.raises(DriverError) as caught:
        kind_config.choose(Profile(config="four-nodes"))

    assert "three-nodes" in str(caught.value.cause)


def test_only_the_mark_makes_a_container_ours() -> None:
    """Another id, or no mount at all, is somebody else's; kind's own load balancer takes no mounts."""
    node = {"Config": {"Labels": {}}, "Mounts": [{"Destination": "/etc/podlab/owner-id1"}]}

    assert kind_config.is_marked(node, "id1")
    assert not kind_config.is_marked(node, "id2")
    assert not kind_config.is_marked({"Config": {"Labels": {}}, "Mounts": None}, "id1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            " • Ensuring node image (kindest/node:v1.37.0) 🖼  ...",
            ["Ensuring node image (kindest/node:v1.37.0)"],
        ),
        (" ✓ Ensuring node image (kindest/node:v1.37.0) 🖼", []),
        (" ✗ Starting control-plane 🕹️", ["FAILED: Starting control-plane"]),
        ("Have a nice day! 👋", []),
        ("kubectl cluster-info --context kind-podlab-lab", []),
    ],
)
def test_kinds_steps_become_progress(line: str, said: list[str]) -> None:
    """Each step once, as it begins, without pictures; its advice about its own kubeconfig is left out."""
    heard: list[str] = []
    _report(line, heard.append)

    assert heard == said


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            "ERROR: failed: permission denied while trying to connect to the Docker daemon",
            "usermod -aG docker",
        ),
        ("ERROR: Bind for 0.0.0.0:6443 failed: port is already allocated", "names the port"),
        ("E1 too many open files", "fs.inotify.max_user_watches"),
        ("ERROR: write /x: no space left on device", "docker system prune"),
        ('ERROR: failed to pull image "kindest/node"', "podlab airgap build"),
        ("ERROR: could not find a log line that matches", "podlab doctor"),
        ("ERROR: something new", "podlab doctor"),
    ],
)
def test_what_kind_says_when_it_fails_becomes_cause_and_hint(line: str, hint: str) -> None:
    """Its first ERROR line is the cause; well-known failures have a repair of their own."""
    error = _failed("kind could not make it", 1, [" • Preparing nodes", line, "Stack Trace:"])

    assert hint in str(error.hint)
    if line.startswith("ERROR"):
        assert error.cause == line
