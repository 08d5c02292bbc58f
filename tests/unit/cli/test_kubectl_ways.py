"""What is typed as with kubectl: answers to its verbs, kinds and names, the plugin, ages, completion."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from unit.client.api_stub import Request, Stub, status

from podlab import cli, drivers
from podlab.cli import (
    ages,
    clusters,
    completing,
    copying,
    deleting,
    kinds,
    kubectl,
    parser,
    podtable,
    recording,
)
from podlab.drivers import state
from podlab.errors import PodlabError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    for name in ("PODLAB_CLUSTER", "PODLAB_AS", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("get po", 'podlab pods, or with kubectl: kubectl --kubeconfig "$(podlab kubeconfig)" get po'),
        (
            "get pods -n a -o wide --cluster b",
            "podlab pods -n a -o wide --cluster b, or with kubectl: "
            'kubectl --kubeconfig "$(podlab kubeconfig --cluster b)" get pods -n a -o wide',
        ),
        ("get pods -ojson", 'kubectl --kubeconfig "$(podlab kubeconfig)" get pods -ojson'),
        (
            "describe job/m --namespace=a",
            "podlab explain job/m -n a, or with kubectl: "
            'kubectl --kubeconfig "$(podlab kubeconfig)" describe job/m --namespace=a',
        ),
        (
            "exec -it web -- sh -c 'ls /'",
            "kubectl --kubeconfig \"$(podlab kubeconfig)\" exec -it web -- sh -c 'ls /'",
        ),
    ],
)
def test_a_verb_of_kubectl_is_answered_with_the_line_that_works(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options stay; podlab's own way comes first, where there is one."""
    import shlex

    assert cli.main(shlex.split(typed)) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"  try: {hint}"


def test_no_verb_is_both_kubectls_and_ours() -> None:
    """A file in the folder of verbs takes the word from kubectl's list."""
    assert [name for name in parser.names() if kubectl.knows(name)] == []


def test_options_may_stand_before_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``kubectl -n shop get pods`` is how many people type."""
    assert cli.main(["-n", "shop", "--cluster=c", "get", "pods"]) == 2
    assert "podlab pods -n shop --cluster c" in capsys.readouterr().err


def a_kubeconfig(path: Path) -> Path:
    """Write a kubeconfig with two contexts."""
    contexts = [
        {"name": n, "context": {"cluster": "k", "user": "u", "namespace": f"of-{n}"}} for n in ("a", "b")
    ]
    made = {"current-context": "a", "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:9"}}],
            "users": [{"name": "u", "user": {}}], "contexts": contexts}  # fmt: skip
    path.write_text(yaml.safe_dump(made))
    return path


def arguments(**given: Any) -> argparse.Namespace:
    """What a verb gets."""
    return argparse.Namespace(
        **{"name": "lab", "context": None, "kubeconfig": None, "namespace": None, **given}
    )


def test_a_context_of_any_kubeconfig_can_be_worked_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named; or kubectl's current one, where podlab is its plugin. Nothing is kept of it."""
    file = a_kubeconfig(home / "config")
    assert clusters.of(arguments(kubeconfig=file)).namespace == "of-a"
    assert clusters.of(arguments(kubeconfig=file, context="b")).client().namespace == "of-b"
    with pytest.raises(PodlabError, match="cannot be combined with"):
        clusters.of(arguments(name="x", context="b"))

    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setenv("PODLAB_AS", "kubectl")
    found = clusters.of(arguments())
    assert (found.context, found.client().server) == ("a", "http://127.0.0.1:9")
    with pytest.raises(PodlabError, match="no cluster 'lab2' is running"):
        clusters.of(arguments(name="lab2"))
    assert not (home / "podlab").exists()


