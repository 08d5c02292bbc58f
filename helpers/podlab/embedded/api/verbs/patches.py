"""
PATCH: the four forms of patches, from the body to the stored object; and what a PUT or PATCH of a subresource wants.

``patching`` holds the algorithms, ``applying`` server-side apply, ``writing`` the checks and the store that all
writes share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.embedded import fault
from podlab.embedded.api.access.rbac import escalation
from podlab.embedded.api.http.codec import dumps, parse_json, parse_yaml, read_object
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import eventversions, patching
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.api.verbs.writing import answer, check_place, is_dry, replace, typed
from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.schema import decode, fielderror
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC_PATCH, APPLY_PATCH = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def _same(obj: RawObject) -> RawObject:
    return obj


async def wanted(
    store: Store, request: Request, route: Route, kind: Kind, show: Callable[[RawObject], RawObject] = _same
) -> tuple[RawObject, RawObject]:
    """
    Return what is stored, and what a PUT or PATCH of one of its subresources wants to see there.

    The store is looked at once the body is there: others may write while it is awaited.

    Args:
        kind: Of the subresource.
        show: What is stored as such a kind.
    """
    if request.method != "PATCH":
        raw = await read_object(request, kind.kind)
        return find(store, route).object, typed(request, kind, raw)
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    if media not in PATCHES[:3]:
        raise fault.unsupported_media(PATCHES[:3])
    body = decode_patch(media, await request.body())
    old, place = find(store, route).object, Route(kind, route.namespace, route.name, "", "")
    return old, typed_patch(request, place, media, show(old), body)


async def patch(store: Store, request: Request, route: Route) -> Response:
    """PATCH of an object or of its status."""
    dry = is_dry(request)
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    if media not in PATCHES:
        raise StatusError(415, "415: Unsupported Media Type", details={})
    data = await request.body()
    if media == APPLY_PATCH:
        from podlab.embedded.api.verbs import applying

        return await applying.apply(store, request, route, parse_yaml(data), dry=dry)
    old = find(store, route).object
    shown = eventversions.to_new(old) if route.kind.group == "events.k8s.io" else old
    obj = typed_patch(request, route, media, shown, decode_patch(media, data))
    if route.kind.group == "events.k8s.io":
        obj = eventversions.to_core(obj)
    check_place(obj, route)
    escalation.check(store, request.user, route.kind, obj, old)
    return answer(request, route.kind, replace(store, route, obj, old, dry=dry, warnings=request.warnings))


def decode_patch(media: str, data: bytes) -> Any:
    """
    Return the body of a patch.

    Raises:
        StatusError: 400 for an invalid one.
    """
    try:
        body = parse_json(data)
    except StatusError as error:
        text = str(error).removeprefix("json parse error: ")
        raise bad_request(f"error decoding patch: {text}") from None
    wanted = list if media == JSON_PATCH else dict
    if not isinstance(body, wanted):
        go = "[]handlers.jsonPatchOp" if wanted is list else "map[string]interface {}"
        word = decode.json_word(body)
        raise bad_request(f"error decoding patch: json: cannot unmarshal {word} into Go value of type {go}")
    return body


def typed_patch(request: Request, route: Route, media: str, old: RawObject, body: Any) -> RawObject:
    """
    Return the patched object, decoded. Errors of its types name the field ``patch``, as upstream does.

    Raises:
        StatusError: 400 or 422.
    """
    result = patched(route.kind, media, old, body)
    try:
        obj = typed(request, route.kind, result)
    except StatusError as error:
        _, colon, why = str(error).partition(f" cannot be handled as a {route.kind.kind}: ")
        if not colon or "unknown conversion" in why or why.startswith("no kind"):
            raise
        shown = patching.go_text(body) if media == STRATEGIC_PATCH else dumps(result).decode()
        raise fault.invalid("", "", "", [fielderror.invalid("patch", shown, why)]) from None
    uid_was, uid_now = old["metadata"].get("uid"), obj["metadata"].get("uid")
    if uid_now and uid_was != uid_now:
        immutable = fielderror.invalid("metadata.uid", uid_now, "field is immutable")
        raise fault.invalid(route.kind.kind, route.kind.group, route.name, [immutable, immutable])
    return obj


def patched(kind: Kind, media: str, old: RawObject, body: Any) -> Any:
    """
    Return the object with the patch applied, not yet decoded.

    Raises:
        StatusError: 400 when the patch is malformed, 422 when its path or test fails.
    """
    try:
        if media == JSON_PATCH:
            return patching.json_patch(old, body)
        if media == MERGE_PATCH:
            return patching.merge(old, body)
        return patching.strategic(kind.type, old, body)
    except patching.PatchError as error:
        if error.large:
            raise StatusError(413, str(error)) from None
        if error.missing:
            text = "the server rejected our request due to an error in our request"
            raise StatusError(422, text, details={}) from None
        raise bad_request(str(error)) from None  # upstream: 500; but the client made the error
    except RecursionError:
        raise bad_request("exceeded max depth") from None
