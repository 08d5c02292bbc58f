"""What a Pod's spec says of its containers: their roles, and whether one that ended is to run again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podlab.pods.raw import RawObject

INIT, APP, EPHEMERAL = "initContainers", "containers", "ephemeralContainers"
GROUPS = (INIT, APP, EPHEMERAL)
RESTART, RESTART_ALL = "Restart", "RestartAllContainers"  # actions of restartPolicyRules


def group(pod: RawObject, key: str) -> Sequence[RawObject]:
    """The containers of one of the three lists of a spec, ``()`` when it is absent."""
    return pod["spec"].get(key) or ()


def every_container(pod: RawObject) -> Iterator[tuple[str, RawObject]]:
    """Each container with the name of the list that it stands in."""
    for key in GROUPS:
        for container in group(pod, key):
            yield key, container


def find(pod: RawObject, name: str) -> tuple[str, RawObject] | None:
    """The container of that name and its list; names are unique in a Pod."""
    return next(((key, c) for key, c in every_container(pod) if c["name"] == name), None)


def is_sidecar(container: RawObject) -> bool:
    """True of an init container that keeps running beside the app: ``restartPolicy: Always``."""
    return bool(container.get("restartPolicy") == "Always")


def field_path(key: str, name: str) -> str:
    """How an Event names a container: ``spec.initContainers{fetch}``."""
    return f"spec.{key}{{{name}}}"


def pod_policy(pod: RawObject) -> str:
    """The Pod's restartPolicy."""
    return str(pod["spec"].get("restartPolicy") or "Always")


def restarts_after(pod: RawObject, container: RawObject, exit_code: int) -> bool:
    """
    True if a container that ended with *exit_code* is to run again.

    Rules come first, then the container's own policy, then the Pod's. Ephemeral containers never come back,
    but nothing asks this of them.
    """
    own = container.get("restartPolicy")
    rule = matching_rule(container, exit_code) if own else None
    if rule and rule.get("action") in (RESTART, RESTART_ALL):
        return True
    policy = own or pod_policy(pod)
    return bool(policy == "Always" or (policy == "OnFailure" and exit_code != 0))


def matching_rule(container: RawObject, exit_code: int) -> RawObject | None:
    """The first of a container's restart rules whose exit codes match."""
    return next((r for r in container.get("restartPolicyRules") or () if _matches(r, exit_code)), None)


def _matches(rule: RawObject, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = exit_code in (codes.get("values") or ())
    return bool(codes) and listed == (codes.get("operator") == "In")


def comes_back(pod: RawObject, container: RawObject) -> bool:
    """True if a container that is killed for a failed probe is started again: only Never says no."""
    return (container.get("restartPolicy") or pod_policy(pod)) != "Never"


def full_name(pod: RawObject) -> str:
    """``name_namespace(uid)``, as the kubelet writes Pods in messages."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"
