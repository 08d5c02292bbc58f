"""One watch for many recordings: each gets its own namespace, all of it, and nothing of another's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import recorder_judge as judging
from watchserver import FAULTS, History, WatchServer

from podlab.client import Client, Kubeconfig
from podlab.errors import ConnectionLostError, RecordingError
from podlab.observe import Recorder, SharedWatch
from podlab.observe.sharing import namespace_of


def event(space: str, uid: str, version: int, **metadata: Any) -> bytes:
    """A WatchEvent of a Pod, as a server sends it."""
    meta = {"name": uid, "namespace": space, "uid": uid, "resourceVersion": str(version), **metadata}
    body = {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {"nodeName": f"node-of-{uid}"}}
    return json.dumps({"type": "ADDED", "object": body}, separators=(",", ":")).encode()


@pytest.fixture
def server() -> Any:
    """A server whose Pods are of the namespace lab, and that says nothing by itself."""
    made = WatchServer(History(1))
    yield made
    made.close()


def written(path: Path) -> list[dict[str, Any]]:
    """The observations in a file that are of Pods or of gaps."""
    rows = [json.loads(row) for row in path.read_text().splitlines()[1:]]
    return [row for row in rows if "object" in row or row.get("event") in ("gap", "lost", "resume")]


def bring(shared: SharedWatch, *lines: bytes) -> None:
    """Hand lines to the shared watch as its watcher would."""
    shared._streams["pods"].watcher._take(list(lines))


def test_no_schedule_of_faults_leaves_a_silent_gap(tmp_path: Path) -> None:
    """The shared watch keeps what an own one keeps: the same server, the same faults."""
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(
            pool.map(lambda seed: judging.ours(seed, tmp_path / f"{seed}.jsonl", shared=True), range(36))
        )

    assert {fault for verdict in verdicts for fault in verdict.faults} == set(FAULTS)
    assert [verdict for verdict in verdicts if verdict.silent or verdict.invented] == []


def test_each_recording_gets_its_own_namespace(server: WatchServer, tmp_path: Path) -> None:
    """Of three namespaces two are recorded; their nodes are counted."""
    client = judging.client_of(server)
    with SharedWatch(client) as shared:
        recorders = {
            name: Recorder(
                client, namespace=name, out=tmp_path / name, logs=False, node=None, shared=shared
            ).start()
            for name in ("one", "two")
        }
        bring(shared, event("one", "a", 2001), event("two", "b", 2002), event("three", "c", 2003))
        bring(shared, event("one", "a", 2001))
        pods = {name: [pod["metadata"]["name"] for pod in each.pods()] for name, each in recorders.items()}
        for each in recorders.values():
            each.finish("interrupted")
        bring(shared, event("one", "late", 2004))

    assert pods == {"one": ["a"], "two": ["b"]}
    for name, uid in (("one", "a"), ("two", "b")):
        assert [row["object"]["metadata"]["uid"] for row in written(tmp_path / name)] == [uid]
    assert shared.nodes == {"node-of-a": {"a"}, "node-of-b": {"b"}}


def test_the_times_are_those_of_the_recording(server: WatchServer, tmp_path: Path) -> None:
    """A recording that begins late counts from its own beginning."""
    client = judging.client_of(server)
    with SharedWatch(client) as shared:
        stream = shared._streams["pods"]
        stream._started -= 1000
        recorder = Recorder(
            client, namespace="one", out=tmp_path / "r", logs=False, node=None, shared=shared
        ).start()
        bring(shared, event("one", "a", 2001))
        stream.mark(
            "gap", of="pods", reason="410", since_t=stream.now(), after_version="1", before_version="2"
        )
        latest = recorder.writer.now()
        recorder.finish("interrupted")

    rows = written(tmp_path / "r")
    assert all(0 <= row["t"] <= latest for row in rows)
    assert 0 <= rows[1]["since_t"] <= latest


def test_a_label_sends_no_pod_into_another_recording() -> None:
    """Whatever the order of the metadata is, and whatever a Pod's labels, annotations and names are."""
    tricky = {"labels": {"namespace": "victim"}, "annotations": {"a": '"namespace":"victim"'}}
    plain = event("own", "a", 1)
    turned = json.loads(plain)
    turned["object"]["metadata"] = {**tricky, **turned["object"]["metadata"]}

    assert namespace_of(plain) == "own"
    assert namespace_of(event("own", "a", 1, **tricky)) == "own"
    assert namespace_of(json.dumps(turned, separators=(",", ":")).encode()) == "own"
    assert namespace_of(json.dumps(turned).encode()) == "own"
    assert namespace_of(b'{"type":"ADDED","object":{"metadata":{"name":"node"}}}') == ""


def test_a_recording_that_cannot_be_written_ends_alone(
    server: WatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk under one file takes nothing from the other recordings."""
    client = judging.client_of(server)
    with SharedWatch(client) as shared:
        one, two = (
            Recorder(
                client, namespace=name, out=tmp_path / name, logs=False, node=None, shared=shared
            ).start()
            for name in ("one", "two")
        )

        def full(_lines: list[bytes]) -> None:
            raise RecordingError("the recording cannot be written", cause="No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(one.writer, "raw", full)
            bring(shared, event("one", "a", 2001), event("two", "b", 2002))
        with pytest.raises(RecordingError):
            one.wait("gone", deadline_s=30)
        assert [pod["metadata"]["name"] for pod in two.pods()] == ["b"]
        for each in (one, two):
            each.finish("interrupted")


def test_what_the_stream_did_not_bring_is_a_gap(tmp_path: Path) -> None:
    """At the end the namespace is listed; a Pod that the watch never showed is named and written down."""
    history = History(3)
    server = WatchServer(history)
    client = judging.client_of(server)
    try:
        with SharedWatch(client) as shared:
            recorder = Recorder(
                client, namespace="lab", out=tmp_path / "r", logs=False, node=None, shared=shared
            ).start()
            shared._streams["pods"].raw = lambda _lines: None  # type: ignore[method-assign]
            with server._lock:
                server._published = len(history.changes)
            recorder.finish("closed")
    finally:
        server.close()

    version, alive = history.state(len(history.changes))
    rows = written(tmp_path / "r")
    gap = next(row for row in rows if row.get("event") == "gap")
    assert (gap["reason"], gap["before_version"]) == ("not delivered", str(version))
    assert sorted(gap["about"]) == sorted(pod["metadata"]["uid"] for pod in alive)
    listed = {row["object"]["metadata"]["uid"] for row in rows if row.get("source") == "list"}
    assert listed == set(gap["about"])


def test_a_server_that_does_not_answer_starts_no_shared_watch() -> None:
    gone = "http://127.0.0.1:9"
    client = Client(Kubeconfig(gone, "test", "lab", {"server": gone}, {}))
    with pytest.raises(ConnectionLostError), SharedWatch(client):
        pass
