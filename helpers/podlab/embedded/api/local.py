"""
The API for the daemon's own components: what they make is admitted, validated and deleted like anything else.
"""

from __future__ import annotations

from podlab.embedded import schema
from podlab.embedded.api.registry import Kind, kinds
from podlab.embedded.api.verbs import deletion, writing
from podlab.embedded.fault import Fault, not_found
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject


class LocalApi:
    """Calls the same functions as the HTTP handlers, without HTTP; refusals are ``Fault``."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kinds: dict[str, Kind] = {}
        for (group, resource), kind in kinds().items():
            if group != "events.k8s.io":
                self._kinds[resource] = kind

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """
        Admit and store a new object; ``metadata.generateName`` is honoured.

        Raises:
            Fault: 403, 404, 409 or 422, as a client would get it.
        """
        kind = self._kinds[resource]
        meta = obj["metadata"]
        if kind.namespaced:
            writing.check_namespace(self.store, kind, meta["namespace"], meta.get("name", ""))
        body, _ = schema.prepare(kind.type, obj)
        return writing.insert(self.store, kind, {**body, "kind": kind.kind, "apiVersion": kind.api_version})

    def delete(self, resource: str, namespace: str, name: str, *, grace_s: int | None = None) -> None:
        """
        Delete as the API does: a Pod gracefully, everything else at once. Nothing happens when it is gone.
        """
        kind = self._kinds[resource]
        obj = self.store.get(kind.shelf, namespace, name)
        if obj is not None:
            deletion.remove(self.store, kind, obj, deletion.Options({"gracePeriodSeconds": grace_s}))


__all__ = ["Fault", "LocalApi", "not_found"]
