"""Each error says what, why and what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.client.api_stub import Answer, Request, Stub, status

from podlab import cli, drivers, errors, lab, manifests
from podlab.cli import lookup, recording, sending
from podlab.client.types import segment
from podlab.drivers import embedded, state
from podlab.embedded.images import archive
from podlab.timeline import Timeline


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    monkeypatch.delenv("PODLAB_CLUSTER", raising=False)
    return tmp_path


@pytest.fixture
def serve() -> Iterator[Callable[[str], Stub]]:
    """Return a maker of servers that know one Pod, and refuse its logs with a message."""
    made: list[Stub] = []

    def make(message: str) -> Stub:
        def answer(request: Request) -> Answer:
            if "/log" in request.path:
                return status(400, "BadRequest", message)
            return 200, {"spec": {"containers": [{"name": "app"}, {"name": "shipper"}]}}

        made.append(Stub(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("container", "message", "hint"),
    [
        ("shiper", "container shiper is not valid for pod web", "did you mean -c shipper?"),
        (
            "app",
            'previous terminated container "app" in pod "web" not found',
            "run it again without --previous",
        ),
        (
            "app",
            'container "app" in pod "web" is waiting to start: PodInitializing',
            "podlab explain web",
        ),
    ],
)
def test_a_log_that_is_not_there_says_what_to_try(
    container: str,
    message: str,
    hint: str,
    serve: Callable[[str], Stub],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server's own refusal names no way out."""
    cluster = SimpleNamespace(client=serve(message).client, namespace="default")
    monkeypatch.setattr(drivers, "need", lambda _name: cluster)

    assert cli.main(["logs", "web", "-c", container, "--previous"]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[2] == f"  try: {hint}"


def test_of_several_containers_the_one_that_kubectl_would_choose_is_read(
    serve: Callable[[str], Stub], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first app container, and stderr says so; without a Pod's name nothing is read at all."""
    stub = serve("no log yet")
    monkeypatch.setattr(
        drivers, "need", lambda _name: SimpleNamespace(client=stub.client, namespace="default")
    )

    assert cli.main(["logs", "web"]) == 4
    assert capsys.readouterr().err.splitlines()[0] == "container app, of: app, shipper"
    assert "container=app" in stub.requests[1].path
    assert cli.main(["logs"]) == 2


@pytest.mark.parametrize(
    "text", ["hello", "- a\n- b\n", POD_WITH_BAD_NAME := "apiVersion: v1\nkind: Pod\nmetadata: {name: a b}\n"]
)
def test_what_is_no_manifest_is_told_how_one_looks(text: str) -> None:
    """Plain text, a list, and a name that cannot be one."""
    with pytest.raises(errors.ManifestError) as caught:
        manifests.load(text, source="x.yaml")

    assert caught.value.cause
    assert caught.value.hint
    assert ("my-pod" if text is POD_WITH_BAD_NAME else "apiVersion: v1") in caught.value.hint


REFUSED_PATCH = (
    ' "" is invalid: patch: Invalid value: "map[apiVersion:v1 spec:map[containers:[map[imagee:x]]]]": '
    'strict decoding error: unknown field "spec.containers[0].imagee"'
)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (422, REFUSED_PATCH, ('unknown field "spec.containers[0].imagee"', "correct or remove imagee;")),
        (
            400,
            "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
            ("this is a number, the field wants text: put it in quotes", "correct the value;"),
        ),
        (422, 'Pod "web" is invalid: spec: Forbidden', ("Forbidden", "podlab delete web, then apply again")),
    ],
    ids=["unknown field", "wrong type", "may not change"],
)
def test_a_refused_change_names_the_field_and_not_the_whole_patch(
    code: int, message: str, expected: tuple[str, str]
) -> None:
    """Of a Pod that exists already; told to delete it, a learner would look for the typing mistake afterwards."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {imagee: x, name: 5}\n"
    )

    def answer(request: Request) -> Answer:
        return status(code, "Invalid", message) if request.method == "PATCH" else (200, {"metadata": {}})

    stub = Stub(answer)
    try:
        with pytest.raises(errors.ManifestError) as caught:
            sending.apply(stub.client(), manifests.load(text), "default")
    finally:
        stub.close()

    assert expected[0] in str(caught.value.cause)
    assert "map[" not in str(caught.value.cause)
    assert str(caught.value.hint).startswith(expected[1])


@pytest.mark.parametrize("command", [["logs"], ["up", "--nmae", "x"], ["show", "x", "--width", "wide"]])
def test_a_wrong_command_line_is_three_lines(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What, why and what to try."""
    assert cli.main(command) == 2
    assert [line[:6] for line in capsys.readouterr().err.splitlines()][1:] == ["  why:", "  try:"]


