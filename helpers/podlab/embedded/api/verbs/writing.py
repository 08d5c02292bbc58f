"""
POST, PUT, PATCH: decode, default, admit, validate, store; in that order, for every kind alike.

Source: apiserver/pkg/endpoints/handlers/{create,update,patch}.go and registry/generic/registry/store.go at
    v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded import fault, schema
from podlab.embedded.api.access.rbac import escalation
from podlab.embedded.api.http.codec import dumps, negotiate, read_object, respond
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.api.verbs import admission, deletion, eventversions, ownership, strategy
from podlab.embedded.api.verbs.getting import find, partial
from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.schema import decode, fielderror, podadmission, updates, validation
from podlab.embedded.schema.decode import DecodeError
from podlab.embedded.store import NotThereError, Store, TakenError, timestamp, uid
from podlab.pods.raw import RawObject

LONGEST_MANAGER = 128  # bytes
OPTIONS = {
    "POST": "CreateOptions",
    "PUT": "UpdateOptions",
    "PATCH": "PatchOptions",
    "DELETE": "DeleteOptions",
}
GENERATED_BASE = 58  # characters of generateName that are kept
GENERATE_TRIES = 8


def answer(request: Request, kind: Kind, obj: RawObject, code: int = 200) -> Response:
    """Return the object as the client asked for it."""
    wanted = negotiate(request.headers.get("accept", ""))
    if wanted.form == "Table":
        from podlab.embedded.api.printing import table

        revision = obj["metadata"].get("resourceVersion", "")
        return respond(table.of(kind, [obj], revision, "Metadata"), wanted, code)
    if wanted.form:
        return respond(partial(obj), wanted, code)
    shown = eventversions.to_new(obj) if kind.group == "events.k8s.io" else obj
    return respond(dumps(shown), wanted, code)


def is_dry(request: Request) -> bool:
    """
    True for ``dryRun=All``.

    Raises:
        StatusError: 422 for another value, and for other options that this verb does not take.
    """
    _check_options(request)
    value = request.one("dryRun")
    if value not in ("", "All"):
        why = fielderror.unsupported("dryRun", [value], ("All",))
        raise fault.bad_option(OPTIONS.get(request.method, "CreateOptions"), why)
    return value == "All"


def _check_options(request: Request) -> None:
    """Source: ValidatePatchOptions and ValidateFieldManager in apimachinery/pkg/apis/meta/v1/validation at v1.36.3."""
    manager, wrong = request.one("fieldManager"), []
    merged = request.method == "PATCH" and "apply-patch" not in request.headers.get("content-type", "")
    if merged and request.one("force"):
        wrong.append(fielderror.forbidden("force", "may not be specified for non-apply patch"))
    if len(manager.encode()) > LONGEST_MANAGER:
        wrong.append(fielderror.too_long("fieldManager", LONGEST_MANAGER))
    wrong += [
        fielderror.invalid(
            "fieldManager", manager, f"invalid character U+{ord(sign):04X} (at position {place})"
        )
        for place, sign in enumerate(manager)
        if not sign.isprintable()
    ]
    if wrong:
        raise fault.invalid(OPTIONS.get(request.method, "CreateOptions"), "meta.k8s.io", "", wrong)


def typed(request: Request, kind: Kind, raw: Any, type_name: str = "", kind_name: str = "") -> RawObject:
    """
    Decode a body as an object of *kind*, with defaults; field validation speaks here.

    Raises:
        StatusError: 400, with upstream's frame around the decoder's text.
    """
    wanted = kind_name or kind.kind
    if not isinstance(raw, dict):
        frame = f"the object provided is unrecognized (must be of type {wanted}): couldn't get version/kind; "
        word = decode.json_word(raw)
        raise bad_request(f"{frame}json parse error: json: cannot unmarshal {word} into Go value of type struct "
                          '{ APIVersion string "json:\\"apiVersion,omitempty\\""; '
                          'Kind string "json:\\"kind,omitempty\\"" }')  # fmt: skip
    given, version = raw.get("kind") or wanted, raw.get("apiVersion") or kind.api_version
    if given != wanted or (version != kind.api_version and not type_name):
        raise bad_request(_other_kind(str(given), str(version), wanted, kind))
    frame = f'{given} in version "v1" cannot be handled as a {wanted}: '
    try:
        obj, strict = schema.prepare(type_name or kind.type, raw)
    except DecodeError as error:
        raise bad_request(frame + str(error)) from None
    complain(request, strict, frame)
    obj["kind"], obj["apiVersion"] = wanted, version
    return {"kind": wanted, "apiVersion": version, **obj}


def _other_kind(given: str, version: str, wanted: str, kind: Kind) -> str:
    """Return upstream's message for a body of another kind or version."""
    short = version.rpartition("/")[2]
    known = any(k.kind == given and k.api_version == version for k in kinds().values())
    if known:
        package = kind.type.partition("/")[0]
        why = f"converting ({short}.{given}) to ({package}.{wanted}): unknown conversion"
    else:
        why = f'no kind "{given}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    return f'{given} in version "{short}" cannot be handled as a {wanted}: {why}'


