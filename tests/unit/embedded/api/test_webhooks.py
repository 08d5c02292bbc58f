"""Mutating webhooks: whom they concern, what is asked, what an answer does; over real TLS to a real server."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from asgi import PODS, Server, pod

from podlab import mesh
from podlab.embedded.api.local import LocalApi
from podlab.embedded.api.resources import kind_of
from podlab.embedded.api.verbs.webhooks import matching
from podlab.embedded.fault import NotYetError, StatusError

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
LABEL = {"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}}
SIDECAR = {"op": "add", "path": "/spec/containers/-", "value": {"name": "extra", "image": "busybox:1.36"}}


class Hook:
    """A webhook that answers with *answer*, and what it was asked."""

    def __init__(self, folder: Path, authority: mesh.Authority) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = patch(LABEL)
        self.status, self.raw = 200, b""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.asked.append({"path": self.path, "host": self.headers["host"], **review["request"]})
                answer = {"uid": review["request"]["uid"], **hook.answer}
                body = hook.raw or json.dumps({**review, "request": None, "response": answer}).encode()
                self.send_response(hook.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Nothing."""

        for name, text in authority.server("hook", "default")["stringData"].items():
            (folder / name).write_text(text)
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    async def node_connect(self, host: str, port: int, _timeout_s: float) -> int:
        """As the runtime does: a connected socket; the Service's endpoint is this server."""
        import socket

        assert (host, port) == ("10.244.0.9", 8443)
        return socket.create_connection(self.server.server_address[:2]).detach()


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """An answer that allows and changes."""
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


@pytest.fixture
def authority() -> mesh.Authority:
    return mesh.Authority()


@pytest.fixture
def hook(tmp_path: Path, authority: mesh.Authority) -> Iterator[Hook]:
    made = Hook(tmp_path, authority)
    yield made
    made.server.shutdown()
    made.server.server_close()


