"""
The objects that ``explain`` reads: the object itself, its Pods, and the Events of its namespace.
"""

from __future__ import annotations

import re
import time
from typing import Any

from podlab.cli.lookup import find_pod
from podlab.cli.parser import UsageError
from podlab.client import Client, resources
from podlab.errors import ApiError, NotFoundError
from podlab.pods.raw import RawObject
from podlab.timeline import Explanation, explain, explain_owner
from podlab.timeline.explain_owner import BETWEEN, KINDS

_EXPLAINED = ("Pod", *KINDS)


def asked_for(words: list[str], cluster: str = "") -> list[tuple[str, str]]:
    """
    Return (kind, name) for each object of ``web``, ``pod/web job/m``, ``job m`` or ``job m n``.

    The kind is empty where none is given.

    Args:
        cluster: `` --cluster N`` for the line that a hint names, where one was given.

    Raises:
        UsageError: The kind is none that can be explained, or it is a field, which kubectl explains.
    """
    if re.fullmatch(r"[a-z]+(\.[a-zA-Z]+)+", words[0]) and _kind(words[0].partition(".")[0]):
        raise UsageError(
            f"{words[0]} is a field; podlab explain works on existing objects",
            cause="kubectl explains fields",
            hint=f'kubectl --kubeconfig "$(podlab kubeconfig{cluster})" explain {words[0]}',
        )
    if len(words) == 1 and _kind(words[0]):
        raise UsageError(
            f"which {words[0]}?",
            cause="a kind needs a name",
            hint=f"podlab explain {words[0]} NAME, or, for a Pod of that name: podlab explain pod/{words[0]}",
        )
    if len(words) > 1 and "/" not in words[0] and resources.named(words[0]):
        return [(_supported(words[0], name), name.rpartition("/")[2]) for name in words[1:]]
    pairs = [word.rpartition("/")[::2] for word in words]
    return [(_supported(kind, name) if kind else "", name) for kind, name in pairs]


def _supported(kind: str, name: str) -> str:
    found = _kind(kind.partition(".")[0])
    if not found:
        raise UsageError(
            f"podlab explain does not support {kind}",
            cause=f"supported: {', '.join(_EXPLAINED).lower()}",
            hint=f"podlab explain {name}",
        )
    return found


def _kind(word: str) -> str:
    """Return the kind that can be explained and that *word* names; empty for another word."""
    found = resources.named(word)
    return found.kind if found and found.kind in _EXPLAINED else ""


def told(client: Client, namespace: str, kind: str, name: str) -> Explanation:
    """
    Return the explanation of one object; without a kind, of the Pod of that name, else of what else bears it.

    Raises:
        NotFoundError: There is none; the hint names the nearest Pod.
    """
    if kind in ("", "Pod"):
        try:
            pod = find_pod(client, namespace, name)
        except NotFoundError:
            kind = _other(client, namespace, name) if not kind else ""
            if not kind:
                raise
        else:
            events = _items(
                client, resources.path("events", namespace), fieldSelector=f"involvedObject.name={name}"
            )
            return explain(pod, events, now=time.time())
    owner = dict(client.get(resources.path(kind, namespace, name)))
    between = _items(client, resources.path(BETWEEN[kind], namespace)) if kind in BETWEEN else []
    labels = ((owner.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    wanted = ",".join(f"{key}={value}" for key, value in labels.items()) or None
    pods = _items(client, resources.path("pods", namespace), labelSelector=wanted)
    events = _items(client, resources.path("events", namespace))
    return explain_owner({"kind": kind, **owner}, pods, events, between=between, now=time.time())


def _items(client: Client, path: str, **params: Any) -> list[RawObject]:
    return list(client.get(path, **params)["items"])


def _other(client: Client, namespace: str, name: str) -> str:
    """Return the kind of the controller's object of that name; empty for none."""
    for kind in KINDS:
        try:
            client.get(resources.path(kind, namespace, name))
        except ApiError:
            continue
        return kind
    return ""
