"""
``…/pods/NAME/resize``: CPU and memory of the containers of a Pod, the one thing of their spec that may change.

Source: pkg/registry/core/pod/strategy.go (podResizeStrategy), ValidatePodResize and
plugin/pkg/admission/podresize at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded import fault
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.verbs import admission, patches, writing
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.schema import podadmission, validation
from podlab.embedded.schema.fielderror import FieldError, forbidden, invalid
from podlab.pods import requests, roles
from podlab.pods.raw import RawObject

LISTS = (roles.INIT, roles.APP)
RESIZABLE = ("cpu", "memory")


async def answer(backend: Backend, request: Request, route: Route) -> Response:
    """GET, PATCH or PUT of the subresource."""
    if request.method == "GET":
        return writing.answer(request, route.kind, find(backend.store, route).object)
    old, asked = await patches.wanted(backend.store, request, route, route.kind)
    writing.check_place(asked, route)
    version = asked["metadata"].get("resourceVersion")
    if version not in (None, "", old["metadata"]["resourceVersion"]):
        raise fault.conflict(route.kind.resource, route.kind.group, route.name)
    new = {**old, "spec": resized(asked["spec"], old["spec"])}
    errors = faults(new, old)
    if errors:
        raise fault.invalid("Pod", "", route.name, errors)
    admission.check(backend.store, route.kind, new, request.warnings, old, sub="resize")
    if new["spec"] != old["spec"]:
        _check_room(backend, new)
        generation = old["metadata"].get("generation", 1) + 1
        new["metadata"] = {**old["metadata"], "generation": generation}
        new = new if writing.is_dry(request) else backend.store.update("pods", new)
    return writing.answer(request, route.kind, new)


def _check_room(backend: Backend, pod: RawObject) -> None:
    """
    The PodResize admission of v1.36: what no node of this size could ever grant is refused here.

    Raises:
        StatusError: 403.
    """
    name = pod["metadata"]["name"]
    node_name = pod["spec"].get("nodeName")
    if not node_name:
        return
    node = backend.store.get("nodes", "", node_name)
    if node is None:
        raise fault.forbidden("pods", "", name, f'node "{node_name}" not found')
    has = requests.amounts(node["status"].get("allocatable"))
    wants = requests.pod_requests(pod)
    short = [
        f"{what}, requested: {wants[what]}, allocatable: {has.get(what, 0)}"
        for what in RESIZABLE
        if wants.get(what, 0) > has.get(what, 0)
    ]
    if short:
        why = f"node didn't have enough allocatable resources: {'; '.join(short)}"
        raise fault.forbidden("pods", "", name, why)


def resized(asked: RawObject, spec: RawObject) -> RawObject:
    """*spec* with the resources that were asked for; nothing else of what was asked counts."""
    result = dict(spec)
    for key in LISTS:
        if [c.get("name") for c in asked.get(key) or ()] != [c["name"] for c in spec.get(key) or ()]:
            return {**spec, **{k: asked[k] for k in LISTS if k in asked}}
        if spec.get(key):
            pairs = zip(spec[key], asked[key], strict=True)
            result[key] = [_with_resources(was, now) for was, now in pairs]
    return result


def _with_resources(was: RawObject, now: RawObject) -> RawObject:
    kept = {k: v for k, v in was.items() if k not in ("resources", "resizePolicy")}
    return kept | {k: now[k] for k in ("resources", "resizePolicy") if k in now}


def faults(new: RawObject, old: RawObject) -> list[FieldError]:
    """Return what is wrong with a resize."""
    plain = {k: v for k, v in new["spec"].items() if k != roles.EPHEMERAL}
    errors = validation.validate("core/v1.Pod", {**new, "spec": plain})
    was = old["status"].get("qosClass", "")
    if podadmission.qos_class(new) != was:
        errors.append(invalid("spec", was, "Pod QOS Class may not change as a result of resizing"))
    moved = _moved(new["spec"], old["spec"])
    if moved:
        return errors + moved
    for key in LISTS:
        for place, (now, before) in enumerate(
            zip(new["spec"].get(key) or (), old["spec"].get(key) or (), strict=True)
        ):
            errors += _removed(now, before, f"spec.{key}[{place}].resources")
            errors += _other_changes(now, before, key, place)
    return errors


def _moved(new: RawObject, old: RawObject) -> list[FieldError]:
    errors = []
    for key in ("containers", "initContainers"):
        now, before = new.get(key) or [], old.get(key) or []
        if len(now) != len(before):
            errors.append(forbidden(f"spec.{key}", f"{key} may not be added or removed on resize"))
            continue
        text = f"{key} may not be renamed or reordered on resize"
        errors += [
            forbidden(f"spec.{key}[{i}].name", text)
            for i, container in enumerate(before)
            if now[i].get("name") != container["name"]
        ]
    return errors


def _removed(now: RawObject, before: RawObject, path: str) -> list[FieldError]:
    new, old = now.get("resources") or {}, before.get("resources") or {}
    return [
        forbidden(f"{path}.{key}", f"resource {key} cannot be removed")
        for key in ("requests", "limits")
        if set(old.get(key) or ()) - set(new.get(key) or ())
    ]


def _other_changes(now: RawObject, before: RawObject, key: str, place: int) -> list[FieldError]:
    same = _but_resizable(now) == _but_resizable(before)
    if key == "containers":
        return [] if same else [forbidden("spec", "only cpu and memory resources are mutable")]
    path, errors = f"spec.{key}[{place}]", []
    if not same:
        text = "only cpu and memory resources for init or sidecar containers are mutable"
        errors.append(forbidden(path, text))
    restarts = any(p.get("restartPolicy") == "RestartContainer" for p in now.get("resizePolicy") or ())
    if now != before and restarts and now.get("restartPolicy") != "Always":
        text = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
        errors.append(forbidden(path, text))
    return errors


def _but_resizable(container: RawObject) -> RawObject:
    """Return a container without the amounts that may change."""
    given = container.get("resources") or {}
    kept = {
        key: {name: v for name, v in (given.get(key) or {}).items() if name not in RESIZABLE}
        for key in ("limits", "requests")
    }
    return {**container, "resources": kept}