def test_a_deadline_says_how_the_pod_was() -> None:
    """Not only that the time is over."""
    pod = {
        "metadata": {"name": "web"},
        "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "nope"}]},
    }
    pod["status"] = {
        "phase": "Pending",
        "containerStatuses": [
            {"name": "app", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
        ],
    }
    seen = SimpleNamespace(observations=[{"resource": "pods", "object": pod}])

    assert "no such image" in recording.last_look(seen)  # type: ignore[arg-type]
    assert recording.last_look(SimpleNamespace(observations=[])) == "no Pod was seen"  # type: ignore[arg-type]


def a_timeline() -> Timeline:
    """Return a Pod that was seen once."""
    metadata = {"name": "web", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    pod = {
        "metadata": metadata,
        "spec": {"containers": [{"name": "app", "image": "i"}]},
        "status": {"phase": "Pending"},
    }
    return Timeline.from_observations(
        None, [{"t": 0.1, "source": "watch", "resource": "pods", "type": "ADDED", "object": pod}]
    )


def test_a_container_that_is_not_there_names_the_near_one() -> None:
    """Why: those that are there. Try: the nearest."""
    with pytest.raises(errors.TimelineError) as caught:
        a_timeline().outlived("ap", "app")

    assert (caught.value.cause, caught.value.hint) == ("its containers are: app", "did you mean 'app'?")


def test_a_timeline_at_the_prompt_is_one_line() -> None:
    """Its attributes can be asked for; nobody reads nested dataclasses."""
    assert repr(a_timeline()) == "Timeline(n/web: Pending, starts: -, incomplete)"


def an_ended_cluster(name: str) -> None:
    """Note a cluster whose daemon has been killed."""
    state.save({**state.new_record("embedded", name, context="c"), "state": "ready", "daemon": None})


def test_a_daemon_that_was_killed_is_said_to_have_ended() -> None:
    """The cluster is in the list of those that were made, so that list is no reason."""
    an_ended_cluster("s2")
    with pytest.raises(errors.DriverError) as caught:
        drivers.need("s2")

    assert caught.value.cause == "its daemon has ended"
    assert caught.value.hint == "podlab up --cluster s2"


def test_a_file_that_is_no_image_is_one_reason_and_no_fault_of_the_sandbox(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tarfile tells what each of its readers found, in five lines."""
    (home / "garbage.tar").write_bytes(b"garbage" * 400)
    with pytest.raises(errors.SandboxError) as caught:
        archive.load(home / "garbage.tar", home / "images")
    assert caught.value.cause == "it is not a tar file"

    monkeypatch.setattr(embedded.EmbeddedDriver, "find", lambda *_: True)
    with pytest.raises(errors.DriverError):
        embedded.EmbeddedDriver().load_images("lab", [str(home / "garbage.tar")])


def test_open_takes_the_name_first_and_hints_in_python() -> None:
    """``podlab.open("second")`` is what everybody writes."""
    an_ended_cluster("second")
    with pytest.raises(errors.DriverError) as caught:
        lab.open("second", driver="kind")
    assert caught.value.cause == "driver embedded created it, and a cluster keeps its driver"
    assert 'podlab.open("' in str(caught.value.hint)
    with pytest.raises(errors.DriverError) as caught:
        lab.open("third", driver="knd")
    assert caught.value.hint == 'podlab.open(driver="kind")'


@pytest.mark.parametrize(("name", "quoted"), [("../../x", "..%2F..%2Fx"), ("..", "%2E%2E"), ("web", "web")])
def test_a_name_stays_one_segment_of_the_path(name: str, quoted: str, serve: Callable[[str], Stub]) -> None:
    """It leads to no other object."""
    stub = serve("")
    lookup.find_pod(stub.client(), "default", name)

    assert segment(name) == quoted
    assert stub.requests[-1].path == f"/api/v1/namespaces/default/pods/{quoted}"
