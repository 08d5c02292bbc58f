"""A container that cannot be made from its manifest: a ConfigMap, a key, a user, a path."""

from __future__ import annotations

from podlab.timeline.events import short
from podlab.timeline.situations.observed import ObservedContainer
from podlab.timeline.situations.table import Details, Situation, hint_for

REASONS = frozenset(("CreateContainerConfigError", "CreateContainerError"))
_AGAIN = "it is tried again by itself"
# What the kubelet or the runtime says -> what to try; {name} is the container.
_FAULTS = (
    (r'configmap "([^"]+)" not found', "create the ConfigMap {0} in this namespace; " + _AGAIN),
    (r'secret "([^"]+)" not found', "create the Secret {0} in this namespace; " + _AGAIN),
    (r"couldn't find key (\S+) in (\S+) \S*?/?([^/\s]+)$", "create the key {0} in the {1} {2}; " + _AGAIN),
    (r"non-numeric user", "set securityContext.runAsUser of {name} to a number: the image names its user by a word"),
    (r"runAsNonRoot|non-root", "set securityContext.runAsUser of {name} to a user that is not 0"),
    (r"seccomp", "put that seccomp profile on the node, or take seccompProfile of {name} or its Pod away"),
    (r"apparmor", "load that AppArmor profile on the node, or take appArmorProfile of {name} or its Pod away"),
    (r"no command specified", "the image has no command of its own: give {name} a command"),
    (r"missing value for (\S+)", "subPathExpr of {name} uses {0}: give {name} a variable of that name"),
    (r"FileKeyRef", "check valueFrom.fileKeyRef of {name}: its volume, path and key"),
    (r"subPath", "check subPath of {name}: a path below the volume, without .. and not absolute"),
    (r"is reserved for|already in use", "an older container of {name} is being removed: wait, and " + _AGAIN),
    (r"mkdir|mountpoint|mount|read-only file system", "check mountPath of {name}: the runtime cannot make or mount it"),
    (r"device", "check the devices that {name} asks for"),
)  # fmt: skip


def _refused(c: ObservedContainer) -> Details | None:
    if c.reason not in REASONS:
        return None
    said = c.message or c.says("Failed") or c.reason
    return {"at": c.standing, "reason": c.reason, "said": short(said), "hint": hint(c.name, said)}


def hint(name: str, said: str) -> str:
    """Return what to try, by what the kubelet says."""
    return hint_for(said, _FAULTS, otherwise=f"create or correct what the message names; {_AGAIN}", name=name)


TABLE: tuple[Situation[ObservedContainer], ...] = (
    Situation("a container that cannot be made", _refused, "{at}: {reason}", "{said}", "{hint}"),
)
