"""Recordings as files: whole, cut short at any byte, damaged; and the recorder's own life on a small server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import recorder_judge as judging
from watchserver import History, Schedule, WatchServer

from podlab.errors import ConnectionLostError, PodlabError, RecordingError, WaitTimeoutError
from podlab.manifests import Manifest
from podlab.observe import Recorder, Recording, read_recording, record
from podlab.observe.framing import StreamBroken, Unchunker
from podlab.observe.goals import Goal, belongs, expected_pods, family
from podlab.observe.heads import read_head
from podlab.observe.logfollower import incarnations
from podlab.observe.nodesources import parse_event
from podlab.observe.writing import Writer


@pytest.fixture
def server() -> Iterator[WatchServer]:
    """An honest server with twenty changes."""
    made = WatchServer(History(3, changes=20), seconds=0.2)
    yield made
    made.close()


def write(path: Path) -> Path:
    """Write a small whole recording."""
    writer = Writer(path, {"namespace": "lab", "manifest": None})
    writer.mark("step", text="é")
    writer.observe({"source": "log", "pod": "web", "line": "hello"})
    writer.end("Ready")
    return path


# -- files -----------------------------------------------------------------------------------------------


def test_a_whole_recording_says_how_it_ended(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "run.jsonl"))

    assert (recording.complete, recording.end_reason, recording.header["schema"]) == (True, "Ready", 1)
    assert [one["source"] for one in recording.observations] == ["recorder", "log", "recorder"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_recording_cut_at_any_byte_stays_readable_and_says_so(tmp_path: Path) -> None:
    whole = write(tmp_path / "run.jsonl").read_bytes()
    header_end = whole.index(b"\n") + 1
    cut = tmp_path / "cut.jsonl"

    for size in range(header_end, len(whole)):
        cut.write_bytes(whole[:size])
        recording = Recording.read(cut)
        assert not recording.complete
        assert len(list(recording.observations)) == whole[:size].count(b"\n") - 1


def test_a_damaged_line_is_a_named_gap(tmp_path: Path) -> None:
    path = write(tmp_path / "run.jsonl")
    rows = path.read_bytes().split(b"\n")
    rows[2] = rows[2][:10]
    path.write_bytes(b"\n".join(rows))

    assert [(one["reason"], one["line"]) for one in read_recording(path).gaps] == [("unreadable line", 3)]


@pytest.mark.parametrize(
    "row",
    [
        {"t": 1e30, "source": "watch"},  # a ruler of 10^30 seconds was drawn for ever
        {"t": float("nan"), "source": "watch"},
        {"t": 1, "source": "watch", "resource": "pods", "object": []},
        {"t": 1, "source": "watch", "resource": "pods", "object": {"metadata": {"name": 5}}},
    ],
)
def test_a_line_that_no_recorder_writes_is_a_gap(tmp_path: Path, row: dict[str, object]) -> None:
    """JSON, but not an observation."""
    path = write(tmp_path / "run.jsonl")
    rows = path.read_bytes().split(b"\n")
    rows[2] = json.dumps(row).encode()
    path.write_bytes(b"\n".join(rows))

    assert [one["reason"] for one in read_recording(path).gaps] == ["unreadable line"]


def test_a_value_of_a_wrong_shape_is_said_of_the_file(tmp_path: Path) -> None:
    """Deep in an object, where no line can be left out without changing what is told."""
    path = tmp_path / "run.jsonl"
    metadata = {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"}
    pod = {"metadata": metadata, "spec": {"containers": 5}, "status": {}}
    row = {"t": 1, "source": "watch", "resource": "pods", "type": "ADDED", "object": pod}
    header = {"kind": "podlab.recording", "schema": 1, "manifest": []}
    path.write_text("".join(json.dumps(one) + "\n" for one in (header, row)))

    with pytest.raises(RecordingError, match=r"run\.jsonl cannot be read") as caught:
        read_recording(path).timeline()
    assert caught.value.hint

    path.write_text(json.dumps({**header, "manifest": [5]}) + "\n")
    with pytest.raises(RecordingError, match=r"run\.jsonl cannot be read"):
        read_recording(path).pods()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is not a recording"),
        (b'{"kind": "podlab.recording", "schema": [1]}\n', "has schema"),
        (b"[1]\n", "is not a recording"),
        (b"\xff\n", "is not a recording"),
        (None, "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | None, word: str) -> None:
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RecordingError, match=word):
        read_recording(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps({"kind": "podlab.recording", "schema": 2}) + "\n")

    with pytest.raises(RecordingError, match="schema 2"):
        read_recording(path)


def test_a_killed_recorder_leaves_a_readable_file(tmp_path: Path) -> None:
    """kill -9 in the middle of writing: every whole line is there, and the file does not claim to be whole."""
    path = tmp_path / "run.jsonl"
    code = (
        "import sys; from pathlib import Path; from podlab.observe.writing import Writer\n"
        "writer = Writer(Path(sys.argv[1]), {}); print('ready', flush=True)\n"
        "while True: writer.observe({'source': 'log', 'line': 'x' * 5000})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()

    recording = read_recording(path)
    count = sum(1 for _ in recording.observations)
    assert not recording.complete
    assert path.read_bytes().count(b"\n") - 1 <= count + 1
    assert count > 0
    assert recording.gaps == []


def test_a_full_disk_is_a_recording_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    writer = Writer(tmp_path / "run.jsonl", {})
    os.dup2(os.open("/dev/full", os.O_WRONLY), writer._file)

    with pytest.raises(RecordingError, match="cannot be written"):
        writer.mark("step")


# -- pieces ----------------------------------------------------------------------------------------------


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    """``--out /dev/null`` as root put a recording in the place of the device, for the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(RecordingError, match="cannot be written") as caught:
        Writer(pipe, {})

    assert caught.value.cause == "it is not a regular file, and is not replaced"
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_chunks_come_off_at_any_cut() -> None:
    text = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"

    for size in range(1, len(text)):
        unchunk = Unchunker()
        parts = [unchunk.feed(text[start : start + size]) for start in range(0, len(text), size)]
        assert (b"".join(parts), unchunk.ended) == (b"hello world", True)


