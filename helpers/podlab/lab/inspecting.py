"""
``Inspecting``: the verbs of a lab that ask the cluster: objects, logs, Events, and waiting for what they show.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from podlab.client import resources
from podlab.errors import PodlabError, WaitTimeoutError
from podlab.lab import looking
from podlab.lab.workplace import Workplace
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.timeline import Explanation


class Inspecting(Workplace):
    """The present state of the namespace."""

    def get(self, kind: str, name: str | None = None) -> RawObject:
        """Return one object as the API sends it, or without *name* the list of that kind."""
        return self.client.get(self._path(kind, name))

    def logs(self, pod: str, container: str | None = None, *, previous: bool = False) -> str:
        """Return what a container wrote: its newest run, or with *previous* the run before."""
        params: dict[str, Any] = {"container": container, "previous": "true" if previous else None}
        return self.client.text(self._path("pod", pod) + "/log", **{k: v for k, v in params.items() if v})

    def lines(self, pod: str, container: str | None = None, **wanted: Any) -> list[RawObject]:
        """Return the JSON lines of a container's newest run whose fields equal *wanted*."""
        found = []
        for text in self.logs(pod, container).splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and all(line.get(key) == value for key, value in wanted.items()):
                found.append(line)
        return found

    def wait_for_line(self, pod: str, container: str, *, deadline_s: float = 30, **wanted: Any) -> RawObject:
        """Wait for the first JSON line with these fields, and return it."""
        found: list[RawObject] = []

        def look() -> bool:
            found[:] = self.lines(pod, container, **wanted)[:1]
            return bool(found)

        self.wait(look, f"{pod}/{container} wrote no line with {wanted}", deadline_s=deadline_s)
        return found[0]

    def wait_for_text(self, pod: str, container: str, text: str, *, deadline_s: float = 30) -> None:
        """Wait until *text* stands in the log of a container."""
        self.wait(
            lambda: text in self.logs(pod, container),
            f"{pod}/{container} never wrote {text!r}",
            deadline_s=deadline_s,
        )

    def exec(
        self, pod: str, command: str | Sequence[str], container: str | None = None, *, check: bool = True
    ) -> str:
        """
        Run *command* in a container (text goes to ``sh -c``) and return what it printed, both streams.

        Args:
            check: Whether another exit code than 0 is an error. False is for a command that may fail, or that ends
                its own container and is killed with it.

        Raises:
            CommandError: The command failed, and *check* is true.
        """
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        output = self.client.exec(self.namespace, pod, words, container=container)
        if check and output.exit_code:
            raise looking.failed(pod, container, command, output)
        return (output.stdout + output.stderr).strip()

    def events(self, pod: str | None = None, container: str | None = None) -> list[RawObject]:
        """
        Return the Events of the namespace, oldest first; of one Pod or container if named.

        While the Pod lives, those of former Pods of that name are left out.
        """
        uid = self._uid(pod) if pod else None
        found = []
        for event in self.get("event").get("items") or []:
            about = event.get("involvedObject") or {}
            of_container = f"{{{container}}}" in str(about.get("fieldPath"))
            same = pod is None or (about.get("name") == pod and uid in (None, about.get("uid")))
            if same and (container is None or of_container):
                found.append(event)
        return sorted(
            found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or "")
        )

    def row(self, pod: str) -> dict[str, str]:
        """
        Return the row of a Pod in ``kubectl get pods``, as the server made it: READY, STATUS, RESTARTS and
        others, by column name.
        """
        found = self.client.table(self._path("pod", pod))
        return {name: str(cell) for name, cell in found[0].items()}

    def status(self, pod: str) -> str:
        """Return what ``kubectl get pods`` shows under STATUS, asked of the server."""
        return self.row(pod)["STATUS"]

    def ready(self, pod: str) -> str:
        """Return what ``kubectl get pods`` shows under READY, such as ``2/2``, asked of the server."""
        return self.row(pod)["READY"]

    def chart(self, *pods: str) -> None:
        """Print of each Pod its STATUS, the states of its containers and its Events: what a diagnosis starts from."""
        for pod in pods:
            print(looking.chart(self.get("pod", pod), self.row(pod), self.events(pod)))

    def restarts(self, pod: str) -> dict[str, int]:
        """Return how often each container of a Pod was restarted, by its name."""
        return looking.restarts(self.get("pod", pod))

    def wait_for_status(self, pod: str, *words: str, deadline_s: float = 60) -> str:
        """Wait until ``kubectl get pods`` would show one of *words* under STATUS; return the one that it was."""
        seen = ""

        def shown() -> bool:
            nonlocal seen
            seen = self.status(pod)
            return seen in words

        self.wait(shown, f"STATUS of Pod {pod} never was {' or '.join(words)}", deadline_s=deadline_s)
        return seen

    def condition(self, pod: str, kind: str) -> dict[str, str]:
        """Return one condition of a Pod, such as ``PodScheduled``; empty when it has none of that type."""
        found = self.get("pod", pod).get("status", {}).get("conditions") or []
        return next((each for each in found if each["type"] == kind), {})

    def half_a_node(self) -> tuple[str, str]:
        """
        Return the name of a node that takes Pods, and a little more than half of the CPU it has for them,
        such as ``1020m``: two Pods that reserve as much do not fit on it together.
        """
        return looking.half_a_node(self.client.get(resources.path("nodes")).get("items") or [])

    def pods_of(self, owner: str) -> list[RawObject]:
        """Return the Pods that a Job, a ReplicaSet or a Deployment made, oldest first."""
        sets = looking.owned_by(self.get("replicaset").get("items") or [], {owner})
        owners = {owner} | {each["metadata"]["name"] for each in sets}
        found = looking.owned_by(self.get("pod").get("items") or [], owners)
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def reached(self, kind: str, name: str, wanted: str) -> RawObject | None:
        """Return the condition *wanted* (``Failed``) of an object while it is True; None while it is not."""
        return looking.reached(self.get(kind, name), wanted)

    exit_code = staticmethod(looking.exit_code)

    def node_ready(self) -> bool:
        """Return whether some node of the cluster is Ready."""
        nodes = self.client.get(resources.path("nodes")).get("items") or []
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in nodes
            for condition in node["status"].get("conditions") or []
        )

    def explain(self, what: str) -> Explanation:
        """
        Return in three lines why a Pod (``web``), a Job (``job/m``) or a Deployment (``deployment/web``) does not run.

        From its state and Events, and those of its Pods; ``podlab explain`` does the same.
        """
        from podlab.timeline import explain, explain_owner
        from podlab.timeline.explain_owner import BETWEEN

        kind, _, name = what.rpartition("/")
        if kind.lower() in ("", "pod"):
            return explain(self.get("pod", name), self.events(name), now=time.time())
        found = resources.named(kind)
        known = found.kind if found else kind
        pods, events = (self.get(one)["items"] for one in ("pod", "event"))
        between = self.get(BETWEEN[known])["items"] if known in BETWEEN else []
        owner = {"kind": known, **self.get(kind, name)}
        return explain_owner(owner, pods, events, between=between, now=time.time())

    def wait(
        self, done: Callable[[], bool], what: str = "it did not happen", *, deadline_s: float = 30
    ) -> None:
        """
        Wait until *done* says yes; after *deadline_s* WaitTimeoutError with *what* and a Pod that is not well.

        Where Pods of the namespace were slow to start, the deadline is as much later, up to four times.
        """
        try:
            self._wait_at_its_pace(done, what, deadline_s)
        except WaitTimeoutError as error:
            if error.cause is None:
                with suppress(PodlabError):
                    self._suspect(error)
            raise

    def _wait_at_its_pace(self, done: Callable[[], bool], what: str, deadline_s: float) -> None:
        try:
            return super().wait(done, what, deadline_s=deadline_s)
        except WaitTimeoutError:
            pace = self._pace()
            if pace == 1:
                raise
        try:
            super().wait(done, what, deadline_s=deadline_s * (pace - 1))
        except WaitTimeoutError as error:
            waited = f"{what} (waited {deadline_s * pace:.0f} s)"
            raise WaitTimeoutError(waited, cause=error.cause, hint=error.hint) from None

    def _pace(self) -> float:
        """Return how many times slower than usual Pods of the namespace started; 1 where the server does not tell."""
        from podlab.grading.pace import pace

        with suppress(PodlabError):
            return pace(self.get("pod")["items"])
        return 1.0

    def _suspect(self, error: WaitTimeoutError) -> None:
        """Name a Pod that is not well in *error*: the one that it speaks of, else the newest."""
        pods = [pod for pod in self.get("pod")["items"] if not pod["metadata"].get("deletionTimestamp")]
        pods.sort(key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
        named = re.findall(r"[a-z0-9-]+", error.summary.lower())
        pods.sort(key=lambda pod: pod["metadata"]["name"] not in named)
        found = {pod["metadata"]["name"]: self.explain(pod["metadata"]["name"]) for pod in pods}
        unwell = [name for name, explained in found.items() if not explained.well]
        if unwell:
            others = f"; not well either: {', '.join(unwell[1:4])}" if unwell[1:] else ""
            first = found[unwell[0]]
            error.cause = first.what + (f" ({looking.cut(first.why)})" if first.why else "") + others
            error.hint = f'lab.explain("{unwell[0]}") says more; {error.hint}'

    def _uid(self, pod: str) -> str | None:
        found = self.client.find(self._path("pod", pod))
        return str(found["metadata"]["uid"]) if found else None
