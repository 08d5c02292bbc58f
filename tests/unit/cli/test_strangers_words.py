"""Command lines that strangers got wrong, and outputs that cannot be written: three lines and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podlab import cli, drivers
from podlab.cli import explaining, lookup, parser, recording
from podlab.cli.parser import UsageError
from podlab.errors import WaitTimeoutError
from podlab.observe import Recording
from podlab.observe.writing import Writer

RECORDED = Path(__file__).parents[3] / "notebooks" / "recordings" / "three-quick-inits.jsonl"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    monkeypatch.delenv("PODLAB_CLUSTER", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("record --pod web pod.yaml", 2, "given: pod.yaml, --pod web"),
        ("record --pod web -l app=web", 2, "podlab record takes a manifest, --pod or --selector"),
        ("record", 2, "nothing to record was named"),
        ("record --pod job/web", 2, "'job/web' is not a Pod"),
        ("watch web --until xyz", 2, "invalid choice: 'xyz' (choose from"),
        ("-n shop", 2, "no verb follows -n shop"),
        ("explain job", 2, "which job?"),
        ("mesh job/web", 2, "'job/web' is not a Pod"),
        ("logs web -c app other", 2, "two containers are named: app and other"),
        ("logs web -l app=web", 2, "a Pod's name and --selector cannot be combined"),
        ("logs web --tail -3", 2, "'-3' is not a whole number from -1 on"),
        ("logs web --tail few", 2, "'few' is not a whole number"),
        ("events --for pod/", 2, "the name of the object is empty"),
        ("explain service/web", 2, "podlab explain does not support service"),
        ("show folder", 7, "folder is a folder; a recording is a file"),
        ("plot folder --out x.png", 7, "folder is a folder; a recording is a file"),
        ("exercise new", 2, "the new exercise needs a name"),
        ("exercise list nope", 9, "nope"),
        ("exercise check --jobs 0", 2, "'0' is not a whole number from 1 on"),
        ("exercise check --jobs=-1", 2, "'-1' is not a whole number from 1 on"),
        ("class create", 2, "which class?"),
        ("class create Spring", 2, "'Spring' cannot be the name of a class"),
        ("class create spring --out keys", 2, "missing: --roster"),
        ("class create spring --days 0", 2, "'0' is not a number of days"),
        ("class board spring --web=-1", 2, "'-1' is not a whole number from 0 on"),
    ],
)
def test_a_wrong_command_line_is_named(
    line: str, code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, with something to try; stdout stays empty, also for programs."""
    assert cli.main(line.split()) == code
    out, err = capsys.readouterr()

    assert expected in err
    assert "  try: " in err
    assert out == ""


