"""The verbs without a cluster: what each says when there is none, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podlab import cli, drivers
from podlab.cli import lookup, recording, sending
from podlab.drivers import state
from podlab.errors import ConflictError, DriverError, ManifestError, RecordingError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    monkeypatch.delenv("PODLAB_CLUSTER", raising=False)
    monkeypatch.delenv("PODLAB_DRIVER", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: b}]}\n"


@pytest.mark.parametrize(
    "command",
    [
        ["kubeconfig"],
        ["apply", "p.yaml"],
        ["logs", "web"],
        ["events"],
        ["record", "p.yaml", "--out", "r.jsonl"],
    ],
)
def test_without_a_cluster_the_way_to_one_is_named(
    command: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and nothing is written."""
    (home / "p.yaml").write_text(POD)
    assert cli.main(command) == 3
    out, err = capsys.readouterr()

    assert out == ""
    assert err.endswith("  try: podlab up\n")
    assert not (home / "r.jsonl").exists()


def test_status_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No cluster is no error when all are asked for; a named one that does not exist is."""
    assert cli.main(["status"]) == 0
    assert cli.main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["status", "--name", "lab"]) == 3


def test_down_of_nothing_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    """It can be run again; a name that is nearly right is pointed out."""
    assert cli.main(["down"]) == 0
    assert cli.main(["down", "--all"]) == 0
    state.save(state.new_record("context", "class", context="c", namespace="n", made=False))
    assert cli.main(["down", "--name", "clas"]) == 0
    assert "did you mean class?" in capsys.readouterr().out


def test_a_name_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """No path gets through."""
    assert cli.main(["down", "--name", "../../etc"]) == 3
    assert "is not a valid name for a cluster" in capsys.readouterr().err


def test_a_context_cluster_that_does_not_answer_is_not_running(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, with the reason on stderr and the facts on stdout."""
    record = {**state.new_record("context", "lab", context="c", namespace="n", made=False), "state": "ready"}
    state.save(record)
    (state.folder("lab") / "kubeconfig").write_text(
        "current-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c, namespace: n}}]\n"
    )
    assert cli.main(["status", "--name", "lab"]) == 1
    out, err = capsys.readouterr()

    assert "not running" in out
    assert err.startswith("lab: ")
    assert cli.main(["kubeconfig"]) == 0


def test_a_manifest_that_is_not_there_names_the_near_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and a file name that exists."""
    state.save(
        {**state.new_record("context", "lab", context="c", namespace="n", made=False), "state": "ready"}
    )
    (state.folder("lab") / "kubeconfig").write_text(
        "current-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c, namespace: n}}]\n"
    )
    (home / "first-pod.yaml").write_text(POD)

    assert cli.main(["apply", "fist-pod.yaml"]) == 2
    assert "try: first-pod.yaml" in capsys.readouterr().err


def test_a_folder_is_no_manifest_and_names_one_in_it(home: Path) -> None:
    """It says that it is a folder, and never proposes the folder itself."""
    (home / "lab.yaml").mkdir()
    with pytest.raises(ManifestError) as caught:
        sending.read("lab.yaml")
    assert (caught.value.cause, caught.value.hint) == ("it is a folder", "ls lab.yaml")

    (home / "lab.yaml" / "pod.yaml").write_text(POD)
    with pytest.raises(ManifestError) as caught:
        sending.read("lab.yaml")
    assert caught.value.hint == "lab.yaml/pod.yaml"


def test_neither_a_folder_nor_a_hidden_draft_is_proposed_as_a_recording(home: Path) -> None:
    """A hint must not lead into the next error."""
    (home / "run.jsonl").mkdir()
    (home / ".run.jsonl.77").write_text("")
    with pytest.raises(RecordingError) as caught:
        recording.read(Path("run.jsonl"))
    assert (caught.value.cause, caught.value.hint) == (
        "recordings in it: 0",
        "podlab record MANIFEST --out RUN",
    )


def test_a_recording_that_is_not_there_names_the_near_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7."""
    (home / "first.jsonl").write_text("")
    assert cli.main(["show", "frst.jsonl"]) == 7
    assert "first.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}\n", "not json\n", '{"kind":"podlab.recording","schema":99}\n'])
