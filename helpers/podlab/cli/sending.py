"""
Send the objects of manifests to a cluster. All are checked before the first is sent, so that a fault in the third does
not leave the first two behind.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from podlab.cli.parser import UsageError
from podlab.client import Client
from podlab.errors import ApiError, ConflictError, ManifestError
from podlab.manifests import Manifest, applying, load, verdicts
from podlab.manifests.faults import error_of
from podlab.nearest import nearest

# a refused patch is printed whole, in Go's own notation, before the reason
_DUMP = re.compile(r'^.*?Invalid value: "map\[.*\]": ', re.DOTALL)
_ENDINGS = {".yaml", ".yml", ".json"}
Send = Callable[[Client, Sequence[Manifest], str], list[tuple[str, str]]]
"""Sends objects to a namespace and returns ("pod/web", "created") for each: ``apply`` or ``create``."""
_MERGE, _STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


def read(source: str) -> list[Manifest]:
    """Return the objects of a file, or of stdin for ``-``."""
    if source == "-":
        return load(sys.stdin.read(), source="stdin")
    path = Path(source)
    if not path.is_file():
        why = (
            "it is a folder"
            if path.is_dir()
            else "it is not an ordinary file"
            if path.exists()
            else "no such file"
        )
        raise ManifestError(f"manifest {source} does not exist", cause=why, hint=_near(path))
    return load(path, source=source)


def read_all(args: argparse.Namespace) -> list[Manifest]:
    """
    Return the objects of all files that *args* name, as words or with ``-f``; of a folder, those of its files.

    Raises:
        UsageError: No file is named.
    """
    sources = [*args.manifest, *(one for name in args.files for one in in_folder(name))]
    if not sources:
        raise UsageError(
            "no manifest was given",
            cause="a file, or - for stdin, is required",
            hint="podlab apply -f pod.yaml",
        )
    return [one for source in sources for one in read(source)]


def in_folder(name: str) -> list[str]:
    """Return the manifests of a folder, by name; of anything else, its own name."""
    folder = Path(name)
    if not folder.is_dir():
        return [name]
    files = sorted(str(one) for one in folder.iterdir() if one.suffix in _ENDINGS and one.is_file())
    return files or [name]


def run(args: argparse.Namespace, send: Send) -> int:
    """Send the manifests that *args* name, and print one line for each object as kubectl would."""
    from podlab.cli import clusters, output

    cluster = clusters.of(args)
    results = send(cluster.client(), read_all(args), args.namespace or cluster.namespace)
    output.results(results, as_json=args.json)
    return 0


def create(client: Client, manifests: Sequence[Manifest], namespace: str) -> list[tuple[str, str]]:
    """
    Create the objects and return ("pod/web", "created") for each.

    Raises:
        ConflictError: One of them already exists; then none has been created.
        ManifestError, ApiError: The API server refuses one of them; then nothing has been made.
    """
    for manifest in manifests:
        if find(client, manifest, namespace) is not None:
            raise ConflictError(
                f"{manifest.kind} {manifest.name!r} already exists in namespace {namespace}",
                cause="create only makes new objects",
                hint="podlab apply updates existing objects",
            )
    made = applying.apply(client, manifests, namespace=namespace)
    pairs = zip(manifests, made, strict=True)
    return [(title({"kind": manifest.kind, **stored}), "created") for manifest, stored in pairs]


def apply(
    client: Client, manifests: Sequence[Manifest], namespace: str, *, tries: int = 3
) -> list[tuple[str, str]]:
    """
    Create the objects, or patch those that exist; return ("pod/web", "created|configured|unchanged") for
    each.

    Args:
        tries: How often it looks again, because another client has created one of the objects meanwhile.

    Raises:
        ManifestError, ApiError: The API server refuses one of them; then nothing has been made or changed.
    """
    before = [find(client, manifest, namespace) for manifest in manifests]
    for manifest, stored in zip(manifests, before, strict=True):
        if stored is not None:
            _patch(client, manifest, namespace, dry=True)
    new = [manifest for manifest, stored in zip(manifests, before, strict=True) if stored is None]
    try:
        made = iter(applying.apply(client, new, namespace=namespace))
    except ConflictError:
        if tries <= 1 or all(find(client, manifest, namespace) is None for manifest in new):
            raise
        return apply(client, manifests, namespace, tries=tries - 1)
    return [
        (title(next(made)), "created") if stored is None else _patched(client, manifest, namespace, stored)
        for manifest, stored in zip(manifests, before, strict=True)
    ]


def _patched(client: Client, manifest: Manifest, namespace: str, before: dict[str, Any]) -> tuple[str, str]:
    """Patch an object, and return its title with ``configured`` or ``unchanged``."""
    after = _patch(client, manifest, namespace, dry=False)
    same = before["metadata"].get("resourceVersion") == after["metadata"].get("resourceVersion")
    return title(after), "unchanged" if same else "configured"


def find(client: Client, manifest: Manifest, namespace: str) -> dict[str, Any] | None:
    """Return the object of that name as stored, or None."""
    if not manifest.name:
        return None  # generateName: always new
    try:
        return client.find(client.path_of(manifest.object, namespace))
    except ManifestError:
        return None  # a kind that the server does not know: `applying.apply` reports it, with its line


def _patch(client: Client, manifest: Manifest, namespace: str, *, dry: bool) -> dict[str, Any]:
    params: dict[str, Any] = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry else {})}
    path = client.path_of(manifest.object, namespace)
    try:
        return _patch_as_can_be(client, path, manifest.object, params)
    except ApiError as error:
        if error.code not in (400, 422):
            raise
        message = error.cause or error.summary
        if faults := verdicts.faults_of_change(manifest, error):
            raise error_of(faults) from error
        said = _DUMP.sub("", message).splitlines()[0].strip()  # the server adds a diff of its own types
        raise ManifestError(
            f"{manifest.source}:{manifest.line('') or 1}: {manifest.kind} {manifest.name!r}: change not allowed",
            cause=said,
            hint=f"podlab delete {_named(manifest, namespace)}, then apply again",
        ) from error


def _patch_as_can_be(
    client: Client, path: str, body: dict[str, Any], params: dict[str, Any]
) -> dict[str, Any]:
    """Patch so that lists are merged by key where the server knows the keys: not for custom resources."""
    try:
        return dict(client.patch(path, body, content_type=_STRATEGIC, **params))
    except ApiError as error:
        if error.code != 415:
            raise
    return dict(client.patch(path, body, content_type=_MERGE, **params))


def title(stored: dict[str, Any]) -> str:
    """Return ``pod/web``."""
    return f"{str(stored.get('kind', 'object')).lower()}/{stored['metadata']['name']}"


def _named(manifest: Manifest, namespace: str) -> str:
    """Return what ``podlab delete`` is to be given for this object."""
    if manifest.kind != "Pod":
        return manifest.source
    return manifest.name if namespace == "default" else f"{manifest.name} --namespace {namespace}"


def _near(path: Path) -> str:
    folder = path if path.is_dir() else path.parent
    known = sorted(one.name for one in folder.glob("*") if one.suffix in _ENDINGS and one.is_file())
    near = nearest(path.name, known) or (known[0] if known and folder == path else None)
    return str(folder / near) if near else f"ls {folder}"
