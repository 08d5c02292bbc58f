"""Lives through the runs of an exercise on a cluster, side by side, and returns what was recorded."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab import images, manifests
from podlab.checks import Act, Case, Life
from podlab.errors import CheckError, PodlabError
from podlab.grading import evidence, fence, nodes, play, preparing, waitconditions
from podlab.grading.delays import DelayMonitor
from podlab.grading.exercise import Exercise, NotGradable, PlayRun
from podlab.grading.pace import USUAL_S
from podlab.grading.player import Player, Stopped
from podlab.grading.run_namespace import ANSWER, RunNamespace
from podlab.grading.values import fill
from podlab.manifests import Manifest
from podlab.observe import Recorder, Recording, SharedWatch, read_recording

if TYPE_CHECKING:
    from podlab.client import Client
    from podlab.drivers import Cluster
    from podlab.timeline import Timeline

SHARED = "fixtures"  # folder beside the exercises: fixtures that several of them use
See = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Place:
    """
    Where answers are run, and what is done with what is seen.

    Args:
        client: For the grader's own requests; None: nothing can be run, answers are only read.
        namespace: Used where the grader cannot make namespaces of its own.
        runs: Timelines that a notebook recorded, by the Pod's name, for exercises about them.
        keep: Folder that recordings are kept in, as ``ID-RUN.jsonl``; None: they are not kept.
        see: Called with the run's name and each observation, for pictures that grow.
        at_once: How many runs of one exercise go on at the same time.
        labels: For the namespaces that are made.
        bring: Puts the images that an exercise needs on the cluster, by their names; None: they are there.
        shared: The watch that all gradings take part in (see ``sharing``); None: each recording has its own.
        room: How many Pods the nodes may still take; None: not known.
        cpus: CPUs of the nodes that take Pods; None: not known.
        monitor: Measures how late the cluster is while answers run; None: that is not measured.
        bearable_s: Shorter delays than that are taken for none.
        stop: Set by whoever interrupts all answers of a grading; None: each is interrupted by itself.
    """

    client: Client | None
    namespace: str = "default"
    runs: Mapping[str, Timeline] = field(default_factory=dict)
    keep: Path | None = None
    see: See | None = None
    at_once: int = 4
    labels: Mapping[str, str] = field(default_factory=dict)
    bring: Callable[[Sequence[str]], None] | None = None
    shared: SharedWatch | None = None
    room: int | None = None
    cpus: int | None = None
    monitor: DelayMonitor | None = None
    bearable_s: float = 0.0
    stop: threading.Event | None = None

    @classmethod
    def on(cls, cluster: Cluster, **options: Any) -> Place:
        """Return the place of answers on *cluster*, which gets the images that an exercise needs."""
        options.setdefault("namespace", cluster.namespace)
        return cls(cluster.client(), bring=images.once(cluster), **options)

    def counted_s(self, late_s: float) -> float:
        """Return a delay, in seconds; 0 for one that is bearable here."""
        return late_s if late_s >= self.bearable_s else 0.0


class _Stop(threading.Event):
    """The stop of one answer; it counts as set where that of the whole grading is, too."""

    def __init__(self, of_all: threading.Event | None) -> None:
        super().__init__()
        self._of_all = of_all

    def is_set(self) -> bool:
        """Return whether either is set."""
        return super().is_set() or bool(self._of_all and self._of_all.is_set())


def most_pods(exercise: Exercise, text: str, seed: int) -> int:
    """
    Return how many Pods an answer may have at once, with its fixtures, in all runs.

    0 where nothing is run, or where a part cannot be read: the report of each answer names that.
    """
    played = [run for run in exercise.runs if not run.recording]
    if not played:
        return 0
    try:
        values = exercise.values(seed)
        case, given = preparing.prepare(exercise, text, seed), _given(exercise, values)
        fixtured = fixtures(exercise, values)
    except PodlabError:
        return 0
    fixed = [each for objects in fixtured.values() for each in objects]
    answered = case.answer.loaded if exercise.answer == "manifest" else []
    return len(played) * nodes.most_pods(each.object for each in (*fixed, *given, *answered))


def longest_s(exercise: Exercise, seed: int) -> float:
    """
    Return how long the play of an exercise may take on a quiet machine, in its longest run.

    0 where it has none, or where it cannot be read: the report of each answer names that.
    """
    played = [run for run in exercise.runs if not run.recording]
    with suppress(PodlabError):
        return max(
            (_longest_s(exercise, run, {**exercise.values(seed), **run.values}) for run in played),
            default=0.0,
        )
    return 0.0


def _longest_s(exercise: Exercise, run: PlayRun, values: Mapping[str, Any]) -> float:
    steps = _steps(exercise, run, values)
    return sum(
        float(step.what) if step.verb == "pause" else step.within_s
        for step in steps
        if step.verb in ("wait", "pause")
    )


def least_s(exercise: Exercise, seed: int, acts: Mapping[str, Sequence[Act]]) -> float:
    """
    Return how long a grading lasts by itself, in its longest run, however fast the cluster is.

    The pauses that were made, the strict waits that were sat out, the stillness that was waited for, and what the run
    declares as ``takes_s``. All else is the time that a cluster takes to start and stop Pods.

    Args:
        acts: Run -> its steps as they went, see ``evidence.acts``.
    """
    played = [run for run in exercise.runs if run.name in acts]
    values = exercise.values(seed)
    return max(
        (_least_s(exercise, run, {**values, **run.values}, acts[run.name]) for run in played), default=0.0
    )


def _least_s(exercise: Exercise, run: PlayRun, values: Mapping[str, Any], acts: Sequence[Act]) -> float:
    steps = {step.name: step for step in _steps(exercise, run, values)}
    done = [(steps[act.name], act.done) for act in acts]
    pauses = sum(float(step.what) for step, _ in done if step.verb == "pause")
    still = sum(float(step.what.get("still_s", 0)) for step, _ in done if step.verb == "wait")
    strict = sum(step.within_s for step, reached in done if step.strict and not reached)
    return pauses + still + strict + run.takes_s


def live(exercise: Exercise, case: Case, place: Place, seed: int) -> dict[str, Life]:
    """
    Live through every run, side by side, and return what was recorded.

    Raises:
        ManifestError, ApiError: The server refuses the answer.
        NotGradable, ConnectionLostError: A fixture or the cluster failed.
        KeyboardInterrupt: As pressed; nothing is left in the cluster.
    """
    stop = _Stop(place.stop)
    place = replace(place, labels={**place.labels, ANSWER: uuid.uuid4().hex})
    if exercise.needs and place.bring:
        place.bring(exercise.needs)
    with ThreadPoolExecutor(max_workers=max(1, min(place.at_once, len(exercise.runs)))) as pool:
        futures = {
            run.name: pool.submit(_one, exercise, case, run, place, seed, stop) for run in exercise.runs
        }
        try:
            return {name: future.result() for name, future in futures.items()}
        except BaseException:
            stop.set()
            raise


def _one(
    exercise: Exercise, case: Case, run: PlayRun, place: Place, seed: int, stop: threading.Event
) -> Life:
    values = {**exercise.values(seed), **run.values}
    if run.recorded in place.runs:
        return Life(
            answered=[run.recorded], values=values, timelines={run.recorded: place.runs[run.recorded]}
        )
    if run.recording:
        recording = read_recording(exercise.folder / run.recording)
        return Life(recording, answered=recording.pods(), values=values)
    if place.client is None:
        raise CheckError(f"{exercise.name} needs a cluster", hint="podlab up makes one")
    if place.shared is None:  # else it was asked once for all
        nodes.refuse_reduced(place.client)
    values = nodes.named(values, place.client)
    steps = _steps(exercise, run, values)
    with RunNamespace(place.client, exercise.id, place.namespace, place.labels) as run_namespace:
        return _lived(exercise, case, run, place, values, steps, run_namespace, stop)


def _steps(exercise: Exercise, run: PlayRun, values: Mapping[str, Any]) -> list[play.Step]:
    """
    Return what is played in *run*.

    Raises:
        CheckError: A step belongs to a run that the exercise does not have.
    """
    source = f"{exercise.folder.name}/play.yaml"
    steps = play.read(exercise.text("play.yaml", values), source=source)
    unknown = sorted({step.only for step in steps} - {"", *(each.name for each in exercise.runs)})
    if unknown:
        raise CheckError(f"{source}: a step is only for the run {unknown[0]!r}",
                         cause=f"runs: {', '.join(each.name for each in exercise.runs)}")  # fmt: skip
    return [step for step in steps if step.only in ("", run.name)]


def _lived(
    exercise: Exercise, case: Case, run: PlayRun, place: Place, values: dict[str, Any], steps: list[play.Step],
    run_namespace: RunNamespace, stop: threading.Event,
) -> Life:  # fmt: skip
    assert place.client is not None
    texts = {
        "answer": staged(exercise, case.answer.loaded, run, values),
        "given": labelled(_given(exercise, values)),
    }
    if texts["answer"]:
        manifests.validate(place.client, texts["answer"], namespace=run_namespace.name)
    out = evidence.recording(place.keep, exercise.id, run.name) if place.keep else None
    seen: list[Callable[[Mapping[str, Any]], None]] = []
    began = place.monitor.clock() if place.monitor else 0.0

    def see(observation: dict[str, Any]) -> None:
        for each in seen:
            each(observation)

    with Recorder(
        place.client, namespace=run_namespace.name, out=out, on_observation=see,
        shared=place.shared if run_namespace.own else None,
        header={"exercise": exercise.id, "run": run.name, "seed_values": values},
    ) as recorder:  # fmt: skip
        player = Player(place.client, run_namespace, recorder, texts, fixtures(exercise, values), stop)
        seen.append(player.see)
        if place.see:
            seen.append(lambda observation, tell=place.see: tell(run.name, observation))  # type: ignore[misc]
        try:
            player.perform(steps)
        except Stopped:
            recorder.finish("interrupted")
            raise CheckError("the grading was interrupted") from None
    recording = recorder.recording
    assert recording is not None
    late_s = _late_s(place.monitor, began, player) if place.monitor else 0.0
    if place.keep:
        evidence.keep(place.keep, exercise.id, run.name, player.acts, late_s)
    refuse_unread(recording)
    return Life(recording, player.acts, answered_pods(recording), values, late_s=place.counted_s(late_s))


def _given(exercise: Exercise, values: Mapping[str, Any]) -> list[Manifest]:
    text = exercise.text("given.yaml", values)
    return manifests.load(text + "\n", source="given.yaml") if text else []


def _late_s(monitor: DelayMonitor, began: float, player: Player) -> float:
    """Return the longest delay since *began*: one of the monitor, or that of a Pod that started late."""
    return round(max(monitor.worst_s(began), (player.pace - 1) * USUAL_S), 3)


def refuse_unread(recording: Recording) -> None:
    """
    Leave the grade open where a log that goes on was not read: what stands in it would count as not having happened.

    Raises:
        NotGradable: Names the Pod.
    """
    for name in recording.lost_logs():
        raise NotGradable(
            f"the log of the Pod {name} could not be read to its end",
            cause="the API server or the node did not give it, try after try",
            hint="the cluster is too busy at the moment: run it again",
        )


def lived(exercise: Exercise, folder: Path, seed: int) -> dict[str, Life]:
    """
    Return the lives that an earlier grading kept in *folder*; needs no cluster.

    Raises:
        RecordingError, CheckError: The evidence of a run is missing or cannot be read.
    """
    return {
        run.name: _kept(exercise, run, folder, {**exercise.values(seed), **run.values})
        for run in exercise.runs
    }


def _kept(exercise: Exercise, run: PlayRun, folder: Path, values: dict[str, Any]) -> Life:
    if run.recording:
        recording = read_recording(exercise.folder / run.recording)
        return Life(recording, answered=recording.pods(), values=values)
    recording = read_recording(evidence.recording(folder, exercise.id, run.name))
    acts, late_s = evidence.acts(folder, exercise.id, run.name)
    return Life(recording, acts, answered_pods(recording), values, late_s=late_s)


def answered_pods(recording: Recording) -> list[str]:
    """Return the names of the answer's Pods in a recording, oldest first."""
    seen: dict[str, dict[str, Any]] = {}
    for each in recording.observations:
        if each.get("resource") == "pods" and "object" in each:
            seen.setdefault(each["object"]["metadata"]["name"], each["object"])
    return [pod["metadata"]["name"] for pod in waitconditions.answered(list(seen.values()))]