@pytest.mark.parametrize("text", [b"zz\r\nhello\r\n", b"-5\r\nhello\r\n", b"x" * 80, b"fffffffff\r\n"])
def test_nonsense_between_chunks_breaks_the_stream(text: bytes) -> None:
    with pytest.raises(StreamBroken):
        Unchunker().feed(text)


def test_heads_agree_with_a_full_decoding_and_no_prefix_passes() -> None:
    for change in History(11, changes=40).changes:
        head = read_head(change.line)
        assert head is not None
        assert (head.type, head.uid.decode(), head.version) == (change.type, change.uid, change.version)
        for size in range(0, len(change.line), 7):
            assert read_head(change.line[:size]) is None


def test_heads_of_other_orders_and_of_errors() -> None:
    swapped = b'{"object":{"metadata":{"resourceVersion":"7","uid":"u"}},"type":"ADDED"}'
    bookmark = b'{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9"}}}'
    error = b'{"type":"ERROR","object":{"code":410}}'

    assert read_head(swapped) == ("ADDED", b"u", 7, None)
    assert read_head(bookmark) == ("BOOKMARK", b"", 9, None)
    assert read_head(error) == ("ERROR", b"", 0, {"code": 410})
    for nonsense in (b"", b"[]", b"null", b'{"type":"ADDED"}', b'{"type":"ADDED","object":3}', b"\xff"):
        assert read_head(nonsense) is None


