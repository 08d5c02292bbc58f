"""Steps of a play that belong to one run, and what they do to the answer's Pods."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podlab.errors import CheckError
from podlab.grading import play, runs
from podlab.grading.exercise import Exercise, NotGradable, PlayRun
from podlab.grading.player import Player
from podlab.grading.run_namespace import ANSWER
from podlab.manifests import Manifest
from podlab.observe.recording import LOST_LOG, Recording

PLAY = """\
steps:
  - apply: answer
  - kill: shipper
    only: kills
  - stop: db
    only: outage
"""


def exercise(folder: Path, *runs: str) -> Exercise:
    (folder / "play.yaml").write_text(PLAY)
    return cast(Exercise, SimpleNamespace(folder=folder, runs=[PlayRun(name) for name in runs],
                                          text=lambda file, _values: (folder / file).read_text()))  # fmt: skip


@pytest.mark.parametrize(("run", "verbs"), [("kills", ["apply", "kill"]), ("outage", ["apply", "stop"])])
def test_a_step_that_names_a_run_is_left_out_of_the_others(
    tmp_path: Path, run: str, verbs: list[str]
) -> None:
    """A play that goes two ways is one file."""
    made = exercise(tmp_path, "kills", "outage")

    assert [step.verb for step in runs._steps(made, PlayRun(run), {})] == verbs


def test_a_step_of_a_run_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """It would never be played, and nobody would notice."""
    with pytest.raises(CheckError, match="only for the run 'outage'"):
        runs._steps(exercise(tmp_path, "kills"), PlayRun("kills"), {})


def test_a_patch_of_the_answer_reaches_each_of_its_pods() -> None:
    """Pods of a Deployment have names that no play knows."""
    patched: list[str] = []
    client = SimpleNamespace(
        path_of=lambda body, namespace: f"{namespace}/{body['metadata']['name']}",
        patch=lambda path, body: patched.append(path) or {"metadata": {"name": path.split("/")[1]}},
    )
    pods = [labelled("shop-1"), labelled("shop-2"), {"metadata": {"name": "db"}}]
    recorder = SimpleNamespace(
        pods=lambda: pods, step=lambda *_a, **_k: None, wait=lambda reached, deadline_s: reached(pods)
    )
    player = Player(cast(Any, client), cast(Any, SimpleNamespace(name="ns")), cast(Any, recorder), {}, {},
                    threading.Event())  # fmt: skip
    step = "steps:\n- patch: {object: {kind: Pod, name: answer}, patch: {metadata: {}}}\n"

    player.perform(play.read(step, source="play.yaml"))

    assert patched == ["ns/shop-1", "ns/shop-2"]
    assert [act.output for act in player.acts] == [["shop-1", "shop-2"]]


def test_the_runs_of_an_answer_share_a_label_that_no_other_grading_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Pods of its other run stay, as far as room is asked for; those of other answers go."""
    seen: list[dict[str, str]] = []

    def one(_exercise: Exercise, _case: Any, _run: PlayRun, place: runs.Place, *_more: Any) -> None:
        seen.append(dict(place.labels))

    made, case = exercise(tmp_path, "kills", "outage"), cast(Any, None)
    made.needs = ()  # type: ignore[misc]
    monkeypatch.setattr(runs, "_one", one)
    for _ in range(2):
        runs.live(made, case, runs.Place(None, labels={"podlab/grading": "g"}), 0)

    assert {row["podlab/grading"] for row in seen} == {"g"}
    first, second, third, fourth = (row[ANSWER] for row in seen)
    assert first == second != third == fourth


def labelled(name: str) -> dict[str, Any]:
    """A Pod of the answer."""
    return {"metadata": {"name": name, "labels": {"podlab/part": "answer"}}, "spec": {}}


@pytest.mark.parametrize(
    ("reason", "lost"), [(LOST_LOG, ["sink"]), ('pods "sink" not found', []), ("it is over", [])]
)
def test_a_log_that_the_server_did_not_give_leaves_the_grade_open(
    tmp_path: Path, reason: str, lost: list[str]
) -> None:
    """Lines at the sink that nobody read are not lines that the answer lost; a Pod that is gone has no more of them."""
    path = tmp_path / "run.jsonl"
    header = {"kind": "podlab.recording", "schema": 1, "started_at": "2026-11-30T12:00:00Z"}
    gap = {"t": 1.0, "source": "recorder", "event": "gap", "of": "log", "pod": "sink", "reason": reason}
    path.write_text("".join(json.dumps(row) + "\n" for row in (header, gap)))
    recording = Recording.read(path)

    assert recording.lost_logs() == lost
    if lost:
        with pytest.raises(NotGradable, match="the log of the Pod sink"):
            runs.refuse_unread(recording)
    else:
        runs.refuse_unread(recording)


@pytest.mark.parametrize(
    ("kind", "path"),
    [("Pod", ()), ("Deployment", ("template",)), ("Job", ("template",)), ("CronJob", ("jobTemplate", "template"))],
)  # fmt: skip
def test_no_pod_of_an_answer_gets_a_token(kind: str, path: tuple[str, ...]) -> None:
    """Whatever the answer asks for: with a token a container can ask the API server in its namespace's name."""
    pod: dict[str, Any] = {"containers": [{"name": "shop"}], "automountServiceAccountToken": True}
    spec: dict[str, Any] = pod
    for key in reversed(path):
        spec = {key: {"spec": spec}}
    body = {"kind": kind, "metadata": {"name": "x"}, "spec": spec}

    (found,) = runs.labelled([Manifest(body, "x")])

    inner: Any = found.object["spec"]
    for key in path:
        inner = inner[key]["spec"]
    assert inner["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is True
