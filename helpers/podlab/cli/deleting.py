"""
Delete objects by their names, and wait until they are gone.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab.cli import kinds
from podlab.cli.lookup import find_pod
from podlab.cli.parser import UsageError
from podlab.cli.sending import find, in_folder, read, title
from podlab.client import Client, Resource
from podlab.client.waiting import until_gone
from podlab.drivers.base import Progress
from podlab.errors import WaitTimeoutError
from podlab.manifests import Manifest, remove

_SPARE_S = 60.0  # after the grace period: what a node needs at most to take a Pod apart
_ENDINGS = (".yaml", ".yml", ".json")


def words(args: argparse.Namespace) -> list[str]:
    """
    Return what is to be deleted, as words: names, kinds, and files.

    Raises:
        UsageError: Nothing is named, or a kind without a name.
    """
    given = [*args.what, *args.files]
    many = args.all or args.selector
    kind = kinds.find(args.what[0]) if len(args.what) == 1 else None
    if not given or (kind and not many):
        what = f"which {args.what[0]}?" if kind else "what is to be deleted?"
        raise UsageError(
            what, cause="a name, a kind with a name, or -f FILE is required", hint="podlab delete pod NAME"
        )
    if many and not kind:
        raise UsageError(
            "--all and --selector take a kind and nothing else",
            cause=f"given: {' '.join(given)}",
            hint="podlab delete pods --all",
        )
    return given


def meant(
    client: Client, given: Sequence[str], namespace: str, args: argparse.Namespace | None = None
) -> list[Manifest]:
    """
    Return the objects that the words mean: a file (or ``-``), KIND/NAME, a kind and names, or the name of a Pod.

    Raises:
        ManifestError: A file cannot be read.
        NotFoundError: There is no object of that name; of a Pod, the hint names the nearest.
    """
    absent = bool(args and args.ignore_not_found)
    kind = kinds.find(given[0]) if given and not _is_file(given[0]) else None
    if kind and args and (args.all or args.selector):
        return _all(client, kind, namespace, args.selector)
    found: list[Manifest] = []
    for word in given[1:] if kind and len(given) > 1 else given:
        of, slash, name = word.partition("/")
        if slash and kinds.find(of) and not Path(word).exists():
            found += _named(client, kinds.find(of), name, namespace, absent)
        elif word == "-" or "/" in word or _is_file(word):
            found += [one for source in in_folder(word) for one in read(source)]
        else:
            found += _named(client, kind if len(given) > 1 else None, word, namespace, absent)
    return found


def _is_file(word: str) -> bool:
    return word.endswith(_ENDINGS) or Path(word).is_file()


def _named(client: Client, kind: Resource | None, name: str, namespace: str, absent: bool) -> list[Manifest]:
    """Return the object of that kind (default: Pod) and name; it must be there, unless *absent* allows otherwise."""
    kind = kind or kinds.POD
    if not name.strip():
        raise UsageError(f"the name of the {kind.kind} is empty", hint="podlab pods")
    one = Manifest({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}})
    if find(client, one, namespace) is None and not absent:
        if kind == kinds.POD:
            find_pod(client, namespace, name)
        client.get(client.path_of(one.object, namespace))
    return [one]


def _all(client: Client, kind: Resource, namespace: str, selector: str | None) -> list[Manifest]:
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
    listed = client.get(client.path_of(body, namespace, collection=True), labelSelector=selector)["items"]
    return [Manifest({**body, "metadata": {"name": item["metadata"]["name"]}}) for item in listed]


def delete(
    client: Client,
    objects: Sequence[Manifest],
    namespace: str,
    *,
    grace_s: float | None = None,
    progress: Progress,
    wait: bool = True,
) -> list[tuple[str, str]]:
    """
    Delete *objects*, last first, *wait* for all, and return ("pod/web", "deleted|was not there") in their order.

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
    for one, stored in under_way if wait else ():
        progress(f"waiting until {title({'kind': one.kind, **stored})} is gone")
        _wait(client, one, stored, namespace, grace_s)
    return [results[id(one)] for one in objects]


def _begin(client: Client, one: Manifest, stored: dict[str, Any], grace_s: float | None) -> None:
    whole = None if grace_s is None else math.ceil(grace_s)  # the API counts whole seconds
    typed = {**stored, "apiVersion": one.object["apiVersion"], "kind": one.kind}
    remove(client, [typed], grace_s=whole)


def _wait(
    client: Client, one: Manifest, stored: Mapping[str, Any], namespace: str, grace_s: float | None
) -> None:
    path = client.path_of(one.object, namespace)
    own_s = float((stored.get("spec") or {}).get("terminationGracePeriodSeconds") or 0)
    patience_s = _SPARE_S + (own_s if grace_s is None else grace_s)

    def late() -> WaitTimeoutError:
        left = client.find(path) or stored
        held = ", ".join(left["metadata"].get("finalizers") or [])
        return WaitTimeoutError(
            f"{one.kind.lower()}/{one.name} was still being deleted after {patience_s:.0f} s",
            cause=f"finalizers hold it: {held}"
            if held
            else "its node has not confirmed the end of its containers",
            hint=f"podlab events --for {one.kind.lower()}/{one.name}",
        )

    until_gone(client, path, uid=stored["metadata"]["uid"], deadline_s=patience_s, late=late)
