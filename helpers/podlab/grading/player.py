"""Performs a play on a cluster and records it: the thin shell around ``play``."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from podlab.checks import Act
from podlab.client import Client, resources
from podlab.client.types import ExecOutput
from podlab.errors import (
    ApiError,
    CheckError,
    ConnectionLostError,
    NotFoundError,
    PodlabError,
    WaitTimeoutError,
)
from podlab.grading import nodes, waitconditions
from podlab.grading.controllers import refuse_idle
from podlab.grading.exercise import CrowdedOut, NotGradable
from podlab.grading.pace import UNSTARTED_S, is_obstacle, is_unplaced, is_unstarted, pace, started
from podlab.grading.play import Step
from podlab.grading.run_namespace import RunNamespace
from podlab.manifests import Manifest
from podlab.observe import Recorder
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

FIXTURE_S = 90.0
STATUS_S = 5.0  # the kubelet shows a new state within 2 s where it is not busy
_BY_SIGNAL = 128
_KEPT_LINES = 20_000
_STATIC = ("Service", "ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding")
# The signal goes to the container's own first process: where processes are shared, process 1 is the Pod's sandbox.
# The node's time is printed first: runs start and end by that clock.
KILL = """\
date +%s
mine=$(readlink /proc/self/ns/mnt)
if [ "$(readlink /proc/1/ns/mnt 2>/dev/null)" = "$mine" ]; then kill "-$1" 1; exit; fi
for folder in /proc/[0-9]*; do
  pid=${folder#/proc/}
  [ "$pid" = "$$" ] && continue
  [ "$(readlink "$folder/ns/mnt" 2>/dev/null)" = "$mine" ] || continue
  if [ -z "$first" ] || [ "$pid" -lt "$first" ]; then first=$pid; fi
done
kill "-$1" "$first"
"""


class Stopped(Exception):  # noqa: N818
    """The grading was interrupted; never leaves this package."""


class Player:
    """
    One run of a play.

    Args:
        texts: Name for ``apply`` (``answer``, ``given``) -> objects, ready to be applied; ``runs`` has passed the
            answer to ``manifests.validate`` before it started the recording.
        fixtures: Fixture name -> objects.
        see: Called with each observation.
        stop: Set by whoever interrupts.
    """

    def __init__(
        self,
        client: Client,
        run_namespace: RunNamespace,
        recorder: Recorder,
        texts: Mapping[str, Sequence[Manifest]],
        fixtures: Mapping[str, Sequence[Manifest]],
        stop: threading.Event,
    ) -> None:
        self.client, self.run_namespace, self.recorder = client, run_namespace, recorder
        self.texts, self.fixtures, self.stop = texts, fixtures, stop
        self.acts: list[Act] = []
        self.lines: deque[RawObject] = deque(maxlen=_KEPT_LINES)
        self.pace = 1.0
        self.obstacles: set[str] = set()  # names of Pods
        self.crowded: set[str] = set()  # uids of Pods
        self.served: set[str] = set()  # uids of Pods that have been Ready

    # -- the way through ----------------------------------------------------------------------------------

    def perform(self, steps: Sequence[Step]) -> None:
        """
        Do all steps; the fixtures that no step starts are started first, and Services before everything.

        Raises:
            NotGradable: A fixture does not start; or a wait ended in vain, and the cluster's controllers do not work.
            ManifestError: The server refuses the answer.
        """
        started = {str(step.what) for step in steps if step.verb == "start"}
        unknown = started - set(self.fixtures)
        if unknown:
            raise CheckError(f"the play starts unknown fixtures: {', '.join(sorted(unknown))}")
        for name, objects in self.fixtures.items():
            self._apply([each for each in objects if name not in started or each.kind in _STATIC])
        self._await_fixtures([name for name in self.fixtures if name not in started])
        for step in steps:
            if not step.after or any(act.name == step.after and act.done for act in self.acts):
                self._do(step)
        if any(act.verb == "wait" and not act.done for act in self.acts):
            refuse_idle(self.client, self.run_namespace.name, self.run_namespace.made, meanwhile=self.look)

    def _do(self, step: Step) -> None:
        self.look()
        if step.verb == "kill":
            self._await_victim(step)
        restarts = waitconditions.restarts(self.target(step))
        act: Callable[[Step], tuple[bool, str, Any]] = getattr(self, f"_{step.verb}")
        at = time.time()
        self.recorder.step(f"{step.verb} {step.name}", verb=step.verb, name=step.name)
        done, target, output = act(step)
        pod = (self.target(step) or {}).get("metadata", {}).get("name", "")
        self.acts.append(Act(step.name, step.verb, target, done, at, restarts, output, pod))

    def see(self, observation: Mapping[str, Any]) -> None:
        """Keep what waits may ask for."""
        if observation.get("source") == "log":
            self.lines.append(dict(observation))
        elif observation.get("resource") == "events" and is_obstacle(observation.get("object") or {}):
            self.obstacles.add(str(observation["object"].get("involvedObject", {}).get("name")))

    def look(self) -> list[RawObject]:
        """Return the newest state of all living Pods."""
        if self.stop.is_set():
            raise Stopped
        return self.recorder.pods()

    def answered(self) -> list[RawObject]:
        """Return the living Pods of the answer (or of what was given), oldest first."""
        return waitconditions.answered(self.look())

    def target(self, step: Step) -> RawObject | None:
        """Return the Pod that a step acts on: the one it names, else the answer's newest that has its container."""
        if step.pod:
            return next((pod for pod in self.look() if pod["metadata"]["name"] == step.pod), None)
        return waitconditions.newest(self.answered(), step.containers)

    # -- verbs --------------------------------------------------------------------------------------------

    def _start(self, step: Step) -> tuple[bool, str, Any]:
        name = str(step.what)
        self._apply([each for each in self.fixtures[name] if each.kind not in _STATIC])
        return True, name, None

    def _stop(self, step: Step) -> tuple[bool, str, Any]:
        name = str(step.what)
        for each in self.fixtures.get(name, ()):
            if each.kind not in _STATIC:
                self._delete(each.object, grace_s=1)
        return True, name, None

    def _apply(self, step: Step | Sequence[Manifest]) -> tuple[bool, str, Any]:
        if not isinstance(step, Step):
            if step:
                self.run_namespace.note(self.recorder.apply(step))
            return True, "", None
        name = str(step.what)
        if name not in self.texts:
            raise CheckError(f"the play applies {name!r}", cause=f"there is: {', '.join(self.texts)}")
        self.run_namespace.note(self.recorder.apply(self.texts[name], checked=name == "answer"))
        return True, name, None

    def _wait(self, step: Step) -> tuple[bool, str, Any]:
        condition = waitconditions.WaitCondition(step.what, self)
        reached = self.until(condition, step.within_s)
        if not reached and not step.strict:
            reached = self._until_started(condition, step.within_s) or self._until_late(
                condition, step.within_s
            )
            # Pods go one by one: the next one's time counts from when the last one went, or began to go.
            while not reached and (rest_s := condition.moved_at + step.within_s - time.monotonic()) > 0:
                reached = self.until(condition, rest_s) or self._until_started(condition, step.within_s)
        if not reached:
            # One that was Ready works: an answer may have broken it since, as whoever may write to a database can.
            served = {pod["metadata"]["name"] for pod in self.look() if pod["metadata"]["uid"] in self.served}
            wanted = set(waitconditions.listed(step.what.get("ready"))) - served
            self._refuse_unready(
                [name for name in self._pods_of(self.fixtures) if name in wanted], step.within_s
            )
        return reached, "", self.pace

    def _until_started(self, condition: waitconditions.WaitCondition, within_s: float) -> bool:
        """
        Give the condition its whole time once the cluster has started what it still prepares.

        Raises:
            NotGradable: It did not get on for ``UNSTARTED_S``, and nothing names an obstacle.
        """
        self._note_crowded()
        before = {pod["metadata"]["uid"]: started(pod) for pod in self._unstarted()}
        if not before:
            return False
        if not self.until(lambda pods: condition(pods) or not self._unstarted(), UNSTARTED_S):
            stuck = [pod for pod in self._unstarted() if before.get(pod["metadata"]["uid"]) == started(pod)]
            self._refuse_stuck(stuck)
        return self.until(condition, within_s)

    def _note_crowded(self) -> None:
        """Note the Pods that other answers keep from their node. An account that may not list all Pods cannot tell."""
        waiting = [pod for pod in self.look() if nodes.lacks_room(pod)]
        if not waiting:
            self.crowded = set()
            return
        with suppress(ApiError):
            # Namespaces before Pods: so the Pods of an answer that ends in between are known as those of an answer.
            leaving = self.run_namespace.of_others()
            listed = self.client.get(resources.path("nodes"))["items"]
            pods = self.client.get(resources.path("pods"))["items"]
            crowded = [pod for pod in waiting if nodes.crowded_out(pod, listed, pods, leaving)]
            self.crowded = {pod["metadata"]["uid"] for pod in crowded}

    def _unstarted(self) -> list[RawObject]:
        """Return the Pods that the scheduler or a node is late with: a right answer would look wrong."""
        pods = [pod for pod in self.look() if is_unplaced(pod) or is_unstarted(pod) or self._is_crowded(pod)]
        return [pod for pod in pods if pod["metadata"]["name"] not in self.obstacles]

    def _is_crowded(self, pod: RawObject) -> bool:
        return pod["metadata"]["uid"] in self.crowded and not (pod.get("spec") or {}).get("nodeName")

    @staticmethod
    def _refuse_stuck(pods: Sequence[RawObject]) -> None:
        if not pods:
            return
        pod = pods[0]
        name, late = pod["metadata"]["name"], f"in {UNSTARTED_S:.0f} s"
        if is_unplaced(pod):
            raise NotGradable(
                f"no scheduler looked at the Pod {name} {late}",
                cause="it has no node and no condition PodScheduled",
                hint="look at kube-scheduler on the cluster, then run it again",
            )
        if not pod["spec"].get("nodeName"):
            raise CrowdedOut(
                f"no node had room for the Pod {name} {late}",
                cause="Pods of other answers reserve what it needs",
                hint="run it again when fewer answers run beside it",
            )
        raise NotGradable(
            f"the node did not start the next container of the Pod {name} {late}",
            cause="nothing in the Pod holds it back, and no Event names an obstacle",
            hint="the cluster is too slow at the moment: run it again",
        )

    def _until_late(self, condition: waitconditions.WaitCondition, within_s: float) -> bool:
        """Wait on where this cluster is slow, as much longer as its Pods were late to start."""
        more_s = within_s * (self.pace - 1)
        return more_s > 0 and self.until(condition, more_s)

    def _pause(self, step: Step) -> tuple[bool, str, Any]:
        self.until(lambda _pods: False, float(step.what))
        return True, "", None

    def _kill(self, step: Step) -> tuple[bool, str, Any]:
        container = str(step.what)
        pod = self.target(step)
        if pod is None or not waitconditions.is_running(pod, container):
            return False, container, None
        try:
            ended = self._exec_in(pod, container, ["sh", "-c", KILL, "kill", step.signal], step.within_s)
        except (ApiError, WaitTimeoutError) as error:
            return False, container, error.summary
        # The end of the container may end the shell too: the code of a signal is as good as 0.
        done = ended.exit_code == 0 or ended.exit_code >= _BY_SIGNAL
        return done, container, (ended.stdout + ended.stderr).strip()

    def _await_victim(self, step: Step) -> None:
        """Let the status of a container that was started catch up: its own words arrive before the kubelet's."""
        container = str(step.what)

        def settled(_pods: list[RawObject]) -> bool:
            pod = self.target(step)
            return not waitconditions.may_run(pod, container) or waitconditions.is_running(pod, container)

        self.until(settled, STATUS_S * self.pace)

    def _exec(self, step: Step) -> tuple[bool, str, Any]:
        container, command = str(step.what["container"]), step.what["command"]
        pod = self.target(step)
        if pod is None:
            return False, container, None
        words = ["sh", "-c", command] if isinstance(command, str) else [str(word) for word in command]
        try:
            return True, container, self._run_in(pod, container, words, step.within_s)
        except (ApiError, WaitTimeoutError) as error:
            return False, container, error.summary

    def _run_in(self, pod: RawObject, container: str, words: list[str], within_s: float) -> str:
        output = self._exec_in(pod, container, words, within_s)
        return (output.stdout + output.stderr).strip()

    def _exec_in(self, pod: RawObject, container: str, words: list[str], within_s: float) -> ExecOutput:
        return self.client.exec(
            self.run_namespace.name, pod["metadata"]["name"], words, container=container, timeout_s=within_s
        )

    def _delete(self, step: Step | RawObject, *, grace_s: int | None = None) -> tuple[bool, str, Any]:
        if not isinstance(step, Step):
            self.client.remove(self.client.path_of(step, self.run_namespace.name), grace_s=grace_s)
            return True, "", None
        pods = self.answered() if step.what in ("answer", "pod") else [self.target(step)]
        chosen = [pod for pod in pods if pod is not None]
        met = chosen[:1] if step.what == "pod" else chosen
        for pod in met:
            self.recorder.writer.mark("delete", objects=[pod["metadata"]["name"]], grace_s=None)
            self._delete({"apiVersion": "v1", "kind": "Pod", **pod})
        return bool(met), str(step.what), [pod["metadata"]["name"] for pod in met]

    def _patch(self, step: Step) -> tuple[bool, str, Any]:
        body, patch = dict(step.what["object"]), step.what["patch"]
        if (body["kind"], body["name"]) == ("Pod", "answer"):
            return self._patch_pods(patch)
        path = self.client.path_of(self._named(body), self.run_namespace.name)
        try:
            return True, body["name"], self.client.patch(path, patch)
        except ApiError as error:
            return False, body["name"], error.summary

    def _patch_pods(self, patch: Any) -> tuple[bool, str, Any]:
        """Patch every Pod of the answer: those of a Deployment have names that no play knows."""
        done = []
        for pod in self.answered():
            with suppress(NotFoundError):
                path = self.client.path_of(
                    {"apiVersion": "v1", "kind": "Pod", **pod}, self.run_namespace.name
                )
                done.append(self.client.patch(path, patch)["metadata"]["name"])
        return bool(done), "answer", done

    def _rollout(self, step: Step) -> tuple[bool, str, Any]:
        note = {"podlab/rollout": f"{time.time():.3f}"}
        patch = {"spec": {"template": {"metadata": {"annotations": note}}}}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "name": str(step.what)}
        met = [pod["metadata"]["name"] for pod in self.answered() if not has_ended(pod)]
        done, name, _ = self._patch(
            Step("patch", {"object": body, "patch": patch}, step.name, step.within_s, "")
        )
        return done, name, met

    def _look(self, step: Step) -> tuple[bool, str, Any]:
        body = dict(step.what)
        try:
            return (
                True,
                body["name"],
                self.client.get(self.client.path_of(self._named(body), self.run_namespace.name)),
            )
        except NotFoundError:
            return False, body["name"], None

    @staticmethod
    def _named(body: RawObject) -> RawObject:
        return {
            "apiVersion": body.get("apiVersion", "v1"),
            "kind": body["kind"],
            "metadata": {"name": body["name"]},
        }

    # -- waiting ------------------------------------------------------------------------------------------

    def until(self, reached: Callable[[list[RawObject]], bool], within_s: float) -> bool:
        """Go on recording until *reached*; False when the deadline passed first."""

        def asked(pods: list[RawObject]) -> bool:
            if self.stop.is_set():
                raise Stopped
            self.pace = max(self.pace, pace(pods))
            self.served |= {pod["metadata"]["uid"] for pod in pods if waitconditions.is_ready(pod)}
            return reached(pods)

        try:
            self.recorder.wait(asked, deadline_s=within_s)
        except WaitTimeoutError:
            return False
        return True

    def _await_fixtures(self, names: Sequence[str]) -> None:
        pods = self._pods_of(names)
        if not self.until(lambda now: waitconditions.all_ready(now, pods), FIXTURE_S):
            self._refuse_unready(pods, FIXTURE_S)

    def _pods_of(self, fixtures: Iterable[str]) -> list[str]:
        return [each.name for name in fixtures for each in self.fixtures[name] if each.kind == "Pod"]

    def _refuse_unready(self, pods: Sequence[str], within_s: float) -> None:
        """Leave the grade open for those of *pods*, fixtures, that are not ready: no answer is to blame for that."""
        missing = [name for name in pods if not waitconditions.all_ready(self.look(), [name])]
        if missing:
            raise NotGradable(
                f"the fixture {', '.join(missing)} did not become ready in {within_s:.0f} s",
                hint="run it again; podlab events shows what kept it",
            )


def is_the_graders(error: PodlabError) -> bool:
    """Return whether *error* is the fault of the cluster or the grader, and says nothing about the answer."""
    if isinstance(error, ApiError):
        return error.code >= 500 or error.code in (401, 403, 409, 429)
    return isinstance(error, NotGradable | ConnectionLostError | WaitTimeoutError | CheckError)