def test_containerd_s_words_become_node_events() -> None:
    line = (
        '2026-11-23 02:46:41.617 +0000 UTC k8s.io /tasks/exit {"container_id":"abc","id":"abc","pid":7,'
        '"exit_status":3,"exited_at":"2026-11-23T02:46:41.610558081Z"}\n'
    )

    assert parse_event(line) == {
        "event": "exit", "container_id": "abc", "at": "2026-11-23T02:46:41.610558081Z", "exit_code": 3,
    }  # fmt: skip
    assert parse_event(line.replace('"id":"abc"', '"id":"exec-1"')) is None
    assert parse_event(line.replace("/tasks/exit", "/images/update")) is None
    assert parse_event("nonsense") is None


def test_each_run_of_a_container_is_told_apart() -> None:
    pod = {
        "metadata": {"name": "web", "uid": "u", "namespace": "lab"},
        "status": {
            "containerStatuses": [
                {
                    "name": "app", "restartCount": 2, "containerID": "c://3", "state": {"running": {}},
                    "lastState": {"terminated": {"containerID": "c://2"}},
                }
            ]
        },
    }  # fmt: skip

    runs = [(run.container_id, run.restart, run.previous, run.ended) for run in incarnations(pod)]

    assert runs == [("c://2", 1, True, True), ("c://3", 2, False, False)]


def test_goals() -> None:
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    failed = {"metadata": {}, "status": {"phase": "Failed"}}
    dying = {"metadata": {"deletionTimestamp": "2026-11-23T02:46:36Z"}, "status": {"phase": "Failed"}}

    assert Goal("Ready", 1).reached({"a": ready}, set()) == "Ready"
    assert Goal("Ready", 2).reached({"a": ready}, set()) is None
    assert Goal("Ready", 1).reached({"a": failed}, set()) == "Failed"
    assert Goal("Succeeded", 1).reached({"a": dying}, set()) is None
    assert Goal("Succeeded", 1).reached({}, {"a"}) == "gone"
    assert Goal("gone", 1).reached({"a": failed}, set()) is None
    assert Goal(lambda pods: len(pods) == 1, 0).reached({"a": ready}, set()) == "condition"
    with pytest.raises(PodlabError, match="is not a valid value for"):
        Goal("ready", 1)


def test_pods_of_workloads_count() -> None:
    job = {"kind": "Job", "metadata": {"name": "report", "uid": "j"}, "spec": {"completions": 1}}
    deployment = {"kind": "Deployment", "metadata": {"name": "shop", "uid": "d"}, "spec": {"replicas": 3}}
    owners = [{"kind": "ReplicaSet", "name": "shop-7d9", "uid": "r"}]

    assert expected_pods([job, deployment, {"kind": "Service"}]) == 4
    assert belongs({"metadata": {"ownerReferences": owners}}, [deployment])
    assert not belongs({"metadata": {"ownerReferences": owners}}, [job])


@pytest.mark.parametrize(
    ("name", "owner", "expected"),
    [
        ("web", None, True),
        ("web-2", None, False),
        ("t-x7k2p", None, True),
        ("shop-7d9-abcde", ("ReplicaSet", "shop-7d9"), True),
        ("shop-7d9-abcde", None, False),
        ("store-7d9-abcde", ("ReplicaSet", "store-7d9"), False),
        ("report-x1", ("Job", "report"), True),
        ("reports-x1", ("Job", "reports"), False),
        ("nightly-2931-x1", ("Job", "nightly-2931"), True),
        (
            "web",
            ("ReplicaSet", "web"),
            True,
        ),  # a name is given once in a namespace: the manifest names its owner
        ("t-x7k2p", ("ReplicaSet", "t"), False),
    ],
)
def test_a_pod_is_of_the_manifest_by_its_name_or_its_owners(
    name: str, owner: tuple[str, str] | None, expected: bool
) -> None:
    """Known before anything is applied, so that no uid has to arrive first."""
    given = [
        {"kind": "Pod", "metadata": {"name": "web"}}, {"kind": "Pod", "metadata": {"generateName": "t-"}},
        {"kind": "Deployment", "metadata": {"name": "shop"}}, {"kind": "Job", "metadata": {"name": "report"}},
        {"kind": "CronJob", "metadata": {"name": "nightly"}}, {"kind": "Service", "metadata": {"name": "other"}},
    ]  # fmt: skip
    owners = [{"kind": owner[0], "name": owner[1], "uid": "u"}] if owner else []
    found = family(given)

    assert found is not None
    assert found.has({"metadata": {"name": name, "ownerReferences": owners}}) is expected
    assert found.may_have(name) or not expected
    assert family([{"kind": "ConfigMap", "metadata": {"name": "c"}}]) is None


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "Job", "StatefulSet"])
def test_events_are_kept_of_a_pod_whose_name_was_cut(kind: str) -> None:
    """A server keeps 58 letters of generateName, an indexed Job fewer of its own name."""
    long = "a" * 63
    found = family([{"kind": kind, "metadata": {"name": long}}])

    assert found is not None
    assert found.may_have(f"{long[:58]}x7k2p")
    assert found.may_have(f"{long[:51]}-99999-x7k2p")
    assert found.may_have(f"{long}-0")
    assert not found.may_have(f"{long[:49]}-x7k2p")


