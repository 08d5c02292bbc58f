"""
Creates the objects of a manifest so that all of them exist afterwards, or none.

First every object is sent as a dry run with strict field validation, so that all faults come out together
and nothing is made; then each is created; if one is refused all the same, those made by this call are
deleted again.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from podlab.client import Client
from podlab.errors import ApiError, ManifestError, PodlabError
from podlab.manifests import confusables, verdicts
from podlab.manifests.faults import Fault, error_of
from podlab.manifests.manifest import Manifest

_STRICT = {"fieldValidation": "Strict"}
_MAX_ROUNDS = 20  # each takes out at least one field
_ACCOUNT_DEADLINE_S = 10.0  # a new namespace has no "default" ServiceAccount for a moment


def apply(
    client: Client, manifests: Sequence[Manifest], *, namespace: str | None = None, checked: bool = False
) -> list[dict[str, Any]]:
    """
    Create *manifests* in *namespace* (unless they name their own) and return them as stored, in their order.

    Args:
        checked: The caller has passed them to ``validate`` just now; they are not sent as a dry run again.

    Raises:
        ManifestError: Every field that the server refuses, with its line; nothing was made.
        ConflictError: A name is taken; nothing was made.
        ApiError: Any other refusal (a namespace that is missing or being deleted); nothing is left.
    """
    space = namespace or client.namespace
    ordered = sorted(manifests, key=lambda manifest: manifest.kind != "Namespace")
    if not checked:
        validate(client, ordered, namespace=space)
    made: list[tuple[Manifest, dict[str, Any]]] = []
    try:
        for manifest in ordered:
            made.append((manifest, _create(client, manifest, space)))
    except BaseException:
        with suppress(PodlabError):
            remove(client, [stored for _, stored in made], grace_s=0)
        raise
    order = {id(manifest): stored for manifest, stored in made}
    return [order[id(manifest)] for manifest in manifests]


def validate(client: Client, manifests: Sequence[Manifest], *, namespace: str | None = None) -> None:
    """
    Ask the server what it thinks of *manifests*, without making anything.

    Raises:
        ManifestError: All refused fields of all objects.
        ConflictError, ApiError: As ``apply``; the first of them.
    """
    space = namespace or client.namespace
    made_here = {manifest.name for manifest in manifests if manifest.kind == "Namespace"}
    faults = _unserved(client, manifests)
    if faults:
        raise error_of(faults)
    for manifest in manifests:
        if _space_of(manifest, space) in made_here and manifest.kind != "Namespace":
            continue  # its namespace does not exist yet; the server judges it at the create
        try:
            faults += _judge(client, manifest, space)
        except ManifestError as error:  # a kind that the server does not know
            faults.append(manifest.fault("kind", error.summary, error.cause or error.hint))
        except ApiError as error:
            if not _made_by_neighbour(manifests, error):
                raise refusal(client, manifest, space, error) from error
    if faults:
        raise error_of(faults)


def _unserved(client: Client, manifests: Sequence[Manifest]) -> list[Fault]:
    """Return the kinds that the server does not have: a path that leads nowhere would not say so."""
    faults = []
    for manifest in manifests:
        try:
            client.require(str(manifest.object.get("apiVersion")), manifest.kind)
        except ManifestError as error:
            faults.append(manifest.fault("kind", error.summary, error.cause or error.hint))
    return faults


def _judge(client: Client, manifest: Manifest, space: str) -> list[Fault]:
    """
    Return all that the server refuses in one object; raises ApiError where it refuses for another reason.

    A field of a wrong type ends the server's reading, so the fields that it named are taken out and the rest
    is asked about again, until it has nothing to say of form.
    """
    path = client.path_of(manifest.object, space, collection=True)
    body, faults = copy.deepcopy(manifest.object), list[Fault]()
    for _ in range(_MAX_ROUNDS):
        try:
            client.create(path, body, dryRun="All", **_STRICT)
            break
        except ApiError as error:
            found = [_with_quotes(one) for one in verdicts.faults_of(manifest, error)]
            if not found and not faults:
                raise
            taken = {fault.field for fault in faults if fault.field}
            faults += [one for one in found if not one.field.startswith(tuple(taken))]
            if error.code != 400 or not verdicts.take_out(body, [fault.field for fault in found]):
                break
    return faults


def _with_quotes(fault: Fault) -> Fault:
    hint = confusables.quotes_in(fault.text)
    return dataclasses.replace(fault, hint=hint) if hint else fault


def remove(client: Client, objects: Sequence[dict[str, Any]], *, grace_s: int | None = None) -> None:
    """
    Delete *objects* as returned by ``apply``, last made first; those gone, or made anew by others, are
    left.
    """
    failed: PodlabError | None = None
    for stored in reversed(objects):
        of_pods = grace_s if stored.get("kind") == "Pod" else None
        try:
            client.remove(client.path_of(stored), uid=stored["metadata"]["uid"], grace_s=of_pods)
        except PodlabError as error:
            failed = failed or error
    if failed:
        raise failed


def _space_of(manifest: Manifest, space: str) -> str:
    return str((manifest.object.get("metadata") or {}).get("namespace") or space)


def _made_by_neighbour(manifests: Sequence[Manifest], error: ApiError) -> bool:
    """
    Return whether the refusal is for a ServiceAccount that is part of the same manifest, or about to
    appear.
    """
    message = str(error.status.get("message", ""))
    names = {manifest.name for manifest in manifests if manifest.kind == "ServiceAccount"} | {"default"}
    return any(f'serviceaccount "{name}" not found' in message for name in names)


def _create(client: Client, manifest: Manifest, space: str) -> dict[str, Any]:
    path = client.path_of(manifest.object, space, collection=True)
    give_up_at = time.monotonic() + _ACCOUNT_DEADLINE_S
    while True:
        try:
            return client.create(path, manifest.object, **_STRICT)
        except ApiError as error:
            missing = 'serviceaccount "' in str(error.cause) and "not found" in str(error.cause)
            if missing and error.code == 403 and time.monotonic() < give_up_at:
                time.sleep(0.1)
                continue
            faults = verdicts.faults_of(manifest, error)
            raise (error_of(faults) if faults else refusal(client, manifest, space, error)) from error


def refusal(client: Client, manifest: Manifest, space: str, error: ApiError) -> ApiError:
    """Return *error* in the words of the manifest: which object, which namespace, what to try."""
    space, what = _space_of(manifest, space), f'{manifest.kind} "{manifest.name}"'
    message = str(error.status.get("message", ""))
    place = f"{manifest.source}:{manifest.line('metadata.name')}"
    if error.code == 409 and error.reason == "AlreadyExists":
        return _again(
            error,
            f'{what} already exists in namespace "{space}"',
            cause=_age_of(client, manifest, space) or message,
            hint=f"{_delete(manifest, space)}, or change {place}",
        )
    if "is being terminated" in message:
        summary = f'namespace "{space}" is being deleted, so {what} cannot be made in it'
        return _again(error, summary, cause=message, hint="wait until it is gone, or use another namespace")
    if error.code == 404 and f'namespaces "{space}" not found' in message:
        summary = f'namespace "{space}" for {what} does not exist'
        return _again(
            error,
            summary,
            cause=message,
            hint=f"name another namespace, or put the Namespace {space} into the manifest before it",
        )
    return _again(
        error, f"{what} was refused by the server ({place})", cause=message or error.cause, hint=error.hint
    )


def _delete(manifest: Manifest, space: str) -> str:
    """Return the command that makes room for *manifest*."""
    what = manifest.name if manifest.kind == "Pod" else manifest.source
    return f"podlab delete {what}" + ("" if space == "default" else f" --namespace {space}")


def _again(error: ApiError, summary: str, *, cause: str | None, hint: str | None) -> ApiError:
    return type(error)(summary, cause=cause, hint=hint, status=error.status, code=error.code)


def _age_of(client: Client, manifest: Manifest, space: str) -> str | None:
    """
    Say since when the object with the same name exists, and what it is doing; None where that cannot be
    asked.
    """
    try:
        stored = client.get(client.path_of(manifest.object, space))
        metadata = stored["metadata"]
        age_s = (datetime.now(UTC) - datetime.fromisoformat(metadata["creationTimestamp"])).total_seconds()
    except (PodlabError, KeyError, ValueError):
        return None
    if metadata.get("deletionTimestamp"):
        return f"it was made {age_s:.0f} s ago and is being deleted; its name is free when that is done"
    phase = (stored.get("status") or {}).get("phase")
    return f"it was made {age_s:.0f} s ago" + (f" and is {phase}" if phase else "")
