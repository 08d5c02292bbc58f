"""
ClusterRoles that gather the rules of others by label: ``admin``, ``edit`` and ``view``, and those of users.

Source: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from podlab.embedded.controllers.base import ControllerContext
from podlab.embedded.controllers.objects import Key
from podlab.embedded.nodefit import selects
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject


def start(context: ControllerContext) -> None:
    """Watch ClusterRoles; any change may change what others gather."""

    def reconcile(_: Key) -> None:
        gather(context.store)

    worker = context.worker("clusterroles", reconcile)
    context.watch("clusterroles", lambda _, __: worker.add(("", "")))


def gather(store: Store) -> None:
    """Bring every ClusterRole that gathers rules up to date; it may gather from one that gathers."""
    changed = True
    while changed:
        changed = False
        everyone = store.list("clusterroles")
        for role in everyone:
            rules = rules_for(role, everyone)
            if rules is not None and rules != role.get("rules"):
                store.update("clusterroles", {**role, "rules": rules})
                changed = True


def rules_for(role: RawObject, everyone: Sequence[RawObject]) -> list[RawObject] | None:
    """Return the rules that *role* gathers from *everyone*, each once; None for a role with rules of its own."""
    if not role.get("aggregationRule"):
        return None
    found: list[RawObject] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        for other in everyone:
            labels = other["metadata"].get("labels") or {}
            if other["metadata"]["name"] != role["metadata"]["name"] and selects(selector, labels):
                found += [rule for rule in other.get("rules") or () if rule not in found]
    return found
