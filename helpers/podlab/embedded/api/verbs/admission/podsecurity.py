"""
Pod Security admission: the labels of a namespace say by which of the standards Pods are refused or warned of.

Source: pod-security-admission/{api/helpers.go,admission/admission.go} at v0.36.3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import strategy
from podlab.embedded.api.verbs.admission import standards
from podlab.embedded.fault import forbidden, invalid
from podlab.embedded.schema import fielderror
from podlab.embedded.store import Store
from podlab.pods import roles
from podlab.pods.raw import RawObject

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
MODES = ("enforce", "audit", "warn")
MOST_PODS = 3000


class Standard(NamedTuple):
    """A level of the standards as of a version: ``latest`` or ``v1.N``."""

    level: str = "privileged"
    version: str = "latest"

    def findings(self, pod: RawObject) -> list[standards.Finding]:
        """Return what a Pod, or a template of Pods, asks for beyond it."""
        minor = standards.LATEST if self.version == "latest" else int(self.version[3:])
        return standards.violations(self.level, minor, pod)

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


def policy(labels: dict[str, str]) -> tuple[dict[str, Standard], list[fielderror.FieldError]]:
    """Return what each mode asks for, and what is wrong with the labels; of levels that mean nothing, the strictest."""
    found: dict[str, Standard] = {}
    errors: list[fielderror.FieldError] = []
    for mode in MODES:
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            errors.append(_wrong(mode, level, "must be one of privileged, baseline, restricted"))
            level = "restricted" if mode == "enforce" else "privileged"
        if version is not None and not re.fullmatch(r"latest|v1\.(\d|[1-9]\d*)", version):
            errors.append(_wrong(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
            version = "latest"
        found[mode] = Standard(level or "privileged", version or "latest")
    if PREFIX + "warn" not in labels and labels.get(PREFIX + "enforce") in LEVELS[1:]:
        pinned = found["warn"].version if f"{PREFIX}warn-version" in labels else found["enforce"].version
        found["warn"] = Standard(found["enforce"].level, pinned)
    return found, errors


def _wrong(label: str, value: str, why: str) -> fielderror.FieldError:
    return fielderror.invalid(f"metadata.labels[{PREFIX}{label}]", value, why)


def check(store: Store, kind: Kind, obj: RawObject, warnings: list[str], old: RawObject | None) -> None:
    """
    Judge a Pod, a Pod template or the labels of a namespace.

    Raises:
        StatusError: 403 for a Pod that the namespace does not take, 422 for labels that mean nothing.
    """
    if kind.resource == "namespaces":
        _check_labels(store, kind, obj, warnings, old)
        return
    pod = _pod(kind, obj)
    namespace = store.get("namespaces", "", obj["metadata"].get("namespace", "")) if pod else None
    if pod is None or namespace is None or (kind.resource == "pods" and not _significant(obj, old)):
        return
    modes, _ = policy(namespace["metadata"].get("labels") or {})
    if kind.resource == "pods":
        found = modes["enforce"].findings(pod)
        if found:
            why = f'violates PodSecurity "{modes["enforce"]}": {standards.told(found)}'
            raise forbidden(kind.resource, kind.group, obj["metadata"].get("name", ""), why)
    found = modes["warn"].findings(pod)
    if found:
        warnings.append(f'would violate PodSecurity "{modes["warn"]}": {standards.told(found)}')


def _pod(kind: Kind, obj: RawObject) -> RawObject | None:
    """Return the Pod that *obj* is, or its template; None for a kind without Pods."""
    if kind.resource == "pods":
        return obj
    if kind.resource not in strategy.TEMPLATES:
        return None
    found = strategy.template_of(kind, obj)
    return found if found.get("spec") else None


def _significant(pod: RawObject, old: RawObject | None) -> bool:
    """Return whether a change is judged: a new Pod, or other images or ephemeral containers."""
    if old is None:
        return True
    return any(_images(pod, key) != _images(old, key) for key in roles.LISTS)


def _images(pod: RawObject, key: str) -> list[str]:
    return [container.get("image", "") for container in roles.group(pod, key)]


def _check_labels(
    store: Store, kind: Kind, obj: RawObject, warnings: list[str], old: RawObject | None
) -> None:
    meta = obj["metadata"]
    new, errors = policy(meta.get("labels") or {})
    before, known = policy((old["metadata"].get("labels") or {}) if old else {})
    if errors and (old is None or [str(e) for e in errors] != [str(e) for e in known]):
        raise invalid(kind.kind, kind.group, meta.get("name", ""), errors)
    now, then = new["enforce"], before["enforce"]
    relaxed = now.version == then.version and LEVELS.index(now.level) <= LEVELS.index(then.level)
    if old is not None and now != then and not relaxed:
        warnings += _of_existing(store, meta["name"], now)


def _of_existing(store: Store, namespace: str, standard: Standard) -> list[str]:
    """Return warnings about existing Pods that the stricter namespace would refuse."""
    texts: dict[str, list[str]] = {}
    for pod in store.list("pods", namespace)[:MOST_PODS]:
        found = standard.findings(pod)
        if found:
            texts.setdefault(", ".join(reason for reason, _ in found), []).append(pod["metadata"]["name"])
    if not texts:
        return []
    first = f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{standard}"'
    return [first, *sorted(f"{_one_of(names)}: {text}" for text, names in texts.items())]


def _one_of(names: list[str]) -> str:
    others = len(names) - 1
    return min(names) + (f" (and {others} other pod{'' if others == 1 else 's'})" if others else "")