def complain(request: Request, strict: list[str], frame: str) -> None:
    """
    Act on unknown and duplicate fields as ``fieldValidation`` says.

    Raises:
        StatusError: 400, under Strict.
    """
    mode = request.one("fieldValidation") or "Warn"
    if mode not in ("Strict", "Warn", "Ignore"):
        why = fielderror.unsupported("fieldValidation", mode, ("", "Ignore", "Strict", "Warn"))
        raise fault.bad_option(OPTIONS.get(request.method, "CreateOptions"), why)
    if strict and mode == "Strict":
        raise bad_request(f"{frame}strict decoding error: {', '.join(strict)}")
    if mode == "Warn":
        request.warnings += strict


# -- create --------------------------------------------------------------------------------------------------


async def create(store: Store, request: Request, route: Route) -> Response:
    """POST to a collection."""
    kind = route.kind
    if kind.namespaced and not route.namespace:
        raise fault.method_not_allowed()
    dry = is_dry(request)
    obj = typed(request, kind, await read_object(request, kind.kind))
    if kind.inert:
        request.warnings.append(f"this cluster stores a {kind.kind} and does not act on it")
    if kind.group == "events.k8s.io":
        obj = eventversions.to_core(obj)
    check_place(obj, route)
    if kind.namespaced:
        check_namespace(store, kind, route.namespace, obj["metadata"].get("name", ""))
    if obj["metadata"].get("resourceVersion") and not dry:
        raise StatusError(500, "resourceVersion should not be set on objects to be created")
    obj["metadata"].pop("uid", None)
    obj["metadata"].pop("creationTimestamp", None)
    obj = await mutated(request, kind, obj, dry=dry)
    escalation.check(store, request.user, kind, obj)
    return answer(request, kind, insert(store, kind, obj, dry=dry, warnings=request.warnings), 201)


async def mutated(request: Request, kind: Kind, obj: RawObject, *, dry: bool) -> RawObject:
    """
    Return a new object as the cluster's webhooks leave it.

    Raises:
        StatusError: 403 or 500.
    """
    if kind.kind == "MutatingWebhookConfiguration":
        from podlab.embedded.api.verbs.webhooks import matching

        request.warnings += matching.without_effect(obj)
    if request.mutate is None:
        return obj
    return await request.mutate(kind, obj, request.user, request.warnings, dry=dry)


def insert(
    store: Store,
    kind: Kind,
    obj: RawObject,
    *,
    dry: bool = False,
    warnings: list[str] | None = None,
    managed: list[RawObject] | None = None,
) -> RawObject:
    """
    Admit, validate and store a new object that was decoded; names are generated here.

    Args:
        warnings: What admission warns of is added to these.
        managed: ``managedFields``, of what was applied.

    Raises:
        StatusError: 403, 409 or 422.
    """
    meta = obj["metadata"]
    base = meta.get("generateName", "") if not meta.get("name") else ""
    admission.default(store, kind, obj)
    strategy.prepare_create(store, kind, obj)
    if managed:
        meta["managedFields"] = managed
    for _ in range(GENERATE_TRIES):
        if base:
            meta["name"] = base[:GENERATED_BASE] + podadmission.random_suffix()
        errors = validation.validate(kind.type, obj)
        if errors:
            raise fault.invalid(kind.kind, kind.group, meta.get("name", ""), errors)
        if store.get(kind.stored_as, meta.get("namespace", ""), meta["name"]) is None:
            admission.check(store, kind, obj, [] if warnings is None else warnings)
            return _imagined(store, obj) if dry else _stored(store, kind, obj)
        if not base:
            raise fault.already_exists(kind.resource, kind.group, meta["name"])
    message = "the server was not able to generate a unique name for the object"
    raise StatusError(
        409, f'{kind.resource} "{meta["name"]}" already exists, {message}', reason="AlreadyExists"
    )


