"""One hand on a cluster: paths by kind, objects that may be gone, and waits that end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator

import pytest
from api_stub import Answer, Request, Stub, status

from podlab.client import resources, waiting
from podlab.errors import ApiError, ManifestError, WaitTimeoutError

POD = {"kind": "Pod", "metadata": {"name": "web", "uid": "first"}}
PATH = "/api/v1/namespaces/lab/pods/web"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Answer]], Stub]]:
    """Start scripted servers, and stop them at the end."""
    started: list[Stub] = []

    def start(answer: Callable[[Request], Answer]) -> Stub:
        started.append(Stub(answer))
        return started[-1]

    yield start
    for stub in started:
        stub.close()


def too_late() -> WaitTimeoutError:
    """The error of a wait of this module."""
    return WaitTimeoutError("it did not happen")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (resources.path("pods", "lab", "web"), PATH),
        (resources.path("Pod", "a/b", ".."), "/api/v1/namespaces/a%2Fb/pods/%2E%2E"),
        (resources.path("deploy", "lab"), "/apis/apps/v1/namespaces/lab/deployments"),
        (resources.path("events"), "/api/v1/events"),
        (resources.path("nodes", "lab"), "/api/v1/nodes"),
        (resources.path("namespace", name="lab"), "/api/v1/namespaces/lab"),
        (
            resources.path("mutatingwebhookconfiguration", "lab", "mesh"),
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/mesh",
        ),
    ],
)
def test_a_kind_has_one_path_whichever_word_names_it(path: str, expected: str) -> None:
    """Names are quoted; kinds of the whole cluster have no namespace."""
    assert path == expected


def test_a_kind_outside_of_the_table_is_an_error() -> None:
    """A path that leads nowhere would look like an object that does not exist."""
    with pytest.raises(ManifestError, match="unknown kind 'widget'"):
        resources.path("widget", "lab", "web")


def test_words_with_a_group_name_the_kind_of_that_group_alone() -> None:
    """``deployments.apps`` is a kind, ``pods.yaml`` is a file."""
    assert resources.named("deployments.apps") == resources.KNOWN["apps/v1", "Deployment"]
    assert resources.named("pods.yaml") is None


def test_an_object_that_does_not_exist_is_none_and_a_refusal_is_an_error(serve) -> None:
    """A server that refuses has not said that the object is gone."""
    client = serve(
        lambda request: (
            status(404, "NotFound", "gone") if "gone" in request.path else status(403, "Forbidden", "no")
        )
    ).client()

    assert client.find("/api/v1/namespaces/lab/pods/gone") is None
    with pytest.raises(ApiError):
        client.find(PATH)


@pytest.mark.parametrize(("answer", "removed"), [((200, POD), True), (status(404, "NotFound", "gone"), False),
                                                 (status(409, "Conflict", "other uid"), False)])  # fmt: skip
def test_removing_says_whether_there_was_something_to_remove(serve, answer: Answer, removed: bool) -> None:
    """The uid is a precondition, what the object owns goes in the background, the grace is in whole seconds."""
    stub = serve(lambda request: answer)

    assert stub.client().remove(PATH, uid="first", grace_s=0) is removed

    assert json.loads(stub.requests[0].body) == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "first"},
        "gracePeriodSeconds": 0,
    }


def test_a_wait_returns_the_first_true_answer() -> None:
    """And tells before each pause."""
    answers, told = iter([None, "", "ready"]), []

    found = waiting.until(
        lambda: next(answers), deadline_s=60, late=too_late, every_s=0, meanwhile=lambda: told.append(1)
    )

    assert (found, len(told)) == ("ready", 2)


def test_a_wait_ends_with_its_error_and_asks_at_least_once() -> None:
    """A deadline that has passed already leaves one look."""
    asked: list[bool] = []

    with pytest.raises(WaitTimeoutError, match="it did not happen"):
        waiting.until(lambda: asked.append(True), deadline_s=-1, late=too_late)

    assert asked == [True]


def test_an_object_made_anew_is_not_the_one_that_is_waited_for(serve) -> None:
    """With its uid the first Pod is gone as soon as another has its name; without, the name must be free."""
    again = {"kind": "Pod", "metadata": {"name": "web", "uid": "second"}}
    turns = itertools.chain(
        [(200, POD), (200, again), (200, again)], itertools.repeat(status(404, "NotFound", ""))
    )
    stub = serve(lambda request: next(turns))

    waiting.until_gone(stub.client(), PATH, uid="first", deadline_s=60, late=too_late)
    assert len(stub.requests) == 2

    waiting.until_gone(stub.client(), PATH, deadline_s=60, late=too_late)
    assert len(stub.requests) == 4


def test_the_account_of_a_namespace_is_waited_for_where_one_may_look(serve) -> None:
    """404 means not yet; 403 means that the first Pod shows it; the end of the wait is an error."""
    turns = iter([status(404, "NotFound", ""), (200, {"metadata": {"name": "default"}})])
    stub = serve(lambda request: next(turns))
    waiting.until_account(stub.client(), "lab", deadline_s=60)
    assert [request.path for request in stub.requests] == [
        "/api/v1/namespaces/lab/serviceaccounts/default"
    ] * 2

    waiting.until_account(serve(lambda request: status(403, "Forbidden", "")).client(), "lab", deadline_s=60)

    with pytest.raises(WaitTimeoutError, match="namespace lab had no default ServiceAccount"):
        waiting.until_account(
            serve(lambda request: status(404, "NotFound", "")).client(), "lab", deadline_s=0
        )


def test_the_pauses_grow_up_to_the_slowest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow controller is asked less and less often."""
    slept: list[float] = []
    monkeypatch.setattr("podlab.client.waiting.time.sleep", slept.append)
    answers = iter([False] * 6 + [True])
    waiting.until(lambda: next(answers), deadline_s=600, late=too_late, every_s=1.0, slowest_s=3.0)

    assert slept == [1.0, 1.5, 2.25, 3.0, 3.0, 3.0]
