"""
ResourceQuotas: ``status`` says what a namespace may use and what it uses.

Admission adds up for itself what is used, so that the status is for people alone.

Source: pkg/controller/resourcequota/resource_quota_controller.go at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.api.registry import kinds
from podlab.embedded.api.verbs.admission import quota
from podlab.embedded.controllers.base import Context, Key, key_of, set_status
from podlab.pods.raw import RawObject


def start(context: Context) -> None:
    """Watch quotas and whatever they may count."""
    controller = Quotas(context)
    worker = context.worker("quotas", controller.reconcile)

    def counted(_: str, obj: RawObject) -> None:
        if context.store.collection("resourcequotas").versions:
            for one in context.store.list("resourcequotas", obj["metadata"].get("namespace", "")):
                worker.add(key_of(one))

    for kind in kinds().values():
        if kind.namespaced and not kind.review and kind.stored_as not in quota.NOT_COUNTED:
            context.watch(kind.stored_as, counted)


class Quotas:
    """Writes the status of one quota."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, key: Key) -> None:
        """Add up what the namespace uses."""
        one = self._context.store.get("resourcequotas", *key)
        if one is not None:
            used = quota.used(self._context.store, one, self._context.now())
            status = {"hard": dict(one["spec"].get("hard") or {}), "used": dict(sorted(used.items()))}
            set_status(self._context, "resourcequotas", one, status)
