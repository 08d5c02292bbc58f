"""
The command line against a cluster: what it prints on stdout and stderr, and how it ends.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podlab.client import Client
from podlab.drivers import Cluster

ROOT = Path(__file__).resolve().parents[2]
FIRST_POD = ROOT / "labs" / "00-first-pod" / "manifests" / "first-pod.yaml"

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def podlab(cluster: Cluster, namespace: str):
    """Run a verb on the test's cluster and namespace."""

    def run(verb: str, *arguments: str, **options: object) -> Done:
        there = ["--cluster", cluster.name, "--namespace", namespace] if verb not in {"show", "plot"} else []
        command = [sys.executable, "-m", "podlab", verb, *arguments, *there]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]

    return run


def test_a_first_pod_is_recorded_shown_and_drawn(podlab, tmp_path: Path) -> None:
    """The whole way of the README: one file, a text with a line for each container, a picture."""
    run = tmp_path / "runs" / "first.jsonl"
    recorded = podlab(
        "record", str(FIRST_POD), "--until", "Succeeded", "--deadline", "90", "--out", str(run), "--json"
    )
    assert recorded.returncode == 0, recorded.stderr
    said = json.loads(recorded.stdout)
    assert said["pods"] == ["first-pod"]
    assert said["complete"]

    shown = podlab("show", str(run), "--colour", "never")
    assert shown.returncode == 0, shown.stderr
    for name in ("fetch", "shipper", "app"):
        assert any(name in line for line in shown.stdout.splitlines())
    assert "\x1b" not in shown.stdout

    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<svg")):
        picture = tmp_path / f"first{suffix}"
        drawn = podlab("plot", str(run), "--out", str(picture))
        assert drawn.returncode == 0, drawn.stderr
        assert drawn.stdout == f"{picture}\n"
        assert picture.read_bytes().startswith(start)

    taken = podlab("record", str(FIRST_POD), "--out", str(tmp_path / "taken.jsonl"))
    assert taken.returncode == 4
    assert "first-pod" in taken.stderr
    again = podlab("record", str(FIRST_POD), "--fresh", "--until", "Running", "--out", str(run))
    assert again.returncode == 0, again.stderr


def test_events_and_logs_can_be_piped(podlab) -> None:
    """Nothing but the result on stdout; of several containers, kubectl's choice, and stderr says so."""
    assert podlab("apply", str(FIRST_POD)).stdout == "pod/first-pod created\n"
    deadline = time.monotonic() + 60
    while "line 3" not in podlab("logs", "first-pod", "-c", "shipper").stdout:
        assert time.monotonic() < deadline
        time.sleep(0.5)

    events = json.loads(podlab("events", "--for", "first-pod", "--json").stdout)
    assert "Scheduled" in [event["reason"] for event in events]
    assert podlab("events").stdout.splitlines()[0].split()[:3] == ["LAST", "SEEN", "TYPE"]
    app = podlab("logs", "first-pod", "--container", "app", "--tail", "1").stdout
    assert app == "hello from fetch, line 3\n"
    chosen = podlab("logs", "first-pod", "--tail", "1")
    assert (chosen.stdout, chosen.returncode) == (app, 0)
    assert chosen.stderr == "container app, of: fetch (init), shipper (sidecar), app\n"
    missing = podlab("logs", "frist-pod")
    assert missing.returncode == 4
    assert "try: did you mean first-pod?" in missing.stderr


