"""e14 convert-shipper: turn a second app container into a sidecar, judged by the recorded life of the Pod."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from podlab import manifests
from podlab.checks import life
from podlab.checks.living import Living
from podlab.checks.verdict import Report, Verdict
from podlab.errors import ManifestError
from podlab.grading.exercise import Exercise, Place

if TYPE_CHECKING:
    from podlab.timeline import Timeline

RawObject = dict[str, Any]
START_S = 20.0  # shop and shipper run beside each other by then, or never will
LIFE_S = 45.0  # shop ends by itself after 20 s; the rest is starting, stopping and a slow machine
BESIDE_S = 2.0  # they overlap this long before shipper is killed

STARTER = """\
apiVersion: v1
kind: Pod
metadata:
  name: shop-with-shipper
spec:
  restartPolicy: Never
  containers:
    - name: shop
      image: podlab-app:1
      args: [shop, --log=/logs/shop.log, --exit-after=20:0]
      volumeMounts: [{name: logs, mountPath: /logs}]
    - name: shipper
      image: podlab-app:1
      args: [ship, /logs]
      volumeMounts: [{name: logs, mountPath: /logs}]
  volumes:
    - name: logs
      emptyDir: {}
"""
_LOCKED = ("image", "command", "args")
_IMAGES = ("busybox:1.36", "podlab-app:1", "python:3.11-slim")
_WHY = {
    "app": "in the containers list no order is promised, and the Pod's restartPolicy counts",
    "init": "a regular init container must end before the next one starts, and this one never ends",
    "sidecar": "",
}


def judge(exercise: Exercise, answer: str, place: Place) -> Report:
    """Apply the answer, kill shipper once while both run, and look at the life that was recorded."""
    loaded = manifests.load(answer, source="answer")
    pod = next((each.object for each in loaded if each.kind == "Pod"), None)
    if pod is None or len(loaded) != 1:
        return exercise.refuse("the answer is one Pod, and nothing else")
    refused = _fence(pod)
    if refused:
        return exercise.refuse(f"0 of {exercise.points}, {refused}")
    notes = remarks(loaded[0])
    mine = replace(loaded[0], object=_renamed(pod))
    try:
        manifests.validate(place.client, [mine], namespace=place.namespace)
    except ManifestError as error:
        return exercise.refuse(
            f"0 of {exercise.points}, the API server refuses it", *str(error).splitlines(), *notes
        )
    timeline = _live(mine, place)
    verdicts = [
        _before(timeline),
        _after_a_kill(timeline),
        _outlived(timeline),
        _ended(timeline),
    ]
    return Report(exercise.name, exercise.points, verdicts, notes=notes)


def remarks(manifest: manifests.Manifest) -> list[str]:
    """Return lint's errors, and a log folder that one of the two does not mount: its Pod lives all the same."""
    found = manifests.lint(manifest)
    return [str(each) for each in found if each.level == "error" or each.rule == "lonely-volume"]


def _live(manifest: manifests.Manifest, place: Place) -> Timeline:
    """Record the Pod under a name of the grader's own until it ended; kill shipper once beside shop."""
    with Living(place.client, place.namespace, manifest) as living:
        if living.wait(lambda: living.running("shop") and living.running("shipper"), START_S):
            living.pause(BESIDE_S)
            if living.running("shipper") and living.running("shop"):
                living.kill("shipper")
            living.wait(living.ended, LIFE_S)
        return living.timeline()


def _fence(pod: RawObject) -> str:
    """Return why an answer is not run at all; empty if it is."""
    spec = pod.get("spec") or {}
    if spec == _start()["spec"]:
        return "this is still the manifest you started from"
    wanted = {each["name"]: each for each in _start()["spec"]["containers"]}
    found = [each for key in ("initContainers", "containers") for each in spec.get(key) or []]
    for name, locked in wanted.items():
        mine = [each for each in found if isinstance(each, dict) and each.get("name") == name]
        if not mine:
            return f"container {name} is missing"
        if any(each.get(key) != locked.get(key) for each in mine for key in _LOCKED):
            return f"image, command and args of {name} stay as they are"
    strange = sorted({str(each.get("image")) for each in found if isinstance(each, dict)} - set(_IMAGES))
    return f"{', '.join(strange)}: allowed images are {', '.join(_IMAGES)}" if strange else ""


def _start() -> RawObject:
    return manifests.load(STARTER, source="starter")[0].object


def _renamed(pod: RawObject) -> RawObject:
    mine = deepcopy(pod)
    mine["metadata"] = {"name": "e14-answer"}
    return mine


def _role(timeline: Timeline) -> str:
    found = life.lane(timeline, "shipper")
    return found.role if found else "app"


def _before(timeline: Timeline) -> Verdict:
    return Verdict(
        "shipper started before shop",
        1,
        life.started_before(timeline, "shipper", "shop"),
        expected="shop starts once shipper has started, every time",
        found=_start_found(timeline),
        why=_WHY[_role(timeline)],
        hint=1,
    )


def _start_found(timeline: Timeline) -> str:
    if not life.ran(timeline, "shop"):
        return "shop never started"
    return f"start order {timeline.start_order()}"


def _after_a_kill(timeline: Timeline) -> Verdict:
    back, stayed = life.came_back(timeline, "shipper"), not life.came_back(timeline, "shop")
    together = life.overlapped(timeline, "shipper", "shop")
    return Verdict(
        "shipper was killed: it came back, and shop ran on",
        2,
        together if not (back and stayed) and together is None else bool(together and back and stayed),
        expected="shipper is started again, shop is not",
        found=_kill_found(together, back, stayed),
        why=_WHY[_role(timeline)],
        hint=2,
    )


def _kill_found(together: bool | None, back: bool, stayed: bool) -> str:
    if not together:
        return "they never ran beside each other, so nothing was killed"
    if not back:
        return "shipper was not started again"
    return "it came back" if stayed else "shop was started again too"


def _outlived(timeline: Timeline) -> Verdict:
    return Verdict(
        "shipper ended after shop",
        1,
        _leaves_last(timeline),
        expected="shipper is there until shop has ended",
        found=_last_found(timeline),
        why=_WHY[_role(timeline)],
        hint=2,
    )


def _last_found(timeline: Timeline) -> str:
    if not life.ran(timeline, "shop"):
        return "shop never started"
    if timeline.phase not in ("Succeeded", "Failed"):
        return "the Pod has not ended, so nobody left last"
    return "shipper was gone before shop ended"


def _leaves_last(timeline: Timeline) -> bool | None:
    if timeline.phase not in ("Succeeded", "Failed"):
        return False  # nobody has left: a Pod that does not end has no last container
    return life.outlived(timeline, "shipper", "shop")


def _ended(timeline: Timeline) -> Verdict:
    return Verdict(
        "the Pod ended by itself, phase Succeeded",
        1,
        life.ended_in(timeline, "Succeeded"),
        expected="Succeeded",
        found=f"phase {timeline.phase}",
        why="a Pod has ended when none of its app containers runs or will run again",
        hint=3,
    )


EXERCISE = Exercise(
    id="e14",
    title="convert-shipper",
    kind="manifest",
    points=5,
    ask=(
        "Turn this second app container into a sidecar, so that it is there first, comes back, and leaves "
        "last. Image, command and args of both containers stay as they are."
    ),
    starter=STARTER,
    hints=(
        "The list it stands in decides when it starts.",
        "One field decides whether it comes back: whose restartPolicy is it, the Pod's or the container's?",
        "Move shipper to initContainers and give it, not the Pod, restartPolicy: Always.",
    ),
    judge=judge,
)
