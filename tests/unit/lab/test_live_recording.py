"""``lab.record(..., live=True)``: the live view is fed while the recording runs, and ends with it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ipywidgets")

import IPython.display

from podlab import observe
from podlab.errors import PodlabError
from podlab.lab import recording
from podlab.observe.writing import Writer

POD = {
    "metadata": {"name": "web", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"containers": [{"name": "app", "image": "i"}]},
    "status": {"phase": "Pending"},
}
ROW = {"source": "watch", "resource": "pods", "type": "ADDED", "object": POD}


class Lab:
    """What ``run`` needs of a lab; ``kept`` is what it was given to keep."""

    client, namespace, driver, cluster = None, "n", "embedded", SimpleNamespace(name="lab", driver="embedded")

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def predicted(self, _pod: str) -> tuple[str, str]:
        return "", ""

    def keep(self, _recording: Any, timelines: dict[str, Any]) -> None:
        self.kept.update(timelines)


LAB: Any = Lab()
MANIFEST: Any = SimpleNamespace(name="web", kind="Pod", object={"kind": "Pod"})


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what is displayed; a notebook is pretended."""
    views: list[Any] = []
    monkeypatch.setattr(recording, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda one, **_: views.append(one))
    return views


def a_recorder(_folder: Path, error: BaseException | None = None) -> Any:
    """Return a stand-in for ``observe.record`` that sees one Pod and then ends, or fails."""

    def record(*_: Any, on_observation: Any, out: Path, **__: Any) -> observe.Recording:
        writer = Writer(out, {"namespace": "n", "manifest": None}, keep=True)
        writer.observe(dict(ROW))
        writer.end("Ready")
        for each in observe.read_recording(writer.path).observations:
            on_observation(each)
        if error:
            raise error
        return observe.read_recording(writer.path)

    return record


def test_the_live_view_grows_and_is_finished(
    shown: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands there before the recording begins, and says that it is whole at the end."""
    monkeypatch.setattr(observe, "record", a_recorder(tmp_path))
    recording.run(LAB, [MANIFEST], live=True)

    [view] = shown
    assert "<svg" in view.picture.value
    assert "finished" in view.picture.value
    assert "incomplete" not in view.picture.value


def test_a_recording_that_fails_leaves_no_view_that_runs_on(
    shown: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread ends with the cell."""
    monkeypatch.setattr(observe, "record", a_recorder(tmp_path, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        recording.run(LAB, [MANIFEST], live=True)

    assert not shown[0]._thread.is_alive()


def test_without_live_nothing_changes(
    shown: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored outputs of notebooks are pictures, not widgets."""
    monkeypatch.setattr(observe, "record", a_recorder(tmp_path))
    monkeypatch.setattr(recording, "in_notebook", lambda: False)
    recording.run(LAB, [MANIFEST])

    assert shown == []


def test_what_was_recorded_before_an_interrupt_is_kept_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Page 00 promises it; ``%timeline`` used to say that nothing was recorded."""
    monkeypatch.setattr(observe, "record", a_recorder(tmp_path, KeyboardInterrupt()))
    lab: Any = Lab()
    with pytest.raises(KeyboardInterrupt):
        recording.run(lab, [MANIFEST], show=False)

    assert list(lab.kept) == ["web"]
    assert "kept the recording so far" in capsys.readouterr().out


def test_a_manifest_without_a_pod_is_not_waited_for() -> None:
    """It took two minutes, and then said ': Ready was not reached'."""
    with pytest.raises(PodlabError, match="this manifest creates no Pods") as caught:
        recording.run(LAB, [SimpleNamespace(name="prices", kind="ConfigMap", object={"kind": "ConfigMap"})])

    assert caught.value.cause == "it holds: ConfigMap prices"