@pytest.mark.parametrize("line", ["exercise check --json nope", "exercise list --json nope"])
def test_with_json_an_error_is_on_stderr_and_stdout_is_empty(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What reads JSON from a pipe gets JSON or nothing; the exit code says which."""
    assert cli.main(line.split()) == 9
    out, err = capsys.readouterr()

    assert out == ""
    assert "nope" in err


def test_exercise_list_and_show_take_ids_and_print_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The ids were ignored by ``list``, and ``--json`` by ``show``."""
    assert cli.main(["exercise", "list", "e14", "e02"]) == 0
    assert [line[:3] for line in capsys.readouterr().out.splitlines()] == ["e14", "e02"]
    assert cli.main(["exercise", "show", "e14", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["e14"]


def test_the_summary_of_a_check_counts_in_plain_english() -> None:
    """One answer is no "answers", and none is not "0 of 0"."""
    from podlab.cli.verbs.exercise import _summary

    assert _summary(0, 0, 0) == "no answers to grade"
    assert _summary(1, 0, 1) == "1 answer of 1 exercise: scored as expected"
    assert _summary(12, 1, 2) == "1 of 12 answers of 2 exercises scored otherwise than expected"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("exercise check --seed 3 e14 e15", {"action": "check", "exercise": ["e14", "e15"], "seed": 3}),
        ("explain job --json migrate", {"what": ["job", "migrate"], "json": True}),
        ("delete pod --now web", {"what": ["pod", "web"], "grace": 1.0}),
        ("logs web -f app", {"pod": "web", "one": "app", "follow": True}),
        ("images build --json postgres", {"build": "build", "names": ["postgres"], "json": True}),
    ],
)
def test_words_and_options_come_in_any_order(words: str, expected: dict[str, Any]) -> None:
    """As with kubectl: a word behind an option was "unknown" where a word stood before it."""
    verb, *rest = words.split()
    found = vars(parser.parse(parser.load(verb), rest))

    assert {key: found[key] for key in expected} == expected


# -- a recording of nothing ----------------------------------------------------------------------------------


def made(out: Path, *, pods: int, reason: str) -> Recording:
    writer = Writer(out, {"namespace": "shop"})
    for number in range(pods):
        body = {"metadata": {"name": f"web-{number}"}, "spec": {"containers": []}, "status": {}}
        writer.observe({"source": "watch", "resource": "pods", "type": "ADDED", "object": body})
    writer.end(reason)
    return Recording.read(out)


def asked(out: Path, **given: Any) -> Namespace:
    return Namespace(
        **{"out": out, "until": "gone", "deadline": 3.0, "lenient": True, "delete_after": None,
           "selector": "app=web"} | given
    )  # fmt: skip


def test_labels_that_no_pod_has_until_the_deadline_end_with_timed_out(home: Path) -> None:
    """It ended with 0 and a recording of nothing, although the manual promised 6."""
    out = home / "run.jsonl"
    nothing = made(out, pods=0, reason="deadline")

    with pytest.raises(
        WaitTimeoutError, match="no Pod with the labels app=web was seen within 3 s"
    ) as caught:
        recording.raise_unless_reached(nothing, asked(out))

    assert caught.value.exit_code == 6
    recording.raise_unless_reached(made(out, pods=1, reason="deadline"), asked(out))


@pytest.mark.parametrize(
    ("pods", "expected"), [(0, "no Pod was seen"), (1, "1 observation of web-0"), (2, "2 observations of web-0, web-1")]
)  # fmt: skip
def test_a_recording_is_summed_up_with_the_right_plural(pods: int, expected: str, home: Path) -> None:
    """Not "1 observations", nor "of no Pod"."""
    found = made(home / "run.jsonl", pods=pods, reason="gone")
    facts = {**recording.summary(found, home / "run.jsonl"), "observations": pods}

    assert recording.sentence(facts) == f"{home / 'run.jsonl'}: {expected}; ended: gone"


# -- watch, explain, events ----------------------------------------------------------------------------------


class Client:
    """Knows one Pod, and the Job that owns it."""

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        pod = {
            "metadata": {"name": "web", "namespace": "ns", "uid": "u", "resourceVersion": "1",
                         "creationTimestamp": "2026-11-23T03:00:00Z"},
            "spec": {"containers": [{"name": "app", "image": "i"}]},
            "status": {"phase": "Running"},
        }  # fmt: skip
        if path.endswith("/pods/web"):
            return pod
        if path.endswith("/jobs/nightly"):
            return {"spec": {"selector": {"matchLabels": {"job": "nightly"}}}}
        return {"items": [pod] if path.endswith("/pods") else [], "metadata": {"resourceVersion": "1"}}

    def path_of(self, body: dict[str, Any], _namespace: str) -> str:
        return f"/apis/x/jobs/{body['metadata']['name']}"

    def lines(self, *_: Any, **__: Any) -> Any:
        from contextlib import nullcontext

        return nullcontext(iter(()))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(client=Client, namespace="ns", driver="embedded", name="lab")
    monkeypatch.setattr(drivers, "need", lambda _name: made)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("what", ["web", "pod/web", "pods/web", "job/nightly"])
def test_watch_takes_what_kubectl_users_type(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``watch pod/web`` asked the server for a Pod of that name, and showed its 404."""
    assert cli.main(["watch", what, "--once"]) == 0
    assert "app" in capsys.readouterr().out


@pytest.mark.usefixtures("cluster")
def test_watch_for_no_time_ends_at_once() -> None:
    """``--for 0`` meant "for ever"."""
    assert cli.main(["watch", "web", "--for", "0"]) == 6


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["web"], [("", "web")]),
        (["web", "shop"], [("", "web"), ("", "shop")]),
        (["job", "a", "b"], [("Job", "a"), ("Job", "b")]),
        (["pod/web", "deploy/shop"], [("Pod", "web"), ("Deployment", "shop")]),
        (["job", "job/a"], [("Job", "a")]),
    ],
)
def test_explain_takes_several_names(words: list[str], expected: list[tuple[str, str]]) -> None:
    """The second name was dropped, or the first was refused as a kind."""
    assert explaining.asked_for(words) == expected


@pytest.mark.usefixtures("cluster")
def test_explain_of_several_is_a_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One object stays one object."""
    assert cli.main(["explain", "web", "web", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert cli.main(["explain", "web", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"what", "why", "try", "well"}
    assert cli.main(["explain", "web", "web"]) == 0
    assert "\n\n" in capsys.readouterr().out


def test_events_about_a_kind_that_nobody_knows_are_an_error() -> None:
    """``--for jbo/migrate`` printed "no Events", with exit code 0; a known kind without Events still does."""
    with pytest.raises(UsageError, match="does not know the kind 'jbo'") as caught:
        lookup.events(Client(), "ns", "jbo/migrate")  # type: ignore[arg-type]

    assert caught.value.hint == "podlab events --for job/migrate"
    assert lookup.events(Client(), "ns", "job/migrate") == []  # type: ignore[arg-type]


def test_a_folder_is_not_loaded_as_an_image(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The hint was to `docker save` the folder."""
    monkeypatch.setattr(drivers, "need", lambda _name: SimpleNamespace(driver="embedded", name="lab"))
    (home / "folder" / "app.tar").touch()

    assert cli.main(["images", "--load", "folder"]) == 2
    assert capsys.readouterr().err.endswith("  try: folder/app.tar\n")


# -- an output that cannot be written ------------------------------------------------------------------------


def test_a_picture_where_none_can_be_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    """/proc says "no such file" to a new name."""
    assert cli.main(["plot", str(RECORDED), "--out", "/proc/x.svg"]) == 74
    assert "\nUnwrittenError: /proc/x.svg cannot be written\n  why: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"), [(["show", RECORDED], 74), (["--version"], 74), (["completion", "bash"], 74), (["status"], 0)]
)  # fmt: skip
def test_a_closed_stdout_is_no_bug(line: list[str | Path], code: int) -> None:
    """``podlab show RUN >&-``; a command without a result needs no stdout."""
    command = " ".join(f"'{word}'" for word in [sys.executable, "-m", "podlab", *line])
    done = subprocess.run(["sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.splitlines()[:2] == [
            "podlab: the output cannot be written",
            "  why: stdout is closed",
        ]
    assert "Traceback" not in done.stderr


def test_with_all_streams_closed_a_command_still_works() -> None:
    """A service manager may start it so; the exit code is all that is left."""
    command = f"'{sys.executable}' -m podlab status"
    done = subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], check=False, env=os.environ)

    assert done.returncode == 0
