"""The configuration that lets an API server ask the lab's injector about new Pods."""

from __future__ import annotations

from podlab.pods.raw import RawObject

LABEL = {"mesh": "on"}
"""Pods with this label are asked about."""


def configuration(namespace: str, bundle: str, service: str = "injector") -> RawObject:
    """
    Return a MutatingWebhookConfiguration for one namespace.

    Args:
        bundle: The certificate that vouches for the injector's, in base64 (``Authority.bundle``).
        service: The injector's Service, in that namespace.
    """
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    place = {"name": service, "namespace": namespace, "path": "/inject"}
    webhook = {
        "name": f"{service}.{namespace}.podlab",
        "clientConfig": {"service": place, "caBundle": bundle},
        "rules": [{**rule, "scope": "Namespaced"}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "objectSelector": {"matchLabels": LABEL},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 10,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"podlab-mesh-{namespace}"},
        "webhooks": [webhook],
    }
