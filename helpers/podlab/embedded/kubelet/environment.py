"""The environment of a container: envFrom, env, the downward API, the variables of Services."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from podlab.embedded.kubelet import downward, envfile
from podlab.embedded.kubelet.expansion import TextLimit, expand, lenient
from podlab.pods.raw import RawObject

POD_FOLDERS = "/var/lib/kubelet/pods"


class ObjectReader(Protocol):
    """The part of the store that is read for a container's configuration."""

    def get(self, resource: str, namespace: str, name: str) -> RawObject | None:
        """One object, or None."""

    def list(self, resource: str, namespace: str | None = None) -> list[RawObject]:
        """Return objects of a namespace, or of all."""


class MissingSourceError(Exception):
    """A ConfigMap, a Secret or a key that is not optional is not there; the text is the kubelet's."""


class EnvironmentFacts(NamedTuple):
    """The facts that an environment needs besides the Pod: addresses by field path, and the node's resources."""

    addresses: Mapping[str, str] = MappingProxyType({})
    allocatable: Mapping[str, str] = MappingProxyType({})


def environment(
    pod: RawObject,
    container: RawObject,
    objects: ObjectReader,
    facts: EnvironmentFacts,
    volumes: Mapping[str, str] | None = None,
    room: TextLimit | None = None,
) -> dict[str, str]:
    """
    Return the variables of a container. Raises MissingSourceError, and TooLongError if *room* does not hold them.

    envFrom comes first, later entries win; then env in order, each value expanded with what stands before it;
    Service variables fill what is still free.
    """
    room = room or TextLimit()
    services = service_variables(pod, objects)
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found = _from(pod, source, objects)
        for text in found.values():
            room.take(text)
        result |= found
    for entry in container.get("env") or ():
        if "fileKeyRef" in (entry.get("valueFrom") or {}):
            value = _from_file(pod, entry["valueFrom"]["fileKeyRef"], volumes or {})
        else:
            value = _value(pod, container, entry, objects, facts, result, services)
        if value is not None:
            result[entry["name"]] = room.take(value)
    return result | {k: v for k, v in services.items() if k not in result}


def _from(pod: RawObject, source: RawObject, objects: ObjectReader) -> dict[str, str]:
    namespace, prefix = pod["metadata"]["namespace"], source.get("prefix") or ""
    for key, resource, kind in (
        ("configMapRef", "configmaps", "configmap"),
        ("secretRef", "secrets", "secret"),
    ):
        reference = source.get(key)
        if not reference:
            continue
        found = objects.get(resource, namespace, reference["name"])
        if found is None and not reference.get("optional"):
            raise MissingSourceError(f'{kind} "{reference["name"]}" not found')
        return {prefix + k: v for k, v in sorted(texts(found or {}, kind).items())}
    return {}


def texts(found: RawObject, kind: str) -> dict[str, str]:
    """Return the entries of a ConfigMap (``data``) or Secret (``data`` decoded) as text."""
    data = found.get("data") or {}
    if kind == "configmap":
        return dict(data)
    return {k: base64.b64decode(v or "").decode("utf-8", "replace") for k, v in data.items()}


def _value(
    pod: RawObject,
    container: RawObject,
    entry: RawObject,
    objects: ObjectReader,
    facts: EnvironmentFacts,
    before: Mapping[str, str],
    services: Mapping[str, str],
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", lenient(before, services))
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"], facts)
    if "resourceFieldRef" in source:
        return downward.resource(pod, source["resourceFieldRef"], facts.allocatable, container["name"])
    if "configMapKeyRef" in source:
        return _key(pod, source["configMapKeyRef"], objects, ("configmaps", "configmap", "ConfigMap"))
    if "secretKeyRef" in source:
        return _key(pod, source["secretKeyRef"], objects, ("secrets", "secret", "Secret"))
    return None


def _field(pod: RawObject, path: str, facts: EnvironmentFacts) -> str:
    try:
        return downward.field(pod, path, facts.addresses)
    except downward.UnknownFieldError as error:
        raise MissingSourceError(str(error)) from error


def _key(
    pod: RawObject, reference: RawObject, objects: ObjectReader, words: tuple[str, str, str]
) -> str | None:
    resource, kind, title = words
    namespace, name, optional = pod["metadata"]["namespace"], reference["name"], reference.get("optional")
    found = objects.get(resource, namespace, name)
    if found is None:
        if optional:
            return None
        raise MissingSourceError(f'{kind} "{name}" not found')
    entries = texts(found, kind)
    if reference["key"] not in entries:
        if optional:
            return None
        raise MissingSourceError(f"couldn't find key {reference['key']} in {title} {namespace}/{name}")
    return entries[reference["key"]]


def _from_file(pod: RawObject, reference: RawObject, volumes: Mapping[str, str]) -> str | None:
    """Return a variable of a file that another container wrote into an emptyDir."""
    name, key = reference["volumeName"], reference["key"]
    if name not in volumes:
        raise MissingSourceError(f'cannot find the volume "{name}" referenced by FileKeyRef')
    try:
        value = envfile.value(envfile.inside(volumes[name], reference["path"]), key)
    except (OSError, ValueError) as error:
        raise MissingSourceError("couldn't parse env file") from error
    if not value and not reference.get("optional"):
        # The path is that of a real node: ours would tell nobody anything.
        path = f"{POD_FOLDERS}/{pod['metadata']['uid']}/volumes/kubernetes.io~empty-dir/{name}"
        text = f'environment variable key "{key}" not found in file "{path}/{reference["path"]}"'
        raise MissingSourceError(text)
    return value or None


def service_variables(pod: RawObject, objects: ObjectReader) -> dict[str, str]:
    """``DB_SERVICE_HOST`` and its kin for the Services that exist now; the API server's are always there."""
    result: dict[str, str] = {}
    links = pod["spec"].get("enableServiceLinks", True)
    namespace = pod["metadata"]["namespace"]
    found = [s for s in objects.list("services", "default") if s["metadata"]["name"] == "kubernetes"]
    if links:
        found += objects.list("services", namespace)
    for service in found:
        address = service["spec"].get("clusterIP")
        if address and address != "None":
            result |= _of_service(service, address)
    return result


def _of_service(service: RawObject, address: str) -> dict[str, str]:
    name = service["metadata"]["name"].upper().replace("-", "_")
    ports = service["spec"].get("ports") or ()
    if not ports:
        return {}
    result = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            result[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    return result | _docker_links(name, address, ports)


def _docker_links(name: str, address: str, ports: Any) -> dict[str, str]:
    """Return the older form, from container links."""
    result: dict[str, str] = {}
    for index, port in enumerate(ports):
        protocol = (port.get("protocol") or "TCP").lower()
        url = f"{protocol}://{address}:{port['port']}"
        stem = f"{name}_PORT_{port['port']}_{protocol.upper()}"
        if index == 0:
            result[f"{name}_PORT"] = url
        result |= {
            stem: url,
            f"{stem}_PROTO": protocol,
            f"{stem}_PORT": str(port["port"]),
            f"{stem}_ADDR": address,
        }
    return result
