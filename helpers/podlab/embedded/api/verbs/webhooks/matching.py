"""
Which webhooks a request concerns: rules, selectors, and the order of their names. Pure.

Source: apiserver/pkg/admission/plugin/webhook/{rules,predicates,generic} at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from podlab.embedded.api.resources import Kind
from podlab.embedded.nodefit import selects
from podlab.pods.raw import RawObject

GROUP = "admissionregistration.k8s.io"
CREATE = "CREATE"
NOT_CALLED = "this cluster calls webhooks when objects are created, not for {}"


def concerned(
    configurations: Iterable[RawObject], kind: Kind, labels: Mapping[str, str], namespace: RawObject | None
) -> list[RawObject]:
    """
    Return the webhooks to call, in order, when an object is created.

    Args:
        kind: Of the object.
        labels: Its own.
        namespace: Its namespace; None for an object of the cluster.
    """
    if kind.group == GROUP:  # or a webhook could keep itself from being mended
        return []
    ordered = sorted(configurations, key=lambda one: str(one["metadata"]["name"]))
    hooks = [hook for one in ordered for hook in one.get("webhooks") or ()]
    return [hook for hook in hooks if _concerns(hook, kind, labels, namespace)]


def _concerns(hook: RawObject, kind: Kind, labels: Mapping[str, str], namespace: RawObject | None) -> bool:
    if not any(_covers(rule, kind) for rule in hook.get("rules") or ()):
        return False
    if namespace is not None:
        of_namespace = namespace["metadata"].get("labels") or {}
        if not selected(hook.get("namespaceSelector"), of_namespace):
            return False
    return selected(hook.get("objectSelector"), labels)


def _covers(rule: RawObject, kind: Kind) -> bool:
    scope = rule.get("scope", "*")
    return (
        _names(rule.get("operations"), CREATE)
        and _names(rule.get("apiGroups"), kind.group)
        and _names(rule.get("apiVersions"), kind.version)
        and any(one in ("*", "*/*", kind.resource) for one in rule.get("resources") or ())
        and scope in ("*", "Namespaced" if kind.namespaced else "Cluster")
    )


def _names(listed: Iterable[str] | None, wanted: str) -> bool:
    return any(one in ("*", wanted) for one in listed or ())


def selected(selector: RawObject | None, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes these labels; a missing selector takes all."""
    return selector is None or selects(selector, dict(labels))


def without_effect(configuration: RawObject) -> Iterator[str]:
    """Return warnings about parts of a new configuration that have no effect here."""
    hooks = configuration.get("webhooks") or ()
    operations = {one for hook in hooks for rule in hook.get("rules") or () for one in rule["operations"]}
    others = sorted(operations - {CREATE, "*"})
    if others:
        yield NOT_CALLED.format(", ".join(others))
    for hook in hooks:
        if hook["clientConfig"].get("url"):
            yield f"webhook {hook['name']}: this cluster calls Services, not a url"
        if hook.get("matchConditions"):
            yield f"webhook {hook['name']}: this cluster does not evaluate matchConditions; it is always called"
