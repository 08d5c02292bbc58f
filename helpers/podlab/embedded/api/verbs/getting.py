"""
GET: one object, or a list with selectors, ``limit`` and ``continue``, in the form that the client asks for.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from podlab.embedded.api.http.codec import Wanted, dumps, negotiate, respond
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.printing import table
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import eventversions, selectors
from podlab.embedded.fault import StatusError, bad_request, expired, invalid, not_found
from podlab.embedded.schema import fielderror
from podlab.embedded.store import ExpiredError, Key, Store, Version
from podlab.pods.raw import RawObject

MATCHES = ("Exact", "NotOlderThan", "")

CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


def get(store: Store, request: Request, route: Route) -> Response:
    """One object."""
    version = find(store, route)
    wanted = negotiate(request.headers.get("accept", ""))
    if wanted.form == "Table":
        return respond(
            table.of(route.kind, [version.object], str(version.revision), include(request)), wanted
        )
    if wanted.form:
        return respond(partial(version.object), wanted)
    return respond(one(route.kind, version), wanted)


def find(store: Store, route: Route) -> Version:
    """Return the object that a route names. Raises StatusError 404."""
    version = store.version(route.kind.stored_as, route.namespace, route.name)
    if version is None:
        raise not_found(route.kind.resource, route.kind.group, route.name)
    return version


def one(kind: Kind, version: Version) -> bytes:
    """Return an object's JSON in the group of *kind*."""
    if kind.group == "events.k8s.io":
        return dumps(eventversions.to_new(version.object))
    return version.json


def include(request: Request) -> str:
    """Return how much of each object a Table row carries: Metadata, Object or None."""
    return request.one("includeObject", "Metadata")


