"""Deleting a kind cluster where the engine gives up on a container at first."""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab.drivers import docker, kind, state
from podlab.errors import DriverError

GIVES_UP = """#!/bin/sh
echo try >> {tries}
if [ "$(wc -l < {tries})" -ge {good} ]; then rm -f {node}; exit; fi
echo "tried to kill container, but did not receive an exit event" >&2
exit 1
"""


@pytest.fixture
def tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster of podlab whose node exists as long as a file does, and a log with a line for each call of kind."""
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "home"))
    record = state.new_record("kind", "lab")
    state.save(record)
    node = tmp_path / "node"
    node.touch()
    mark = {"Destination": kind.kind_config.MARK + record["id"]}
    inspected = {"Name": "/podlab-lab-control-plane", "Config": {"Labels": {}}, "Mounts": [mark]}
    monkeypatch.setattr(docker, "nodes", lambda _name: [inspected] if node.exists() else [])
    monkeypatch.setattr(kind, "_program", lambda _progress: tmp_path / "kind")
    monkeypatch.setattr(kind, "DELETE_AGAIN_AFTER_S", (0.0, 0.0))
    return tmp_path / "tries"


def program(tries: Path, good: int) -> None:
    """A program in the place of kind that deletes the node at try number *good*."""
    path = tries.with_name("kind")
    path.write_text(GIVES_UP.format(tries=tries, node=tries.with_name("node"), good=good))
    path.chmod(0o755)


def test_a_container_that_the_engine_gave_up_on_is_deleted_by_a_second_try(tries: Path) -> None:
    """And the record of the cluster is forgotten only then."""
    program(tries, good=2)

    assert kind.KindDriver().stop("lab")
    assert len(tries.read_text().splitlines()) == 2
    assert state.names() == []


def test_the_last_try_names_what_is_left_and_keeps_the_record(tries: Path) -> None:
    """So that podlab down can be run again."""
    program(tries, good=99)

    with pytest.raises(DriverError, match="left: podlab-lab-control-plane") as caught:
        kind.KindDriver().stop("lab")
    assert "did not receive an exit event" in str(caught.value.cause)
    assert len(tries.read_text().splitlines()) == 3
    assert state.names() == ["lab"]
