"""
The node's agent: it watches the Pods of its node and makes them so.

``node.Kubelet`` has one ``worker.PodWorker`` for each Pod. A worker's sync generates the status (``lifecycle``),
sets volumes up, asks ``lifecycle.actions.decide`` what to do, and does it with ``starting`` and ``stopping``;
``probing`` runs beside it. Everything here is asyncio on one thread; on a simulated event loop the same code
predicts what it would do.
"""

from podlab.embedded.kubelet.node import Kubelet

__all__ = ["Kubelet"]