def fixtures(exercise: Exercise, values: Mapping[str, Any]) -> dict[str, list[Manifest]]:
    """Return the fixtures of an exercise: shared ones that it names, and those of its own fixtures.yaml."""
    texts = []
    for name in exercise.fixtures:
        path = exercise.folder.parent / SHARED / f"{name}.yaml"
        if not path.is_file():
            raise CheckError(
                f"{exercise.folder.name}/exercise.toml: unknown fixture {name!r}", cause=str(path.name)
            )
        texts.append(
            (f"{SHARED}/{path.name}", fill(path.read_text("utf-8"), values, source=f"{SHARED}/{path.name}"))
        )
    own = exercise.text("fixtures.yaml", values)
    if own:
        texts.append(("fixtures.yaml", own))
    return {name: apart(objects) for name, objects in play.fixture_docs(texts).items()}


def staged(
    exercise: Exercise, loaded: Sequence[Manifest], run: PlayRun, values: Mapping[str, Any]
) -> list[Manifest]:
    """
    Return the answer as it is applied: labelled, Pods under names of the grader's own, locked fields with the
    values of this run, and the run's ``set`` put in.
    """
    locked = {
        str(row["name"]): row
        for spec in fence.pods(preparing.starter_objects(exercise, values))
        for row in fence.containers(spec)
    }
    found = labelled(loaded)
    for number_, each in enumerate([one for one in found if one.kind == "Pod"], 1):
        each.object["metadata"]["name"] = "answer" if number_ == 1 else f"answer-{number_}"
    for spec in fence.pods([each.object for each in found]):
        for row in fence.containers(spec):
            for key in exercise.fence.locked.get(str(row.get("name")), ()):
                if key in locked[str(row["name"])]:
                    row[key] = deepcopy(locked[str(row["name"])][key])  # type: ignore[index]
        for path, value in run.set.items():
            _put(spec, path.removeprefix("spec.").split("."), value)
    return found


