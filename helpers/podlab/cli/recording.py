"""
Functions shared by ``record``, ``show`` and ``plot``: make a recording, read one back, and say how it ended.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab import paths
from podlab.cli import output
from podlab.cli.parser import UsageError
from podlab.errors import ManifestError, PodlabError, RecordingError, WaitTimeoutError
from podlab.nearest import POSSIBLE, nearest

if TYPE_CHECKING:
    from podlab.drivers import Cluster
    from podlab.manifests import Manifest
    from podlab.observe import Recording
    from podlab.timeline import Timeline

_PICTURES = {".png", ".svg"}
# Of these nobody makes a Pod; kinds that are not known may be a controller's.
_WITHOUT_PODS = {"ConfigMap", "Secret", "Service", "Namespace", "ServiceAccount", "PersistentVolumeClaim"}


def check(args: argparse.Namespace) -> None:
    """
    Make sure that one thing is to be recorded: a manifest, a Pod that is there, or Pods with labels.

    Raises:
        UsageError: None, or more than one.
    """
    manifests = [*args.manifest, *args.files]
    given = [
        " ".join(manifests),
        f"--pod {args.pod}" * bool(args.pod),
        f"-l {args.selector}" * bool(args.selector),
    ]
    given = [one for one in given if one]
    if len(given) > 1:
        raise UsageError(
            "podlab record takes a manifest, --pod or --selector, and only one of them",
            cause=f"given: {', '.join(given)}",
            hint=f"podlab record {given[0]}",
        )
    if not given:
        raise UsageError(
            "nothing to record was named",
            cause="a manifest, --pod NAME or -l LABELS is required",
            hint="podlab record pod.yaml, or: podlab record --pod NAME",
        )


def choose(args: argparse.Namespace) -> None:
    """Set what was not given: ``until``, and ``out``, a file that is not there yet."""
    args.lenient = args.until is None and not _applies(args)
    args.until = args.until or ("Ready" if _applies(args) else "gone")
    if args.out is None:
        args.out = _free(Path("runs"), _name(args))


def _applies(args: argparse.Namespace) -> bool:
    return not (args.pod or args.selector)


def _name(args: argparse.Namespace) -> str:
    """Return a name for the file: the manifest, the Pod or the selector."""
    if not _applies(args):
        return re.sub(r"[^A-Za-z0-9.-]+", "-", args.pod or args.selector).strip("-.") or "pods"
    found = _given(args)
    named = [one.name for one in found if one.kind not in _WITHOUT_PODS] or [one.name for one in found]
    return named[0] or "recording"


def _free(folder: Path, name: str) -> Path:
    numbers = itertools.count(2)
    path = folder / f"{name}.jsonl"
    while path.exists():
        path = folder / f"{name}-{next(numbers)}.jsonl"
    return path


def _given(args: argparse.Namespace) -> list[Manifest]:
    """Return the manifests, read once: stdin cannot be read again."""
    from podlab.cli import sending

    if getattr(args, "given", None) is None:
        args.given = sending.read_all(args)
    given: list[Manifest] = args.given
    return given


def make(
    cluster: Cluster, args: argparse.Namespace, steps: Callable[[str], None], **options: Any
) -> Recording:
    """Apply the manifest, if there is one, and record until what was asked for, the deadline, or the end."""
    from podlab import observe
    from podlab.cli import deleting, lookup

    manifests = _given(args) if _applies(args) else None
    if manifests is not None and all(one.kind in _WITHOUT_PODS for one in manifests):
        source = ", ".join([*args.manifest, *args.files])
        raise ManifestError(
            f"{source} creates no Pods, so nothing can be recorded",
            cause=f"it holds: {', '.join(f'{one.kind} {one.name}' for one in manifests)}",
            hint=f"podlab apply {source}",
        )
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    if manifests is not None and args.fresh:
        check_place(args.out)  # what is deleted does not come back because the file could not be written
        deleting.delete(client, manifests, namespace, progress=steps)
    if args.pod:
        lookup.find_pod(client, namespace, args.pod)
        options["pod"] = args.pod
    if args.selector:
        options["labels"] = args.selector
    steps(f"recording until {args.until}, for at most {args.deadline:g} s")
    return observe.record(
        client,
        manifests,
        namespace=namespace,
        until=args.until,
        deadline_s=args.deadline,
        delete_after_s=args.delete_after,
        out=args.out,
        header={"driver": cluster.driver, "cluster": cluster.name},
        **options,
    )


def check_place(out: Path) -> None:
    """
    Find out whether a recording can be written there, without touching an existing one.

    Raises:
        RecordingError: It cannot.
    """
    trial = out.parent / f".{out.name}.{os.getpid()}"
    try:
        paths.refuse_no_file(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        with trial.open("xb") as file:
            file.write(b"\n")
    except OSError as error:
        raise RecordingError(
            f"the recording {out} cannot be written, so nothing was deleted",
            cause=error.strerror or str(error),
            hint="free space or name another file with --out",
        ) from error
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)


def mark(out: Path) -> tuple[int, int] | None:
    """Return what changes when a recording is begun in that file; None if absent."""
    try:
        found = out.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def summary(recording: Recording, out: Path) -> dict[str, Any]:
    """Return what a recording holds, as plain data."""
    return {
        "file": str(out),
        "pods": list(recording.pods()),
        "observations": sum(1 for _ in recording.observations),
        "complete": recording.complete,
        "ended": recording.end_reason or "cut short",
    }


def sentence(facts: dict[str, Any]) -> str:
    """Return `summary` as one line."""
    seen = f"{output.counted(facts['observations'], 'observation')} of {', '.join(facts['pods'])}"
    return f"{facts['file']}: {seen if facts['pods'] else 'no Pod was seen'}; ended: {facts['ended']}"


def raise_unless_reached(recording: Recording, args: argparse.Namespace) -> None:
    """
    Raise what ended the recording, if it was not what the command asked for; the file is kept in any case.
    """
    wanted = "gone" if args.delete_after is not None else args.until
    reached = {wanted, "deadline"} if args.lenient and recording.pods() else {wanted}
    if recording.complete and recording.end_reason in reached:
        return
    show = f"podlab show {args.out}"
    if recording.end_reason == "deadline" and args.selector and not recording.pods():
        raise WaitTimeoutError(
            f"no Pod with the labels {args.selector} was seen within {args.deadline:g} s",
            cause=f"namespace {recording.header.get('namespace')} had none, and none was created",
            hint="podlab pods --all-namespaces, then record with --selector and --namespace of the Pods you mean",
        )
    if recording.end_reason == "deadline":
        raise WaitTimeoutError(
            f"{args.until} was not reached within {args.deadline:g} s; the recording is kept",
            cause=last_look(recording),
            hint=f"{show}, then more time: --deadline {args.deadline * 2:g}",
        )
    if recording.complete:
        raise PodlabError(
            f"{args.until} was not reached: the Pods ended as {recording.end_reason}; the recording is kept",
            cause=last_look(recording),
            hint=show,
        )
    raise RecordingError(
        f"{args.out} was cut short", cause=recording.end_reason or "it has no end", hint=show
    )


def last_look(recording: Recording) -> str:
    """Say how each Pod was when it was last seen, and why."""
    from podlab.timeline import explain

    pods: dict[str, dict[str, Any]] = {}
    events: list[dict[str, Any]] = []
    for one in recording.observations:
        if one.get("resource") == "pods" and "object" in one:
            pods[one["object"]["metadata"]["name"]] = one["object"]
        elif one.get("resource") == "events" and "object" in one:
            events.append(one["object"])
    found = [explain(pod, events) for pod in pods.values()]
    return "; ".join(f"{one.what}: {one.why}" for one in found) or "no Pod was seen"


def timelines(path: Path, pod: str | None = None) -> Iterator[Timeline]:
    """Yield a timeline for each Pod of a recording, or for the one that is named."""
    recording = read(path)
    names = [pod] if pod else recording.pods()
    if not names:
        ended = (
            "it was cut short" if recording.end_reason is None else f"it ended with: {recording.end_reason}"
        )
        raise RecordingError(
            f"{path} holds no Pod",
            cause=f"no Pod was seen while it was recorded; {ended}",
            hint="podlab record MANIFEST --out RUN, with a manifest that creates a Pod",
        )
    for name in names:
        yield _timeline(recording, name, path)


def one_timeline(path: Path, pod: str | None = None) -> Timeline:
    """
    Return the timeline of the one Pod that is meant.

    Raises:
        UsageError: The recording holds several Pods and none is named.
    """
    recording = read(path)
    pods = list(recording.pods())
    if pod is None and len(pods) != 1:
        raise UsageError(
            f"{path} holds {len(pods)} Pods: choose one of them",
            cause=", ".join(pods) or "no Pod was seen",
            hint=f"--pod {pods[0]}" if pods else f"podlab show {path}",
        )
    return _timeline(recording, pod or pods[0], path)


def read(path: Path) -> Recording:
    """
    Return a recording file.

    Raises:
        RecordingError: It is not there (the hint names the nearest) or is no recording.
    """
    from podlab import observe

    if path.is_dir():
        inside = sorted(path.glob("[!.]*.jsonl"))
        raise RecordingError(
            f"{path} is a folder; a recording is a file",
            cause=f"recordings in it: {len(inside)}",
            hint=str(inside[0]) if inside else "podlab record MANIFEST --out RUN",
        )
    if not path.is_file():
        known = [one.name for one in path.parent.glob("[!.]*.json*") if one.is_file()]
        near = nearest(path.name, known, POSSIBLE)
        raise RecordingError(
            f"recording {path} does not exist",
            cause="it is not an ordinary file" if path.exists() else "no such file",
            hint=f"did you mean {path.with_name(near)}?" if near else "podlab record MANIFEST --out RUN",
        )
    return observe.read_recording(path)


def check_picture(out: Path) -> None:
    """Refuse a picture that is neither PNG nor SVG, before anything is drawn."""
    if out.suffix.lower() not in _PICTURES:
        raise UsageError(
            f"{out} is neither .png nor .svg",
            cause="the file extension selects the format",
            hint=f"--out {out.with_suffix('.png')}",
        )


def _timeline(recording: Recording, pod: str, path: Path) -> Timeline:
    pods = list(recording.pods())
    if pod not in pods:
        near = nearest(pod, pods)
        raise RecordingError(
            f"{path} holds no Pod {pod!r}",
            cause=f"Pods in it: {', '.join(pods) or 'none'}",
            hint=f"--pod {near}" if near else f"podlab show {path}",
        )
    return recording.timeline(pod)
