"""Recordings beside neighbours, and two who work at once in one namespace or on one cluster."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from field_place import Place, Raw, case, pod_spec, template

from podlab.observe import record

QUIET: Raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "quiet"},
              "spec": pod_spec("sh", "-c", "sleep 3; echo done", spec={"restartPolicy": "Never"})}  # fmt: skip
RECORDED = "a recording holds the pods of its manifest alone"


def _pods(recording: Any) -> set[str]:
    return {o["object"]["metadata"]["name"] for o in recording.observations if o.get("resource") == "pods"}


def _about(recording: Any) -> set[str]:
    return {
        o["object"]["involvedObject"]["name"] for o in recording.observations if o.get("resource") == "events"
    }


@case("recorder")
def a_recording_holds_the_pods_of_its_manifest_alone(at: Place) -> None:
    for name in ("old-1", "old-2"):
        at.pod(name, spec={"terminationGracePeriodSeconds": 4})
    at.running("old-1", "old-2")
    for name in ("old-1", "old-2"):
        at.delete(f"pods/{name}")
    found = record(at.client, [QUIET], namespace=at.namespace, until="Succeeded", deadline_s=150)
    assert (_pods(found), _about(found), list(found.gaps)) == ({"quiet"}, {"quiet"}, [])


@case("recorder", sibling_of=RECORDED)
def a_recording_of_a_deployment_holds_what_it_makes(at: Place) -> None:
    """Its Pods, also one that replaces another; not those of a second Deployment beside it."""
    at.make("Deployment", "beside", {"replicas": 1, **template("beside")})
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mine"},
        "spec": {"replicas": 2, **template("mine")},
    }
    found = record(at.client, [body], namespace=at.namespace, until="Ready", deadline_s=150)
    assert len(_pods(found)) == 2
    assert all(name.startswith("mine-") for name in _pods(found)), _pods(found)


@case("recorder", sibling_of=RECORDED)
def a_recording_of_a_job_holds_its_pods(at: Place) -> None:
    at.pod("job-like")
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"},
            "spec": {"template": {"spec": pod_spec("true", spec={"restartPolicy": "Never"})}}}  # fmt: skip
    found = record(at.client, [body], namespace=at.namespace, until="Succeeded", deadline_s=150)
    assert len(_pods(found)) == 1
    assert "job-like" not in _pods(found)


@case("recorder", sibling_of=RECORDED)
def a_pod_that_died_under_the_same_name_is_another(at: Place) -> None:
    """The older one still terminates when the recording of a namesake begins: uids tell them apart."""
    at.pod("quiet-old")
    at.running("quiet-old")
    at.delete("pods/quiet-old", gracePeriodSeconds=0)
    body = {**QUIET, "metadata": {"name": "quiet-old"}}
    found = record(at.client, [body], namespace=at.namespace, until="Succeeded", deadline_s=150)
    uids = {o["object"]["metadata"]["uid"] for o in found.observations if o.get("resource") == "pods"}
    assert uids == {at.get("pods/quiet-old")["metadata"]["uid"]}


def _both(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """What two return that run at the same time; an exception of either is raised."""
    found: list[Any] = [None, None]

    def keep(place: int, work: Callable[[], Any]) -> None:
        try:
            found[place] = work()
        except BaseException as error:
            found[place] = error

    threads = [
        threading.Thread(target=keep, args=(number, work)) for number, work in enumerate((first, second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


@case("two at once", sibling_of=RECORDED)
def two_recordings_in_one_namespace_hold_their_own(at: Place) -> None:
    def one(name: str) -> Any:
        body = {**QUIET, "metadata": {"name": name}}
        return record(at.cluster.client(), [body], namespace=at.namespace, until="Succeeded", deadline_s=150)

    first, second = _both(lambda: one("first"), lambda: one("second"))
    assert (_pods(first), _pods(second)) == ({"first"}, {"second"})
    assert (list(first.gaps), list(second.gaps)) == ([], [])


OPENS = (
    "import sys, podlab\n"
    "lab = podlab.open(sys.argv[1], namespace=sys.argv[2])\n"
    "lab.apply('apiVersion: v1\\nkind: Pod\\nmetadata: {name: web}\\nspec: {terminationGracePeriodSeconds: 0,'\n"
    '          \' containers: [{name: c, image: "busybox:1.36", command: [sleep, "600"]}]}\')\n'
    "print('in', lab.namespace, flush=True)\n"
    "sys.stdin.readline()\n"
    "lab.close()\n"
)


class _Kernel:
    """A process that opens a namespace and makes the Pod ``web`` in it, until `close`."""

    def __init__(self, at: Place, namespace: str) -> None:
        command = [sys.executable, "-c", OPENS, at.cluster.name, namespace]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def place(self) -> str:
        """The namespace it is in, once its Pod is made."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            if line.startswith("in "):
                return line.split()[1]
        raise AssertionError(self.child.communicate()[1])

    def close(self) -> None:
        self.child.communicate("\n", timeout=120)


def _uid(at: Place, namespace: str) -> str:
    return str(at.get(f"/api/v1/namespaces/{namespace}/pods/web")["metadata"]["uid"])


@case("two at once")
def two_kernels_do_not_break_each_other(at: Place) -> None:
    name = f"{at.namespace}-lab"
    first = _Kernel(at, name)
    place = first.place()
    before = _uid(at, place)
    second = _Kernel(at, name)
    other = second.place()
    assert other != place
    second.close()
    assert _uid(at, place) == before
    first.close()


@case("two at once", sibling_of="two kernels do not break each other")
def the_first_kernel_closes_and_the_second_goes_on(at: Place) -> None:
    name = f"{at.namespace}-lab"
    first, second = _Kernel(at, name), None
    try:
        first.place()
        second = _Kernel(at, name)
        other = second.place()
        before = _uid(at, other)
        first.close()
        assert _uid(at, other) == before
    finally:
        for kernel in (first, second):
            if kernel is not None and kernel.child.poll() is None:
                kernel.close()


@case("two at once", sibling_of="two kernels do not break each other")
def a_kernel_that_was_killed_leaves_its_namespace_to_the_next(at: Place) -> None:
    name = f"{at.namespace}-lab"
    first = _Kernel(at, name)
    place = first.place()
    before = _uid(at, place)
    first.child.kill()
    first.child.communicate()
    second = _Kernel(at, name)
    try:
        assert second.place() == place
        assert _uid(at, place) != before
    finally:
        second.close()


@case("two at once", sibling_of="two kernels do not break each other")
def two_applies_at_once_both_succeed(at: Place) -> None:
    """The same manifest by two command lines: one creates, the other finds it there."""
    path = at.folder / f"{at.namespace}-both.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: both}\ndata: {a: '1'}\n")
    words = ["apply", str(path), "--cluster", at.cluster.name, "--namespace", at.namespace]
    for done in _both(lambda: at.podlab(*words), lambda: at.podlab(*words)):
        assert done.returncode == 0, done.stderr


@case("two at once")
def two_gradings_of_a_right_answer_both_give_its_points(at: Place) -> None:
    from pathlib import Path

    from podlab.grading import Place as Grading
    from podlab.grading import grade

    folder = Path(__file__).resolve().parents[2] / "labs/exercises/e06-wait-for-db/answers/right"
    answer = folder / "loop-that-asks.yaml"
    text = answer.read_text(encoding="utf-8")

    def one() -> Any:
        return grade("e06", text, Grading(at.cluster.client(), namespace=at.namespace))

    first, second = _both(one, one)
    assert (first.score, second.score) == (first.points, second.points)
