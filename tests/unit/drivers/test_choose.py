"""Which driver is picked, and that it says why; and finding clusters by name."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from podlab import drivers
from podlab.drivers import kind_choice, state
from podlab.errors import DriverError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No clusters, no node image, and no programs but those that a test puts there."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PODLAB_AIRGAP_CACHE", raising=False)
    monkeypatch.delenv("PODLAB_DRIVER", raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("GOBIN", str(tmp_path / "nowhere"))
    return tmp_path


def program(home: Path, name: str, script: str) -> None:
    """Put a program on PATH: for answers that the real one cannot be made to give."""
    path = home / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


ENGINE = 'case "$*" in version*) echo 28.2.2;; '


def test_without_docker_it_is_embedded() -> None:
    """And the reason names Docker."""
    driver, why = drivers.choose()

    assert driver.name == "embedded"
    assert "no Docker engine answers (no program)" in why
    assert "\n" not in why


def test_an_engine_that_may_not_be_used_is_no_engine(home: Path) -> None:
    """The reason says that it is permission that is missing."""
    program(home, "docker", "echo 'permission denied while trying to connect' >&2; exit 1")

    assert drivers.choose()[1].endswith("(no permission)")


def test_docker_without_kind_is_not_enough(home: Path) -> None:
    """kind must be there, or Go to build it with."""
    program(home, "docker", f"{ENGINE} esac")
    driver, why = drivers.choose()

    assert driver.name == "embedded"
    assert "kind is not installed" in why


def test_docker_without_a_node_image_is_not_enough(home: Path) -> None:
    """Neither built, nor here, nor to be pulled."""
    program(home, "docker", f"{ENGINE} *) echo 'no such host' >&2; exit 1;; esac")
    program(home, "kind", "echo kind v0.33.0 go1.26 linux/amd64")
    driver, why = drivers.choose()

    assert driver.name == "embedded"
    assert "no node image" in why


@pytest.mark.parametrize(("answers", "words"), [("image*", ""), ("manifest*", "(to be pulled)")])
def test_docker_with_a_node_image_is_kind(home: Path, answers: str, words: str) -> None:
    """Here already, or in a registry that answers; the reason names the image."""
    program(home, "docker", f"{ENGINE} {answers}) echo yes;; *) exit 1;; esac")
    program(home, "kind", "echo kind v0.33.0 go1.26 linux/amd64")
    driver, why = drivers.choose()

    assert driver.name == "kind"
    assert "kindest/node" in why
    assert words in why
    assert kind_choice.node_image() is not None


def test_the_user_decides_before_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument first, then the variable; nothing is asked of the machine then."""
    monkeypatch.setenv("PODLAB_DRIVER", "context")

    assert drivers.choose()[0].name == "context"
    assert "PODLAB_DRIVER" in drivers.choose()[1]
    assert drivers.choose("kind")[0].name == "kind"


def test_a_driver_that_does_not_exist_names_the_near_one() -> None:
    """A typing mistake costs one look."""
    with pytest.raises(DriverError, match="unknown driver 'knd'") as caught:
        drivers.get("knd")

    assert caught.value.hint == "--driver kind"


def test_a_cluster_keeps_its_driver() -> None:
    """A record decides which driver is asked, whatever the machine could run now."""
    state.save(
        {**state.new_record("context", "lab", context="c", namespace="n", made=False), "state": "ready"}
    )
    found = drivers.find("lab")

    assert found is not None
    assert (found.driver, found.namespace) == ("context", "n")
    assert drivers.make("lab") == found
    with pytest.raises(DriverError, match="driver context created it"):
        drivers.make("lab", driver="embedded")


def test_a_half_made_cluster_is_not_found() -> None:
    """A record in state "making" is no cluster."""
    state.save(state.new_record("context", "lab", context="c", namespace="n", made=False))

    assert drivers.find("lab") is None


def test_a_missing_cluster_names_the_near_one_or_the_way_to_make_it() -> None:
    """Two hints: a name like it, else the command."""
    with pytest.raises(DriverError) as caught:
        drivers.need("lab")
    assert caught.value.hint == "podlab up"

    state.save(state.new_record("context", "class", context="c", namespace="n", made=False))
    with pytest.raises(DriverError) as caught:
        drivers.need("clas")
    assert caught.value.hint == "--cluster class"


def test_the_only_cluster_is_named_where_another_was_meant() -> None:
    """``./start --name h5``, and then the README's ``podlab record …`` without a name: no second cluster is advised."""
    state.save(state.new_record("context", "h5", context="c", namespace="n", made=False))

    with pytest.raises(DriverError) as caught:
        drivers.need("lab")

    assert caught.value.hint == "--cluster h5, or export PODLAB_CLUSTER=h5"


def test_asking_for_drivers_loads_nothing_third_party() -> None:
    """`podlab kubeconfig` must not wait for a YAML parser or a client."""
    code = (
        "import sys; from podlab import drivers; drivers.find('lab'); "
        "print(sorted({'yaml', 'urllib3', 'kubernetes', 'json5'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )

    assert done.stdout.strip() == "[]"