def test_grading_goes_where_on_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--on context``: podlab's cluster of that driver, else kubectl's context, whatever else is called lab."""
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(home / "config")))
    verb = parser.load("grade")

    def chosen(*options: str) -> Any:
        words = ["s", "--assignment", "a", "--out", "g", *options]
        return verb._cluster(parser.parse(verb, words))  # type: ignore[attr-defined]

    assert chosen("--on", "context").context == "a"
    assert chosen("--on", "context", "--context", "b").context == "b"
    for driver, context in (("embedded", "a"), ("context", "podlab-lab")):
        record = state.new_record(driver, "lab", context="podlab-lab", namespace="mine")
        state.save({**record, "state": "ready"})
        other = drivers.Cluster("embedded", "lab", home / "config", "a")
        monkeypatch.setattr("podlab.drivers.embedded.EmbeddedDriver.find", lambda *_, found=other: found)
        assert chosen("--on", "context").context == context
    with pytest.raises(PodlabError, match="cluster 'lab' is not of driver kind"):
        chosen("--on", "kind")
    with pytest.raises(PodlabError, match="not a number of requests"):
        chosen("--requests", "0")


def test_the_plugin_speaks_as_it_is_called(home: Path) -> None:
    """``kubectl podlab logs`` names ``kubectl podlab …`` in its hints, and works on kubectl's context."""
    environment = {**os.environ, "KUBECONFIG": str(a_kubeconfig(home / "config"))}
    code = "import sys; from podlab.cli import plugin; sys.exit(plugin.main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "logs"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "  try: kubectl podlab logs POD")
    assert kubectl.spoken("podlab logs web") == "podlab logs web"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (700, "11m"), (10_800, "3h"), (11_000, "3h3m"),
     (172_800, "2d"), (176_500, "2d1h"), (900_000, "10d"), (-5, "0s")],
)  # fmt: skip
def test_ages_are_kubectls(seconds: int, text: str) -> None:
    """Two units where the first is small, one where it is not."""
    assert ages.short(seconds) == text


def test_an_age_without_a_time_is_unknown() -> None:
    """As kubectl prints it."""
    assert ages.age(None) == "<unknown>"
    assert ages.age("2026-01-01T00:00:00Z", 1767225610) == "10s"


@pytest.mark.parametrize(("annotated", "chosen"), [(None, "app"), ("log", "log"), ("none-such", "app")])
def test_the_container_of_a_log_is_kubectls_choice(annotated: str | None, chosen: str) -> None:
    """The annotation's, where it names one; else the first app container. The others are named with their roles."""
    spec = {"initContainers": [{"name": "log", "restartPolicy": "Always"}],
            "containers": [{"name": "app"}, {"name": "b"}]}  # fmt: skip
    annotations = {copying.DEFAULT_CONTAINER: annotated} if annotated else {}
    found, said = copying.default_container({"metadata": {"annotations": annotations}, "spec": spec})
    assert (found, said) == (chosen, f"container {chosen}, of: log (sidecar), app, b")
    assert copying.default_container({"metadata": {}, "spec": {"containers": [{"name": "x"}]}}) == ("x", "")


def test_a_container_that_does_each_thing() -> None:
    """Runs, ended, waits; a Pod without a status has not started."""
    now = 1767225610.0
    assert (
        podtable.does({"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}, now)
        == "runs since 10s, not ready"
    )
    ended = {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:00:05Z"}
    assert podtable.does({"state": {"terminated": ended}}, now) == "ended 3 (Error) 5s ago"
    assert podtable.does({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}) == "waits: CrashLoopBackOff"
    assert podtable.does({}) == "waits: not started"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cluster that has the Job m and the Pod web, and takes every delete."""
    gone: set[str] = set()

    def answer(request: Request) -> Any:
        path = request.path.partition("?")[0]
        if request.method == "DELETE":
            gone.add(path)
            return 200, {}
        if path.endswith("/pods"):
            return 200, {"items": [{"metadata": {"name": "web", "uid": "u"}}]}
        if path not in gone and path.rpartition("/")[2] in ("web", "m"):
            return 200, {
                "metadata": {"name": path.rpartition("/")[2], "uid": "u", "namespace": "n"},
                "spec": {},
            }
        return status(404, "NotFound", "not found")

    stub = Stub(answer)
    monkeypatch.setattr(drivers, "need", lambda _name: SimpleNamespace(client=stub.client, namespace="n"))
    yield SimpleNamespace(gone=gone)
    stub.close()


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("delete pod web", "pod/web deleted"),
        ("delete pods/web", "pod/web deleted"),
        ("delete web", "pod/web deleted"),
        ("delete job m", "job/m deleted"),
        ("delete job/m pod/web", "job/m deleted\npod/web deleted"),
        ("delete pods --all", "pod/web deleted"),
        ("delete po nothing --ignore-not-found", "pod/nothing was not there"),
    ],
)
def test_objects_are_deleted_by_kind_and_name(
    typed: str, printed: str, served: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with kubectl; and a name alone is a Pod's."""
    assert cli.main(typed.split()) == 0
    assert capsys.readouterr().out.strip() == printed


@pytest.mark.parametrize("typed", ["delete", "delete pod", "delete --all", "delete web --all"])
def test_what_is_to_be_deleted_must_be_said(typed: str, served: Any) -> None:
    """``podlab delete pod`` deletes no Pod whose name is pod, and ``--all`` nothing without a kind."""
    assert cli.main(typed.split()) == 2
    assert served.gone == set()


def test_a_file_is_no_kind() -> None:
    """``pods.yaml`` is a file; ``deployments.apps`` is a kind."""
    assert kinds.find("pods.yaml") is None
    assert kinds.find("deployments.apps") == kinds.find("deploy")
    assert deleting.words(argparse.Namespace(what=["pods.yaml"], files=[], all=False, selector=None)) == [
        "pods.yaml"
    ]


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: b}]}\n"


