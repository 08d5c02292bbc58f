"""
Subresources that do something of their own: log, binding, eviction, scale, token, finalize, ephemeral
containers.
"""

from __future__ import annotations

from typing import Any, NoReturn

from podlab.embedded import fault
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import read_object
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.nodeconnection import choose
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import admission, deletion, evicting, patches, patching, writing
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.fault import bad_request
from podlab.embedded.schema import ephemerals, fielderror
from podlab.embedded.store import Store, timestamp
from podlab.pods.raw import RawObject

SCALE = Kind({"group": "autoscaling", "resource": "scales", "kind": "Scale", "short": [],
              "type": "autoscaling/v1.Scale"})  # fmt: skip
BINDING = Kind({"resource": "bindings", "kind": "Binding", "short": [], "type": "core/v1.Binding"})


async def answer(backend: Backend, request: Request, route: Route) -> Response | None:
    """Answer a request to a subresource other than status."""
    handler = _HANDLERS.get((route.sub, request.method))
    if handler is None:
        if route.sub in ("exec", "attach", "portforward"):
            _refuse_spdy(backend, request, route)
        raise fault.method_not_allowed()
    found: Response | None = await handler(backend, request, route)
    return found


def _refuse_spdy(backend: Backend, request: Request, route: Route) -> NoReturn:
    """
    Refuse an upgrade to bare SPDY, which kubectl tries when its WebSocket was refused: with the same reason.

    Raises:
        StatusError: Always.
    """
    pod = find(backend.store, route).object
    if route.sub != "portforward":
        backend.node.check_running(pod, choose(pod, request.one("container")))
    raise bad_request("Upgrade request required: this server speaks WebSocket, not SPDY")


async def _log(backend: Backend, request: Request, route: Route) -> Response | None:
    from podlab.embedded.api.verbs import logs

    return await logs.answer(backend.store, backend.node, request, find(backend.store, route).object)


# -- binding ------------------------------------------------------------------------------------


async def _binding(backend: Backend, request: Request, route: Route) -> Response:
    body = writing.typed(request, BINDING, await read_object(request, "Binding"))
    if body["metadata"].get("name") not in (None, "", route.name):
        raise bad_request("name in URL does not match name in Binding object")
    target = (body.get("target") or {}).get("name")
    if not target:
        raise fault.invalid("Binding", "", route.name, [fielderror.required("target.name")])
    if not writing.is_dry(request):
        bind(backend.store, find(backend.store, route).object, target)
    return Response(b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}', 201)


def bind(store: Store, pod: RawObject, node: str) -> RawObject:
    """
    Put a Pod on a node.

    Raises:
        StatusError: 409, when it is on one or is being deleted.
    """
    meta, spec = pod["metadata"], pod["spec"]
    if meta.get("deletionTimestamp"):
        why = f"pod {meta['name']} is being deleted, cannot be assigned to a host"
        raise fault.conflict("pods/binding", "", meta["name"], why)
    if spec.get("nodeName"):
        why = f'pod {meta["name"]} is already assigned to node "{spec["nodeName"]}"'
        raise fault.conflict("pods/binding", "", meta["name"], why)
    status = dict(pod.get("status") or {})
    kept = [c for c in status.get("conditions") or [] if c["type"] != "PodScheduled"]
    bound = {
        "type": "PodScheduled",
        "observedGeneration": meta.get("generation", 1),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(store.clock()),
    }
    status["conditions"] = [*kept, bound]
    return store.update("pods", {**pod, "spec": {**spec, "nodeName": node}, "status": status})


async def _finalize(backend: Backend, request: Request, route: Route) -> Response:
    old = find(backend.store, route).object
    obj = writing.typed(request, route.kind, await read_object(request))
    writing.check_place(obj, route)
    changed = {**old, "spec": obj.get("spec") or {}}
    stored = backend.store.update(route.kind.stored_as, changed)
    return writing.answer(
        request, route.kind, deletion.finish_if_free(backend.store, route.kind.stored_as, stored)
    )


