"""
Calls and log lines that are lost when Pods of lab 14's Deployment are replaced, with its drain and without.

    python benchmarks/rollout_loss.py                                # 5 rollouts of each form, own embedded cluster
    python benchmarks/rollout_loss.py --deletions 20                 # and 20 times one Pod is deleted
    python benchmarks/rollout_loss.py --driver kind --name lab

A customer calls 20 times a second and does not wait for answers. Each page takes two seconds, so calls are under way
whenever a container is told to stop. A visitor calls by TLS, one call after the other. Written lines are those that the
recorder read from the shops' own output; arrived are those that the log store counted. "Without the drain" has no
preStop hook on the shop and no ``--drain``; in "no last look" the collector has no preStop hook; in the "older form"
the four sidecars are further app containers, and in "older, no hook" the collector's preStop hook is missing, too.

Below a row stands what happened from five seconds before the first lost call to five after the last: the lines in
which a shop of a replaced Pod was told to stop, closed its port, or failed. Times are
seconds since the recording began, by the node's clock.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import on_a_cluster
import yaml

from podlab.lab.core import Lab
from podlab.observe import Recorder, Recording

LAB = Path(__file__).parents[1] / "labs/14-combined/manifests"
CA = LAB.parents[1] / "05-certificates/manifests/ca.yaml"
SECONDS_A_PAGE, A_SECOND, AROUND_S = 2, 20, 5
SHOWN = ("event", "signal", "outcome", "status", "what", "text", "error", "took", "lines")
LOAD = f"""\
apiVersion: v1
kind: Pod
metadata:
  name: load
spec:
  containers:
    - name: caller
      image: podlab-app:1
      args: [caller, "http://shop/slow?s={SECONDS_A_PAGE}", --rate={A_SECOND}/s, --timeout=30]
"""
Body = dict[str, Any]


@dataclass(frozen=True)
class Loss:
    """What one form lost: calls, also those by TLS, and lines of shops that were replaced."""

    calls: int
    lost: int
    by_tls: int
    lost_by_tls: int
    written: int
    missing: int
    doubled: int
    killed: int
    story: tuple[str, ...] = ()

    def __str__(self) -> str:
        calls, lines = f"{self.lost} of {self.calls}", f"{self.missing} of {self.written}"
        row = f"{calls:>15} {f'{self.lost_by_tls} of {self.by_tls}':>15} {lines:>15} {self.doubled:>7} {self.killed:>6}"
        return "\n    ".join([row, *self.story])


# ------------------------------------------------------------------------------------------------------- forms


def as_it_is(_spec: Body) -> None:
    """Leave the lab's Deployment as it is."""


def without_the_drain(spec: Body) -> None:
    """Take away what finishes the shop's calls and waits for the Service."""
    (shop,) = spec["containers"]
    del shop["lifecycle"]
    shop["args"] = [word for word in shop["args"] if not word.startswith("--drain")]


def without_a_last_look(spec: Body) -> None:
    """Take away what holds the collector back until the shop's last line was read."""
    (shipper,) = (each for each in spec["initContainers"] if each["name"] == "shipper")
    del shipper["lifecycle"]


def older_form(spec: Body) -> None:
    """Make every sidecar a further app container."""
    sidecars = [each for each in spec["initContainers"] if each.get("restartPolicy") == "Always"]
    spec["initContainers"] = [each for each in spec["initContainers"] if each not in sidecars]
    spec["containers"] += [{k: v for k, v in each.items() if k != "restartPolicy"} for each in sidecars]


def older_form_without_a_hook(spec: Body) -> None:
    """Make every sidecar a further app container, and let the collector stop at once."""
    without_a_last_look(spec)
    older_form(spec)


FORMS: dict[str, Callable[[Body], None]] = {
    "as in the lab": as_it_is,
    "without the drain": without_the_drain,
    "no last look": without_a_last_look,
    "older form": older_form,
    "older, no hook": older_form_without_a_hook,
}


def production(change: Callable[[Body], None]) -> list[Body]:
    """Return the lab's manifest with its Pod template changed."""
    docs = copy.deepcopy(list(yaml.safe_load_all((LAB / "production.yaml").read_text("utf-8"))))
    for each in docs:
        if each["kind"] == "Deployment":
            change(each["spec"]["template"]["spec"])
    return docs


# ---------------------------------------------------------------------------------------------------- measuring


def measure(lab: Lab, change: Callable[[Body], None], rollouts: int, deletions: int) -> Loss:
    """Roll one form out *rollouts* times under load, then delete one of its Pods *deletions* times."""
    lab.apply(yaml.safe_dump_all(production(change)))
    names = lambda: {pod["metadata"]["name"] for pod in lab.pods_of("shop")}  # noqa: E731
    ready = lambda: len(names()) == 2 and all(map(whole, lab.pods_of("shop")))  # noqa: E731
    lab.wait(ready, "the shop is not ready", deadline_s=180)
    replaced: set[str] = set()
    with Recorder(lab.client, namespace=lab.namespace) as recorder:
        lab.apply(LOAD)
        steady(lab, recorder)
        earlier = len(by_tls(lab))
        for number in range(rollouts + deletions):
            old = names() if number < rollouts else {min(names())}
            if number < rollouts:
                lab.change(release(number))
            else:
                lab.delete("pod", *old)
            recorder.wait(lambda _pods, old=old: not names() & old and ready(), deadline_s=240)
            replaced |= old
            steady(lab, recorder)
        visits = by_tls(lab)[earlier:]
        lab.delete("pod", "load")
    assert recorder.recording is not None
    lab.delete("deployment", "shop")
    lab.wait(lambda: not names(), "Pods of the last form are still there", deadline_s=120)
    return loss(recorder.recording, replaced, arrived(lab), visits)


