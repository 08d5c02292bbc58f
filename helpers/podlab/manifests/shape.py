"""
Checks that a manifest's objects have the shape of Kubernetes objects.

Only the fields that every object has are checked: they say which object it is and where it goes. The API server checks
all others.
"""

from __future__ import annotations

import re
from typing import Any

from podlab.manifests.faults import Fault
from podlab.manifests.manifest import Manifest

NAME_HINT = "a name is made of lower-case letters, digits and -, such as my-pod"
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,253}")


def faults_of(manifest: Manifest) -> list[Fault]:
    """Return the faults in the fields that every object needs: kind, names, and what has to be a mapping."""
    return [*_faults_of_kind(manifest), *_faults_of_mappings(manifest), *_faults_of_names(manifest)]


def _faults_of_kind(manifest: Manifest) -> list[Fault]:
    body, faults = manifest.object, []
    for key, example in (("apiVersion", "v1"), ("kind", "Pod")):
        if key not in body:
            faults.append(manifest.fault("", f'the field "{key}" is missing', f'add "{key}: {example}"'))
        elif not isinstance(body[key], str) or not re.fullmatch(r"[A-Za-z][\w./-]*", body[key]):
            faults.append(
                manifest.fault(key, f'"{key}" is a word such as "{example}", this is {type_of(body[key])}')
            )
    return faults


def _faults_of_mappings(manifest: Manifest) -> list[Fault]:
    body, faults = manifest.object, []
    for key in ("metadata", "spec", "data"):
        if body.get(key) is not None and not isinstance(body[key], dict):
            faults.append(manifest.fault(key, f'"{key}" is a mapping, this is {type_of(body[key])}'))
    return faults


def _faults_of_names(manifest: Manifest) -> list[Fault]:
    metadata = manifest.object.get("metadata")
    if metadata is None or (isinstance(metadata, dict) and not metadata.keys() & {"name", "generateName"}):
        return [manifest.fault("metadata", 'the object has no "metadata.name"', "give it a name")]
    if not isinstance(metadata, dict):
        return []
    faults = []
    for key in ("name", "namespace", "generateName"):
        value = metadata.get(key)
        if key in metadata and (not isinstance(value, str) or not value):
            text = f'"metadata.{key}" is text, this is {type_of(value)}'
            faults.append(manifest.fault(f"metadata.{key}", text, "put it in quotes"))
        elif value is not None and not _NAME.fullmatch(value):
            faults.append(manifest.fault(f"metadata.{key}", f"{value!r:.60} cannot be a name", NAME_HINT))
    return faults


def defined_twice(manifests: list[Manifest]) -> list[Fault]:
    """Return a fault for each object whose kind, namespace and name another object has already."""
    seen: dict[tuple[str, str, str], Manifest] = {}
    faults = []
    for manifest in manifests:
        metadata = manifest.object.get("metadata")
        space = str(metadata.get("namespace", "")) if isinstance(metadata, dict) else ""
        name = str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
        first = seen.setdefault((manifest.kind, space, name), manifest)
        if name and first is not manifest:
            text = f'{manifest.kind} "{name}" is defined twice, first in line {first.line("metadata.name")}'
            faults.append(manifest.fault("metadata.name", text, "give one of them another name"))
    return faults


def type_of(value: Any) -> str:
    """Return the type of a YAML value in words, and the beginning of the value."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "a truth value",
        int: "a number",
        float: "a number",
    }
    return f"{names[type(value)]} ({value!r:.40})" if type(value) in names else "empty"