# -- scale ---------------------------------------------------------------------------------------------------


def _scale_of(obj: RawObject) -> RawObject:
    """Return the Scale of a Deployment, ReplicaSet or ReplicationController."""
    meta = obj["metadata"]
    selector = obj["spec"].get("selector") or {}
    labels = selector if obj["kind"] == "ReplicationController" else selector.get("matchLabels") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{k}={v}" for k, v in sorted(labels.items())),
        },
    }


async def _get_scale(backend: Backend, request: Request, route: Route) -> Response:
    return writing.answer(request, SCALE, _scale_of(find(backend.store, route).object))


async def _put_scale(backend: Backend, request: Request, route: Route) -> Response:
    old, scale = await patches.wanted(backend.store, request, route, SCALE, _scale_of)
    writing.check_place(scale, Route(SCALE, route.namespace, route.name, "", ""))
    wanted = (scale.get("spec") or {}).get("replicas") or 0
    if wanted < 0:
        fault_of = fielderror.invalid("spec.replicas", wanted, "must be greater than or equal to 0")
        raise fault.invalid("Scale", "autoscaling", route.name, [fault_of])
    version = scale["metadata"].get("resourceVersion")
    meta = {**old["metadata"], "resourceVersion": version or old["metadata"]["resourceVersion"]}
    changed = {**old, "metadata": meta, "spec": {**old["spec"], "replicas": wanted}}
    main = Route(route.kind, route.namespace, route.name, "", "")
    stored = writing.replace(backend.store, main, changed, old, dry=writing.is_dry(request))
    return writing.answer(request, SCALE, _scale_of(stored))


# -- the rest ------------------------------------------------------------------------------------------------


async def _token(backend: Backend, request: Request, route: Route) -> Response:
    from podlab.embedded.api.verbs import tokens

    return await tokens.answer(backend, request, find(backend.store, route).object)


async def _resize(backend: Backend, request: Request, route: Route) -> Response:
    from podlab.embedded.api.verbs import resizing

    return await resizing.answer(backend, request, route)


async def _ephemeral(backend: Backend, request: Request, route: Route) -> Response:
    """Ephemeral containers can be added to a Pod, never changed or taken away."""
    if request.method == "GET":
        return writing.answer(request, route.kind, find(backend.store, route).object)
    old, obj = await patches.wanted(backend.store, request, route, route.kind)
    writing.check_place(obj, route)
    if obj["metadata"].get("resourceVersion") not in (None, "", old["metadata"]["resourceVersion"]):
        raise fault.conflict(route.kind.resource, route.kind.group, route.name)
    added = obj["spec"].get("ephemeralContainers") or []
    errors = ephemerals.validate(added, old)
    if errors:
        raise fault.invalid("Pod", "", route.name, errors)
    meta = {**old["metadata"], "generation": old["metadata"].get("generation", 1) + 1}
    new = {**old, "metadata": meta, "spec": {**old["spec"], "ephemeralContainers": added}}
    admission.check(backend.store, route.kind, new, request.warnings, old)
    new = new if writing.is_dry(request) else backend.store.update("pods", new)
    return writing.answer(request, route.kind, new)


_HANDLERS: dict[tuple[str, str], Any] = {
    ("log", "GET"): _log,
    ("binding", "POST"): _binding,
    ("eviction", "POST"): evicting.answer,
    ("finalize", "PUT"): _finalize,
    ("scale", "GET"): _get_scale,
    ("scale", "PUT"): _put_scale,
    ("scale", "PATCH"): _put_scale,
    ("token", "POST"): _token,
    ("resize", "GET"): _resize,
    ("resize", "PATCH"): _resize,
    ("resize", "PUT"): _resize,
    ("ephemeralcontainers", "GET"): _ephemeral,
    ("ephemeralcontainers", "PATCH"): _ephemeral,
    ("ephemeralcontainers", "PUT"): _ephemeral,
}
__all__ = ["answer", "bind", "patching"]
