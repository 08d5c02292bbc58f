"""
Rules of volumes: names and sources, the sources whose files the node writes, hostPath and emptyDir.

Source: pkg/apis/core/validation/validation.go at v1.36.3, whose paths are kept, also where they name the volume and
not the item that is wrong.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import duplicate, forbidden, invalid, required, unsupported
from podlab.embedded.schema.walk import ValidationContext, run
from podlab.pods import quantity
from podlab.pods.raw import RawObject

FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
RESOURCES = tuple(
    f"{way}.{name}" for way in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
SHORTEST_S, LONGEST_S = 600, 1 << 32

# Volume sources in upstream's order, with the path that it prints for a second one.
VOLUMES = ("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
           "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
           "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
           "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral", "image")  # fmt: skip
MISSPELT = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}
SOURCE_TYPES = {
    "configMap": "core/v1.ConfigMapVolumeSource",
    "secret": "core/v1.SecretVolumeSource",
    "emptyDir": "core/v1.EmptyDirVolumeSource",
    "hostPath": "core/v1.HostPathVolumeSource",
    "image": "core/v1.ImageVolumeSource",
    "downwardAPI": "core/v1.DownwardAPIVolumeSource",
    "projected": "core/v1.ProjectedVolumeSource",
    "persistentVolumeClaim": "core/v1.PersistentVolumeClaimVolumeSource",
}


def volumes(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Each volume has a name of its own and one source; bad ones do not count for mounts."""
    for place, volume in enumerate(value):
        step, before = f"{path}[{place}]", len(context.errors)
        given = [name for name in VOLUMES if volume.get(name) is not None]
        for position, name in enumerate(given):
            if position:
                context.add(
                    forbidden(f"{step}.{MISSPELT.get(name, name)}", "may not specify more than 1 volume type")
                )
            elif name in SOURCE_TYPES:
                run(context, SOURCE_TYPES[name], f"{step}.{name}", volume[name])
        name = volume.get("name", "")
        if not name:
            context.add(required(f"{step}.name"))
        else:
            context.add(*(invalid(f"{step}.name", name, text) for text in formats.label(name)))
        if name in context.volumes:
            context.add(duplicate(f"{step}.name", name))
        if len(context.errors) == before:
            context.volumes.add(name)


