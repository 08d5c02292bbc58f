"""
Log lines that are lost or come twice when Pods end: lab 06's collector, older form, native sidecar, with preStop.

    python benchmarks/log_loss.py                                # 20 deletions and 5 rollouts of each form
    python benchmarks/log_loss.py --driver kind --name lab --form patient

The Pods are those that lab 06 shows, read from its page: ``older``, ``sidecar``, ``patient`` (the preStop hook that
waits for the shop). A Pod is deleted once the store has six of its lines. Each rollout replaces two Pods. Written lines
are those that the recorder read from the shops' own output, to the last one, ``end``; arrived are those that the store
counted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import on_a_cluster
import yaml

from podlab.errors import PodlabError
from podlab.lab.core import Lab
from podlab.observe import Recorder, Recording

FOLDER = Path(__file__).parents[1] / "labs/06-log-collection"
FORMS = ("older", "sidecar", "patient")
AT_A_TIME, REPLICAS, FIRST_LINES = 5, 2, 6
Body = dict[str, Any]


@dataclass(frozen=True)
class Loss:
    """What the shops of some Pods wrote, and what of it the store lacks or has twice; each counts lines or Pods."""

    pods: int
    written: int
    missing: int
    doubled: int
    pods_that_lost: int

    def __str__(self) -> str:
        return f"{self.pods:>5} {self.missing:>6} of {self.written:<6} {self.doubled:>7} {self.pods_that_lost:>14}"


def shown(name: str) -> Body:
    """Return the Pod of the cell ``%%manifest NAME`` on the lab's page."""
    page = json.loads((FOLDER / "06-log-collection.ipynb").read_text("utf-8"))
    cells = ("".join(cell["source"]) for cell in page["cells"])
    text = next(cell for cell in cells if cell.startswith(f"%%manifest {name}\n"))
    return dict(yaml.safe_load(text.partition("\n")[2]))


# ---------------------------------------------------------------------------------------------------- measuring


def deletions(lab: Lab, pod: Body, count: int) -> Loss:
    """Start *count* Pods, some at a time, and delete each once lines of it have arrived."""
    names = [f"{pod['metadata']['name']}-{number}" for number in range(count)]
    with Recorder(lab.client, namespace=lab.namespace) as recorder:
        for at in range(0, count, AT_A_TIME):
            some = names[at : at + AT_A_TIME]
            lab.apply(yaml.safe_dump_all([{**pod, "metadata": {"name": name}} for name in some]))
            recorder.wait(lambda _pods, some=some: set(some) <= began(lab), deadline_s=180)
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda name: lab.delete("pod", name), some))
    assert recorder.recording is not None
    return loss(recorder.recording, names, arrived(lab))


def rollouts(lab: Lab, pod: Body, count: int) -> Loss:
    """Roll a Deployment of two such Pods out *count* times; the Pods that were replaced count."""
    name = str(pod["metadata"]["name"])
    replaced: set[str] = set()
    lab.apply(yaml.safe_dump(deployment(name, pod["spec"])))
    with Recorder(lab.client, namespace=lab.namespace, existing=True) as recorder:
        for number in range(count):
            old = ready(lab, name, recorder)
            lab.change(yaml.safe_dump(deployment(name, {}, release=number)))
            recorder.wait(lambda _pods, old=old: not old & set(names_of(lab, name)), deadline_s=180)
            replaced |= old
        ready(lab, name, recorder)
    assert recorder.recording is not None
    lab.delete("deployment", name)
    lab.wait(lambda: not names_of(lab, name), "Pods of the last rollout are still there", deadline_s=120)
    return loss(recorder.recording, sorted(replaced), arrived(lab))


def deployment(name: str, spec: Body, release: int = -1) -> Body:
    """Return a Deployment of such Pods; without *spec* the change that begins a rollout."""
    template: Body = {"metadata": {"labels": {"app": name}, "annotations": {"release": str(release)}}}
    body: Body = {"template": template}
    if spec:
        template["spec"] = spec
        body |= {"replicas": REPLICAS, "selector": {"matchLabels": {"app": name}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def names_of(lab: Lab, name: str) -> list[str]:
    """Return the names of the Deployment's Pods, those that end included."""
    return [str(each["metadata"]["name"]) for each in lab.pods_of(name)]


def ready(lab: Lab, name: str, recorder: Recorder) -> set[str]:
    """Wait until lines of all replicas, and of them alone, arrive; return their names."""
    there = lambda: set(names_of(lab, name))  # noqa: E731
    recorder.wait(lambda _pods: len(there()) == REPLICAS and there() <= began(lab), deadline_s=180)
    return there()


def arrived(lab: Lab) -> dict[str, Body]:
    """Return source -> the store's newest counts."""
    return {line["source"]: line for line in lab.lines("store", "store", event="received")}


def began(lab: Lab) -> set[str]:
    """Return the Pods of which the store has the first lines."""
    return {name.split("/")[0] for name, line in arrived(lab).items() if line["highest"] >= FIRST_LINES}


def loss(recording: Recording, pods: Sequence[str], counts: dict[str, Body]) -> Loss:
    """
    Compare what the shops of *pods* wrote with what arrived.

    Raises:
        PodlabError: The recording lacks a shop's last line, so that nobody knows what was written.
    """
    written: dict[str, int] = {}
    ended = set()
    for line in on_a_cluster.said(recording, set(pods), "shop"):
        written["{pod}/{role}/{run}".format(**line)] = line["seq"]
        ended |= {line["pod"]} if line["event"] == "end" else set()
    if unknown := set(pods) - ended:
        raise PodlabError(
            f"the recording lacks the last line of {len(unknown)} of {len(pods)} Pods",
            cause=", ".join(sorted(unknown)),
            hint="run it again; less work beside it helps",
        )
    missing = {source: last - counts.get(source, {}).get("distinct", 0) for source, last in written.items()}
    doubled = sum(counts.get(source, {}).get("doubled", 0) for source in written)
    losing = {source.split("/")[0] for source, lines in missing.items() if lines}
    return Loss(len(pods), sum(written.values()), sum(missing.values()), doubled, len(losing))


def main() -> None:
    """Print two rows for each form."""
    options = on_a_cluster.forms(__doc__, FORMS, deletions=20)
    with on_a_cluster.lab(options, "podlab-bench-logs") as lab:
        lab.need("otelcol")
        lab.apply(FOLDER / "manifests/store.yaml")
        lab.apply(FOLDER / "manifests/collector.yaml")
        lab.wait(lambda: lab.ready("store") == "1/1", "the store is not ready", deadline_s=120)
        print(
            f"{'on ' + lab.driver:<22} {'Pods':>5} {'lines lost':>16} {'doubled':>7} {'Pods that lost':>14}"
        )
        for form in options.form or FORMS:
            pod = shown(form)
            print(f"{form + ', deletions':<22} {deletions(lab, pod, options.deletions)}", flush=True)
            print(f"{form + ', rollouts':<22} {rollouts(lab, pod, options.rollouts)}", flush=True)


if __name__ == "__main__":
    main()
