"""
The nodes that answers run on: whether Pods can live there, and the value ``node``.

``node`` is the name of a node that takes Pods, for plays that hand a Pod to a kubelet without the scheduler. An
exercise asks for it with ``node = "node"`` among its values; until it is run the value is that word itself.

``room`` and ``most_pods`` bound which answers are graded side by side: a Pod that no node has room for waits without a
node, and its right answer would look like one that never gets there. ``crowded_out`` recognises such a Pod.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podlab.client import resources
from podlab.drivers.embedded import REDUCED
from podlab.errors import ApiError, CheckError
from podlab.pods import quantity, requests
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawView

if TYPE_CHECKING:
    from podlab.client import Client


WORD = "node"
_OLD_AND_NEW = 3
"""Pods for each that a template asks for: one that ends, one that lives, and one that a rollout adds."""

_SHUT = ("NoSchedule", "NoExecute")
_NO_ROOM = ("Insufficient ", "Too many pods")
_TAKES_NONE = ("untolerated taint", "unschedulable")  # reasons of nodes that ``_takes_pods`` leaves out, too
_REASONS = re.compile(r"nodes are available: (.*?)\.(?: |$)")  # "1 Insufficient cpu, 2 Too many pods"


def named(values: Mapping[str, Any], client: Client) -> dict[str, Any]:
    """
    Return *values*, with a node's name where one is asked for.

    Raises:
        ApiError: Nodes may not be listed here.
        CheckError: No node takes Pods.
    """
    if values.get(WORD) != WORD:
        return dict(values)
    return {**values, WORD: first(client.get(resources.path("nodes"))["items"])}


def refuse_reduced(client: Client) -> None:
    """
    Refuse a cluster whose node isolates nothing: right answers would lose points there.

    Raises:
        CheckError: A node is in the reduced mode; names what it lacks. Nodes that may not be listed are believed.
    """
    try:
        nodes = client.get(resources.path("nodes"))["items"]
    except ApiError:
        return
    refuse_if_reduced(nodes)


def refuse_if_reduced(nodes: Sequence[RawView]) -> None:
    """As ``refuse_reduced``, for nodes that are listed already."""
    reason = next(
        (why for node in nodes if (why := (node["metadata"].get("annotations") or {}).get(REDUCED))), ""
    )
    if reason:
        raise CheckError(
            "this cluster runs in the reduced mode, where Pods do not live as on a node",
            cause=reason,
            hint="podlab doctor tells what to change; or grade on another machine, or on kind",
        )


def first(nodes: Sequence[RawView]) -> str:
    """Return the first name, by the alphabet, among nodes that are Ready and take Pods; CheckError for none."""
    names = sorted(str(node["metadata"]["name"]) for node in nodes if _takes_pods(node))
    if not names:
        raise CheckError("no node takes Pods", hint="podlab doctor shows the nodes")
    return names[0]


def room(nodes: Sequence[RawView], pods: Sequence[RawView]) -> int:
    """
    Return how many Pods the nodes may still take.

    Args:
        pods: All Pods of the cluster.
    """
    free = 0
    for node in nodes:
        if _takes_pods(node):
            name = node["metadata"]["name"]
            here = sum(pod["spec"].get("nodeName") == name and not has_ended(pod) for pod in pods)
            free += max(0, quantity.value(node["status"].get("allocatable", {}).get("pods", 0)) - here)
    return free


def most_pods(objects: Iterable[RawView]) -> int:
    """Return how many Pods *objects* may have at once, those that are ending included."""
    return sum(_pods_of(each) for each in objects)


def _pods_of(body: RawView) -> int:
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return 0
    if body.get("kind") == "Pod":
        return 1
    if not any(spec.get(key) for key in ("template", "jobTemplate")):
        return 0
    counts = [spec.get(key) for key in ("replicas", "parallelism")]
    return _OLD_AND_NEW * max([1, *(count for count in counts if isinstance(count, int))])


def lacks_room(pod: RawView) -> bool:
    """Return whether the scheduler found that no node has enough left of what a Pod reserves."""
    return any(words in _unplaced_for(pod) for words in _NO_ROOM)


def _unplaced_for(pod: RawView) -> str:
    """Return the scheduler's message about a Pod that it has not placed; empty for any other Pod."""
    for one in (pod.get("status") or {}).get("conditions") or []:
        if (one["type"], one["status"]) == ("PodScheduled", "False"):
            return str(one.get("message"))
    return ""


def _lacks_more(pod: RawView) -> bool:
    """Return whether the scheduler names a reason besides room for a node that takes Pods, such as a nodeSelector."""
    found = _REASONS.search(_unplaced_for(pod))
    reasons, known = found[1].split(", ") if found else [], (*_NO_ROOM, *_TAKES_NONE)
    return not all(any(words in reason for words in known) for reason in reasons)


def crowded_out(
    pod: RawView, nodes: Sequence[RawView], pods: Sequence[RawView], leaving: Container[str]
) -> bool:
    """
    Return whether a Pod lacks room only because of Pods that will go: without them, some node has enough for it.

    Args:
        pod: One that ``lacks_room``.
        nodes, pods: All of the cluster.
        leaving: The namespaces of other answers that are graded. All other Pods stay, those of another run of this
            answer included: where they leave no room, the answer asks for too much.

    False where the Pod may not run on every node: then it is not known which of them has to get room.
    """
    if _lacks_more(pod):
        return False
    wanted = requests.pod_requests(dict(pod))
    staying = [each for each in pods if each["metadata"]["namespace"] not in leaving and not has_ended(each)]
    return any(_fits(wanted, node, staying) for node in nodes if _takes_pods(node))


def _fits(wanted: requests.Amounts, node: RawView, staying: Sequence[RawView]) -> bool:
    here = [dict(pod) for pod in staying if pod["spec"].get("nodeName") == node["metadata"]["name"]]
    free, taken = requests.amounts(node["status"].get("allocatable")), requests.total(here)
    enough = all(
        amount <= free.get(name, 0) - taken.get(name, 0) for name, amount in wanted.items() if amount
    )
    return enough and len(here) < free.get("pods", 0)


def cpus(nodes: Sequence[RawView]) -> int:
    """Return the whole CPUs of the nodes that take Pods; at least 1."""
    rows = [node["status"].get("allocatable", {}).get("cpu", 0) for node in nodes if _takes_pods(node)]
    return max(1, sum(map(quantity.milli, rows)) // 1000)


def _takes_pods(node: RawView) -> bool:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    shut = any(taint.get("effect") in _SHUT for taint in spec.get("taints") or [])
    return ready and not shut and not spec.get("unschedulable")