def _put(spec: Any, keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        spec = spec.setdefault(key, {})
    spec[keys[-1]] = value


def apart(loaded: Sequence[Manifest]) -> list[Manifest]:
    """
    Return copies of one fixture whose Services select its own Pods alone.

    An answer may give its Pod the labels of a fixture; behind the fixture's Service it would answer for it. A Service
    that selects no Pod of its fixture is there for the answer, and stays as it is.
    """
    found = labelled(loaded, "fixture")
    pods = [each.object["metadata"]["labels"].items() for each in found if each.kind == "Pod"]
    for each in found:
        selector = (each.object.get("spec") or {}).get("selector") if each.kind == "Service" else None
        if selector and any(selector.items() <= labels for labels in pods):
            selector[waitconditions.PART] = "fixture"
    return found


def labelled(loaded: Sequence[Manifest], part: str = "answer") -> list[Manifest]:
    """
    Return copies whose Pods and Pod templates carry the label by which the play knows them, and get no token.

    A Pod without ``automountServiceAccountToken: false`` holds credentials for the API server.
    """
    found = [replace(each, object=deepcopy(each.object)) for each in loaded]
    for each in found:
        body: Any = each.object
        while isinstance(body, dict):
            found_spec = body.get("spec")
            spec: dict[str, Any] = found_spec if isinstance(found_spec, dict) else {}
            has_containers = any(key in spec for key in fence.LISTS)
            if has_containers:
                spec["automountServiceAccountToken"] = False
            if has_containers or body.get("kind") == "Pod":
                body.setdefault("metadata", {}).setdefault("labels", {})[waitconditions.PART] = part
            body = spec.get("template") or spec.get("jobTemplate")
    return found
