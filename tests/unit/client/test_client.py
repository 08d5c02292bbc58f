"""The client: requests as they leave, refusals and broken connections as they come back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_stub import Answer, Request, Stub, status

from podlab.client import Client, Kubeconfig
from podlab.errors import (
    ApiError,
    ConflictError,
    ConnectionLostError,
    DriverError,
    GoneError,
    ManifestError,
    NotFoundError,
)

Serve = Callable[[Callable[[Request], Answer]], Stub]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start stubs that are closed afterwards."""
    stubs: list[Stub] = []

    def start(answer: Callable[[Request], Answer]) -> Stub:
        stubs.append(Stub(answer))
        return stubs[-1]

    yield start
    for stub in stubs:
        stub.close()


def test_parameters_become_the_query_and_bodies_json(serve: Serve) -> None:
    stub = serve(lambda _: (200, {"kind": "Pod"}))
    client = stub.client(token="secret")

    client.get("/api/v1/pods", labelSelector="app=web", limit=5, watch=False, empty=None)
    client.patch("/api/v1/pods/x", {"a": 1}, content_type="application/merge-patch+json")
    client.delete("/api/v1/pods/x", {"gracePeriodSeconds": 0})

    first, second, third = stub.requests
    assert first.path == "/api/v1/pods?labelSelector=app%3Dweb&limit=5&watch=false"
    assert first.token == "secret"
    assert (second.method, second.headers["Content-Type"]) == ("PATCH", "application/merge-patch+json")
    assert (third.method, json.loads(third.body)) == ("DELETE", {"gracePeriodSeconds": 0})


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, NotFoundError), (409, ConflictError), (410, GoneError), (403, ApiError), (500, ApiError)],
)
def test_a_refusal_keeps_the_server_s_words(serve: Serve, code: int, kind: type[ApiError]) -> None:
    client = serve(lambda _: status(code, "Reason", "what the server said")).client()

    with pytest.raises(kind) as caught:
        client.get("/api/v1/pods")

    assert (caught.value.code, caught.value.reason) == (code, "Reason")
    assert caught.value.cause == "what the server said"


def test_a_busy_server_is_asked_again(serve: Serve) -> None:
    answers = iter([status(429, "TooManyRequests", "slow down"), (200, {"gitVersion": "v1.36.3"})])

    assert serve(lambda _: next(answers)).client().version() == "v1.36.3"


def test_answers_that_are_no_objects_are_errors_not_crashes(serve: Serve) -> None:
    client = serve(lambda request: (200, b"<html>" if "html" in request.path else b"[1]")).client()

    for path in ("/html", "/list"):
        with pytest.raises(ApiError):
            client.get(path)


def test_a_table_is_asked_for_as_kubectl_does_and_becomes_rows_by_column(serve: Serve) -> None:
    columns = [{"name": "Name"}, {"name": "Status"}]
    stub = serve(
        lambda _: (
            200,
            {"kind": "Table", "columnDefinitions": columns, "rows": [{"cells": ["a", "NotReady"]}]},
        )
    )

    assert stub.client().table("/api/v1/namespaces/x/pods") == [{"NAME": "a", "STATUS": "NotReady"}]
    assert "as=Table" in stub.requests[0].headers["Accept"]


def test_a_server_without_tables_is_named(serve: Serve) -> None:
    with pytest.raises(ApiError, match="instead of a Table"):
        serve(lambda _: (200, {"kind": "PodList"})).client().table("/api/v1/pods")


def test_an_unreachable_server_is_a_lost_connection() -> None:
    client = Client(Kubeconfig("http://127.0.0.1:1", "gone", "lab", {}, {}))

    with pytest.raises(ConnectionLostError, match=r"127\.0\.0\.1:1 stopped answering") as caught:
        client.get("/version")

    assert "refused" in str(caught.value.cause)
    with pytest.raises(ConnectionLostError):
        client.exec("lab", "web", ["ls"])


