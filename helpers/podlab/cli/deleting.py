"""
Delete objects by their names, and wait until they are gone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab import manifests as reading
from podlab.cli.reading import find_pod
from podlab.cli.sending import find, read, title
from podlab.client import Client
from podlab.drivers.base import Progress
from podlab.errors import WaitTimeoutError
from podlab.manifests import Manifest

_SPARE_S = 60.0  # after the grace period: what a node needs at most to take a Pod apart
_ENDINGS = (".yaml", ".yml", ".json")


def meant(client: Client, words: Sequence[str], namespace: str) -> list[Manifest]:
    """
    Return the objects that *words* mean: each is a file (or ``-``), else the name of a Pod.

    Raises:
        ManifestError: A file cannot be read.
        NotFoundError: There is no Pod of that name; the hint names the nearest.
    """
    found: list[Manifest] = []
    for word in words:
        if word == "-" or "/" in word or word.endswith(_ENDINGS) or Path(word).is_file():
            found += read(word)
        else:
            find_pod(client, namespace, word)
            found.append(Manifest({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": word}}))
    return found


def delete(
    client: Client,
    objects: Sequence[Manifest],
    namespace: str,
    *,
    grace_s: float | None = None,
    progress: Progress,
) -> list[tuple[str, str]]:
    """
    Delete *objects*, last first, wait for all, and return ("pod/web", "deleted|was not there") in their order.

    Raises:
        WaitTimeoutError: One was still there 60 s after its grace period.
    """
    results: dict[int, tuple[str, str]] = {}
    under_way: list[tuple[Manifest, dict[str, Any]]] = []
    for one in reversed(objects):
        stored = find(client, one, namespace)
        name = f"{one.kind.lower()}/{one.name}"
        results[id(one)] = (name, "was not there" if stored is None else "deleted")
        if stored is not None:
            _begin(client, one, stored, grace_s)
            under_way.append((one, stored))
    for one, stored in under_way:
        progress(f"waiting until {title({'kind': one.kind, **stored})} is gone")
        _wait(client, one, stored, namespace, grace_s)
    return [results[id(one)] for one in objects]


def _begin(client: Client, one: Manifest, stored: dict[str, Any], grace_s: float | None) -> None:
    whole = None if grace_s is None else math.ceil(grace_s)  # the API counts whole seconds
    typed = {**stored, "apiVersion": one.object["apiVersion"], "kind": one.kind}
    reading.remove(client, [typed], grace_s=whole)


def _wait(
    client: Client, one: Manifest, stored: Mapping[str, Any], namespace: str, grace_s: float | None
) -> None:
    uid = stored["metadata"]["uid"]
    own_s = float((stored.get("spec") or {}).get("terminationGracePeriodSeconds") or 0)
    patience_s = _SPARE_S + (own_s if grace_s is None else grace_s)
    gives_up_at = time.monotonic() + patience_s
    while (left := find(client, one, namespace)) is not None and left["metadata"]["uid"] == uid:
        if time.monotonic() > gives_up_at:
            held = ", ".join(left["metadata"].get("finalizers") or [])
            raise WaitTimeoutError(
                f"{one.kind.lower()}/{one.name} was still being deleted after {patience_s:.0f} s",
                cause=f"finalizers hold it: {held}" if held else "its node has not said that it is gone",
                hint=f"podlab events {one.name}",
            )
        time.sleep(0.1)