def _stored(store: Store, kind: Kind, obj: RawObject) -> RawObject:
    try:
        return store.create(kind.stored_as, obj)
    except TakenError:
        raise fault.already_exists(kind.resource, kind.group, obj["metadata"]["name"]) from None


def _imagined(store: Store, obj: RawObject) -> RawObject:
    """Return what a dry run answers."""
    stamp = {"uid": uid(), "creationTimestamp": timestamp(store.clock())}
    return {**obj, "metadata": {**stamp, **obj["metadata"]}}


def check_place(obj: RawObject, route: Route) -> None:
    """The namespace and name in the body must be those of the path."""
    meta = obj["metadata"]
    if route.kind.namespaced:
        if meta.get("namespace") not in (None, "", route.namespace):
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = route.namespace
    else:
        meta.pop("namespace", None)
    if route.name:
        if meta.get("name") not in (None, "", route.name):
            raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL "
                              f"({route.name})")  # fmt: skip
        meta["name"] = route.name


def check_namespace(store: Store, kind: Kind, namespace: str, name: str) -> None:
    """
    Objects are made only in a namespace that exists and is not being deleted.

    Raises:
        StatusError: 404 or 403.
    """
    found = store.get("namespaces", "", namespace)
    if found is None:
        raise fault.not_found("namespaces", "", namespace)
    if found["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        refusal = fault.forbidden(kind.resource, kind.group, name, why)
        cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated",
                 "field": "metadata.namespace"}  # fmt: skip
        refusal.status.setdefault("details", {})["causes"] = [cause]
        raise refusal


# -- update --------------------------------------------------------------------------------------------------


async def update(store: Store, request: Request, route: Route) -> Response:
    """PUT of an object or of its status."""
    dry = is_dry(request)
    obj = typed(request, route.kind, await read_object(request, route.kind.kind))
    if route.kind.group == "events.k8s.io":
        obj = eventversions.to_core(obj)
    check_place(obj, route)
    old = find(store, route).object
    escalation.check(store, request.user, route.kind, obj, old)
    return answer(request, route.kind, replace(store, route, obj, old, dry=dry, warnings=request.warnings))


def replace(
    store: Store,
    route: Route,
    obj: RawObject,
    old: RawObject,
    *,
    dry: bool = False,
    warnings: list[str] | None = None,
    managed: list[RawObject] | None = None,
) -> RawObject:
    """
    Put *obj* in the place of *old*, as far as the (sub)resource lets it.

    Args:
        warnings: What admission warns of is added to these.
        managed: ``managedFields`` where *obj* was applied; else they follow from what changes.

    Raises:
        StatusError: 409 or 422.
    """
    kind, meta = route.kind, obj["metadata"]
    _check_version(kind, meta, old["metadata"])
    if route.sub == "status":
        obj = strategy.prepare_status(kind, obj, old)
    else:
        strategy.prepare_update(store, kind, obj, old)
        if managed is None and old["metadata"].get("managedFields"):
            managed = ownership.after_update(old, obj)
        if managed:
            meta["managedFields"] = managed
        errors = updates.validate(kind.type, obj, old)
        if errors:
            raise fault.invalid(kind.kind, kind.group, meta["name"], errors)
        admission.check(store, kind, obj, [] if warnings is None else warnings, old)
    if dry:
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}}
    try:
        stored = store.update(kind.stored_as, obj)
    except NotThereError:
        raise fault.not_found(kind.resource, kind.group, route.name) from None
    return deletion.finish_if_free(store, kind.stored_as, stored)


def _check_version(kind: Kind, meta: RawObject, old: RawObject) -> None:
    if meta.get("resourceVersion") not in (None, "", "0", old["resourceVersion"]):  # 0: whatever there is
        raise fault.conflict(kind.resource, kind.group, old["name"])
    if meta.get("uid") not in (None, "", old["uid"]):
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {old['uid']}"
        raise fault.conflict(kind.resource, kind.group, old["name"], why)