def test_a_file_that_is_no_recording_is_said_to_be_none(
    text: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7, three lines; never a traceback."""
    (home / "x.jsonl").write_text(text)
    assert cli.main(["show", "x.jsonl"]) == 7
    assert "RecordingError" in capsys.readouterr().err


@pytest.fixture
def a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "need", lambda _name: None)


@pytest.mark.usefixtures("a_cluster")
def test_a_name_that_is_taken_points_to_fresh(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not to kubectl, which a learner need not have."""

    def make(*_: object) -> None:
        raise ConflictError("Pod exists already", cause="it is Running", hint="kubectl delete pod web")

    monkeypatch.setattr(recording, "make", make)
    assert cli.main(["record", "p.yaml", "--out", "r.jsonl"]) == 4
    assert "try: run it again with --fresh" in capsys.readouterr().err


@pytest.mark.usefixtures("a_cluster")
@pytest.mark.parametrize(("begun", "said"), [(True, True), (False, False)])
def test_ctrl_c_says_what_was_kept(
    begun: bool, said: bool, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recording that was begun; an older file of that name is not meant."""
    (home / "r.jsonl").write_text("an older one")

    def make(*_: object) -> None:
        if begun:
            (home / "draft").write_text("a new one")
            (home / "draft").replace(home / "r.jsonl")
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "make", make)
    assert cli.main(["record", "p.yaml", "--out", "r.jsonl"]) == 130
    assert said == ("kept the recording so far: podlab show r.jsonl" in capsys.readouterr().err)


def test_a_picture_of_an_unknown_kind_is_refused() -> None:
    """Before anything is drawn; the hint is the same name as PNG."""
    with pytest.raises(Exception, match=r"neither \.png nor \.svg") as caught:
        recording.check_picture(Path("x.gif"))

    assert caught.value.hint == "--out x.png"  # type: ignore[attr-defined]
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]


def test_an_event_row_shows_when_it_was_last_seen() -> None:
    """Of the four times that an Event may carry, the last one that means "seen"."""
    event = {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "involvedObject": {"kind": "Pod", "name": "web"},
        "eventTime": "2026-01-01T00:00:01.000001Z",
        "series": {"count": 4, "lastObservedTime": "2026-01-01T00:00:09.000001Z"},
        "type": "Warning",
        "reason": "BackOff",
        "message": "two\n lines",
    }

    assert lookup.event_row(event, times=True) == (
        "2026-01-01T00:00:09Z",
        "Warning",
        "BackOff",
        "pod/web",
        "",
        "4",
        "two lines",
    )
    del event["series"]
    event["involvedObject"]["fieldPath"] = "spec.initContainers{fetch}"
    assert lookup.event_row(event, times=True)[0] == "2026-01-01T00:00:01Z"
    assert lookup.event_row(event, now=1767225661.5)[0] == "60s"
    assert lookup.event_row(event)[4:6] == ("fetch", "1")


def test_a_recording_with_a_gap_that_was_cut_short_can_be_shown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster that stopped answering leaves a file without an end: it is shown, and said not to be whole."""
    pod = {
        "metadata": {
            "name": "web",
            "uid": "u",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": "1",
        },
        "spec": {"containers": [{"name": "app", "image": "i"}]},
        "status": {"phase": "Pending"},
    }
    lines: list[dict[str, object]] = [
        {
            "kind": "podlab.recording",
            "schema": 1,
            "podlab": "0.1.0",
            "server": "v1.36.3",
            "driver": "kind",
            "cluster": "lab",
            "namespace": "default",
            "started_at": "2026-01-01T00:00:00Z",
            "manifest": None,
        },
        {"t": 0.1, "source": "watch", "resource": "pods", "type": "ADDED", "object": pod},
        {"t": 0.2, "source": "recorder", "event": "gap", "resource": "pods"},
    ]
    (home / "cut.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert cli.main(["show", "cut.jsonl"]) == 0
    out = capsys.readouterr().out
    assert "web" in out
    assert "recording incomplete" in out


@pytest.mark.parametrize("there", [True, False])
def test_ctrl_c_after_the_cluster_was_ready_leaves_it_up(
    there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 130 says "and cleaned up"; where the cluster stays, that would be a lie."""

    def make(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drivers, "make", make)
    monkeypatch.setattr(drivers, "find", lambda _name: object() if there else None)
    assert cli.main(["up"]) == (0 if there else 130)
    assert ("the cluster is up and stays" in capsys.readouterr().err) == there


@pytest.mark.parametrize("width", ["0", "-5", "39", "wide"])
def test_a_width_that_is_none_is_refused(width: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not silently another one."""
    assert cli.main(["show", "r.jsonl", f"--width={width}"]) == 2
    assert "is not a width" in capsys.readouterr().err


def test_a_recording_without_a_pod_is_not_shown_as_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was cut before the first Pod: an empty answer with exit code 0 would look like a fault of the terminal."""
    (home / "r.jsonl").write_text('{"kind": "podlab.recording", "schema": 1}\n')

    assert cli.main(["show", "r.jsonl"]) == 7
    assert capsys.readouterr().err.splitlines()[0] == "RecordingError: r.jsonl holds no Pod"


@pytest.mark.parametrize("out", ["", ".", "pipe", "p.yaml/x"])
def test_a_place_for_a_recording_that_cannot_be_is_refused_before_anything_is_done(
    out: str, home: Path
) -> None:
    """A folder, a pipe, a file as a folder: nothing is made and nothing replaced."""
    (home / "p.yaml").write_text(POD)
    os.mkfifo(home / "pipe")

    with pytest.raises(RecordingError) as caught:
        recording.check_place(Path(out))

    assert caught.value.hint
    assert (home / "pipe").is_fifo()
    assert sorted(one.name for one in home.iterdir() if one.name != "podlab") == ["p.yaml", "pipe"]


@pytest.mark.parametrize("name", ["", "pod/", "job/"])
@pytest.mark.parametrize("verb", ["logs", "watch", "explain"])
def test_an_empty_pod_name_does_not_ask_for_the_list_of_pods(
    verb: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``podlab logs "pod/$POD"`` with POD not set: it ended as a bug of podlab."""
    assert cli.main([verb, name]) == 2
    assert "the name of the Pod is empty" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_names_the_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only HOME, as in many containers: in a notebook too it is an error of podlab, not of pathlib."""
    (home / "file").touch()
    monkeypatch.setenv("PODLAB_HOME", str(home / "file" / "below"))

    with pytest.raises(DriverError, match="folder for clusters") as caught:
        state.save(state.new_record("context", "lab", context="c", namespace="n", made=False))

    assert "PODLAB_HOME" in str(caught.value.hint)


RECORDED = Path(__file__).parents[3] / "notebooks" / "recordings" / "three-quick-inits.jsonl"


def test_an_output_that_knows_ascii_alone_gets_ascii(home: Path) -> None:
    """LC_ALL=C without Python's own way out of it: a timeline used to end as a fault of podlab's own."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [sys.executable, "-m", "podlab", "show", RECORDED], capture_output=True, env=environment, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert b"shop" in done.stdout


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_no_color_is_obeyed_on_a_terminal(
    value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Set and not empty, as no-color.org says; ``--colour always`` wins."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", value)

    assert cli.main(["show", str(RECORDED)]) == 0
    assert ("\x1b[" in capsys.readouterr().out) == coloured
    assert cli.main(["show", str(RECORDED), "--colour", "always"]) == 0
    assert "\x1b[" in capsys.readouterr().out


def test_a_manifest_of_which_no_pod_comes_is_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waited for the whole deadline."""
    monkeypatch.setattr(drivers, "need", lambda _name: None)
    (home / "c.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prices}\n")

    assert cli.main(["record", "c.yaml", "--out", "r.jsonl"]) == 2
    assert "  why: it holds: ConfigMap prices" in capsys.readouterr().err
    assert not (home / "r.jsonl").exists()
