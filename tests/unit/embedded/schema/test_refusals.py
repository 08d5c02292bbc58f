"""The API server refuses what a real one refuses, with its words: recorded answers of v1.36.3."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import refusal_corpus as corpus

from podlab.embedded import bootstrap
from podlab.embedded.api.http.request import Request, route
from podlab.embedded.api.verbs import patches, writing
from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store

RECORDED = json.loads((Path(__file__).parent / "refusals.json").read_text())
CASES, CHANGES = corpus.cases(), corpus.changes()


def asked(
    store: Store, method: str, path: str, body: dict[str, Any], query: bytes, kind: str = "application/json"
) -> dict[str, Any]:
    """What a request answers."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(_message: dict[str, Any]) -> None:
        raise AssertionError("nothing is streamed")

    headers = [(b"content-type", kind.encode())]
    scope = {"path": path, "method": method, "headers": headers, "query_string": query}
    verb = writing.create if method == "POST" else patches.patch
    try:
        response = asyncio.run(verb(store, Request(scope, receive, send), route(path)))
    except StatusError as refusal:
        return {k: refusal.status[k] for k in ("code", "reason", "message", "details") if k in refusal.status}
    return {"code": response.code}


def a_store() -> Store:
    """What a new cluster holds."""
    store = Store()
    bootstrap.first_objects(store, authority="-")
    return store


def answer(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a dry run of the request answers."""
    return asked(a_store(), "POST", path, body, b"dryRun=All&fieldValidation=Strict")


def changed(path: str, body: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What a dry run of a merge patch answers, of an object that was created before."""
    store = a_store()
    assert asked(store, "POST", path, body, b"")["code"] == 201
    name, kind = body["metadata"]["name"], "application/merge-patch+json"
    return asked(store, "PATCH", f"{path}/{name}", patch, b"dryRun=All&fieldValidation=Strict", kind)


def test_the_recording_is_of_this_corpus_and_release() -> None:
    assert RECORDED["server"] == "v1.36.3"
    assert RECORDED["answers"].keys() == CASES.keys()
    assert RECORDED["changes"].keys() == CHANGES.keys()


@pytest.mark.parametrize("name", CASES)
def test_refused_as_by_a_real_server(name: str) -> None:
    assert answer(*CASES[name]) == RECORDED["answers"][name]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_refused_as_by_a_real_server(name: str) -> None:
    assert once(changed(*CHANGES[name])) == once(RECORDED["changes"][name])


def once(found: dict[str, Any]) -> dict[str, Any]:
    """An answer with each cause once: upstream looks at some fields of a change twice."""
    causes = (found.get("details") or {}).get("causes") or []
    kept = [cause for place, cause in enumerate(causes) if cause not in causes[:place]]
    return {**found, "details": {**found["details"], "causes": kept}} if causes else found