def partial(obj: RawObject) -> RawObject:
    """PartialObjectMetadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def test_of(request: Request, route: Route) -> selectors.Test | None:
    """Return the selectors of a request, and the name when the path has one."""
    label = selectors.label_test(request.one("labelSelector"))
    field = selectors.field_test(request.one("fieldSelector"), route.kind)
    return selectors.both(label, field)


class ListPage:
    """A part of a list: the versions, the revision that they belong to, and what comes after."""

    def __init__(self, versions: list[Version], revision: int, token: str, remaining: int) -> None:
        self.versions, self.revision, self.token, self.remaining = versions, revision, token, remaining

    def meta(self) -> RawObject:
        """ListMeta."""
        meta: RawObject = {"resourceVersion": str(self.revision)}
        if self.token:
            meta["continue"] = self.token
            if self.remaining:
                meta["remainingItemCount"] = self.remaining
        return meta


def page(store: Store, request: Request, route: Route) -> ListPage:
    """
    Return the objects that a list request asks for.

    Raises:
        StatusError: 400 or 422 for parameters that cannot be read, 410 for a continue token that is too old, 504 for a
            resourceVersion that does not exist yet.
    """
    test = test_of(request, route)
    request.number("timeoutSeconds")  # of a watch; a real server reads it here, too
    _check_options(request)
    limit = request.number("limit") or 0
    token = request.one("continue")
    revision, after = _token(token) if token else (store.revision, None)
    if not 0 <= revision <= store.revision:
        raise _not_ours()
    if not token:
        check_revision(store, request.one("resourceVersion"))
    try:
        then = store.versions_at(route.kind.stored_as, revision)
    except ExpiredError:
        raise _expired_token(store, after) from None
    keys = sorted(k for k in then if not route.namespace or k[0] == route.namespace)
    if after is not None:
        keys = [key for key in keys if key > after]
    return _cut(then, keys, test, limit, revision)


def _check_options(request: Request) -> None:
    """
    Refuse a resourceVersion, or a match for it, that contradicts the other options of a list request.

    Source: ValidateListOptions in apimachinery/pkg/apis/meta/internalversion/validation/validation.go, and
    ValidateListOptions in apiserver/pkg/storage/interfaces.go, at v1.36.3.
    """
    match, revision, field = (
        request.one("resourceVersionMatch"),
        request.one("resourceVersion"),
        "resourceVersionMatch",
    )
    wrong = []
    if match and not revision:
        wrong.append(fielderror.forbidden(field, f"{field} is forbidden unless resourceVersion is provided"))
    if match and request.one("continue"):
        wrong.append(fielderror.forbidden(field, f"{field} is forbidden when continue is provided"))
    if match not in MATCHES:
        wrong.append(fielderror.unsupported(field, match, MATCHES))
    if match == "Exact" and revision == "0":
        wrong.append(fielderror.forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"'))
    if request.one("sendInitialEvents"):
        wrong.append(fielderror.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if wrong:
        raise invalid("ListOptions", "meta.k8s.io", "", wrong)
    if request.one("continue") and revision not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")


def _cut(then: dict[Key, Version], keys: list[Key], test: Any, limit: int, revision: int) -> ListPage:
    found: list[Version] = []
    for place, key in enumerate(keys):
        if test is None or test(then[key].object):
            found.append(then[key])
        if limit and len(found) == limit and place + 1 < len(keys):
            # With a selector nobody counts, as upstream.
            remaining = len(keys) - place - 1 if test is None else 0
            return ListPage(found, revision, make_token(revision, key), remaining)
    return ListPage(found, revision, "", 0)


def make_token(revision: int, after: Key) -> str:
    """Return a continue token: opaque to clients."""
    return base64.urlsafe_b64encode(json.dumps([revision, *after]).encode()).decode().rstrip("=")


def _token(text: str) -> tuple[int, Key]:
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(revision), (str(namespace), str(name))
    except (ValueError, TypeError, RecursionError):
        raise _not_ours() from None


def _not_ours() -> StatusError:
    return bad_request("invalid continue token: continue key is not valid")


def _expired_token(store: Store, after: Key | None) -> StatusError:
    fault = expired(CONTINUE_TOO_OLD)
    if after is not None:
        fault.status["metadata"] = {"continue": make_token(store.revision, after)}
    return fault


def check_revision(store: Store, text: str) -> int:
    """
    Return a resourceVersion as a number; "" is 0.

    Raises:
        StatusError: 400 for an invalid one, 504 for one in the future.
    """
    if not text:
        return 0
    if not text.isdigit():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: {why}")
    revision = int(text)
    if revision > store.revision:
        message = f"Too large resource version: {revision}, current: {store.revision}"
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        raise StatusError(504, f"Timeout: {message}", details={"causes": causes, "retryAfterSeconds": 1})
    return revision


def list_(store: Store, request: Request, route: Route) -> Response:
    """Answer a GET of a collection with a list."""
    wanted = negotiate(request.headers.get("accept", ""))
    found = page(store, request, route)
    if wanted.form == "Table":
        objects = [version.object for version in found.versions]
        return respond(table.of(route.kind, objects, found.meta(), include(request)), wanted)
    if wanted.form:
        items = [partial(version.object) for version in found.versions]
        kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return respond({**kind, "metadata": found.meta(), "items": items}, wanted)
    return respond(whole(route.kind, found), wanted)


def whole(kind: Kind, found: ListPage) -> bytes:
    """Return a list in full, joined from the encodings that the store keeps."""
    items = b",".join([_bare(kind, version) for version in found.versions])
    head = f'{{"kind":"{kind.kind}List","apiVersion":"{kind.api_version}","metadata":'.encode()
    return head + dumps(found.meta()) + b',"items":[' + items + b"]}"


def _bare(kind: Kind, version: Version) -> bytes:
    """Return an item of a list: without kind and apiVersion, as upstream writes it."""
    head = f'{{"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode()
    data = one(kind, version)
    if data.startswith(head):
        return b"{" + data[len(head) :]
    return dumps({k: v for k, v in json.loads(data).items() if k not in ("kind", "apiVersion")})


__all__ = ["Wanted", "get", "list_"]
