"""
Server-side apply, without field ownership: the configuration is merged as a strategic merge patch.

A real server remembers which manager set which field, refuses conflicting changes, and takes away what a
manager left out. None of that happens here, and the answer says so in a warning.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.api import writing
from podlab.embedded.api.fault import Fault, bad_request
from podlab.embedded.api.patching import PatchError, strategic
from podlab.embedded.api.rbac import authorizer, escalation
from podlab.embedded.api.rbac.attributes import Attributes
from podlab.embedded.api.request import Request, Response, Route
from podlab.embedded.store import Store

WARNING = (
    "this cluster keeps no field owners: server-side apply merges, finds no conflicts, and leaves fields that are no "
    "longer applied"
)


def apply(store: Store, request: Request, route: Route, body: Any, *, dry: bool) -> Response:
    """
    Apply a configuration: create the object, or merge into it.

    Raises:
        Fault: 400, 404, 409 or 422.
    """
    kind = route.kind
    if not request.one("fieldManager"):
        raise Fault(422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
                         "apply patch")  # fmt: skip
    if not isinstance(body, dict) or kind.group == "events.k8s.io":
        raise bad_request("the applied configuration is no object of this kind")
    request.warnings.append(WARNING)
    old = store.get(kind.shelf, route.namespace, route.name)
    if old is None:
        if kind.namespaced:
            writing.check_namespace(store, kind, route.namespace, route.name)
        asked = Attributes("create", kind.group, kind.resource, "", route.name, route.namespace)
        authorizer.require(store, request.user, asked)
        obj = writing.typed(request, kind, body)
        writing.check_place(obj, route)
        escalation.check(store, request.user, kind, obj)
        return writing.answer(
            request, kind, writing.insert(store, kind, obj, dry=dry, warnings=request.warnings), 201
        )
    try:
        merged = strategic(kind.type, old, {k: v for k, v in body.items() if k != "status"}, applied=True)
    except PatchError as error:
        raise bad_request(str(error)) from None
    obj = writing.typed(request, kind, merged)
    writing.check_place(obj, route)
    escalation.check(store, request.user, kind, obj, old)
    return writing.answer(
        request, kind, writing.replace(store, route, obj, old, dry=dry, warnings=request.warnings)
    )