def test_a_pod_whose_own_prefix_was_cut_is_of_the_manifest() -> None:
    """By its name, as its owners, if there are any, are not its makers."""
    found = family([{"kind": "Pod", "metadata": {"generateName": "t" * 60}}])

    assert found is not None
    assert found.has({"metadata": {"name": "t" * 58 + "x7k2p"}})
    assert not found.has({"metadata": {"name": "t" * 57 + "-x7k2p"}})


@pytest.mark.parametrize(
    ("version", "kind", "known"),
    [
        ("argoproj.io/v1alpha1", "Rollout", False),
        ("batch.volcano.sh/v1alpha1", "Job", False),
        ("jobset.x-k8s.io/v1alpha2", "JobSet", False),
        ("v1", "Service", True),
        ("networking.k8s.io/v1", "Ingress", True),
        ("autoscaling/v2", "HorizontalPodAutoscaler", True),
    ],
)
def test_a_manifest_with_an_extension_may_make_any_pod(version: str, kind: str, known: bool) -> None:
    """What the controller of an extension makes, and under which owner, is not to be read from a manifest."""
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}}
    other = {"apiVersion": version, "kind": kind, "metadata": {"name": "other"}}

    assert (family([deployment, other]) is not None) is known


def test_an_applied_pod_may_name_owners_itself() -> None:
    """By generateName, too, which a server keeps: a ReplicaSet ``t-7d9`` writes another one into its Pods."""
    found = family([{"kind": "Pod", "metadata": {"generateName": "t-", "ownerReferences": [{"uid": "u"}]}}])
    owners = [{"kind": "ConfigMap", "name": "lease", "uid": "u"}]

    assert found is not None
    assert found.has({"metadata": {"name": "t-1", "generateName": "t-", "ownerReferences": owners}})
    assert not found.has(
        {"metadata": {"name": "t-7d9-1", "generateName": "t-7d9-", "ownerReferences": owners}}
    )


