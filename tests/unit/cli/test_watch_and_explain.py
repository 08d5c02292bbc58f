"""``podlab watch`` and ``podlab explain`` against a client that plays a real Pod's life."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from podlab import cli, drivers
from podlab.errors import ConnectionLostError, NotFoundError

META = {"name": "web", "namespace": "ns", "uid": "u1", "creationTimestamp": "2026-11-23T03:00:00Z"}


def pod(version: int, phase: str, state: dict, **status) -> dict:
    return {
        "metadata": {**META, "resourceVersion": str(version)},
        "spec": {"nodeName": "n", "containers": [{"name": "shop", "image": "busybox:1.36"}], "restartPolicy": "Always"},
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": "shop", "restartCount": 0, "state": state, "containerID": "containerd://a", **status}
            ],
        },
    }  # fmt: skip


WAITING = pod(
    1, "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nope:1"'}}
)
RUNNING = pod(2, "Running", {"running": {"startedAt": "2026-11-23T03:00:01Z"}}, started=True, ready=True)
RUNNING["status"]["conditions"] = [
    {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T03:00:01Z"}
]


class Client:
    """Lists one Pod, then streams what follows; the stream of Events breaks once."""

    def __init__(self) -> None:
        self.broken = 0

    def get(self, path: str, **params):
        if path.endswith("/pods/web"):
            return WAITING
        if "/pods/" in path or "/apis/" in path:
            raise NotFoundError("no such Pod", code=404)
        items = [WAITING] if path.endswith("/pods") else []
        return {"items": items, "metadata": {"resourceVersion": "1"}}

    @contextmanager
    def lines(self, path: str, **params):
        if path.endswith("/events") and not self.broken:
            self.broken += 1
            raise ConnectionLostError("the API server stopped answering")
        yield iter(
            [json.dumps({"type": "MODIFIED", "object": RUNNING}).encode()] if path.endswith("/pods") else []
        )


FIRST_POD = Path(__file__).parents[3] / "docs" / "pictures" / "first-pod.jsonl"


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    made = SimpleNamespace(client=lambda: client, namespace="ns", driver="embedded")
    monkeypatch.setattr(drivers, "need", lambda name: made)
    return client


def test_explain_prints_three_lines(capsys):
    assert cli.main(["explain", "web"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "ImagePullBackOff" in lines[0]
    assert lines[2].startswith("  try: check the image name of shop: busybox:1.36")


def test_what_to_try_meets_the_same_pod(capsys, monkeypatch):
    """Options that chose the Pod are repeated in the command at the end of the hint, and only there."""
    from podlab.timeline import Explanation
    from podlab.timeline import explain as real

    monkeypatch.setattr(
        "podlab.cli.explaining.explain", lambda *_, **__: Explanation("a", "b", "podlab logs web -c shop")
    )
    assert cli.main(["explain", "web", "--name", "second", "--namespace", "shop"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("-c shop --cluster second --namespace shop")
    monkeypatch.setattr("podlab.cli.explaining.explain", real)
    assert cli.main(["explain", "web", "--name", "second"]) == 0
    assert "--cluster" not in capsys.readouterr().out


def test_explain_for_programs(capsys):
    assert cli.main(["explain", "web", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"what", "why", "try", "well"}


def test_a_pod_that_is_not_there_is_an_error(capsys):
    assert cli.main(["explain", "wep"]) == 4
    assert cli.main(["watch", "wep"]) == 4


def test_watch_ends_when_the_pod_is_ready(capsys):
    assert cli.main(["watch", "web", "--until", "Ready", "--for", "20"]) == 0
    out = capsys.readouterr().out
    assert "shop (app)" in out
    assert "\x1b[" not in out


def test_watch_that_runs_out_of_time_says_so_by_its_exit_code(capsys):
    assert cli.main(["watch", "web", "--until", "Succeeded", "--for", "1"]) == 6
    assert "shop (app)" in capsys.readouterr().out


def test_watch_once_in_ascii(capsys):
    assert cli.main(["watch", "web", "--once", "--ascii"]) == 0
    capsys.readouterr().out.encode("ascii")


def test_on_a_terminal_each_frame_takes_the_place_of_the_last(capsys, monkeypatch):
    """The cursor goes up by as many lines as the last frame had; anywhere else frames follow each other."""
    from podlab.cli import painting
    from podlab.observe import Recording

    timeline = Recording.read(FIRST_POD).timeline()
    for terminal, moves in ((True, 1), (False, 0)):
        monkeypatch.setattr("podlab.cli.parser.is_terminal", lambda there=terminal: there)
        painter = painting.Painter(ascii=True)
        painter.paint(timeline, last=True)
        lines = capsys.readouterr().out.count("\n")
        painter.paint(timeline, last=True)
        assert capsys.readouterr().out.count(f"\x1b[{lines}F") == moves


def test_record_with_watch_ends_with_the_whole_life(capsys, monkeypatch, tmp_path):
    """What is painted last is the recording's own timeline, and the line about the file comes after it."""
    from podlab.observe import Recording

    kept = Recording.read(FIRST_POD)
    monkeypatch.setattr("podlab.cli.recording.make", lambda *_, on_observation: kept)
    out = tmp_path / "run.jsonl"
    assert cli.main(["record", "x.yaml", "--until", "Succeeded", "--watch", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "shipper (sidecar)" in printed
    assert printed.splitlines()[-1].startswith(f"{out}: ")