def test_a_plugin_s_token_is_renewed_when_it_is_refused(serve: Serve, tmp_path: Path) -> None:
    """Each run of the plugin gives the next token; the server takes only the second."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        "print(json.dumps({'kind': 'ExecCredential', 'status': {'token': f'token-{number}'}}))\n"
    )
    stub = serve(
        lambda request: (
            (200, {}) if request.token == "token-2" else status(401, "Unauthorized", "Unauthorized")
        )
    )
    client = stub.client(exec={"command": sys.executable, "args": [str(plugin)]})

    client.get("/api/v1/pods")
    client.get("/api/v1/pods")

    assert [request.token for request in stub.requests] == ["token-1", "token-2", "token-2"]


def test_an_expired_token_is_renewed_before_it_is_sent(serve: Serve, tmp_path: Path) -> None:
    script = "import json; print(json.dumps({'status': {'token': 't', 'expirationTimestamp': '2020-01-01T00:00:00Z'}}))"
    runs = tmp_path / "runs"
    script += f"; open({str(runs)!r}, 'a').write('x')"
    client = serve(lambda _: (200, {})).client(exec={"command": sys.executable, "args": ["-c", script]})

    client.get("/a")
    before = runs.read_text()
    client.get("/b")

    assert len(runs.read_text()) > len(before)


def test_a_fixed_token_is_tried_once(serve: Serve) -> None:
    stub = serve(lambda _: status(401, "Unauthorized", "Unauthorized"))

    with pytest.raises(ApiError):
        stub.client(token="old").get("/a")

    assert len(stub.requests) == 1


def test_a_plugin_that_fails_is_named(serve: Serve) -> None:
    client = serve(lambda _: (200, {})).client(
        exec={"command": "no-such-plugin", "installHint": "install it"}
    )

    with pytest.raises(DriverError, match="no-such-plugin") as caught:
        client.get("/a")

    assert caught.value.hint == "install it"


def test_paths_of_known_and_discovered_kinds(serve: Serve) -> None:
    rows = {
        "resources": [{"name": "widgets", "kind": "Widget", "namespaced": True}, {"name": "widgets/status"}]
    }
    client = serve(
        lambda request: (200, rows) if "example" in request.path else status(404, "NotFound", "")
    ).client()

    def path(api_version: str, kind: str, **metadata: str) -> str:
        return client.path_of({"apiVersion": api_version, "kind": kind, "metadata": metadata})

    assert path("v1", "Pod", name="web") == "/api/v1/namespaces/lab/pods/web"
    assert path("v1", "Namespace", name="x") == "/api/v1/namespaces/x"
    assert (
        path("apps/v1", "Deployment", name="d", namespace="n") == "/apis/apps/v1/namespaces/n/deployments/d"
    )
    assert path("example.org/v1", "Widget", name="w") == "/apis/example.org/v1/namespaces/lab/widgets/w"
    with pytest.raises(ManifestError, match='no kind "Pod" in apiVersion "apps/v1"') as caught:
        path("apps/v1", "Pod", name="x")
    assert 'belongs to apiVersion "v1"' in str(caught.value.cause)


def test_a_kind_of_which_a_server_has_none_and_takes_none_counts_as_lacking(serve: Serve) -> None:
    """Its list is served, always empty, for clients that look into it: a POST would be refused without a reason."""
    rows = [
        {
            "name": "persistentvolumeclaims",
            "kind": "PersistentVolumeClaim",
            "verbs": ["get", "list", "watch"],
        },
        {"name": "services", "kind": "Service", "verbs": ["create", "get", "list"]},
    ]
    client = serve(lambda _: (200, {"resources": rows})).client()
    client.require("v1", "Service")
    with pytest.raises(ManifestError, match='no kind "PersistentVolumeClaim" in apiVersion "v1"'):
        client.require("v1", "PersistentVolumeClaim")


def test_a_kind_of_the_table_that_this_server_lacks_is_named_and_asked_for_once(serve: Serve) -> None:
    """The table knows where a StatefulSet lives; only the server knows whether it has any."""
    rows = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
    stub = serve(lambda _: (200, rows))
    client = stub.client()
    client.require("apps/v1", "Deployment")
    with pytest.raises(
        ManifestError, match='the server has no kind "StatefulSet" in apiVersion "apps/v1"'
    ) as caught:
        client.require("apps/v1", "StatefulSet")
    assert "this cluster does not serve it" in str(caught.value.cause)
    assert [request.path for request in stub.requests] == ["/apis/apps/v1"]


def test_kubeconfigs_are_merged_as_kubectl_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(
        "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u, namespace: n}}]\n"
        "users: [{name: u, user: {tokenFile: token}}]\n"
    )
    two.write_text("current-context: b\nclusters: [{name: c, cluster: {server: 'https://host:6443/'}}]\n")
    monkeypatch.setenv("KUBECONFIG", f"{one}:{two}:{tmp_path / 'missing'}")

    config = Kubeconfig.load()

    assert (config.server, config.context, config.namespace) == ("https://host:6443", "a", "n")
    assert config.user["tokenFile"] == str(tmp_path / "token")
    assert "token" not in repr(config)
    with pytest.raises(DriverError, match="no context"):
        Kubeconfig.load(context="zz")


@pytest.mark.parametrize("text", ["[1]", "a: [", "\x00", ""])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)

    with pytest.raises(DriverError, match="config"):
        Kubeconfig.load(file)


def test_lines_come_as_they_are_sent_and_a_half_line_does_not(serve: Serve) -> None:
    client = serve(lambda _: (200, b'{"a":1}\n{"b":2}\nrest')).client()

    with client.lines("/watch") as stream:
        assert list(stream) == [b'{"a":1}', b'{"b":2}', b"rest"]


@pytest.mark.parametrize(
    ("server", "cluster", "expected"),
    [
        ("10.0.0.1:6443", {"certificate-authority-data": "eA=="}, "https://10.0.0.1:6443"),
        ("10.0.0.1:6443", {"insecure-skip-tls-verify": True}, "https://10.0.0.1:6443"),
        ("localhost:8001/", {}, "http://localhost:8001"),
        ("https://[::1]:6443/k8s/clusters/c-1/", {}, "https://[::1]:6443/k8s/clusters/c-1"),
        ("https://host:port", {}, None),
        ("https://:6443", {}, None),
        ("ftp://host", {}, None),
    ],
)
def test_a_server_is_read_as_client_go_does(
    tmp_path: Path, server: str, cluster: dict[str, object], expected: str | None
) -> None:
    """A missing scheme is added; what is no address is said to be none, and no other host is asked instead."""
    file = tmp_path / "config"
    context = {"name": "x", "context": {"cluster": "x"}}
    clusters = [{"name": "x", "cluster": {"server": server, **cluster}}]
    file.write_text(json.dumps({"current-context": "x", "contexts": [context], "clusters": clusters}))
    if expected is None:
        with pytest.raises(DriverError, match="is not the address of an API server"):
            Kubeconfig.load(file)
    else:
        assert Kubeconfig.load(file).server == expected


def test_a_host_that_can_have_no_name_is_a_lost_connection() -> None:
    """A label of a hostname has at most 63 letters; Python says so as a UnicodeError."""
    with pytest.raises(ConnectionLostError, match="stopped answering"):
        Client(Kubeconfig(f"http://{'x' * 64}.example", "x")).get("/version")


def test_a_kubeconfig_in_json_needs_no_yaml_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded cluster writes JSON: loading the parser would take longer than the first request."""
    monkeypatch.setitem(sys.modules, "yaml", None)  # importing it fails
    file = tmp_path / "kubeconfig"
    file.write_text(
        '{"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "current-context": "x",'
        ' "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],'
        ' "users": [{"name": "u", "user": {"token": "secret"}}]}'
    )
    config = Kubeconfig.load(file)
    assert (config.server, config.user["token"]) == ("https://127.0.0.1:1", "secret")
    assert "secret" not in repr(config)
