"""The API server refuses what a real one refuses, with its words: recorded answers of v1.36.3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import refusal_corpus as corpus

from podlab.embedded import bootstrap
from podlab.embedded.api.http.request import Request, route
from podlab.embedded.api.verbs import writing
from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store

RECORDED = json.loads((Path(__file__).parent / "refusals.json").read_text())
CASES = corpus.cases()


def answer(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a dry run of the request answers."""
    import asyncio

    store = Store()
    bootstrap.first_objects(store, authority="-")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(_message: dict[str, Any]) -> None:
        raise AssertionError("nothing is streamed")

    scope = {
        "path": path,
        "method": "POST",
        "headers": [],
        "query_string": b"dryRun=All&fieldValidation=Strict",
    }
    try:
        response = asyncio.run(writing.create(store, Request(scope, receive, send), route(path)))
    except StatusError as refusal:
        return {k: refusal.status[k] for k in ("code", "reason", "message", "details") if k in refusal.status}
    return {"code": response.code}


def test_the_recording_is_of_this_corpus_and_release() -> None:
    assert RECORDED["server"] == "v1.36.3"
    assert RECORDED["answers"].keys() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_refused_as_by_a_real_server(name: str) -> None:
    assert answer(*CASES[name]) == RECORDED["answers"][name]
