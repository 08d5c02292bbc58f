"""
Parts that gradings side by side share, however many they are: one budget of requests, one watch of the cluster.

Where the account may not watch all namespaces, each recording watches its own, within the same budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from podlab.client import resources
from podlab.client.budget import Budget
from podlab.errors import ApiError, CheckError
from podlab.grading import nodes
from podlab.grading.delays import BEARABLE_S, DelayMonitor
from podlab.grading.runs import Place
from podlab.observe import SharedWatch

REQUESTS_PER_S = 20.0
"""As the controllers of kube-controller-manager (``--kube-api-qps``, v1.36)."""

OWN_REQUESTS_PER_S = 200.0
"""For a cluster that is there for the grading alone."""

_BURST_S = 2.0
_FORBIDDEN = 403


def budget(per_s: float = REQUESTS_PER_S) -> Budget:
    """Return a budget of *per_s* requests a second for one grading."""
    return Budget(per_s, _BURST_S * per_s)


@contextmanager
def once(place: Place) -> Iterator[Place]:
    """
    Yield *place* for answers that are run once: points that they lose on a cluster that is very late do not count.

    Short delays are taken for none, since no second run of the same answer is there to compare with.
    """
    if place.client is None:
        yield place
        return
    with DelayMonitor(place.client) as monitor:
        yield replace(place, monitor=monitor, bearable_s=BEARABLE_S)


@contextmanager
def together(place: Place, shared_budget: Budget | None = None) -> Iterator[Place]:
    """
    Yield *place* with a client within the budget and, where that is allowed, with a shared watch and the nodes' room.

    Raises:
        ConnectionLostError: The cluster does not answer.
    """
    if place.client is None:
        yield place
        return
    client = place.client.within(shared_budget or budget())
    place = replace(place, client=client)
    try:
        listed = client.get(resources.path("nodes"))["items"]
        nodes.refuse_if_reduced(listed)
        pods = client.get(resources.path("pods"))["items"]
        place = replace(place, room=nodes.room(listed, pods), cpus=nodes.cpus(listed))
        watch = SharedWatch(client).start()
    except CheckError:  # each answer is refused by itself, with the reason
        yield place
        return
    except ApiError as error:
        if error.code != _FORBIDDEN:
            raise
        yield place
        return
    try:
        yield replace(place, shared=watch)
    finally:
        watch.end()