def test_a_recording_finds_a_file_of_its_own(home: Path) -> None:
    """Named after what is recorded, in ``runs``; one that is there is never written over."""
    (home / "p.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\n" + POD)
    given = {"manifest": ["p.yaml"], "files": [], "pod": None, "selector": None, "out": None, "until": None}
    args = argparse.Namespace(**given)
    recording.choose(args)
    assert (args.out, args.until) == (Path("runs/web.jsonl"), "Ready")

    (home / "runs").mkdir()
    (home / "runs" / "web.jsonl").touch()
    args = argparse.Namespace(**{**given, "manifest": [], "pod": "web"})
    recording.choose(args)
    assert (args.out, args.until, args.lenient) == (Path("runs/web-2.jsonl"), "gone", True)


def test_a_field_is_kubectls_to_explain(capsys: pytest.CaptureFixture[str]) -> None:
    """``kubectl explain pod.spec`` and ``podlab explain POD`` share a word only."""
    assert cli.main(["explain", "pod.spec.containers", "--cluster", "c"]) == 2
    assert capsys.readouterr().err.endswith(
        'kubectl --kubeconfig "$(podlab kubeconfig --cluster c)" explain pod.spec.containers\n'
    )


@pytest.mark.parametrize("shell", completing.SHELLS)
def test_each_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks podlab itself."""
    assert cli.main(["completion", shell]) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out


def completed(line: str, home: Path) -> set[str]:
    """What a shell gets for a line, as argcomplete's protocol has it: in a file, separated by \\013."""
    words = home / "words"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\013"}
    asked |= {"_ARGCOMPLETE_SUPPRESS_SPACE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(words)}
    environment = {**os.environ, **asked}
    subprocess.run([sys.executable, "-m", "podlab"], env=environment, capture_output=True, check=False)
    return set(words.read_text().split("\013")) - {""} if words.exists() else set()


def test_verbs_options_and_clusters_are_completed(home: Path) -> None:
    """Without a cluster there are no Pods, and no error either."""
    from podlab.drivers import state

    state.save(state.new_record("context", "class-a", context="c", namespace="n", made=False))
    assert completed("podlab ev", home) == {"events"}
    assert completed("podlab record --unt", home) == {"--until"}
    assert completed("podlab down --cluster ", home) == {"class-a"}
    assert completed("podlab explain x", home) == set()


def test_json_of_pods_has_their_containers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's cells by their names, and what each container does."""
    pod = {
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"containers": [{"name": "a", "image": "i"}]},
    }
    columns = [{"name": name} for name in ("Name", "Ready", "Status", "Restarts", "Age")]
    table = {"kind": "Table", "columnDefinitions": columns,
             "rows": [{"cells": ["web", "0/1", "Pending", 0, "3s"], "object": pod}]}  # fmt: skip
    stub = Stub(lambda _request: (200, table))
    monkeypatch.setattr(drivers, "need", lambda _name: SimpleNamespace(client=stub.client, namespace="n"))
    try:
        assert cli.main(["pods", "--json"]) == 0
        [row] = json.loads(capsys.readouterr().out)
        assert cli.main(["pods"]) == 0
    finally:
        stub.close()
    assert (row["status"], row["containers"][0]["does"]) == ("Pending", "waits: not started")
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "web",
        "0/1",
        "Pending",
        "0",
        "3s",
        "a",
        "(waits)",
    ]
