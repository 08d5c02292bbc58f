"""
``record``: apply a manifest and record it until its end, in one call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from podlab import manifests
from podlab.client import Client
from podlab.errors import ConnectionLostError, WaitTimeoutError
from podlab.manifests import Manifest
from podlab.observe.goals import Until
from podlab.observe.nodesources import NodeSource
from podlab.observe.recorder import Recorder
from podlab.observe.recording import Recording

Given = str | Path | Manifest | dict[str, Any] | Sequence[Manifest | dict[str, Any]] | None


def record(
    client: Client,
    manifest: Given,
    *,
    namespace: str,
    until: Until = "Ready",
    deadline_s: float = 60,
    delete_after_s: float | None = None,
    out: Path | None = None,
    logs: bool = True,
    node: NodeSource | Literal["auto"] | None = "auto",
    on_observation: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> Recording:
    """
    Apply *manifest*, record the life of its Pods, and return the recording.

    Args:
        manifest: Text, a path, objects, or None to record what happens to the Pods that are there.
        until: "Ready", a phase, "gone", or a function of the list of raw Pods. Pods that have finished end the
            recording too.
        deadline_s: The recording ends then at the latest, with the reason "deadline".
        delete_after_s: So long after *until* was reached (with until="gone": after the Pods were made), the objects
            are deleted, and the recording goes on until the Pods are gone.

    Raises:
        ManifestError, ConflictError, ApiError: The manifest was refused; nothing was made, no file is left.
        ConnectionLostError: The server stopped answering; ``error.recording`` holds what there is.
        KeyboardInterrupt: As pressed; the file ends with "interrupted".
    """
    given = _manifests(manifest)
    recorder = Recorder(
        client, namespace=namespace, out=out, logs=logs, node=node, on_observation=on_observation,
        existing=manifest is None, **options,
    )  # fmt: skip
    end_at = time.monotonic() + deadline_s
    manifests.validate(client, given, namespace=namespace)
    recorder.start(given)
    try:
        if given:
            recorder.apply(given, checked=True)
        reason = _run(recorder, until, end_at, delete_after_s)
    except KeyboardInterrupt:
        recorder.finish("interrupted")
        raise
    except ConnectionLostError as error:
        error.recording = recorder.finish("connection lost", error=error.summary)  # type: ignore[attr-defined]
        raise
    except BaseException as error:
        recorder.finish("failed", error=str(error)[:500])
        if given and not recorder.objects:
            recorder.writer.path.unlink(missing_ok=True)
        raise
    return recorder.finish(reason)


def _run(recorder: Recorder, until: Until, end_at: float, delete_after_s: float | None) -> str:
    def left_s() -> float:
        return max(0.0, end_at - time.monotonic())

    try:
        if delete_after_s is None:
            return recorder.wait(until, deadline_s=left_s())
        if until != "gone":
            recorder.wait(until, deadline_s=max(0.0, left_s() - delete_after_s))
        with suppress(WaitTimeoutError):
            recorder.wait("gone", deadline_s=min(delete_after_s, left_s()))
        recorder.delete()
        return recorder.wait("gone", deadline_s=left_s())
    except WaitTimeoutError:
        return "deadline"


def _manifests(given: Given) -> list[Manifest]:
    if given is None:
        return []
    if isinstance(given, str | Path):
        return manifests.load(given)
    rows: Iterable[Manifest | dict[str, Any]] = [given] if isinstance(given, Manifest | dict) else given
    return [one if isinstance(one, Manifest) else Manifest(one) for one in rows]