def configuration(authority: mesh.Authority, **changes: Any) -> dict[str, Any]:
    """A configuration whose one webhook is called for Pods that carry ``mesh: on``."""
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    one = {
        "name": "inject.hook.podlab",
        "clientConfig": {
            "service": {"name": "hook", "namespace": "default", "path": "/inject"},
            "caBundle": authority.bundle,
        },
        "rules": [rule],
        "objectSelector": {"matchLabels": {"mesh": "on"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **changes,
    }
    return {"metadata": {"name": "hook"}, "webhooks": [one]}


@pytest.fixture
def server(hook: Hook) -> Server:
    made = Server()
    made.app.backend.node.runtime = hook  # type: ignore[assignment]
    ports = [{"port": 443, "targetPort": 8443}]
    made.ask(
        "POST",
        "/api/v1/namespaces/default/services",
        {"metadata": {"name": "hook"}, "spec": {"ports": ports}},
    )
    address = {"ip": "10.244.0.9", "targetRef": {"kind": "Pod", "name": "hook", "namespace": "default"}}
    meta = {"name": "hook", "namespace": "default"}
    subset = {"addresses": [address], "ports": [{"port": 8443}]}
    made.store.create(
        "endpoints", {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta, "subsets": [subset]}
    )
    return made


def meshed(name: str = "p", **labels: str) -> dict[str, Any]:
    """A Pod that the webhook is called for."""
    made = pod(name)
    made["metadata"]["labels"] = {"mesh": "on", **labels}
    return made


def test_a_new_pod_is_stored_as_the_webhook_leaves_it(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    assert server.ask("POST", CONFIGURATIONS, configuration(authority)).code == 201
    hook.answer = {**patch(SIDECAR), "warnings": ["mind the mesh"]}
    answer = server.ask("POST", PODS, meshed())
    assert answer.code == 201
    assert "mind the mesh" in answer.header("warning")[0]
    stored = server.ask("GET", f"{PODS}/p").json
    assert [c["name"] for c in stored["spec"]["containers"]] == ["c", "extra"]
    assert stored["spec"]["containers"][1]["terminationMessagePath"] == "/dev/termination-log"  # a default
    (asked,) = hook.asked
    assert (asked["path"], asked["host"]) == ("/inject?timeout=10s", "hook.default.svc:443")
    assert (asked["operation"], asked["name"], asked["namespace"]) == ("CREATE", "p", "default")
    assert asked["resource"] == {"group": "", "version": "v1", "resource": "pods"}
    assert asked["userInfo"]["username"] == "podlab-admin"
    assert asked["object"]["spec"]["restartPolicy"] == "Always"  # with defaults


def test_a_pod_that_is_not_selected_goes_by(server: Server, hook: Hook, authority: mesh.Authority) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    assert server.ask("POST", PODS, pod()).code == 201
    assert hook.asked == []


def test_what_is_applied_on_the_server_is_asked_about_too(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    hook.answer = patch(SIDECAR)
    kind = "application/apply-patch+yaml"
    answer = server.ask("PATCH", f"{PODS}/p", meshed(), kind=kind, fieldManager="me")
    assert (answer.code, len(answer.json["spec"]["containers"])) == (201, 2)


def test_a_denial_is_a_refusal_with_its_reason(server: Server, hook: Hook, authority: mesh.Authority) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    hook.answer = {"allowed": False, "status": {"message": "no mesh today"}}
    answer = server.ask("POST", PODS, meshed())
    assert answer.code == 403
    assert (
        answer.json["message"] == 'admission webhook "inject.hook.podlab" denied the request: no mesh today'
    )


def _gone(server: Server, _hook: Hook) -> None:
    server.store.delete("endpoints", "default", "hook")


def _refuses(_server: Server, hook: Hook) -> None:
    async def refused(*_arguments: Any) -> int:
        raise ConnectionRefusedError(111, "Connection refused")

    hook.node_connect = refused  # type: ignore[method-assign]


def _answers(**what: Any) -> Any:
    return lambda _server, hook: [setattr(hook, name, value) for name, value in what.items()]


FAULTS: dict[str, tuple[Any, str]] = {
    "no endpoint": (_gone, 'Post "https://hook.default.svc:443/inject?timeout=10s": no endpoints available'),
    "refused": (_refuses, "dial tcp hook.default.svc:443: connect: connection refused"),
    "status 500": (_answers(status=500), "has prevented the request from succeeding"),
    "no JSON": (_answers(raw=b"hello"), "json parse error"),
    "no review": (_answers(raw=b'{"kind": "Pod"}'), "expected webhook response"),
    "another's uid": (_answers(answer={"allowed": True, "uid": "x"}), "expected response.uid"),
    "a patch that does not fit": (
        _answers(answer=patch({"op": "remove", "path": "/spec/nothing"})),
        "the patch cannot be applied",
    ),
    "a patch that is none": (
        _answers(answer={"allowed": True, "patchType": "JSONPatch", "patch": "!!"}),
        "the patch cannot be applied",
    ),
    "a patch of another kind": (
        _answers(answer={"allowed": True, "patch": "W10="}),
        'unsupported patch type ""',
    ),
    "a Pod that is none": (
        _answers(answer=patch({"op": "replace", "path": "/spec/containers", "value": 7})),
        "the patched object cannot be read",
    ),
    "another name": (
        _answers(answer=patch({"op": "replace", "path": "/metadata/name", "value": "q"})),
        "metadata.name is not a webhook's to change",
    ),
}


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_webhook_that_fails_refuses_or_is_passed_over_as_its_policy_says(
    server: Server, hook: Hook, authority: mesh.Authority, fault: str, policy: str
) -> None:
    plant, text = FAULTS[fault]
    server.ask("POST", CONFIGURATIONS, configuration(authority, failurePolicy=policy))
    plant(server, hook)
    answer = server.ask("POST", PODS, meshed())
    if policy == "Ignore":
        assert (answer.code, "seen" in answer.json["metadata"]["labels"]) == (201, False)
        return
    assert answer.code == 500
    assert answer.json["message"].startswith(
        'Internal error occurred: failed calling webhook "inject.hook.podlab": '
    )
    assert text in answer.json["message"]


def test_a_certificate_of_another_authority_is_not_believed(server: Server, hook: Hook) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(mesh.Authority()))
    message = server.ask("POST", PODS, meshed()).json["message"]
    assert "tls: failed to verify certificate" in message
    assert hook.asked == []


def test_a_change_of_the_patch_is_still_validated(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    hook.answer = patch({**SIDECAR, "value": {"name": "c", "image": "i"}})
    answer = server.ask("POST", PODS, meshed())
    assert (answer.code, "spec.containers[1].name: Duplicate" in answer.json["message"]) == (422, True)


def test_a_dry_run_asks_only_who_has_no_side_effects(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    assert server.ask("POST", PODS, meshed(), dryRun="All").code == 201
    assert [one["dryRun"] for one in hook.asked] == [True]


def test_a_controllers_pod_is_asked_about_once_and_found_at_a_later_try(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    api = LocalApi(server.store, server.app.mutating)
    body = meshed()
    body["metadata"] = {"generateName": "p-", "namespace": "default", "labels": {"mesh": "on"}}

    async def made() -> list[dict[str, Any]]:
        found = []
        async with asyncio.timeout(20):
            while len(found) < 2:
                try:
                    found.append(api.create("pods", body))
                except NotYetError:
                    await asyncio.sleep(0.001)
        return found

    hook.answer = patch({"op": "add", "path": "/metadata/labels/seen", "value": "yes"})
    first, second = asyncio.run(made())
    assert [one["metadata"]["labels"] for one in (first, second)] == [{"mesh": "on", "seen": "yes"}] * 2
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert len(hook.asked) == 2


def test_a_controllers_pod_that_is_denied_is_refused(
    server: Server, hook: Hook, authority: mesh.Authority
) -> None:
    server.ask("POST", CONFIGURATIONS, configuration(authority))
    api = LocalApi(server.store, server.app.mutating)
    hook.answer = {"allowed": False}
    body = meshed()
    body["metadata"]["namespace"] = "default"

    async def tried() -> str:
        async with asyncio.timeout(20):
            while True:
                try:
                    api.create("pods", body)
                except NotYetError:
                    await asyncio.sleep(0.001)
                except StatusError as refusal:
                    return str(refusal)

    assert "denied the request without explanation" in asyncio.run(tried())


@pytest.mark.parametrize(
    ("rule", "concerned"),
    [
        ({}, True),
        ({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}, True),
        ({"operations": ["UPDATE"]}, False),
        ({"apiGroups": ["apps"]}, False),
        ({"resources": ["services"]}, False),
        ({"resources": ["pods/exec"]}, False),
        ({"scope": "Cluster"}, False),
        ({"scope": "Namespaced"}, True),
    ],
)
def test_rules_say_which_objects_concern_a_webhook(rule: dict[str, Any], concerned: bool) -> None:
    whole = {
        "operations": ["CREATE"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods"],
        **rule,
    }
    made = {"metadata": {"name": "a"}, "webhooks": [{"name": "h", "rules": [whole]}]}
    kind = kind_of("", "pods")
    assert kind is not None
    assert bool(matching.concerned([made], kind, {}, {"metadata": {}})) is concerned


@pytest.mark.parametrize(
    ("selector", "labels", "taken"),
    [
        (None, {}, True),
        ({}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "c"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
    ],
)
def test_selectors(selector: dict[str, Any] | None, labels: dict[str, str], taken: bool) -> None:
    assert matching.selected(selector, labels) is taken


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "short"}, "webhooks[0].name: Invalid value"),
        ({"sideEffects": "Some"}, 'webhooks[0].sideEffects: Unsupported value: "Some"'),
        ({"admissionReviewVersions": []}, "webhooks[0].admissionReviewVersions: Required value"),
        ({"timeoutSeconds": 31}, "the timeout value must be between 1 and 30 seconds"),
        ({"failurePolicy": "Maybe"}, 'webhooks[0].failurePolicy: Unsupported value: "Maybe"'),
        ({"clientConfig": {}}, "exactly one of url or service is required"),
        ({"rules": [{"operations": ["MAKE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]},
         'webhooks[0].rules[0].operations[0]: Unsupported value: "MAKE"'),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_work_is_refused(
    authority: mesh.Authority, changes: Any, text: str
) -> None:
    answer = Server().ask("POST", CONFIGURATIONS, configuration(authority, **changes))
    assert (answer.code, text in answer.json["message"]) == (422, True), answer.json["message"]


def test_what_has_no_effect_here_is_said(authority: mesh.Authority) -> None:
    made = configuration(authority, matchConditions=[{"name": "c", "expression": "true"}])
    made["webhooks"][0]["rules"][0]["operations"] = ["CREATE", "UPDATE"]
    warnings = " ".join(Server().ask("POST", CONFIGURATIONS, made).header("warning"))
    assert "calls webhooks when objects are created, not for UPDATE" in warnings
    assert "does not evaluate matchConditions" in warnings
