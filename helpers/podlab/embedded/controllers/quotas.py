"""
ResourceQuotas: ``status`` says what a namespace may use and what it uses.

Admission counts for itself what is used; the status only informs people.

Source: pkg/controller/resourcequota/resource_quota_controller.go at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.api.resources import kinds
from podlab.embedded.api.verbs.admission import quota
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, key_of
from podlab.pods.raw import RawObject


def start(context: ControllerContext) -> None:
    """Watch quotas and all kinds that they can count."""
    controller = Quotas(context)

    def counted(_: str, obj: RawObject) -> None:
        if context.store.collection("resourcequotas").versions:
            for resource_quota in context.store.list("resourcequotas", obj["metadata"].get("namespace", "")):
                controller.queue(key_of(resource_quota))

    for kind in kinds().values():
        if kind.namespaced and not kind.review and kind.stored_as not in quota.NOT_COUNTED:
            context.watch(kind.stored_as, counted)


class Quotas(Controller):
    """Writes the status of one quota."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "resourcequota-controller")

    def reconcile(self, key: Key) -> None:
        """Add up what the namespace uses, and write it into the status."""
        resource_quota = self._context.store.get("resourcequotas", *key)
        if resource_quota is not None:
            used = quota.used(self._context.store, resource_quota, self._context.now())
            status = {
                "hard": dict(resource_quota["spec"].get("hard") or {}),
                "used": dict(sorted(used.items())),
            }
            self._context.set_status("resourcequotas", resource_quota, status)
