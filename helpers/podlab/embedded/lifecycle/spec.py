"""The restart policy of a Pod and of its containers: whether one that ended runs again; names in messages."""

from __future__ import annotations

from podlab.pods.raw import RawObject
from podlab.pods.restarts import policy_of, restarts_after

RESTART, RESTART_ALL = "Restart", "RestartAllContainers"  # actions of restartPolicyRules


def field_path(key: str, name: str) -> str:
    """Return how an Event names a container: ``spec.initContainers{fetch}``."""
    return f"spec.{key}{{{name}}}"


def pod_policy(pod: RawObject) -> str:
    """Return the Pod's restartPolicy."""
    return str(pod["spec"].get("restartPolicy") or "Always")


def container_should_restart(pod: RawObject, container: RawObject, exit_code: int) -> bool:
    """
    Return whether a container that ended with *exit_code* must run again.

    Rules come first, then the container's own policy, then the Pod's. Ephemeral containers never come back,
    but nothing asks this of them.
    """
    own = container.get("restartPolicy")
    rule = matching_rule(container, exit_code) if own else None
    if rule and rule.get("action") in (RESTART, RESTART_ALL):
        return True
    return restarts_after(policy_of(pod, container), exit_code)


def matching_rule(container: RawObject, exit_code: int) -> RawObject | None:
    """Return the first of a container's restart rules whose exit codes match."""
    return next((r for r in container.get("restartPolicyRules") or () if _matches(r, exit_code)), None)


def _matches(rule: RawObject, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = exit_code in (codes.get("values") or ())
    return bool(codes) and listed == (codes.get("operator") == "In")


def comes_back(pod: RawObject, container: RawObject) -> bool:
    """Return whether a container that is killed for a failed probe is started again: only Never says no."""
    return policy_of(pod, container) != "Never"


def full_name(pod: RawObject) -> str:
    """``name_namespace(uid)``, as the kubelet writes Pods in messages."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"
