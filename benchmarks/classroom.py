"""
A class on one cluster, and its grading there: times, requests at the API server, and what is left afterwards.

    python benchmarks/classroom.py                                   # makes a three-node kind cluster, and stops it
    python benchmarks/classroom.py --cluster NAME
    python benchmarks/classroom.py --kubeconfig FILE --context C --students 30
    python benchmarks/classroom.py --cluster NAME --grade 4          # grading: own watches, then one watch and a budget

Everything is done by podlab's own commands. Each learner is a process of its own that knows nothing but the learner's
kubeconfig file; all of them record the course's first Pod at once. Requests are counted by the API server
(``apiserver_request_total``), so those of its kubelets and controllers are among them; a quiet minute's rate is printed
beside. Objects are counted over all kinds that discovery names.

Grading goes by a context that says nothing of kind, as on a cluster of somebody else: no node is read. The submissions
are those of ``benchmarks/grading.py``, right answers and mistakes by turns; they are graded twice, each way once.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import api_counts
import grading

from podlab import drivers
from podlab.assignments import blueprint, marking
from podlab.assignments import submissions as reading
from podlab.client import Client, resources, waiting
from podlab.client.budget import Budget
from podlab.course.progress import SHARED
from podlab.drivers import Profile
from podlab.errors import WaitTimeoutError
from podlab.grading import Place, sharing
from podlab.observe import read_recording

FIRST_POD = Path(__file__).parents[1] / "labs" / "00-first-pod" / "manifests" / "first-pod.yaml"
SERVE = "mkdir /tmp/w; hostname > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"
QUIET_S = 20.0
DEADLINE_S = 300


def podlab(*arguments: str, target: Sequence[str] = ()) -> tuple[float, str]:
    """Run one command as a user would; return its seconds and what it printed; a failure ends the benchmark."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "podlab", *arguments, *target], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"podlab {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return time.perf_counter() - began, done.stdout


def learn(file: Path, run: Path) -> bool:
    """Record the first Pod with a learner's kubeconfig, report it to the board; whether the recording is whole."""
    done = subprocess.run(
        [sys.executable, "-m", "podlab", "record", str(FIRST_POD), "--kubeconfig", str(file), "--out", str(run),
         "--until", "Succeeded", "--deadline", str(DEADLINE_S)], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"  {file.stem}: {done.stderr.strip().splitlines()[:1]}")
        return False
    recording = read_recording(run)
    client = Client.from_kubeconfig(file)
    event = {"event": "answer", "exercise": "e00", "score": 5, "points": 5}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SHARED},
            "data": {"events": json.dumps(event)}}  # fmt: skip
    client.create(resources.path("configmaps", client.namespace), body)
    return bool(recording.complete) and recording.end_reason == "Succeeded"


def crossing(asked: Path, asking: Path) -> str:
    """
    Return whether a Pod of one student reaches one of another.

    Each namespace has a NetworkPolicy against it; whether that holds is a matter of the cluster's network plugin.
    """
    one, other = Client.from_kubeconfig(asked), Client.from_kubeconfig(asking)
    for client in (one, other):
        container = {"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", SERVE]}
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "crossing"}, "spec": spec}
        client.create(resources.path("pods", client.namespace), pod)

    def address(client: Client) -> str:
        status = client.get(resources.path("pods", client.namespace, "crossing"))["status"]
        return str(status["podIP"]) if status["phase"] == "Running" else ""

    def late() -> WaitTimeoutError:
        return WaitTimeoutError("the Pods did not run in time")

    ip = waiting.until(lambda: address(one), deadline_s=DEADLINE_S, late=late)
    waiting.until(lambda: address(other), deadline_s=DEADLINE_S, late=late)
    command = ["wget", "-qO-", "-T", "5", f"http://{ip}:8080/"]
    home = one.exec(one.namespace, "crossing", command, timeout_s=60)
    if home.exit_code:
        return f"not known: the Pod does not reach itself ({home.stderr.strip()})"
    reached = other.exec(other.namespace, "crossing", command, timeout_s=60).exit_code == 0
    return (
        "reached: the network plugin does not enforce NetworkPolicy"
        if reached
        else "refused by NetworkPolicy"
    )