def test_what_others_make_meanwhile_is_no_part_of_a_manifests_recording(
    server: WatchServer, tmp_path: Path
) -> None:
    """All Pods of the small server are strangers to a manifest that names another."""
    out, newest = tmp_path / "run.jsonl", server.history.changes[-1].version
    theirs = {change.object["metadata"]["name"] for change in server.history.changes}
    mine = sorted(theirs)[0]
    recorder = Recorder(judging.client_of(server), namespace="lab", out=out, logs=False, node=None)
    recorder.start([Manifest({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": mine}})])
    server.play()
    recorder.wait(lambda _: recorder.newest_version("pods") >= newest, deadline_s=10)
    found = recorder.finish("stopped")

    kept = {one["object"]["metadata"]["name"] for one in found.observations if one.get("resource") == "pods"}
    assert (kept, len(theirs) > 1, found.gaps) == ({mine}, True, [])


# -- the recorder on a small server ----------------------------------------------------------------------


def test_an_honest_server_is_recorded_whole(server: WatchServer, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    newest = server.history.changes[-1].version
    with Recorder(judging.client_of(server), namespace="lab", out=out, logs=False, node=None) as recorder:
        server.play()
        recorder.wait(lambda _: recorder.newest_version("pods") >= newest, deadline_s=10)

    assert recorder.recording is not None
    kept = [one["object"] for one in recorder.recording.observations if one.get("resource") == "pods"]
    assert kept == [change.object for change in server.history.changes]
    assert recorder.recording.gaps == []


def test_a_deadline_is_an_end_and_a_wait_timeout_an_error(server: WatchServer, tmp_path: Path) -> None:
    client = judging.client_of(server)

    recording = record(client, None, namespace="lab", until="Ready", deadline_s=0.3, logs=False, node=None)
    with (
        Recorder(client, namespace="lab", out=tmp_path / "run.jsonl", logs=False, node=None) as recorder,
        pytest.raises(WaitTimeoutError),
    ):
        recorder.wait("Ready", deadline_s=0.1)

    assert (recording.end_reason, recording.complete) == ("deadline", True)


def test_ctrl_c_ends_with_interrupted(server: WatchServer, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"

    def press(_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(judging.client_of(server), None, namespace="lab", until=press, out=out, logs=False, node=None)

    recording = read_recording(out)
    assert (recording.end_reason, recording.complete) == ("interrupted", False)


def test_a_server_that_falls_silent_ends_as_connection_lost(server: WatchServer, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    server.play()
    threading.Timer(0.5, server.freeze).start()

    with pytest.raises(ConnectionLostError, match="in the middle of the recording"):
        record(
            judging.client_of(server), None, namespace="lab", until=lambda _: False, deadline_s=30, out=out,
            logs=False, node=None, patience=judging.PATIENCE, lost_after_s=1.0,
        )  # fmt: skip

    recording = read_recording(out)
    assert (recording.end_reason, recording.complete) == ("connection lost", False)
    assert len(recording.pods()) > 0


def test_a_server_that_is_not_there_leaves_no_file(tmp_path: Path) -> None:
    server = WatchServer(History(1))
    server.close()

    with pytest.raises(ConnectionLostError):
        record(judging.client_of(server), None, namespace="lab", out=tmp_path / "run.jsonl", node=None)

    assert list(tmp_path.iterdir()) == []


def test_objects_that_vanish_behind_a_gap_are_named(tmp_path: Path) -> None:
    """The server forgets its past just when every Pod was replaced: the gap says which are gone."""
    history = History(5, changes=60)
    server = WatchServer(history, Schedule(5, ["clean", "gone-stream", "gone-status"]), seconds=0.3)
    out = tmp_path / "run.jsonl"
    newest = history.changes[-1].version
    try:
        client = judging.client_of(server)
        with Recorder(
            client, namespace="lab", out=out, logs=False, node=None, patience=judging.PATIENCE
        ) as recorder:
            server.play()
            recorder.wait(lambda _: server.done and recorder.newest_version("pods") >= newest, deadline_s=20)
    finally:
        server.close()

    recording = read_recording(out)
    alive = {pod["metadata"]["uid"] for pod in history.state(60)[1]}
    last = {}
    for one in recording.observations:
        if one.get("resource") == "pods":
            last[one["object"]["metadata"]["uid"]] = one["type"]
    assert {uid for uid, kind in last.items() if kind != "DELETED"} == alive


def test_listeners_see_every_line(server: WatchServer, tmp_path: Path) -> None:
    heard: list[dict[str, object]] = []
    newest = server.history.changes[-1].version
    with Recorder(
        judging.client_of(server), namespace="lab", out=tmp_path / "r.jsonl", logs=False, node=None,
        on_observation=heard.append,
    ) as recorder:  # fmt: skip
        server.play()
        recorder.wait(lambda _: recorder.newest_version("pods") >= newest, deadline_s=10)

    assert recorder.recording is not None
    assert heard == list(recorder.recording.observations)
    assert heard[-1]["event"] == "end"  # a live view learns from it that the recording is whole