def empty_dir(context: ValidationContext, path: str, volume: RawObject, _argument: Any) -> None:
    """Its limit is not negative."""
    limit = volume.get("sizeLimit")
    if limit is not None and quantity.nanos(limit) < 0:
        context.add(forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity"))


def host_path(context: ValidationContext, path: str, volume: RawObject, _argument: Any) -> None:
    """A path that goes down only, and a type that exists."""
    where, kind = volume.get("path", ""), volume.get("type") or ""
    if not where:
        context.add(required(f"{path}.path"))
        return
    if ".." in where.split("/"):
        context.add(invalid(f"{path}.path", where, "must not contain '..'"))
    if kind not in HOST_PATH_TYPES:
        context.add(unsupported(f"{path}.type", kind, HOST_PATH_TYPES))


def downward(context: ValidationContext, path: str, volume: RawObject, _argument: Any) -> None:
    """Each file shows one field."""
    for item in volume.get("items") or ():
        _downward_file(context, path, item)


def _downward_file(context: ValidationContext, path: str, item: RawObject) -> None:
    name, field, resource = item.get("path", ""), item.get("fieldRef"), item.get("resourceFieldRef")
    if not name:
        context.add(required(f"{path}.path"))
    _local(context, f"{path}.path", name)
    if field is not None:
        _field(context, f"{path}.fieldRef", field)
        if resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            context.add(invalid(path, "resource", text))
    elif resource is not None:
        _resource(context, f"{path}.resourceFieldRef", resource)
    else:
        context.add(required(path, "one of fieldRef and resourceFieldRef is required"))
    mode = item.get("mode")
    if mode is not None and not 0 <= mode <= 0o777:
        text = "must be a number between 0 and 0777 (octal), both inclusive"
        context.add(invalid(f"{path}.mode", mode, text))


def _local(context: ValidationContext, path: str, name: str) -> None:
    context.add(*(invalid(path, name, text) for text in formats.local_path(name) if name))


def _field(context: ValidationContext, path: str, value: RawObject) -> None:
    where = value.get("fieldPath", "")
    whole, bracket, rest = where.partition("['")
    if not where:
        context.add(required(f"{path}.fieldPath"))
    elif bracket and rest.endswith("']"):
        key = rest[:-2].lower() if whole == "metadata.annotations" else rest[:-2]
        if whole in ("metadata.annotations", "metadata.labels"):
            context.add(*(invalid(path, key, text) for text in formats.qualified(key)))
        else:
            context.add(invalid(path, whole, "does not support subscript"))
    elif where.partition(".")[0] not in ("metadata", "spec", "status"):
        text = f"error converting fieldPath: field label not supported: {where}"
        context.add(invalid(f"{path}.fieldPath", where, text))
    elif where not in FIELDS:
        context.add(unsupported(f"{path}.fieldPath", where, FIELDS))


def _resource(context: ValidationContext, path: str, value: RawObject) -> None:
    name = value.get("resource", "")
    if not value.get("containerName"):
        context.add(required(f"{path}.containerName"))
    elif not name:
        context.add(required(f"{path}.resource"))
    elif name not in RESOURCES and not name.startswith(HUGE_PAGES):
        context.add(unsupported(f"{path}.resource", name, RESOURCES))


def projected(context: ValidationContext, path: str, volume: RawObject, _argument: Any) -> None:
    """Each source is one of several kinds, and no two write the same file."""
    taken: set[str] = set()
    for place, source in enumerate(volume.get("sources") or ()):
        step = f"{path}.sources[{place}]"
        given = [key for key, value in source.items() if value is not None]
        for key, name in _projected_files(context, path, step, source):
            if name in taken:
                context.add(invalid(path, key or name, "conflicting duplicate paths"))
            taken.add(name)
        if len(given) > 1:
            context.add(forbidden(step, "may not specify more than 1 volume type per source"))


def _projected_files(
    context: ValidationContext, path: str, step: str, source: RawObject
) -> list[tuple[str, str]]:
    """Return the files that a source names, each with the object that it comes from."""
    found: list[tuple[str, str]] = []
    for kind in ("secret", "configMap"):
        part = source.get(kind)
        if part is None:
            continue
        if not part.get("name"):
            context.add(required(f"{step}.{kind}.name"))
        for place, item in enumerate(part.get("items") or ()):
            run(context, "core/v1.KeyToPath", f"{step}.{kind}.items[{place}]", item)
            found.append((part.get("name", ""), item.get("path", "")))
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        _downward_file(context, f"{step}.downwardAPI", item)
        found.append(("", item.get("path", "")))
    if source.get("serviceAccountToken") is not None:
        _token(context, path, f"{step}.serviceAccountToken", source["serviceAccountToken"])
    return [(key, name) for key, name in found if name]


def _token(context: ValidationContext, path: str, step: str, value: RawObject) -> None:
    lasts_s, name = value.get("expirationSeconds", 3600), value.get("path", "")
    if lasts_s < SHORTEST_S:
        context.add(
            invalid(f"{step}.expirationSeconds", lasts_s, "may not specify a duration less than 10 minutes")
        )
    if lasts_s > LONGEST_S:
        text = "may not specify a duration larger than 2^32 seconds"
        context.add(invalid(f"{step}.expirationSeconds", lasts_s, text))
    if not name:
        context.add(required(f"{path}.path"))
    _local(context, f"{path}.path", name)


CHECKS = {check.__name__: check for check in (volumes, empty_dir, host_path, downward, projected)}
