"""Rules of ObjectMeta: names, labels and annotations."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    FieldError,
    invalid,
    required,
    too_long,
)
from podlab.embedded.schema.walk import Rule, ValidationContext
from podlab.pods.raw import RawObject

ANNOTATIONS_SIZE = 256 * 1024
NAME_RULES = {"subdomain": formats.subdomain, "label": formats.label, "label1035": formats.label1035,
              "path_segment": formats.path_segment}  # fmt: skip


def meta(context: ValidationContext, _path: str, obj: RawObject, rule: Any) -> None:
    """ObjectMeta of a whole object."""
    found = obj.get("metadata") or {}
    if found.get("generateName"):
        test = (
            found["generateName"].rstrip("-") if rule != "subdomain" else found["generateName"].rstrip("-.")
        )
        context.add(
            *(invalid("metadata.generateName", found["generateName"], t) for t in NAME_RULES[rule](test))
        )
    if not found.get("name"):
        context.add(required("metadata.name", "name or generateName is required"))
    else:
        context.add(*(invalid("metadata.name", found["name"], t) for t in NAME_RULES[rule](found["name"])))
    labels(context, "metadata.labels", found.get("labels") or {})
    annotation_keys(context, "metadata.annotations", found.get("annotations") or {})
    _owners(context, "metadata.ownerReferences", found.get("ownerReferences") or [])
    _finalizers(context, "metadata.finalizers", found.get("finalizers") or [])


def _owners(context: ValidationContext, path: str, owners: list[RawObject]) -> None:
    """Each owner is named whole, and one of them at most is the controller."""
    controller = ""
    for ref in owners:
        if not ref.get("apiVersion", "").rpartition("/")[2]:
            context.add(invalid(f"{path}.apiVersion", ref.get("apiVersion", ""), "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not ref.get(name):
                context.add(invalid(f"{path}.{name}", ref.get(name) or "", "must not be empty"))
        if ref.get("controller"):
            this = f"{ref.get('kind')}/{ref.get('name')}"
            if controller:
                text = 'Only one reference can have Controller set to true. Found "true" in references for'
                context.add(invalid(path, owners, f"{text} {controller} and {this}"))
            controller = controller or this


def _finalizers(context: ValidationContext, path: str, finalizers: list[str]) -> None:
    """Finalizers are qualified names; only Kubernetes' own stand without a domain."""
    for place, name in enumerate(finalizers):
        step = f"{path}[{place}]"
        context.add(*(invalid(path, name, text) for text in formats.qualified(name)))
        if "/" not in name and name not in ("kubernetes", "orphan", "foregroundDeletion"):
            text = "name is neither a standard finalizer name nor is it fully qualified"
            context.add(invalid(step, name, text))


def template_meta(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Labels and annotations of a Pod template, which upstream names without their ``metadata``."""
    step = path.removesuffix(".metadata")
    labels(context, f"{step}.labels", value.get("labels") or {})
    annotation_keys(context, f"{step}.annotations", value.get("annotations") or {})


def labels(context: ValidationContext, path: str, value: RawObject, _argument: Any = None) -> None:
    """Keys and values of labels."""
    context.add(*label_faults(path, value))


def label_faults(path: str, value: RawObject) -> list[FieldError]:
    """Return what is wrong with the keys and values of labels."""
    found = []
    for key, text in sorted(value.items()):
        found += [invalid(path, key, message) for message in formats.qualified(key)]
        found += [invalid(path, text, message) for message in formats.label_value(text)]
    return found


def annotation_keys(context: ValidationContext, path: str, value: RawObject) -> None:
    """Keys of annotations, and their size."""
    for key in sorted(value):
        context.add(*(invalid(path, key, message) for message in formats.qualified(key.lower())))
    if sum(len(k.encode()) + len(v.encode()) for k, v in value.items()) > ANNOTATIONS_SIZE:
        context.add(too_long(path, ANNOTATIONS_SIZE))


CHECKS: dict[str, Rule] = {check.__name__: check for check in (meta, template_meta, labels)}
