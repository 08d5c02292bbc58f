"""
Server-side apply: the configuration is merged as a strategic merge patch; ``ownership`` says who applied what.

Source: apiserver/pkg/endpoints/handlers/fieldmanager and apimachinery/pkg/util/managedfields at v1.36.3.
"""

from __future__ import annotations

import copy
from typing import Any

from podlab.embedded.api.access.rbac import authorizer, escalation
from podlab.embedded.api.access.rbac.attributes import Attributes
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.verbs import ownership, writing
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.api.verbs.patching import PatchError, strategic
from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.store import Store, timestamp
from podlab.pods.raw import RawObject

UNOWNED = "was set without server-side apply and has no owner here; a real cluster may report a conflict"


async def apply(store: Store, request: Request, route: Route, body: Any, *, dry: bool) -> Response:
    """
    Apply a configuration: create the object, or merge into it.

    Raises:
        StatusError: 400, 404, 409 or 422.
    """
    kind = route.kind
    if not request.one("fieldManager"):
        raise StatusError(422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
                         "apply patch")  # fmt: skip
    if not isinstance(body, dict) or kind.group == "events.k8s.io":
        raise bad_request("the applied configuration is not an object of this kind")
    version = body.get("apiVersion", "")
    if version != kind.api_version:
        given = f"Specified patch version: {version}, expected: {kind.api_version}"
        raise bad_request(f"Incorrect version specified in apply patch. {given}")
    old = store.get(kind.stored_as, route.namespace, route.name)
    if route.sub == "status":
        return _merge_status(store, request, route, body, dry)
    config = {key: value for key, value in body.items() if key != "status"}
    if old is None:
        return await _create(store, request, route, config, dry)
    return _merge(store, request, route, config, old, dry)


async def _create(store: Store, request: Request, route: Route, config: RawObject, dry: bool) -> Response:
    kind = route.kind
    if kind.namespaced:
        writing.check_namespace(store, kind, route.namespace, route.name)
    asked = Attributes("create", kind.group, kind.resource, "", route.name, route.namespace)
    authorizer.require(store, request.user, asked)
    obj = writing.typed(request, kind, config)
    writing.check_place(obj, route)
    obj = await writing.mutated(request, kind, obj, dry=dry)
    escalation.check(store, request.user, kind, obj)
    owners = {request.one("fieldManager"): ownership.leaves(kind.type, config)}
    entries = ownership.entries_of(owners, kind.api_version, {}, timestamp(store.clock()))
    made = writing.insert(store, kind, obj, dry=dry, warnings=request.warnings, managed=entries)
    return writing.answer(request, kind, made, 201)


def _merge(
    store: Store, request: Request, route: Route, config: RawObject, old: RawObject, dry: bool
) -> Response:
    kind, manager = route.kind, request.one("fieldManager")
    owners, mine = ownership.owners_of(old), ownership.leaves(kind.type, config)
    try:
        merged = strategic(kind.type, old, config, applied=True)
    except PatchError as error:
        raise bad_request(str(error)) from None
    merged = copy.deepcopy(merged)
    for path in ownership.abandoned(owners, manager, mine):
        ownership.remove(merged, path)
    obj = writing.typed(request, kind, merged)
    writing.check_place(obj, route)
    escalation.check(store, request.user, kind, obj, old)
    found = ownership.conflicts(obj, mine, old, owners, manager)
    if found and not request.flag("force"):
        raise _conflict(found)
    _warn(request, mine, old, obj, owners)
    for other, path in found:
        owners[other].discard(path)
    owners[manager] = mine
    entries = ownership.entries_of(owners, kind.api_version, old, timestamp(store.clock()))
    stored = writing.replace(store, route, obj, old, dry=dry, warnings=request.warnings, managed=entries)
    return writing.answer(request, kind, stored)


def _merge_status(store: Store, request: Request, route: Route, body: RawObject, dry: bool) -> Response:
    """Merge the status alone. Nobody owns fields of a status here: two who apply the same field do not conflict."""
    old = find(store, route).object
    try:
        merged = strategic(route.kind.type, old, {"status": body.get("status") or {}}, applied=True)
    except PatchError as error:
        raise bad_request(str(error)) from None
    obj = writing.typed(request, route.kind, copy.deepcopy(merged))
    return writing.answer(request, route.kind, writing.replace(store, route, obj, old, dry=dry))


def _warn(
    request: Request, mine: set[ownership.Path], old: RawObject, new: RawObject, owners: ownership.Owners
) -> None:
    """Name a field that is taken over although nobody is known to have applied it."""
    owned = set().union(*owners.values())
    for path in sorted(mine - owned):
        there, value = ownership.value_at(old, path)
        if path[-1] != ownership.ITEM and there and value != ownership.value_at(new, path)[1]:
            request.warnings.append(f"{ownership.shown(path)} {UNOWNED}")


def _conflict(found: list[tuple[str, ownership.Path]]) -> StatusError:
    """409, with upstream's text."""
    by_manager: dict[str, list[str]] = {}
    for manager, path in found:
        by_manager.setdefault(manager, []).append(ownership.shown(path))
    texts = []
    for manager, fields in by_manager.items():
        one = len(fields) == 1
        listed = f" {fields[0]}" if one else "".join(f"\n- {field}" for field in fields)
        texts.append(f'conflict{"" if one else "s"} with "{manager}":{listed}')
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{name}"',
            "field": ownership.shown(path),
        }
        for name, path in found
    ]
    number = f"{len(found)} conflict{'' if len(found) == 1 else 's'}"
    return StatusError(409, f"Apply failed with {number}: {chr(10).join(texts)}", details={"causes": causes})
