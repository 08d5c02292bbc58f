"""
Admission by the rules of a namespace: it adds to an object, or refuses it.

    limits        LimitRange: default requests and limits, least and most
    quota         ResourceQuota: how much of what a namespace may hold
    podsecurity   the Pod Security Standards that a namespace's labels ask for

``default`` comes before validation of the object itself, ``check`` after it; in that order upstream's plugins run too.
"""

from __future__ import annotations

from podlab.embedded.api.resources import Kind
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject


def default(store: Store, kind: Kind, obj: RawObject) -> None:
    """Fill in what the namespace's rules give a new object; in place."""
    if kind.resource == "pods" and store.collection("limitranges").versions:
        from podlab.embedded.api.verbs.admission import limits

        limits.default(store.list("limitranges", obj["metadata"]["namespace"]), obj)


def check(
    store: Store,
    kind: Kind,
    obj: RawObject,
    warnings: list[str],
    old: RawObject | None = None,
    *,
    sub: str = "",
) -> None:
    """
    Judge an object that is valid by itself.

    Args:
        warnings: What the rules only warn of is added to these.
        old: What is stored, when the request changes it.
        sub: The subresource that changes it.

    Raises:
        StatusError: 403, with upstream's text; 422 for labels of a namespace that mean nothing.
    """
    if (
        kind.resource == "pods"
        and (old is None or sub == "resize")
        and store.collection("limitranges").versions
    ):
        from podlab.embedded.api.verbs.admission import limits

        limits.check(store.list("limitranges", obj["metadata"]["namespace"]), obj)
    from podlab.embedded.api.verbs.admission import podsecurity

    podsecurity.check(store, kind, obj, warnings, old)
    if kind.namespaced and store.collection("resourcequotas").versions:
        from podlab.embedded.api.verbs.admission import quota

        quota.check(store, kind, obj, old, sub=sub)
