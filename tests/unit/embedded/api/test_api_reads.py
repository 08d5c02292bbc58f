"""Get, list, Table, watch."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from asgi import PODS, Server, pod

from podlab.embedded.api.verbs import getting

TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.fixture
def server() -> Server:
    made = Server()
    for name in ("a", "b", "c"):
        body = pod(name)
        body["metadata"]["labels"] = {"name": name, "all": "yes"}
        made.ask("POST", PODS, body)
    return made


def names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def test_a_list_has_its_kind_and_items_do_not(server: Server) -> None:
    listed = server.ask("GET", PODS).json
    assert listed["kind"] == "PodList"
    assert "kind" not in listed["items"][0]
    assert names(listed) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("name=a", "a"),
        ("name!=a", "bc"),
        ("name in (a,b)", "ab"),
        ("!name", ""),
        ("all,name notin (a)", "bc"),
        (" name == a ", "a"),
        ("name in (in,,b)", "b"),
        ("other notin ()", "abc"),
        ("name=", ""),
        ("name>1", ""),
    ],
)
def test_label_selectors(server: Server, selector: str, found: str) -> None:
    assert names(server.ask("GET", PODS, labelSelector=selector).json) == list(found)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("name in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("name in a", "unable to parse requirement: found 'a' expected: '('"),
        ("name=a,", "found '', expected: identifier after ','"),
        (",name=a", "found ',', expected: !, identifier, or 'end of string'"),
        ("name=a b", "found 'b', expected: ',' or 'end of string'"),
        ("!name in (a)", "found 'in', expected: ',' or 'end of string'"),
        ("name a", "unable to parse requirement: found 'a', expected: in, notin, =, ==, !=, gt, lt"),
        ("name>=1", "unable to parse requirement: found '=', expected: identifier"),
        ("name>x", "unable to parse requirement: values[0]: Invalid value: \"x\": "
                   "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("-a=b", "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of "
                 "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
                 "(e.g. 'MyName',  or 'my.name',  or '123-abc', "
                 "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"),
        ("a=" + "b" * 64, f"unable to parse requirement: values[0][a]: Invalid value: \"{'b' * 64}\": "
                          "must be no more than 63 bytes"),
    ],
)  # fmt: skip
def test_a_label_selector_that_cannot_be_read_is_refused_in_upstreams_words(
    server: Server, selector: str, message: str
) -> None:
    refused = server.ask("GET", PODS, labelSelector=selector)
    assert (refused.code, refused.json["message"]) == (400, message)


def test_a_selector_as_long_as_a_request_may_be_is_read_at_once(server: Server) -> None:
    """It was quadratic: seconds in which nobody else was answered."""
    began = time.process_time()
    assert server.ask("GET", PODS, labelSelector="a," * 30_000 + "a").code == 200
    assert time.process_time() - began < 1


def test_field_selectors(server: Server) -> None:
    assert names(server.ask("GET", PODS, fieldSelector="metadata.name=b,status.phase=Pending").json) == ["b"]
    refused = server.ask("GET", PODS, fieldSelector="spec.colour=blue")
    assert (refused.code, refused.json["message"]) == (400, "field label not supported: spec.colour")


def test_limit_and_continue_show_one_moment(server: Server) -> None:
    first = server.ask("GET", PODS, limit=2).json
    assert (names(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 1)
    server.ask("POST", PODS, pod("bb"))
    rest = server.ask("GET", PODS, limit=2, **{"continue": first["metadata"]["continue"]}).json
    assert names(rest) == ["c"]


def test_an_old_continue_token_is_gone() -> None:
    server = Server(history=3)
    for name in "abc":
        server.ask("POST", PODS, pod(name))
    token = server.ask("GET", PODS, limit=1).json["metadata"]["continue"]
    for place in range(6):
        server.ask("POST", PODS, pod(f"x{place}"))
    old = server.ask("GET", PODS, **{"continue": token})
    assert (old.code, old.json["reason"]) == (410, "Expired")
    assert old.json["message"].startswith("The provided continue parameter is too old")


def test_tables_have_the_columns_of_kubectl(server: Server) -> None:
    table = server.ask("GET", PODS, headers=TABLE).json
    assert [c["name"] for c in table["columnDefinitions"][:5]] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]
    assert table["rows"][0]["cells"][:4] == ["a", "0/1", "Pending", "0"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_a_form_that_cannot_be_given(server: Server) -> None:
    assert server.ask("GET", PODS, headers={"accept": "application/xml"}).code == 406


def test_yaml_is_given_to_who_asks(server: Server) -> None:
    shown = server.ask("GET", PODS + "/a", headers={"accept": "application/yaml"})
    assert shown.body.startswith(b"apiVersion: v1\nkind: Pod\n")


async def watched(server: Server, change: Any, **query: Any) -> list[dict[str, Any]]:
    """The events that a watch of a second or so shows while *change* happens."""
    stream = asyncio.create_task(server.asked("GET", PODS, watch="true", timeoutSeconds=1, **query))
    await asyncio.sleep(0.05)
    await change()
    return [json.loads(line) for line in (await stream).body.splitlines()]


def seen(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def test_watch_from_nothing_shows_what_is_there_then_changes(server: Server) -> None:
    async def change() -> None:
        await server.asked("DELETE", PODS + "/a")

    events = asyncio.run(watched(server, change))
    assert seen(events)[:3] == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
    assert seen(events)[-1] == ("DELETED", "a")


def test_watch_resumes_after_a_revision(server: Server) -> None:
    revision = server.ask("GET", PODS + "/b").json["metadata"]["resourceVersion"]

    async def nothing() -> None:
        return None

    assert seen(asyncio.run(watched(server, nothing, resourceVersion=revision))) == [("ADDED", "c")]


def test_leaving_a_selector_looks_like_a_deletion(server: Server) -> None:
    revision = server.store.revision

    async def change() -> None:
        kind = "application/merge-patch+json"
        for value in ("x", "a"):
            await server.asked("PATCH", PODS + "/a", {"metadata": {"labels": {"name": value}}}, kind=kind)

    events = asyncio.run(watched(server, change, resourceVersion=revision, labelSelector="name=a"))
    assert seen(events) == [("DELETED", "a"), ("ADDED", "a")]
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) > revision


def test_too_old_to_resume() -> None:
    server = Server(history=2)
    for place in range(5):
        server.ask("POST", PODS, pod(f"x{place}"))
    stream = server.ask("GET", PODS, watch="true", resourceVersion="2")
    event = json.loads(stream.body)
    assert (stream.code, event["type"], event["object"]["code"]) == (200, "ERROR", 410)
    assert event["object"]["message"].startswith("too old resource version: 2 (")


def test_the_future_is_refused(server: Server) -> None:
    late = server.ask("GET", PODS, watch="true", resourceVersion="999999")
    assert late.code == 504
    assert "Too large resource version: 999999" in late.json["message"]


def test_initial_events_end_with_a_bookmark(server: Server) -> None:
    async def nothing() -> None:
        return None

    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    events = asyncio.run(watched(server, nothing, **query))
    mark = events[3]
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watcher_that_does_not_read_is_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from podlab.embedded.api.verbs import watching

    monkeypatch.setattr(watching, "MAX_QUEUED_LINES", 5)

    async def flood() -> Any:
        stream = asyncio.create_task(
            server.asked("GET", PODS, watch="true", resourceVersion=server.store.revision)
        )
        await asyncio.sleep(0.05)
        for place in range(50):  # no await in between: the watcher has no chance to send
            server.store.create("pods", {"metadata": {"name": f"f{place}", "namespace": "default"}})
        return await asyncio.wait_for(stream, 5)

    assert len(asyncio.run(flood()).body.splitlines()) < 50


def test_both_spellings_of_event(server: Server) -> None:
    core = "/api/v1/namespaces/default/events"
    body = {
        "kind": "Event", "apiVersion": "v1", "metadata": {"name": "e"}, "message": "hello", "reason": "Started",
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"}, "type": "Normal",
    }  # fmt: skip
    assert server.ask("POST", core, body).code == 201
    new = server.ask("GET", "/apis/events.k8s.io/v1/namespaces/default/events/e").json
    assert (new["note"], new["regarding"]["name"], new["apiVersion"]) == ("hello", "a", "events.k8s.io/v1")
    found = server.ask("GET", core, fieldSelector="involvedObject.name=a,reason=Started").json
    assert names(found) == ["e"]


def test_discovery_in_both_forms(server: Server) -> None:
    accept = {
        "accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    }
    groups = server.ask("GET", "/apis", headers=accept)
    assert "as=APIGroupDiscoveryList" in groups.header("content-type")[0]
    assert {g["metadata"]["name"] for g in groups.json["items"]} >= {"apps", "batch", "events.k8s.io"}
    plain = server.ask("GET", "/api/v1").json
    assert {"pods", "pods/log", "pods/exec"} <= {r["name"] for r in plain["resources"]}
    assert server.ask("GET", "/version").json["gitVersion"] == "v1.36.3"
    document = server.ask("GET", "/openapi/v3/api/v1").json
    assert "io.k8s.api.core.v1.Pod" in document["components"]["schemas"]


@pytest.mark.parametrize("revision", [10**30, -1])
def test_a_continue_token_of_another_world_is_refused(server: Server, revision: int) -> None:
    refused = server.ask("GET", PODS, **{"continue": getting.make_token(revision, ("default", "a"))})
    assert (refused.code, refused.json["message"]) == (
        400,
        "invalid continue token: continue key is not valid",
    )