def class_figures(client: Client, target: Sequence[str], students: int, work: Path) -> None:
    """Make a class, let all record at once, look at the board, delete it; print each figure."""
    roster, name = work / "roster.csv", f"bench-{secrets.token_hex(2)}"
    roster.write_text("id,name\n" + "".join(f"s{n:03},Student {n}\n" for n in range(1, students + 1)))
    with api_counts.traffic(client) as quiet:
        time.sleep(QUIET_S)
    before = api_counts.objects(client)

    files = work / "kubeconfigs"
    with api_counts.traffic(client) as seen:
        seconds, _ = podlab(
            "class", "create", name, "--roster", str(roster), "--out", str(files), target=target
        )
    print(f"class of {students}: created in {seconds:.1f} s, {seen.total / students:.1f} requests a student")

    learners = sorted(files.glob("*.kubeconfig"))
    with api_counts.traffic(client) as seen, ThreadPoolExecutor(students) as pool:
        whole = sum(pool.map(lambda file: learn(file, work / f"{file.stem}.jsonl"), learners))
    print(f"{students} learners record at once: {whole} of {students} recordings complete")
    print(f"  at the API server: {seen}")
    print(f"  before, with nobody there: {quiet.total / quiet.seconds:.1f} a second")
    pods = [
        pod for pod in client.get(resources.path("pods"))["items"] if name in pod["metadata"]["namespace"]
    ]
    print(f"  Pods by node: {spread([str(pod['spec'].get('nodeName')) for pod in pods])}")

    if students > 1:
        print(f"from one student's Pod to another's: {crossing(*learners[:2])}")
    seconds, board = podlab("class", "board", name, "--once", target=target)
    solved = sum(line.split()[1:2] == ["1"] for line in board.splitlines())
    print(f"class board: {solved} of {students} with a solved exercise, in {seconds:.1f} s")

    seconds, _ = podlab("class", "delete", name, target=target)
    new = {uid: what for uid, what in api_counts.objects(client).items() if uid not in before}
    left = [what for what in new.values() if name in what]
    print(f"class deleted in {seconds:.1f} s; objects left of it: {len(left)}")
    for what in left[:10]:
        print(f"  {what}")
    others = sorted({what for what in new.values() if name not in what})
    print(f"  other objects that are new since then: {len(others)}: {', '.join(others[:5])}")


def grade_figures(client: Client, submissions: int, jobs: int, work: Path) -> None:
    """Grade the same submissions in the two ways and print requests, times and whether the verdicts are equal."""
    work.mkdir(parents=True, exist_ok=True)
    folder = grading.plan(work / "plan")
    handed_in = grading.hand_in(folder, submissions, work / "handed-in")
    plan, found = blueprint.read(folder), reading.read([handed_in], [])
    answers = submissions * len(grading.EXERCISES)
    foreign = Client(client.config._replace(context="school"))
    verdicts = {}
    for way in ("apart", "together"):
        budget = Budget(1e9, 1e9) if way == "apart" else sharing.budget()
        place = Place(foreign.within(budget))
        with ExitStack() as stack, api_counts.traffic(client) as seen:
            if way == "together":
                place = stack.enter_context(sharing.together(place, budget))
            began = time.perf_counter()
            marking.mark(plan, found, work / way, place, at_once=jobs)
            seconds = time.perf_counter() - began
        results = list(marking.results(work / way))
        verdicts[way] = {
            (row["student"], row["report"]["exercise"]): (row["earned"], row["report"]["state"])
            for row in results
        }
        print(f"{way}: {answers} answers of {submissions} submissions in {seconds:.0f} s, {jobs} at a time")
        print(f"  sent by the grader: {budget.taken}, {budget.taken / answers:.1f} an answer, "
              f"{budget.taken / submissions:.0f} a submission, {budget.taken / seconds:.1f} a second; "
              f"{budget.questions} of them while the budget had room, waits {budget.waited_s:.0f} s")  # fmt: skip
        print(f"  at the API server: {seen}")
        if place.shared:
            print(
                "  Pods by node: " + ", ".join(f"{n} {len(p)}" for n, p in sorted(place.shared.nodes.items()))
            )
    apart, shared = verdicts["apart"], verdicts["together"]
    equal = sum(apart[key] == shared.get(key) for key in apart)
    print(f"verdicts equal: {equal} of {len(apart)}")
    for key in apart:
        if apart[key] != shared.get(key):
            print(f"  {key}: apart {apart[key]}, together {shared.get(key)}")


def spread(names: Sequence[str]) -> str:
    """Return how many Pods each node had."""
    return ", ".join(f"{node} {names.count(node)}" for node in sorted(set(names))) or "none"


def main() -> None:
    """Make a cluster where none is named, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--grade", type=int, metavar="N", help="grade this many submissions instead")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep both gradings here")
    parser.add_argument("--jobs", type=int, default=8, help="answers graded side by side")
    parser.add_argument("--cluster", metavar="N", help="a cluster that podlab made and that runs")
    parser.add_argument("--kubeconfig", type=Path, metavar="F", help="instead: the cluster of this file")
    parser.add_argument("--context", metavar="C", help="instead: a context of it, or of your kubeconfig")
    options = parser.parse_args()
    made = ""
    if options.kubeconfig or options.context:
        client = Client.from_kubeconfig(options.kubeconfig, options.context)
        target = ["--kubeconfig", str(options.kubeconfig)] if options.kubeconfig else []
        target += ["--context", options.context] if options.context else []
    else:
        if options.cluster is None:
            made = f"bench-{secrets.token_hex(3)}"
            drivers.make(made, driver="kind", profile=Profile(config="three-nodes"))
        client = drivers.need(options.cluster or made).client()
        target = ["--cluster", options.cluster or made]
    try:
        with tempfile.TemporaryDirectory() as work:
            if options.grade:
                grade_figures(client, options.grade, options.jobs, options.keep or Path(work))
            else:
                class_figures(client, target, options.students, Path(work))
    finally:
        if made:
            drivers.stop(made)


if __name__ == "__main__":
    main()
