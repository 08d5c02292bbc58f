"""
Recording on a real cluster: the first Pod from its creation to its end, and what happens when things break midway.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import RUN_ID
from tcp_relay import Relay

from podlab.client import Client, Kubeconfig
from podlab.drivers import Profile
from podlab.drivers.embedded import EmbeddedDriver
from podlab.errors import ApiError, ConflictError, ConnectionLostError, ManifestError, NotFoundError
from podlab.manifests import apply, load
from podlab.observe import Patience, Recorder, Recording, read_recording, record
from podlab.observe.watching import ANOTHER
from podlab.pods.phase import is_ready
from podlab.timeline.clocks import parse_ns

FIRST_POD = """
apiVersion: v1
kind: Pod
metadata:
  name: first
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 2
  initContainers:
    - name: fetch
      image: busybox:1.36
      command: [sh, -c, 'echo fetched; sleep 1']
    - name: proxy
      image: busybox:1.36
      restartPolicy: Always
      command: [sh, -c, 'trap "exit 0" TERM; while true; do sleep 0.1; done']
  containers:
    - name: app
      image: busybox:1.36
      command: [sh, -c, 'for i in 1 2 3; do echo line $i; sleep 1; done']
"""


def changes(recording: Recording) -> set[tuple[str, str]]:
    """Return (uid, resourceVersion) of every state of a Pod that was recorded."""
    rows = [one["object"]["metadata"] for one in recording.observations if one.get("resource") == "pods"]
    return {(row["uid"], row["resourceVersion"]) for row in rows}


def marks(recording: Recording) -> list[str]:
    """Return what the recorder noted of itself, in order."""
    return [one["event"] for one in recording.observations if one["source"] == "recorder"]


def lines(recording: Recording, container: str) -> list[str]:
    """Return the log of one container."""
    rows = [one for one in recording.observations if one["source"] == "log"]
    return [one["line"] for one in rows if one["container"] == container]


@pytest.fixture
def relay(client: Client) -> Iterator[Relay]:
    """A relay to the cluster's API server."""
    made = Relay(client)
    yield made
    made.close()


def test_the_first_pod_is_recorded_from_creation_to_success(
    client: Client, namespace: str, tmp_path: Path
) -> None:
    """Every clock speaks, nothing is missing, and the file read back says so."""
    out = tmp_path / "first.jsonl"

    record(client, FIRST_POD, namespace=namespace, until="Succeeded", deadline_s=60, out=out)

    recording = read_recording(out)
    assert (recording.complete, recording.end_reason, recording.gaps) == (True, "Succeeded", [])
    assert recording.pods() == ["first"]
    assert lines(recording, "fetch") == ["fetched"]
    assert lines(recording, "app") == ["line 1", "line 2", "line 3"]
    events = {one["object"]["reason"] for one in recording.observations if one.get("resource") == "events"}
    assert {"Scheduled", "Created", "Started"} <= events
    runs = [(one["event"], one.get("container")) for one in recording.observations if one["source"] == "node"]
    assert {("start", name) for name in ("fetch", "proxy", "app")} <= set(runs)
    assert {("exit", name) for name in ("fetch", "proxy", "app")} <= set(runs)


