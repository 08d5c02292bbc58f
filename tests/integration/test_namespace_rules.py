"""Quotas and Pod Security of a namespace, as a class meets them; the same on every cluster."""

from __future__ import annotations

from typing import Any

import pytest
from test_field_cases import until

from podlab.client import Client
from podlab.errors import ApiError

CONTAINER = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "600"]}


def messages(client: Client, namespace: str, reason: str) -> list[str]:
    events = client.get(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"reason={reason}")["items"]
    return [event["message"] for event in events]


def test_a_deployment_beyond_its_quota_says_why_a_pod_is_missing(client: Client, namespace: str) -> None:
    """One Pod is made, the other is refused; the quota's status counts, the Event tells."""
    core, name = f"/api/v1/namespaces/{namespace}", {"metadata": {"name": "q"}}
    client.create(f"{core}/resourcequotas", {**name, "spec": {"hard": {"pods": "1"}}})
    until(lambda: client.get(f"{core}/resourcequotas/q"), lambda one: "used" in one.get("status", {}))
    labels = {"app": "web"}
    pod: dict[str, Any] = {"terminationGracePeriodSeconds": 0, "containers": [CONTAINER]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    client.create(
        f"/apis/apps/v1/namespaces/{namespace}/deployments", {"metadata": {"name": "web"}, "spec": spec}
    )
    texts = until(lambda: messages(client, namespace, "FailedCreate"), bool)
    assert "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in texts[0]
    status = until(
        lambda: client.get(f"{core}/resourcequotas/q")["status"], lambda one: one["used"]["pods"] == "1"
    )
    assert status["hard"] == {"pods": "1"}


def test_a_restricted_namespace_refuses_a_plain_pod(client: Client, namespace: str) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    client.patch(f"/api/v1/namespaces/{namespace}", labels)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with pytest.raises(ApiError, match='violates PodSecurity "restricted:latest": allowPrivilegeEscalation'):
        client.create(pods, {"metadata": {"name": "plain"}, "spec": {"containers": [CONTAINER]}})
    context = {"runAsNonRoot": True, "runAsUser": 1000, "allowPrivilegeEscalation": False,
               "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
    container = {**CONTAINER, "securityContext": context}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    client.create(pods, {"metadata": {"name": "careful"}, "spec": spec})
    look = f"{pods}/careful"
    until(lambda: client.get(look).get("status", {}).get("phase"), lambda phase: phase == "Running")
