"""The conditions, taints and Events of a node in trouble, and out of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podlab.embedded import bootstrap
from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet import nodehealth
from podlab.embedded.kubelet.nodehealth import State
from podlab.embedded.sandbox.logfiles import LogFile
from podlab.embedded.store import Store


@pytest.fixture
def store() -> Store:
    found = Store()
    bootstrap.first_objects(found, authority="-")
    bootstrap.node(found, "n", "10.0.0.1")
    return found


def put(store: Store, state: State) -> None:
    nodehealth.put(store, "n", state, EventRecorder(store, "kubelet", host="n", clock=store.clock))


def seen(store: Store) -> tuple[dict[str, str], list[str], list[str]]:
    """Conditions, keys of taints, and the reasons of all Events so far."""
    node: dict[str, Any] = store.get("nodes", "", "n") or {}
    conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
    taints = [taint["key"] for taint in node["spec"].get("taints", ())]
    return conditions, taints, [event["reason"] for event in store.list("events")]


def test_a_node_without_its_processes_is_not_ready_and_takes_no_pods(store: Store) -> None:
    before = seen(store)[0]
    put(store, State(lost="its processes have ended"))
    assert seen(store) == (before | {"Ready": "False"}, [nodehealth.NOT_READY], ["NodeNotReady"])


def test_a_full_disk_is_pressure_until_there_is_room(store: Store) -> None:
    before = seen(store)
    store.update(
        "nodes",
        {
            **(store.get("nodes", "", "n") or {}),
            "spec": {"taints": [{"key": "mine", "effect": "NoSchedule"}]},
        },
    )
    put(store, State(full="0 MiB are free"))
    assert seen(store)[:2] == (before[0] | {"DiskPressure": "True"}, ["mine", nodehealth.DISK_PRESSURE])
    put(store, State())
    assert seen(store) == (before[0], ["mine"], ["NodeHasDiskPressure", "NodeHasNoDiskPressure"])


def test_nothing_is_written_while_nothing_changes(store: Store) -> None:
    revision = store.revision
    put(store, State())
    assert store.revision == revision


def test_a_line_that_a_log_refuses_is_counted_and_is_pressure(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "0.log"), 1000)
    log.write(b"stdout", [(b"F", b"kept")])
    log.close()
    log.write(b"stdout", [(b"F", b"lost")])
    assert log.refused == 1
    assert nodehealth.full(str(tmp_path), log.refused).endswith("1 log writes were lost")
    assert nodehealth.full(str(tmp_path), 0) == ""