class Counting(Client):
    """A client that notes of each object that it creates whether it was a dry run."""

    def __init__(self, config: Kubeconfig) -> None:
        super().__init__(config)
        self.noted: list[str | None] = []

    def create(self, path: str, body: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Create, and note it."""
        self.noted.append(params.get("dryRun"))
        return super().create(path, body, **params)


def test_a_manifest_is_checked_once_before_it_is_recorded(client: Client, namespace: str) -> None:
    """One dry run, before there is a file; then the object itself."""
    counting = Counting(client.config)

    record(counting, FIRST_POD, namespace=namespace, until=bool, deadline_s=60, logs=False)

    assert counting.noted == ["All", None]


def last_words() -> str:
    """Return a Pod of six containers that end right after their last line; each may be over before a status says so."""
    rows = [
        {"name": f"c{number}", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 1; echo end"]}
        for number in range(6)
    ]
    spec = {"restartPolicy": "Never", "initContainers": rows[:2], "containers": rows[2:]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "words"}, "spec": spec})


def test_without_access_to_the_node_it_is_asked_who_is_over(
    client: Client, namespace: str, tmp_path: Path
) -> None:
    """Its word comes before the status does, is never wrong, and is not asked for where the node's record is had."""
    alone, beside = tmp_path / "alone.jsonl", tmp_path / "beside.jsonl"
    with (
        Recorder(client, namespace=namespace, out=alone, node=None) as asking,
        Recorder(client, namespace=namespace, out=beside) as knowing,
    ):
        asking.apply(load(last_words()))
        asking.wait("Succeeded", deadline_s=60)
        knowing.wait("Succeeded", deadline_s=60)

    assert asking.recording is not None and knowing.recording is not None
    assert "over" not in marks(knowing.recording)
    over = {one["container"]: one["t"] for one in asking.recording.observations if one.get("event") == "over"}
    assert over  # not of each: where a status comes at once, there is nothing left to ask
    ends = {
        one["container"]: parse_ns(one["at"]) / 1e9
        for one in knowing.recording.observations
        if one.get("event") == "exit"
    }
    for name, t in over.items():
        assert asking.writer.started_at.timestamp() + t > ends[name]


def test_a_cut_connection_loses_nothing(client: Client, relay: Relay, namespace: str, tmp_path: Path) -> None:
    """Two recorders, one of them cut off three times: both saw the same states and the same log."""
    direct = Recorder(client, namespace=namespace, out=tmp_path / "direct.jsonl", node=None)
    shaken = Recorder(relay.client, namespace=namespace, out=tmp_path / "shaken.jsonl", node=None)
    with direct, shaken:
        shaken.apply(load(FIRST_POD))
        for _ in range(3):
            time.sleep(0.9)
            relay.cut()
        direct.wait(_succeeded, deadline_s=60)
        shaken.wait(_succeeded, deadline_s=60)

    assert direct.recording is not None and shaken.recording is not None
    assert "resume" in marks(shaken.recording)
    assert changes(shaken.recording) == changes(direct.recording)
    assert lines(shaken.recording, "app") == ["line 1", "line 2", "line 3"]
    assert shaken.recording.gaps == []


def _succeeded(pods: list[dict[str, object]]) -> bool:
    return [pod["status"]["phase"] for pod in pods] == ["Succeeded"]  # type: ignore[index]


def test_a_namespace_deleted_midway_ends_the_recording(
    client: Client, namespace: str, tmp_path: Path
) -> None:
    """The Pods are gone, and that is what the recording says, instead of waiting for its deadline."""
    endless = FIRST_POD.replace("sleep 1; done", "sleep 100; done")
    killer = threading.Timer(6, lambda: client.delete(f"/api/v1/namespaces/{namespace}"))
    killer.start()

    recording = record(
        client, endless, namespace=namespace, until="Succeeded", deadline_s=60, out=tmp_path / "run.jsonl"
    )

    assert (recording.end_reason, recording.complete) == ("gone", True)
    with pytest.raises(ApiError, match=r"is being deleted|does not exist"):
        apply(client, load(FIRST_POD), namespace=namespace)


def test_a_cluster_that_stops_answering_cuts_the_recording_short(
    relay: Relay, namespace: str, tmp_path: Path
) -> None:
    """The error names the server, the file stays readable and says that it is not whole."""
    out = tmp_path / "run.jsonl"
    endless = FIRST_POD.replace("sleep 1; done", "sleep 100; done")
    threading.Timer(4, relay.freeze).start()

    with pytest.raises(ConnectionLostError, match="in the middle of the recording") as caught:
        record(
            relay.client, endless, namespace=namespace, until="Succeeded", deadline_s=60, out=out, node=None,
            patience=Patience(idle_s=1.0, read_s=2.0), lost_after_s=4.0,
        )  # fmt: skip

    recording = read_recording(out)
    assert relay.client.server in str(caught.value)
    assert (recording.complete, recording.end_reason) == (False, "connection lost")
    assert recording.pods() == ["first"]


def test_bad_input_names_the_place_and_leaves_nothing(client: Client, namespace: str, tmp_path: Path) -> None:
    """An unknown field and a wrong type, found together by the server, come back with their lines."""
    wrong = FIRST_POD.replace("restartPolicy: Never", "sidecarContainers: []").replace(
        "Seconds: 2", "Seconds: two"
    )
    good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n---" + wrong

    with pytest.raises(ManifestError) as caught:
        record(client, good, namespace=namespace, out=tmp_path / "run.jsonl")

    lines_named = [fault.line for fault in caught.value.faults]  # type: ignore[attr-defined]
    assert lines_named == [10, 11]
    assert not (tmp_path / "run.jsonl").exists()
    with pytest.raises(NotFoundError):
        client.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")


def test_a_name_that_is_taken_is_a_conflict(client: Client, namespace: str) -> None:
    """The second create says since when the first exists, and makes nothing else."""
    apply(client, load(FIRST_POD), namespace=namespace)
    second = load("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n---" + FIRST_POD)

    with pytest.raises(ConflictError, match='Pod "first" already exists'):
        apply(client, second, namespace=namespace)

    with pytest.raises(NotFoundError):
        client.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")


def test_exec_and_port_forward_reach_into_a_pod(client: Client, namespace: str) -> None:
    """Both streams, stdin, the exit code, and bytes through a forwarded port."""
    serve = "mkdir /w; echo hello >/w/f; httpd -f -h /w; for i in 1;"
    web = FIRST_POD.replace("for i in 1 2 3;", serve)
    with Recorder(client, namespace=namespace, logs=False, node=None) as recorder:
        recorder.apply(load(web))
        recorder.wait("Ready", deadline_s=60)

    done = client.exec(
        namespace, "first", ["sh", "-c", "cat; echo oops >&2; exit 3"], container="app", stdin=b"in"
    )
    with client.port_forward(namespace, "first", 80) as port:
        body = _get(port)

    assert (done.stdout, done.stderr, done.exit_code) == ("in", "oops\n", 3)
    assert body.endswith(b"hello\n")


def _get(port: int) -> bytes:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(b"GET /f HTTP/1.0\r\n\r\n")
        received = b""
        while data := peer.recv(4096):
            received += data
        return received


class Watching(Client):
    """A client that notes which Events it watches: the field selector of each watch, "" for all of the namespace."""

    def __init__(self, config: Kubeconfig) -> None:
        super().__init__(config)
        self.noted: set[str] = set()

    def stream(self, path: str, **params: Any) -> Any:
        """Open the stream, and note it."""
        if path.endswith("/events"):
            self.noted.add(params.get("fieldSelector", ""))
        return super().stream(path, **params)


CHOSEN = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {app}}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{{name: app, image: "busybox:1.36", command: [sleep, "600"]}}]
"""


@pytest.mark.parametrize("own", [1, 12])
def test_events_of_others_are_not_asked_for(
    client: Client, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: int
) -> None:
    """
    Of Pods that labels choose, those that come later too, each one's Events are watched alone; of more Pods than have
    such a watch, those of the namespace are, and what is said of others is left out.
    """
    monkeypatch.setattr("podlab.observe.sources._OWN_WATCHES", own)
    watching, out = Watching(client.config), tmp_path / "run.jsonl"
    for name, app in (("one", "shop"), ("other", "db")):
        apply(client, load(CHOSEN.format(name=name, app=app)), namespace=namespace)

    with Recorder(
        watching, namespace=namespace, labels="app=shop", existing=True, out=out, logs=False
    ) as recorder:
        recorder.wait("Ready", deadline_s=60)
        for name, app in (("two", "shop"), ("three", "shop"), ("stranger", "db")):
            apply(client, load(CHOSEN.format(name=name, app=app)), namespace=namespace)
        recorder.wait(
            lambda pods: len(pods) == 3 and all(pod["status"]["phase"] == "Running" for pod in pods),
            deadline_s=60,
        )

    recording = read_recording(out)
    chosen = {
        one["object"]["metadata"]["uid"] for one in recording.observations if one.get("resource") == "pods"
    }
    told: dict[str, set[str]] = {}
    for one in recording.observations:
        if one.get("resource") == "events" and "object" in one:
            told.setdefault(one["object"]["involvedObject"]["name"], set()).add(one["object"]["reason"])
    alone = {f"involvedObject.uid={uid}" for uid in chosen}
    assert recording.gaps == []
    assert {name: {"Scheduled", "Started"} <= reasons for name, reasons in told.items()} == {
        "one": True,
        "two": True,
        "three": True,
    }
    assert len(watching.noted & alone) == min(own, 3)
    assert ("" in watching.noted) == (own < 3)


PLAIN = """
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {{name: app, image: "busybox:1.36", command: [sh, -c, 'echo here; sleep 600']}}
"""


@pytest.mark.embedded
def test_a_recording_goes_on_when_its_cluster_comes_back_under_the_same_name(tmp_path: Path) -> None:
    """Another address, certificate and history: what went with the former cluster is a gap, what comes is recorded."""
    driver, name = EmbeddedDriver(), f"back-{RUN_ID}"
    try:
        client = driver.make(Profile(name=name)).client()
        with Recorder(client, namespace="default", out=tmp_path / "run.jsonl", lost_after_s=60) as recorder:
            apply(client, load(PLAIN.format(name="before")), namespace="default")
            recorder.wait("Ready", deadline_s=60)
            before = recorder.pods()[0]["metadata"]["uid"]
            first = client.server
            driver.stop(name)
            apply(
                driver.make(Profile(name=name)).client(),
                load(PLAIN.format(name="after")),
                namespace="default",
            )
            recorder.wait(lambda pods: any(is_ready(pod) for pod in named("after", pods)), deadline_s=60)
        recording = recorder.recording
    finally:
        driver.stop(name)

    assert recording is not None
    assert client.server != first
    rows = [one for one in recording.observations if one.get("resource") == "pods" and "object" in one]
    assert [(one["object"]["metadata"]["uid"], one["type"]) for one in rows if one.get("vanished")] == [
        (before, "DELETED")
    ]
    assert any(one["object"]["metadata"]["name"] == "after" for one in rows)
    gaps = {(one["of"], one["reason"]) for one in recording.gaps}
    assert {("pods", ANOTHER), ("events", ANOTHER), ("node", "its cluster is gone, with its record")} <= gaps
    about = next(one["about"] for one in recording.gaps if one["of"] == "pods")
    assert before in about
    assert [
        one["line"] for one in recording.observations if one.get("pod") == "after" and one["source"] == "log"
    ] == ["here"]


def named(name: str, pods: Any) -> list[Any]:
    """Return the Pods of that name."""
    return [pod for pod in pods if pod["metadata"]["name"] == name]
