"""
The API for the daemon's own components: what they make is admitted, validated and deleted like anything else.
"""

from __future__ import annotations

from podlab.embedded import schema
from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.api.users import User
from podlab.embedded.api.verbs import deletion, writing
from podlab.embedded.api.verbs.webhooks.mutating import Mutating
from podlab.embedded.fault import StatusError, not_found
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

CONTROLLERS = User("system:kube-controller-manager", ("system:authenticated",))


class LocalApi:
    """Calls the same functions as the HTTP handlers, without HTTP; refusals are ``StatusError``."""

    def __init__(self, store: Store, mutating: Mutating | None = None) -> None:
        self.store, self._mutating = store, mutating
        self._kinds: dict[str, Kind] = {}
        for (group, resource), kind in kinds().items():
            if group != "events.k8s.io":
                self._kinds[resource] = kind

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """
        Admit and store a new object; ``metadata.generateName`` is honoured.

        Raises:
            StatusError: 403, 404, 409 or 422, as a client would get it; `NotYetError` while webhooks are asked.
        """
        kind = self._kinds[resource]
        meta = obj["metadata"]
        if kind.namespaced:
            writing.check_namespace(self.store, kind, meta["namespace"], meta.get("name", ""))
        body, _ = schema.prepare(kind.type, obj)
        made = {"kind": kind.kind, "apiVersion": kind.api_version, **body}
        if self._mutating is not None:
            made = self._mutating.of_controller(kind, made, CONTROLLERS)
        return writing.insert(self.store, kind, made)

    def delete(
        self, resource: str, namespace: str, name: str, *, grace_s: int | None = None, policy: str = ""
    ) -> None:
        """
        Delete as the API does: a Pod gracefully, everything else at once. Nothing happens when it is gone.
        """
        kind = self._kinds[resource]
        obj = self.store.get(kind.stored_as, namespace, name)
        if obj is not None:
            options = {"gracePeriodSeconds": grace_s, "propagationPolicy": policy}
            deletion.remove(self.store, kind, obj, deletion.DeleteOptions(options))


__all__ = ["LocalApi", "StatusError", "not_found"]
