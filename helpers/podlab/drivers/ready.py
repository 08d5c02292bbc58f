"""
Wait until a fresh cluster can be taught on: its nodes are Ready, Pods may be made, Service names resolve.

``kind create cluster --wait`` waits for the first of these only, and on a timeout it warns and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.client import Client, resources
from podlab.client.waiting import until
from podlab.drivers.base import Progress, silent
from podlab.errors import ApiError, ConnectionLostError, WaitTimeoutError

Question = Callable[[Client], str]
"""Returns what is still missing, as a short phrase; empty when nothing is."""


def nodes_ready(client: Client) -> str:
    """Every node has condition Ready=True."""
    nodes = client.get(resources.path("nodes"), timeout_s=5)["items"]
    if not nodes:
        return "no node has registered"
    waiting = [node for node in nodes if not _is_ready(node)]
    return "" if not waiting else f"node {waiting[0]['metadata']['name']} is not Ready: {_why(waiting[0])}"


def pods_may_be_made(client: Client) -> str:
    """The default ServiceAccount is there; until then every Pod is refused."""
    accounts = client.get(resources.path("serviceaccounts", "default"), timeout_s=5)["items"]
    return (
        ""
        if any(one["metadata"]["name"] == "default" for one in accounts)
        else "no default ServiceAccount yet"
    )


def names_resolve(client: Client) -> str:
    """The cluster's DNS Service has an endpoint that is ready."""
    of_dns = "kubernetes.io/service-name=kube-dns"
    slices = client.get(resources.path("endpointslices", "kube-system"), timeout_s=5, labelSelector=of_dns)[
        "items"
    ]
    ends = [end for one in slices for end in one.get("endpoints") or []]
    ready = any((end.get("conditions") or {}).get("ready") for end in ends)
    return "" if ready else "the cluster's DNS is not ready"


def wait(
    client: Client,
    *questions: Question,
    deadline_s: float,
    progress: Progress = silent,
    interval_s: float = 0.1,
) -> None:
    """
    Ask each question until it finds nothing missing, one after the other.

    Raises:
        WaitTimeoutError: Something was still missing after *deadline_s* in all.
    """
    open_questions, missing, said = list(questions), "", False

    def all_answered() -> bool:
        nonlocal missing
        while open_questions:
            missing = _ask(open_questions[0], client)
            if missing:
                return False
            del open_questions[0]
        return True

    def say_once() -> None:
        nonlocal said
        if not said:
            progress(f"waiting: {missing}")
            said = True

    def late() -> WaitTimeoutError:
        return WaitTimeoutError(
            f"the cluster was not ready after {deadline_s:g} s", cause=missing, hint="podlab doctor"
        )

    until(all_answered, deadline_s=deadline_s, late=late, every_s=interval_s, meanwhile=say_once)


def _ask(question: Question, client: Client) -> str:
    try:
        return question(client)
    except (ApiError, ConnectionLostError) as error:
        return error.summary


def _is_ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in _conditions(node))


def _why(node: dict[str, Any]) -> str:
    ready = next((one for one in _conditions(node) if one["type"] == "Ready"), {})
    said = str(ready.get("message") or ready.get("reason") or "it has not reported yet")
    return said if len(said) <= 100 else said[:99] + "…"


def _conditions(node: dict[str, Any]) -> list[dict[str, Any]]:
    return list(node.get("status", {}).get("conditions") or [])
