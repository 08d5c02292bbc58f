"""
``Lab``: a cluster, a namespace, and the verbs of kubectl, from a notebook.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from podlab import manifests
from podlab.client import resources
from podlab.errors import NotFoundError, PodlabError
from podlab.lab import clocks, looking, texts
from podlab.lab import facts as words
from podlab.lab.space import Space, wait_for
from podlab.lab.when import When
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.course.progress import Progress
    from podlab.drivers import Cluster
    from podlab.grading import Place
    from podlab.observe import Recording
    from podlab.timeline import Explanation, Timeline
    from podlab.timeline.prediction import Score

CELL_COLUMNS = 100  # JupyterLab beside its file browser, on a small laptop: longer lines would wrap


class Lab:
    """
    A cluster and a namespace for a notebook; made by ``podlab.open()``.

    Attributes:
        cluster: The cluster, with its driver, name and kubeconfig.
        client: A client of it, for everything that has no verb here.
        namespace: Where all verbs work.
        recording: The latest recording, None before the first.
        runs: Timelines of all recorded Pods, by the Pod's name; the latest last.
        texts: Manifests written with ``%%manifest``, by name.
    """

    def __init__(self, cluster: Cluster, namespace: str, *, own: bool) -> None:
        self.cluster, self.client, self.namespace = cluster, cluster.client(), namespace
        self.space = Space(self.client, namespace, own=own)
        self.recording: Recording | None = None
        self.texts: dict[str, str] = {}
        self.predictions: dict[str, dict[str, str]] = {}
        self.asked = ""  # the round of the latest prediction: what is recorded next is its answer
        self.runs: dict[str, Timeline] = {}
        self.version = self.client.version()

    def __repr__(self) -> str:
        return (
            f"cluster {self.cluster.name} ({self.cluster.driver}, {self.version}), namespace {self.namespace}"
        )

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def driver(self) -> str:
        """kind, context or embedded."""
        return self.cluster.driver

    @property
    def minor(self) -> int:
        """The server's minor version: 36 for v1.36.3."""
        return int("".join(c for c in self.version.split(".")[1] if c.isdigit()))

    # -- manifests ----------------------------------------------------------------------------------------

    def need(self, *names: str) -> None:
        """Have these images of the labs on the cluster, built first where need be, and say so in one line."""
        from podlab import images
        from podlab.lab.showing import tell_builds

        print(images.need(self.cluster, names, tell_builds))

    def text(self, manifest: str | Path) -> str:
        """Return the text of *manifest*: the name of a ``%%manifest`` cell, a file, or YAML itself."""
        return texts.find(manifest, self.texts)[0]

    def apply(self, manifest: str | Path) -> list[RawObject]:
        """Create the objects of *manifest*, in place of those that a former run left, and return them."""
        loaded = self._load(manifest)
        self.space.replace([each.object for each in loaded])
        stored = manifests.apply(self.client, loaded, namespace=self.namespace)
        self.space.note(stored)
        return stored

    def change(self, manifest: str | Path) -> list[RawObject]:
        """Change the objects of *manifest* that are there to what it says, and create the others; returns them."""
        stored = [self._changed(each.object) for each in self._load(manifest)]
        self.space.note(stored)
        return stored

    def _changed(self, body: RawObject) -> RawObject:
        try:
            return self.client.patch(self.client.path_of(body, self.namespace), body)
        except NotFoundError:
            return self.client.create(self.client.path_of(body, self.namespace).rpartition("/")[0], body)

    def verdicts(self, manifest: str | Path) -> dict[str, str]:
        """
        Ask the server about each object of *manifest* without making it: ``taken`` or ``refused``, by
        name.
        """
        found = {}
        for each in self._load(manifest):
            try:
                manifests.validate(self.client, [each], namespace=self.namespace)
                found[each.name] = "taken"
            except PodlabError:
                found[each.name] = "refused"
        return found

    def lint(self, manifest: str | Path) -> None:
        """Print the traps in *manifest* that lint knows, for this cluster's version."""
        for each in self._load(manifest):
            for finding in manifests.lint(each, server=self.version):
                print(f"{each.name}: {finding}")

    def _load(self, manifest: str | Path) -> list[manifests.Manifest]:
        text, source = texts.find(manifest, self.texts)
        return manifests.load(text, source=source)

    # -- recording ----------------------------------------------------------------------------------------

    def record(
        self,
        manifest: str | Path,
        *,
        until: Any = "Ready",
        deadline_s: float = 120,
        for_s: float | None = None,
        delete_after_s: float | None = None,
        act: Callable[[], object] | None = None,
        show: bool = True,
        live: bool = False,
    ) -> Timeline:
        """
        Apply *manifest*, record its one Pod, show the picture and return the timeline.

        The Pod may also be made by a controller in *manifest*, such as a Job.

        Args:
            until: "Ready", a phase, "gone", or a callable, see ``podlab.observe.record``.
            deadline_s: Give up after this long: WaitTimeoutError, with what was still missing.
            for_s: Instead of waiting for anything, record this long.
            delete_after_s: Delete the Pod so long after *until* was reached, and record until it is gone.
            act: Called in a thread of its own once the recording runs, to provoke something.
            show: Draw in the notebook while it runs and at the end.
            live: Show the live view instead: it grows with the Pod, and can be paused, zoomed and played again.
        """
        runs = self.record_all(
            manifest,
            until=until,
            deadline_s=deadline_s,
            for_s=for_s,
            delete_after_s=delete_after_s,
            act=act,
            show=show,
            live=live,
        )
        return next(iter(runs.values()))

    def record_all(self, manifest: str | Path, **options: Any) -> dict[str, Timeline]:
        """As ``record``, for a manifest of several Pods: a timeline for each, by the Pod's name, oldest first."""
        from podlab.lab import recording

        loaded = self._load(manifest)
        self.space.replace([each.object for each in loaded])
        self.space.note([each.object for each in loaded])
        return recording.run(self, loaded, **options)

    def keep(self, recording: Recording, timelines: Mapping[str, Timeline]) -> None:
        """Hold a recording and its timelines as the latest ones."""
        self.recording = recording
        for name, timeline in timelines.items():
            self.runs.pop(name, None)
            self.runs[name] = timeline

    def said(self, pod: str, container: str, **wanted: Any) -> list[RawObject]:
        """
        Return the JSON lines of a container that the latest recording kept, of all its runs.

        For Pods that are gone; ``lines`` asks the cluster.
        """
        from podlab.lab import recording

        return [
            line
            for line in recording.said(self.recording, pod, container)
            if all(line.get(key) == value for key, value in wanted.items())
        ]

    status_alone = staticmethod(clocks.status_alone)
    order_of_starts = staticmethod(clocks.order_of_starts)
    what_clocks_say = staticmethod(clocks.what_clocks_say)
    edges = staticmethod(clocks.edges)

    def when(self, pod: str, container: str | None = None, **wanted: Any) -> When:
        """Return a condition for ``until=``: see ``When``; two of them are joined with ``&``."""
        return When(pod, container, server=self.version, **wanted)

    def explain(self, what: str) -> Explanation:
        """
        Return in three lines why a Pod (``web``), a Job (``job/m``) or a Deployment (``deployment/web``) does not run.

        From its state and Events, and those of its Pods; ``podlab explain`` does the same.
        """
        from podlab.timeline import explain, explain_owner

        kind, _, name = what.rpartition("/")
        if kind.lower() in ("", "pod"):
            return explain(self.get("pod", name), self.events(name), now=time.time())
        pods, events, between = (self.get(one)["items"] for one in ("pod", "event", "replicaset"))
        owner = {"kind": kind.capitalize(), **self.get(kind, name)}
        return explain_owner(owner, pods, events, between=between, now=time.time())

    def seen(self, pod: str, field: str) -> list[Any]:
        """
        Return the values that *field* of the Pod took while it was recorded, without repetition.

        Example: ``lab.seen("flaky", "metadata.uid")`` has one element if the Pod was the same all the time.
        """
        from podlab.lab import recording

        return recording.values(self.recording, pod, field)

    # -- looking ------------------------------------------------------------------------------------------

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

    def wait(
        self, done: Callable[[], bool], what: str = "it did not happen", *, deadline_s: float = 30
    ) -> None:
        """Wait until *done* says yes; WaitTimeoutError with *what* after *deadline_s*."""
        wait_for(done, deadline_s, what, hint=f"lab.events() shows what happened in {self.namespace}")

    def exec(self, pod: str, command: str | Sequence[str], container: str | None = None) -> str:
        """Run *command* in a container (text goes to ``sh -c``) and return what it printed, both streams."""
        words_ = ["sh", "-c", command] if isinstance(command, str) else list(command)
        output = self.client.exec(self.namespace, pod, words_, container=container)
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

    def wait_for_status(self, pod: str, word: str, *, deadline_s: float = 60) -> str:
        """Wait until ``kubectl get pods`` would show *word* under STATUS, and return what the server printed."""
        self.wait(
            lambda: self.status(pod) == word,
            f"STATUS of Pod {pod} never was {word}",
            deadline_s=deadline_s,
        )
        return word

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

    # -- changing -----------------------------------------------------------------------------------------

    def set_image(
        self, name: str, container: str, image: str, *, kind: str = "initContainers", of: str = "pod"
    ) -> None:
        """
        Put another image into one container of a living Pod, as ``kubectl set image`` does.

        Args:
            name: The Pod, or with *of* the ``deployment`` in whose template it is changed.
            container: The container's name.
            image: What it shall run.
            kind: The list that it stands in: ``initContainers`` or ``containers``.
            of: ``pod`` or ``deployment``.
        """
        spec: RawObject = {"spec": {kind: [{"name": container, "image": image}]}}
        self.client.patch(self._path(of, name), spec if of == "pod" else {"spec": {"template": spec}})

    def delete(self, kind: str, name: str, *, grace_s: int | None = None, wait_s: float = 60) -> None:
        """Delete one object and wait until it is gone; one that is gone already is fine."""
        path = self._path(kind, name)
        if self.client.remove(path, grace_s=grace_s):
            self.wait(
                lambda: self.client.find(path) is None, f"{kind} {name} is still there", deadline_s=wait_s
            )

    def close(self) -> None:
        """Delete the namespace with all that is in it, and let it go; the cluster stays for the next notebook."""
        from podlab.drivers import state
        from podlab.lab import holding

        self.space.close()
        holding.release(state.folder(self.cluster.name) / "namespaces", self.namespace)
        print(f"namespace {self.namespace} is being deleted; the cluster stays")

    # -- predictions --------------------------------------------------------------------------------------

    def predicted(self, pod: str) -> tuple[str, str]:
        """Return the orders of starts and ends that the latest prediction has for *pod*; empty where it has none."""
        from podlab.lab import predictions

        return predictions.orders(self.predictions.get(self.asked, {}), pod)

    def lay_over(self, timeline: Timeline) -> None:
        """Draw a life with the orders that were predicted for it."""
        from podlab.lab.showing import show

        show(timeline, *self.predicted(timeline.name))

    def score(self, prediction: str, timeline: Timeline) -> Score:
        """Return how much of *prediction* held, statement by statement."""
        from podlab.timeline.prediction import parse

        return parse(prediction, [lane.name for lane in timeline.lanes]).score(timeline)

    def compare(self, first: str | Timeline, second: Timeline) -> None:
        """Draw two lives under each other, or a prediction over what happened."""
        from podlab.lab.showing import show_figure
        from podlab.views import alt_text, compare

        said = f"Predicted: {first}. " if isinstance(first, str) else f"{alt_text(first)} Below it: "
        show_figure(compare(first, second), said + alt_text(second))

    def show_requests(self, took_s: Mapping[str, Sequence[float]]) -> None:
        """Draw how long each request took: the caller's name -> seconds, in order."""
        from podlab.lab import requests
        from podlab.lab.showing import show_figure

        show_figure(requests.figure(took_s), requests.alt_text(took_s))

    # -- facts --------------------------------------------------------------------------------------------

    def facts(self, round_: str, /, **found: Any) -> None:
        """Print the facts of a round, each beside what was predicted for it."""
        print("\n".join(words.lines(found, self.predictions.get(round_, {}))))

    def place(self) -> Place:
        """Return where answers to exercises are run: here, under names of the grader's own."""
        from podlab.grading import Place

        return Place.on(self.cluster, namespace=self.namespace, runs=self.runs)

    def progress(self) -> Progress:
        """Return which exercises are solved and which are open, by exercise and by outcome; prints as a table."""
        from podlab import grading
        from podlab.course import progress

        return progress.progress(progress.read(), [grading.find(name) for name in grading.ids()])

    def print_timeline(self, pod: str | None = None) -> None:
        """Print a recorded timeline as text: that of *pod*, else the latest."""
        from podlab import views

        if not self.runs:
            raise PodlabError("nothing was recorded yet", hint="lab.record(...) first")
        if pod is not None and pod not in self.runs:
            raise NotFoundError(
                f"no Pod {pod!r} was recorded",
                cause=f"recorded: {', '.join(self.runs)}",
                hint="%timeline alone",
            )
        print(views.text(self.runs[pod or list(self.runs)[-1]], width=CELL_COLUMNS))

    # -- plumbing -----------------------------------------------------------------------------------------

    def _path(self, kind: str, name: str | None = None) -> str:
        return resources.path(kind, self.namespace, name)

    def _uid(self, pod: str) -> str | None:
        found = self.client.find(self._path("pod", pod))
        return str(found["metadata"]["uid"]) if found else None