def test_pods_that_are_there_are_listed_and_recorded(podlab, tmp_path: Path) -> None:
    """The server's word for each Pod, and its containers; a recording of one Pod, and of those with labels."""
    spec = "{terminationGracePeriodSeconds: 0, containers: [{name: c, image: 'busybox:1.36', command: [sleep, '600']}]}"
    pods = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {app}}}}}\nspec: {spec}\n"
        for name, app in (("one", "shop"), ("two", "shop"), ("other", "db"))
    )
    assert podlab("apply", "-f", "-", input=pods).returncode == 0
    deadline = time.monotonic() + 60
    while podlab("pods").stdout.count("Running") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    row = next(line for line in podlab("pods").stdout.splitlines() if line.startswith("one"))
    assert row.split()[:4] == ["one", "1/1", "Running", "0"]
    assert row.endswith("c (runs)")
    assert "  c           app    runs since" in podlab("pods", "one", "-o", "wide").stdout

    runs = {"of": tmp_path / "one.jsonl", "by": tmp_path / "shop.jsonl"}
    deleted = ("--delete-after", "1", "--deadline", "60")
    of = podlab("record", "--pod", "one", "--out", str(runs["of"]), *deleted, "--json")
    assert of.returncode == 0, of.stderr
    assert json.loads(of.stdout)["pods"] == ["one"]
    by = podlab("record", "-l", "app", "--until", "Running", "--out", str(runs["by"]), "--json")
    assert by.returncode == 0, by.stderr
    assert sorted(json.loads(by.stdout)["pods"]) == ["other", "two"]
    by = podlab("record", "-l", "app=shop", "--out", str(runs["by"]), *deleted, "--json")
    assert by.returncode == 0, by.stderr
    assert json.loads(by.stdout)["pods"] == ["two"]
    told = [json.loads(line) for line in runs["by"].read_text().splitlines()]
    about = {one["object"]["involvedObject"]["name"] for one in told if one.get("resource") == "events"}
    assert about == {"two"}


def test_applying_twice_changes_nothing_and_all_is_checked_first(
    podlab, client: Client, namespace: str
) -> None:
    """created, unchanged, configured; and a fault in the second object leaves no first one."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: %s}\n"
    assert podlab("apply", "-", input=text % ("one", "b")).stdout == "configmap/one created\n"
    assert podlab("apply", "-", input=text % ("one", "b")).stdout == "configmap/one unchanged\n"
    assert podlab("apply", "-", input=text % ("one", "c")).stdout == "configmap/one configured\n"

    bad = podlab(
        "apply",
        "-",
        input=text % ("two", "b") + "---\n" + (text % ("three", "b")).replace("\ndata", "\ndatta"),
    )
    assert bad.returncode == 2
    assert "stdin:9" in bad.stderr
    assert "datta" in bad.stderr
    there = client.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    assert "two" not in {item["metadata"]["name"] for item in there}


def test_a_deadline_is_an_error_and_the_recording_is_kept(podlab, tmp_path: Path) -> None:
    """A Pod that can never be Ready: exit code 6, and the file can be shown."""
    manifest = FIRST_POD.read_text().replace("busybox:1.36", "no-such-image:1")
    run = tmp_path / "late.jsonl"
    late = podlab("record", "-", "--deadline", "4", "--out", str(run), input=manifest)
    assert late.returncode == 6
    assert "podlab show" in late.stderr

    shown = podlab("show", str(run))
    assert shown.returncode == 0
    assert "fetch" in shown.stdout


def test_ctrl_c_ends_a_recording_in_one_line_and_keeps_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Exit code 130; the file says that it was interrupted and stays readable."""
    run = tmp_path / "cut.jsonl"
    command = [sys.executable, "-m", "podlab", "record", str(FIRST_POD), "--until", "gone", "--out", str(run)]
    child = subprocess.Popen(
        [*command, "--name", cluster.name, "--namespace", namespace],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 30
    while not (run.exists() and "containerStatuses" in run.read_text()):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)

    assert child.returncode == 130
    assert err.splitlines()[-1] == "podlab: interrupted"
    shown = subprocess.run(
        [sys.executable, "-m", "podlab", "show", str(run)], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert "first-pod" in shown.stdout


def test_kubectls_own_way_in_works(cluster: Cluster) -> None:
    """The path that is printed is a kubeconfig that answers."""
    printed = subprocess.run(
        [sys.executable, "-m", "podlab", "kubeconfig", "--name", cluster.name],
        capture_output=True,
        text=True,
        check=True,
    )
    path = Path(printed.stdout.strip())

    assert path == cluster.kubeconfig
    assert Client.from_kubeconfig(path).version().startswith("v1.")
