"""
Running the recorder for a notebook: several Pods at once, a picture that grows, and the timelines at
the end.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from podlab import observe
from podlab.errors import PodlabError, WaitTimeoutError
from podlab.lab.progressline import in_notebook
from podlab.lab.showing import Live, PodLines, show
from podlab.observe.goals import belongs, expected_pods

if TYPE_CHECKING:
    from podlab.client import Client
    from podlab.drivers import Cluster
    from podlab.manifests import Manifest
    from podlab.observe import Recording
    from podlab.timeline import Timeline


class Recorded(Protocol):
    """The part of a lab that a recording uses: the cluster, its client and namespace, and who keeps the result."""

    cluster: Cluster
    client: Client
    namespace: str

    def predicted(self, pod: str) -> tuple[str, str]: ...

    def keep(self, recording: Recording, timelines: Mapping[str, Timeline]) -> None: ...


def run(
    lab: Recorded,
    loaded: Sequence[Manifest],
    *,
    until: Any = "Ready",
    deadline_s: float = 120,
    for_s: float | None = None,
    delete_after_s: float | None = None,
    act: Callable[[], object] | None = None,
    show: bool = True,
    live: bool = False,
) -> dict[str, Timeline]:
    """
    Apply, record and draw; see ``Lab.record``.

    Raises:
        PodlabError: *loaded* makes no Pod.
    """
    names = [each.name for each in loaded if each.kind == "Pod"]
    if not expected_pods([each.object for each in loaded]):
        found = ", ".join(f"{each.kind} {each.name}" for each in loaded)
        raise PodlabError(
            "this manifest creates no Pods, so nothing can be recorded",
            cause=f"it holds: {found}",
            hint="lab.apply(...) makes objects without recording them",
        )
    out = _file(lab.namespace)
    header = {"driver": lab.cluster.driver, "cluster": lab.cluster.name}
    growing = Live(names, header) if live and in_notebook() else PodLines(names, active=show)
    if act is not None:
        threading.Thread(target=act, name="act", daemon=True).start()
    try:
        recording = observe.record(
            lab.client,
            list(loaded),
            namespace=lab.namespace,
            until=until if for_s is None else never,
            deadline_s=deadline_s if for_s is None else for_s,
            delete_after_s=delete_after_s,
            out=out,
            on_observation=growing.see,
            header=header,
            others=act is not None,  # what it makes belongs to the experiment
        )
    except BaseException:
        growing.finish() if isinstance(growing, Live) else growing.clear()
        keep_what_there_is(lab, out)
        raise
    timelines = {name: recording.timeline(name) for name in names or made(recording)}
    lab.keep(recording, timelines)
    growing.finish(timelines, lab.predicted)
    if for_s is None and recording.end_reason == "deadline":
        raise WaitTimeoutError(
            f"{', '.join(names)}: {until if isinstance(until, str) else 'it'} was not reached in {deadline_s:.0f} s",
            cause="; ".join(str(each.why_not_running().text) for each in timelines.values()),
            hint="%timeline shows what was seen; more time: deadline_s=...",
        )
    return timelines


def made(recording: Recording) -> list[str]:
    """Return the names of the Pods that the applied objects are, or made, oldest first."""
    applied = [
        {"kind": one["kind"], "metadata": one}
        for each in recording.observations
        if each["source"] == "recorder" and each["event"] == "apply"
        for one in each["objects"]
    ]
    pods = [each["object"] for each in recording.observations if each.get("resource") == "pods"]
    return list(dict.fromkeys(pod["metadata"]["name"] for pod in pods if belongs(pod, applied)))


def keep_what_there_is(lab: Recorded, out: Path) -> None:
    """Keep a recording that was interrupted or cut off, and print so; an empty one is dropped."""
    try:
        recording = observe.read_recording(out)
        timelines = {name: recording.timeline(name) for name in recording.pods()}
    except PodlabError:
        return
    if timelines:
        lab.keep(recording, timelines)
        print("kept the recording so far: %timeline shows it")


def never(_pods: list[dict[str, Any]]) -> bool:
    """Return an ``until`` that is never reached: the recording ends at its deadline."""
    return False


def values(recording: Recording | None, pod: str, field: str) -> list[Any]:
    """Return the values that a field, such as ``status.podIP``, took; unset does not count."""
    found: list[Any] = []
    for observation in _needed(recording).observations:
        if observation.get("resource") != "pods" or observation["object"]["metadata"]["name"] != pod:
            continue
        value: Any = observation["object"]
        for key in field.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and value not in found:
            found.append(value)
    return found


def said(recording: Recording | None, pod: str, container: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines that a container wrote while it was recorded."""
    for each in _needed(recording).observations:
        if each["source"] == "log" and each["pod"] == pod and each["container"] == container:
            try:
                line = json.loads(each["line"])
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def _needed(recording: Recording | None) -> Recording:
    if recording is None:
        raise PodlabError("nothing was recorded yet", hint="lab.record(...) first")
    return recording


def _file(namespace: str) -> Path:
    """Return a file of its own for each recording, in the machine's folder for such things."""
    folder = Path(tempfile.mkdtemp(prefix="podlab-"))
    return folder / f"{namespace}.jsonl"


__all__ = ["never", "run", "said", "show", "values"]
