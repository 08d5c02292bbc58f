"""
The control plane behind the API: what kube-scheduler and kube-controller-manager do on a real cluster.

Each controller looks at the store, compares the objects with what was asked for, and takes one step; the change that
it makes calls it again. The store holds the whole state, except where a controller's docstring gives a reason. All of
them run in the daemon's one thread.

    base          the queue and the class that every controller has; objects, templates: what they share
    scheduler     binds Pods to the node, or reports why it cannot
    endpointslices  EndpointSlices and Endpoints of Services, from the readiness of Pods
    mirroring     EndpointSlices of Endpoints that were written by hand
    replicasets   as many Pods as asked for, of ReplicationControllers too
    deployments   ReplicaSets, rolled from one template to the next
                  deploymentsets: revisions and sizes;  deploymentstatus: counts and conditions;  rollout: arithmetic
    jobs          Pods until enough have succeeded
    cronjobs      Jobs at the times of a schedule
    daemonsets    one Pod on the one node
    statefulsets  Pods with numbers for names, one after another;  revisions: the templates that they had
    budgets       how many Pods may be evicted now
    tainteviction ends Pods that do not tolerate a NoExecute taint
    namespaces    empties a namespace that is being deleted
    quotas        how much of its ResourceQuotas a namespace uses
    clusterroles  rules that ClusterRoles aggregate from others by label
    podgc         deletes Pods whose node is gone
    garbage       deletes objects whose owners are gone, and Events older than an hour
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podlab.embedded.controllers.base import Api
    from podlab.embedded.store import Store


def start(store: Store, api: Api, *, node_name: str, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """
    Start every controller on *loop*; all their work happens in its thread.

    Args:
        api: The API's own create and delete, so that Pods made here are admitted like any other.

    Returns:
        What stops them all.
    """
    from podlab.embedded.controllers import (
        budgets,
        clusterroles,
        cronjobs,
        daemonsets,
        deployments,
        endpointslices,
        garbage,
        jobs,
        mirroring,
        namespaces,
        podgc,
        quotas,
        replicasets,
        scheduler,
        statefulsets,
        tainteviction,
    )
    from podlab.embedded.controllers.base import ControllerContext

    context = ControllerContext(store, api, node_name, loop)
    started = (
        scheduler, endpointslices, replicasets, deployments, jobs, daemonsets, namespaces, quotas, clusterroles, podgc,
        garbage, tainteviction, mirroring, statefulsets, cronjobs, budgets,
    )  # fmt: skip
    for module in started:
        module.start(context)
    return context.stop