def steady(lab: Lab, recorder: Recorder) -> None:
    """Return once the newest calls were answered: 20, one second's."""
    lines = lambda: [line["outcome"] for line in lab.lines("load", event="call")[-A_SECOND:]]  # noqa: E731
    recorder.wait(lambda _pods: lab.ready("load") == "1/1", deadline_s=60)
    recorder.wait(lambda _pods: lines() == ["ok"] * A_SECOND, deadline_s=120)
    recorder.wait(lambda _pods: by_tls(lab)[-3:] == ["ok"] * 3, deadline_s=120)


def by_tls(lab: Lab) -> list[str]:
    """Return the outcomes of the visitor's calls, oldest first."""
    return [str(line["outcome"]) for line in lab.lines("visitor", event="call")]


def whole(pod: Body) -> bool:
    """Whether a Pod is Ready and stays."""
    listed = (pod.get("status") or {}).get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in listed)
    return ready and not pod["metadata"].get("deletionTimestamp")


def release(number: int) -> str:
    """Return the change of the Deployment that begins a rollout."""
    template = {"metadata": {"annotations": {"release": str(number)}}}
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "shop"},
            "spec": {"template": template},
        }
    )


def arrived(lab: Lab) -> dict[str, Body]:
    """Return source -> the log store's newest counts."""
    return {line["source"]: line for line in lab.lines("sink", "sink", event="received")}


def loss(recording: Recording, replaced: set[str], counts: dict[str, Body], visits: list[str]) -> Loss:
    """Compare what the shops of the *replaced* Pods wrote with what arrived, and count the load's calls."""
    calls = [line for line in on_a_cluster.said(recording, {"load"}) if line["event"] == "call"]
    written: dict[str, int] = {}
    for line in on_a_cluster.said(recording, replaced, "shop"):
        source = f"{line['pod']}/{line['role']}/{line['run']}"
        written[source] = max(written.get(source, 0), line["seq"])
    return Loss(
        len(calls),
        sum(call["outcome"] != "ok" for call in calls),
        len(visits),
        sum(outcome != "ok" for outcome in visits),
        sum(written.values()),
        sum(highest - counts.get(source, {}).get("distinct", 0) for source, highest in written.items()),
        sum(counts.get(source, {}).get("doubled", 0) for source in written),
        sum(recording.timeline(pod).exit_codes(lane.name).count(137)
            for pod in replaced for lane in recording.timeline(pod).lanes),
        story(recording, replaced),
    )  # fmt: skip


def story(recording: Recording, replaced: set[str]) -> tuple[str, ...]:
    """Return the lost calls and failed sendings, oldest first, between the lines that tell how Pods stopped."""
    told = {"signal", "draining", "closed", "drained", "shipped"}
    lines = list(read(recording))
    lost = [at for at, pod, _, line in lines if pod == "load" and line.get("outcome", "ok") != "ok"]
    failed = [at for at, pod, _, line in lines if pod in replaced and line["event"] == "error"]
    if not lost + failed:
        return ()
    first, last = min(lost + failed) - AROUND_S, max(lost + failed) + AROUND_S
    return tuple(
        f"{at:8.2f} {pod} {container} {' '.join(str(line[name]) for name in SHOWN if name in line)}"
        for at, pod, container, line in lines
        if first <= at <= last
        and (at in lost if pod == "load" else pod in replaced and line["event"] in {*told, "error"})
    )


def read(recording: Recording) -> Iterator[tuple[float, str, str, Body]]:
    """Yield each JSON line of the recording in order: seconds, Pod, container, line."""
    stamped = [
        (datetime.fromisoformat(each["at"]).timestamp(), each, line)
        for each, line in on_a_cluster.written(recording)
        if each.get("at")
    ]
    stamped.sort(key=lambda one: one[0])
    for at, each, line in stamped:
        if "event" in line:
            yield at - stamped[0][0], each["pod"], each["container"], line


def surround(lab: Lab) -> None:
    """Have the images, and what stands around the shop: a CA and its root, database, log store, customers."""
    lab.need("postgres", "dbmate", "postgres-exporter", "openssl", "envoy", "otelcol")
    lab.apply(CA)
    lab.wait(lambda: lab.ready("ca") == "1/1", deadline_s=120)
    root = {"root.crt": lab.exec("ca", "cat /ca/root.crt")}
    lab.apply(
        yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "root"}, "data": root})
    )
    for manifest in ("parts.yaml", "around.yaml"):
        lab.apply(LAB / manifest)
    lab.wait(lambda: all(lab.ready(pod) == "1/1" for pod in ("db", "sink", "visitor")), deadline_s=120)


def main() -> None:
    """Print a row for each form."""
    options = on_a_cluster.forms(__doc__, FORMS, deletions=0)
    with on_a_cluster.lab(options, "podlab-bench-rollout") as lab:
        chosen = options.form or list(FORMS)
        surround(lab)
        print(f"{options.rollouts} rollouts of two replicas, {options.deletions} deletions, on {lab.driver}")
        print(
            f"{'form':<20} {'calls lost':>15} {'by TLS':>15} {'lines lost':>15} {'doubled':>7} {'killed':>6}"
        )
        for name in chosen:
            print(f"{name:<20} {measure(lab, FORMS[name], options.rollouts, options.deletions)}", flush=True)


if __name__ == "__main__":
    main()
