"""
The logs that ``logs`` prints: of one Pod or several, of one container or all, one after another or side by side.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from podlab.cli import kinds
from podlab.cli.lookup import find_pod, log_refusal
from podlab.cli.parser import UsageError
from podlab.client import Client, resources
from podlab.errors import ApiError, NotFoundError, PodlabError
from podlab.pods import roles
from podlab.pods.raw import RawView

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def check(what: str | None, selector: str | None) -> None:
    """
    Make sure that Pods are named one way.

    Raises:
        UsageError: Neither a name nor labels are given, or both.
    """
    if what and selector:
        raise UsageError(
            "a Pod's name and --selector cannot be combined",
            cause=f"given: {what}, -l {selector}",
            hint=f"podlab logs {what}, or: podlab logs -l {selector}",
        )
    if not (what or selector):
        raise UsageError(
            "which Pod's logs?", cause="a Pod's name, or -l LABELS, is required", hint="podlab logs POD"
        )


def name_of(pod: RawView, asked: str | None) -> str:
    """Return the Pod's name."""
    return str((pod.get("metadata") or {}).get("name") or (asked or "").rpartition("/")[2])


def pods_of(client: Client, namespace: str, what: str | None, selector: str | None) -> list[RawView]:
    """
    Return the Pods that are meant: one by name, those of ``job/x`` or ``deployment/x`` (the oldest), or of labels.

    Raises:
        NotFoundError: There is none; of a Pod, the hint names the nearest.
        UsageError: It is a kind without Pods.
    """
    pods = resources.path("pods", namespace)
    if selector:
        return _some(list(client.get(pods, labelSelector=selector)["items"]), selector)
    kind, _, name = str(what).rpartition("/")
    found = kinds.find(kind) if kind else kinds.POD
    if found is None:
        raise UsageError(
            f"{what} has no Pods",
            cause=f"objects of kind {kind} own no Pods, or podlab does not know them",
            hint=f"a Pod's name, as podlab pods prints it, or job/{name}",
        )
    if found == kinds.POD:
        return [find_pod(client, namespace, name)]
    body = {"apiVersion": found.api_version, "kind": found.kind, "metadata": {"name": name}}
    labels = (client.get(client.path_of(body, namespace))["spec"].get("selector") or {}).get(
        "matchLabels"
    ) or {}
    listed = client.get(pods, labelSelector=",".join(f"{key}={value}" for key, value in labels.items()))[
        "items"
    ]
    return _some(sorted(listed, key=lambda pod: str(pod["metadata"]["creationTimestamp"])), str(what))[:1]


def _some(found: list[RawView], what: str) -> list[RawView]:
    if not found:
        raise NotFoundError(f"{what} has no Pods", hint="podlab pods", code=404)
    return found


def default_container(pod: RawView) -> tuple[str, str]:
    """
    Return the container that kubectl would choose, and what to say about it; nothing where there is only one.

    It is the one that the annotation ``kubectl.kubernetes.io/default-container`` names, else the first app container.
    """
    listed = [(str(spec["name"]), roles.role(key, spec)) for key, spec in roles.every_container(pod)]
    apps = [name for name, role in listed if role == "app"]
    named = (((pod.get("metadata") or {}).get("annotations") or {}).get(DEFAULT_CONTAINER)) or ""
    chosen = named if named in [name for name, _ in listed] else apps[0]
    others = ", ".join(name if role == "app" else f"{name} ({role})" for name, role in listed)
    return chosen, f"container {chosen}, of: {others}" if len(listed) > 1 else ""


def containers_of(pod: RawView) -> list[str]:
    """Return all containers of a Pod in the order in which they start."""
    return [str(spec["name"]) for _, spec in roles.every_container(pod)]


class Copier:
    """
    Copies logs to stdout, line by line; several that are followed share it, and no line is torn.

    Args:
        params: Of the log requests: ``follow``, ``tailLines``, …
        prefix: Whether each line begins with ``[pod/web/app]``.
    """

    def __init__(self, client: Client, namespace: str, params: Mapping[str, Any], *, prefix: bool) -> None:
        self._client, self._namespace, self._params, self._prefix = client, namespace, dict(params), prefix
        self._lock = threading.Lock()
        self._failures: list[PodlabError] = []

    def copy(self, targets: Sequence[tuple[str, str]], *, patient: bool) -> None:
        """
        Copy the logs of each (Pod, container): at the same time where they are followed, else one after another.

        Args:
            patient: Whether a container without a log yet is passed over; there are several, and its turn may come.
        """
        if not self._params.get("follow") or len(targets) == 1:
            for target in targets:
                self._one(*target, patient)
        else:
            threads = [
                threading.Thread(target=self._aside, args=(*one, patient), daemon=True) for one in targets
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if self._failures:
            raise self._failures[0]

    def _aside(self, pod: str, container: str, patient: bool) -> None:
        try:
            self._one(pod, container, patient)
        except PodlabError as error:
            self._failures.append(error)

    def _one(self, pod: str, container: str, patient: bool) -> None:
        log = resources.path("pods", self._namespace, pod) + "/log"
        start = f"[pod/{pod}/{container}] ".encode() if self._prefix else b""
        try:
            with self._client.lines(log, **self._params, container=container) as lines:
                for line in lines:
                    self._write(start + line.rstrip(b"\n") + b"\n")
        except ApiError as error:
            if patient and error.code == 400:
                return
            raise log_refusal(self._client, self._namespace, pod, container, error) from error

    def _write(self, line: bytes) -> None:
        with self._lock:
            sys.stdout.buffer.write(line)
            if self._params.get("follow"):
                sys.stdout.buffer.flush()
