"""
The fence: fields that an answer may not use, checked before anything runs.

Each rule returns the reason as a sentence for the learner, or nothing. The rules of one exercise stand in its
``[fence]``; the others hold for every exercise: no access to the node, none to other namespaces, and nothing that
takes the place of a locked container's program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podlab.grading.exercise import Fence
from podlab.pods import roles
from podlab.pods.raw import RawView

LISTS = (roles.INIT, roles.APP)
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_POD = (
    "nodeName",
    "schedulerName",
    "serviceAccountName",
    "serviceAccount",
    "runtimeClassName",
    "priorityClassName",
)
_METADATA = ("ownerReferences", "finalizers", "managedFields", "namespace", "generateName")
_VOLUMES = frozenset({"emptyDir", "configMap", "secret", "downwardAPI", "projected", "image"})
_PROGRAMS = re.compile(
    r"/((bin|sbin|usr|lib|lib64|libexec|opt|app|proc|sys|dev)(/|\Z)|\Z|etc(\Z|/(ld|passwd|group|hosts|nsswitch|profile)))"
)
_OPEN = re.compile(r"/usr/share/nginx/html(/|\Z)")
_ENV = re.compile(r"(LD_|PYTHON)\w*|PATH\Z|BASH_ENV|ENV\Z")
_TYPES: tuple[tuple[str, type, str], ...] = (
    ("volumeMounts", list, "a list"), ("env", list, "a list"), ("ports", list, "a list"),
    ("securityContext", Mapping, "a mapping"), ("lifecycle", Mapping, "a mapping"),
)  # fmt: skip
_MOST_CONTAINERS, _MOST_OBJECTS, _LONGEST_GRACE_S = 12, 12, 300
_MOST_PODS = 10
_COUNTS = ("replicas", "parallelism", "completions")


def refusal(fence: Fence, answer: Sequence[RawView], starter: Sequence[RawView]) -> str:
    """Return the first reason why *answer* is not run; empty if it is."""
    if same(answer, starter):
        return "this is still the manifest you started from"
    rules = (_objects(fence, answer), _shape(answer), _locked(fence, answer, starter), _host(fence, answer),
             _images(fence, answer))  # fmt: skip
    return next((reason for rule in rules for reason in rule), "")


def same(answer: Sequence[RawView], starter: Sequence[RawView]) -> bool:
    """Return whether nothing but names of Pods differs from the starter."""
    return [_without_name(each) for each in answer] == [_without_name(each) for each in starter] and bool(
        starter
    )


def _without_name(body: RawView) -> tuple[Any, ...]:
    rest = {key: value for key, value in body.items() if key not in ("metadata",)}
    return (rest, None if body.get("kind") == "Pod" else body.get("metadata"))


def pods(answer: Sequence[RawView]) -> Iterator[RawView]:
    """Yield every Pod spec in *answer*: of Pods, and of templates."""
    for body in answer:
        spec = body.get("spec")
        if body.get("kind") == "Pod" and isinstance(spec, Mapping):
            yield spec
        while isinstance(spec, Mapping):
            template = spec.get("template") or (spec.get("jobTemplate") or {})
            spec = template.get("spec") if isinstance(template, Mapping) else None
            if isinstance(spec, Mapping) and any(key in spec for key in LISTS):
                yield spec


def containers(spec: RawView) -> list[RawView]:
    """Return the containers of both lists; entries other than mappings are left out (``_shape`` refuses them)."""
    rows = [
        row for key in LISTS for row in (spec.get(key) if isinstance(spec.get(key), list) else None) or []
    ]
    return [row for row in rows if isinstance(row, Mapping)]


# -- of the exercise -----------------------------------------------------------------------------------------


def _objects(fence: Fence, answer: Sequence[RawView]) -> Iterator[str]:
    left = Counter(str(each.get("kind")) for each in answer)
    names = {(str(each.get("kind")), str((each.get("metadata") or {}).get("name"))) for each in answer}
    wanted = Counter(rule.rstrip("?*").partition("/")[0] for rule in fence.objects)
    many = {rule.rstrip("?*") for rule in fence.objects if rule.endswith("*")}
    may = Counter(rule.rstrip("?").partition("/")[0] for rule in fence.objects if rule.endswith("?"))
    if fence.objects == ("Pod",) or list(fence.objects) == ["Pod"]:
        if left != {"Pod": 1}:
            yield "the answer is one Pod, and nothing else"
        return
    for kind, count in left.items():
        if kind not in wanted or (count > wanted[kind] and kind not in many):
            yield f"the answer holds {count} of kind {kind}; it may hold {', '.join(fence.objects)}"
    for kind, count in wanted.items():
        if left[kind] < count - may[kind]:
            yield f"the answer lacks an object of kind {kind}"
    for rule in fence.objects:
        kind, slash, name = rule.rstrip("*").partition("/")
        if slash and not name.endswith("?") and (kind, name) not in names:
            yield f"the answer lacks {kind} {name}"


def _locked(fence: Fence, answer: Sequence[RawView], starter: Sequence[RawView]) -> Iterator[str]:
    wanted = {str(row.get("name")): row for spec in pods(starter) for row in containers(spec)}
    for name, keys in fence.locked.items():
        mine = [row for spec in pods(answer) for row in containers(spec) if row.get("name") == name]
        if not mine:
            yield f"container {name} is missing"
        elif any(row.get(key) != wanted[name].get(key) for row in mine for key in keys):
            yield f"{_listed(keys)} of {name} stay as they are"
        for row in mine:
            yield from _covered(name, row, wanted[name])


def _listed(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"


def _covered(name: str, row: RawView, was: RawView) -> Iterator[str]:
    """A volume over its program, or variables that load another one, replace what is locked."""
    for mount in row.get("volumeMounts") or []:
        path = re.sub(r"/+", "/", str(mount.get("mountPath") if isinstance(mount, Mapping) else ""))
        if ".." in path or (_PROGRAMS.match(path.rstrip("/") or "/") and not _OPEN.match(path)):
            yield f"a volume at {path} would take the place of the program of {name}"
    before = {str(item.get("name")) for item in was.get("env") or []}
    for item in row.get("env") or []:
        variable = str(item.get("name") if isinstance(item, Mapping) else "")
        if _ENV.match(variable) and variable not in before:
            yield f"the variable {variable} may not be set in {name}"
    ended = str(row.get("terminationMessagePath") or "")
    if ended and ended != was.get("terminationMessagePath") and ended != "/dev/termination-log":
        yield f"terminationMessagePath of {name} is /dev/termination-log: the kubelet mounts a file there"
    if "workingDir" in row and row.get("workingDir") != was.get("workingDir"):
        yield f"workingDir of {name} stays as it is"


def _images(fence: Fence, answer: Sequence[RawView]) -> Iterator[str]:
    used = {str(row.get("image")) for spec in pods(answer) for row in containers(spec)}
    used |= {reference for spec in pods(answer) for reference in _mounted_images(spec)}
    strange = sorted(used - set(fence.images))
    if strange:
        yield f"{', '.join(strange)}: allowed images are {', '.join(fence.images)}"
    pulled = [
        row.get("name")
        for spec in pods(answer)
        for row in containers(spec)
        if row.get("imagePullPolicy") == "Always"
    ]
    if pulled:
        yield f"imagePullPolicy of {pulled[0]} cannot be Always: the images are on the nodes, and in no registry"


def _mounted_images(spec: RawView) -> Iterator[str]:
    """Yield the images that are volumes: a node would fetch them from any registry."""
    volumes = spec.get("volumes")
    for volume in volumes if isinstance(volumes, list) else ():
        source = volume.get("image") if isinstance(volume, Mapping) else None
        if source is not None:
            yield str(source.get("reference") if isinstance(source, Mapping) else source)


# -- of all --------------------------------------------------------------------------------------------------


def _shape(answer: Sequence[RawView]) -> Iterator[str]:
    if len(answer) > _MOST_OBJECTS:
        yield f"the answer holds {len(answer)} objects, at most {_MOST_OBJECTS} are run"
    for body in answer:
        metadata = body.get("metadata") or {}
        for key in _METADATA:
            if key in metadata:
                yield f"metadata.{key} is not allowed here"
        if "spec" in body and not isinstance(body["spec"], Mapping):
            yield f"spec of {body.get('kind')} is not a mapping"
        yield from _many(body)
    for spec in pods(answer):
        if spec.get("ephemeralContainers"):
            yield "ephemeralContainers is not allowed: they are added to a Pod that runs, for debugging"
        for key in LISTS:
            rows = spec.get(key)
            if rows is not None and not (
                isinstance(rows, list) and all(isinstance(r, Mapping) for r in rows)
            ):
                yield f"{key} is a list of containers"
            for row in containers(spec):
                yield from _fields(row)
        if len(containers(spec)) > _MOST_CONTAINERS:
            yield f"at most {_MOST_CONTAINERS} containers are run"
        grace = spec.get("terminationGracePeriodSeconds")
        if isinstance(grace, int) and grace > _LONGEST_GRACE_S:
            yield f"terminationGracePeriodSeconds is at most {_LONGEST_GRACE_S} here"


def _many(body: RawView) -> Iterator[str]:
    """An answer that is many Pods takes the node from the answers that are graded beside it."""
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return
    for key in _COUNTS:
        count = spec.get(key)
        if isinstance(count, int) and count > _MOST_PODS:
            yield f"{key} is at most {_MOST_PODS} here"
    rolling = (
        (spec.get("strategy") or {}).get("rollingUpdate")
        if isinstance(spec.get("strategy"), Mapping)
        else None
    )
    surge = rolling.get("maxSurge") if isinstance(rolling, Mapping) else None
    number = str(surge).removesuffix("%")
    if number.isdigit() and int(number) > (100 if str(surge).endswith("%") else _MOST_PODS):
        yield f"maxSurge is at most {_MOST_PODS} Pods or 100% here"


def _fields(row: RawView) -> Iterator[str]:
    """Fields that the fence itself walks through; the API server judges all others."""
    for key, kind, word in _TYPES:
        value = row.get(key)
        if value is not None and not isinstance(value, kind):
            yield f"{key} of {row.get('name')} is {word}"
        elif isinstance(value, list) and not all(isinstance(item, Mapping) for item in value):
            yield f"each item of {key} of {row.get('name')} is a mapping"


def _host(fence: Fence, answer: Sequence[RawView]) -> Iterator[str]:
    for spec in pods(answer):
        for key in _HOST:
            if spec.get(key):
                yield f"{key} is not allowed: a Pod of an answer stays on its own network and processes"
        for key in _POD:
            if spec.get(key) not in (None, "", "default", "default-scheduler"):
                yield f"{key} is not allowed here"
        volumes = spec.get("volumes")
        for volume in volumes if isinstance(volumes, list) else ():
            strange = sorted(set(volume) - _VOLUMES - {"name"}) if isinstance(volume, Mapping) else ["?"]
            if strange:
                yield f"volumes of kind {', '.join(strange)} are not allowed here"
            elif "serviceAccountToken" in str(volume.get("projected")):
                yield "service account tokens are not allowed here"
        for row in containers(spec):
            yield from _security(fence, row)


def _security(fence: Fence, row: RawView) -> Iterator[str]:
    context = row.get("securityContext") or {}
    added = (context.get("capabilities") or {}).get("add") or [] if isinstance(context, Mapping) else []
    strange = sorted(set(map(str, added)) - set(fence.capabilities))
    if context.get("privileged") or strange:
        yield f"{row.get('name')} may not be privileged" + (f" ({', '.join(strange)})" if strange else "")
    for port in row.get("ports") or []:
        if port.get("hostPort"):
            yield "hostPort is not allowed: it takes a port of the node, not of the Pod"
