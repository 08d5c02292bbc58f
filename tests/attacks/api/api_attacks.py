"""
Attacks on the API server: the corpus.

An attack returns the evidence of its success, or nothing. Its twin is the same probe where success is right: with the
credential that is good, by who is allowed to, in a size that fits.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import hmac
import io
import json
import os
import ssl
import subprocess
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_range import RBAC, Answer, ApiRange, Json
from image_layers import sparse_layer

from podlab.embedded.api.access import jwt
from podlab.embedded.images import archive
from podlab.errors import SandboxError

Try = Callable[[ApiRange], str]
EVIL, VICTIM = "/api/v1/namespaces/evil", "/api/v1/namespaces/victim"
GOLD = f"{VICTIM}/secrets/gold"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
YAML = "application/yaml"
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol": "v5.channel.k8s.io"}  # fmt: skip
SPDY = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}


@dataclass(frozen=True)
class Attack:
    """One attack: its place in the corpus, the attempt in one line, the attempt, and the planted twin."""

    family: str
    name: str
    tries: str
    run: Try
    twin: Try

    @property
    def id(self) -> str:
        """The name of a test."""
        return f"{self.family}-{self.name}"


def reads(found: ApiRange, answer: Answer) -> str:
    """Success: the treasure is in the answer, as it is or encoded."""
    encoded = base64.b64encode(found.treasure.encode()).decode()
    return "the treasure" if found.treasure in answer.text or encoded in answer.text else ""


def done(answer: Answer) -> str:
    """Success: the server did it."""
    return f"answered {answer.code}: {answer.text[:200]}" if 100 < answer.code < 400 else ""


def asked(judge: Callable[..., str], method: str, path: str, **given: Any) -> Try:
    """A request whose answer is judged."""

    def attempt(found: ApiRange) -> str:
        answer = found.ask(method, path, **given)
        return judge(found, answer) if judge is reads else judge(answer)

    return attempt


OWNER_READS = asked(reads, "GET", GOLD, who="admin")

# -- credentials ---------------------------------------------------------------------------------------------


def boss(found: ApiRange) -> Json:
    """The account that may do everything."""
    return found.client.get(f"{VICTIM}/serviceaccounts/boss")


def with_token(make: Callable[[ApiRange], str]) -> Try:
    """Read the treasure with a token."""
    return lambda found: reads(found, found.ask("GET", GOLD, who=make(found)))


def with_headers(**headers: Any) -> Try:
    """Read it with other headers and no token."""
    return asked(reads, "GET", GOLD, who=None, headers={k.replace("_", "-"): v for k, v in headers.items()})


def part(value: Any) -> str:
    """A part of a JWT."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def good_token(found: ApiRange) -> str:
    """A token of the boss, as the cluster makes it."""
    return jwt.make(found.range.token, boss(found), now=time.time(), lasts_s=3600)


def signed(found: ApiRange, key: str, head: Json) -> str:
    """The claims of a good token under another head, signed with another key."""
    text = f"{part(head)}.{good_token(found).split('.')[1]}"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{part(digest)}"


def unsigned(found: ApiRange) -> str:
    """A token that says that it needs no signature."""
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{good_token(found).split('.')[1]}."


def changed(found: ApiRange) -> str:
    """The thief's own token with the boss's claims."""
    head, _, signature = found.tokens["thief"].split(".")
    return f"{head}.{good_token(found).split('.')[1]}.{signature}"


def of_gone_pod(found: ApiRange, *, gone: bool = True) -> str:
    """The token in a Pod of the boss, taken out of it; the Pod is then deleted."""
    name = "brief" if gone else "stays"
    row = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "600"]}
    spec = {"serviceAccountName": "boss", "terminationGracePeriodSeconds": 0, "containers": [row]}
    found.client.create(f"{VICTIM}/pods", {"metadata": {"name": name}, "spec": spec})
    found.until(lambda: found.client.get(f"{VICTIM}/pods/{name}")["status"].get("phase") == "Running")
    command = ["cat", "/var/run/secrets/kubernetes.io/serviceaccount/token"]
    token = found.client.exec("victim", name, command).stdout
    if gone:
        found.client.delete(f"{VICTIM}/pods/{name}")
        found.until(lambda: found.ask("GET", f"{VICTIM}/pods/{name}", who="admin").code == 404)
    return str(token)


def of_made_again(found: ApiRange) -> str:
    """A token of an account that was deleted and made again under its name."""
    body = {"metadata": {"name": "again"}}
    found.client.create(f"{VICTIM}/serviceaccounts", body)
    found._bind("victim", "ClusterRole", "cluster-admin", "victim", "again")
    token = found.token_of("victim", "again")
    found.client.delete(f"{VICTIM}/serviceaccounts/again")
    found.client.create(f"{VICTIM}/serviceaccounts", body)
    return token


def client_certificate(found: ApiRange) -> str:
    """A certificate of one's own making, for the group of masters."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c", "-days", "1",
             "-subj", "/O=system:masters/CN=kubernetes-admin"], cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        context = found.range.tls()
        context.load_cert_chain(f"{folder}/c", f"{folder}/k")
        return reads(found, found.ask("GET", GOLD, who=None, context=context))


def old_tls(found: ApiRange) -> str:
    """Speak TLS 1.1."""
    context = found.range.tls()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated it is: that is what is tried
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return reads(found, found.ask("GET", GOLD, who="admin", context=context))


def over_websocket(token: str) -> Try:
    """The token in a WebSocket's subprotocol, as browsers send it; *token* names whose it is."""

    def attempt(found: ApiRange) -> str:
        word = part(found.tokens.get(token, token).encode())
        protocols = f"base64url.bearer.authorization.k8s.io.{word}, v5.channel.k8s.io"
        path = f"{VICTIM}/pods/target/exec?command=true&stdout=1"
        return done(
            found.ask("GET", path, who=None, headers={**WEBSOCKET, "Sec-WebSocket-Protocol": protocols})
        )

    return attempt


def credentials() -> Iterator[Attack]:
    """Who one is not."""
    rows: dict[str, tuple[str, Try, Try]] = {
        "none": ("ask without any", asked(reads, "GET", GOLD, who=None), OWNER_READS),
        "wrong": ("guess the token", asked(reads, "GET", GOLD, who="0" * 64), OWNER_READS),
        "empty": ("send an empty token", asked(reads, "GET", GOLD, who=""), OWNER_READS),
        "beginning": ("send all but the last sign", with_token(lambda f: f.range.token[:-1]), OWNER_READS),
        "longer": ("send one sign more", with_token(lambda f: f.range.token + "a"), OWNER_READS),
        "capitals": ("send it in capitals", with_token(lambda f: f.range.token.upper() + "A"), OWNER_READS),
        "basic": ("send user and password", with_headers(Authorization="Basic YWRtaW46YWRtaW4="), OWNER_READS),
        "in-the-query": ("send a token in the query", asked(
            reads, "GET", f"{GOLD}?access_token=admin&token=admin", who=None), OWNER_READS),
        "proxy-headers": ("claim to be a trusted proxy", with_headers(
            X_Remote_User="kubernetes-admin", X_Remote_Group="system:masters"), OWNER_READS),
        "forwarded": ("claim another address", with_headers(X_Forwarded_For="127.0.0.1", X_Real_IP="::1"), OWNER_READS),
        "unsigned": ("a JWT with alg none", with_token(unsigned), with_token(good_token)),
        "other-key": ("a JWT signed with another key", with_token(lambda f: signed(f, "x", {"alg": "HS256"})),
                      with_token(lambda f: signed(f, f.range.token, {"alg": "HS256"}))),
        "public-key": ("a JWT signed with the public certificate", with_token(lambda f: signed(
            f, (f.range.folder / "pki" / "server.crt").read_text(), {"alg": "HS256"})), with_token(good_token)),
        "other-claims": ("one's own signature below other claims", with_token(changed), with_token(good_token)),
        "expired": ("a token that has expired", with_token(lambda f: jwt.make(
            f.range.token, boss(f), now=time.time() - 7200, lasts_s=3600)), with_token(good_token)),
        "other-audience": ("a token for another audience", with_token(lambda f: jwt.make(
            f.range.token, boss(f), now=time.time(), lasts_s=3600, audiences=["vault"])), with_token(good_token)),
        "gone-pod": ("the token of a Pod that is gone", with_token(of_gone_pod),
                     with_token(lambda f: of_gone_pod(f, gone=False))),
        "account-made-again": ("the token of an earlier account of that name", with_token(of_made_again),
                               with_token(good_token)),
        "certificate": ("a client certificate of one's own", client_certificate, OWNER_READS),
        "old-tls": ("TLS 1.1", old_tls, OWNER_READS),
        "other-host": ("another name in Host, as a page of another site has", asked(
            reads, "GET", GOLD, who="admin", headers={"Host": "evil.example"}), OWNER_READS),
        "other-origin": ("another Origin", asked(
            reads, "GET", GOLD, who="admin", headers={"Origin": "https://evil.example"}), OWNER_READS),
        "null-origin": ("the Origin of a sandboxed frame", asked(
            reads, "GET", GOLD, who="admin", headers={"Origin": "null"}), OWNER_READS),
        "websocket-protocol": ("a token in the subprotocol", over_websocket("x.y.z"), over_websocket("admin")),
        "node-events": ("the kit's own path", lambda f: done(f.ask("GET", "/podlab/v1/node-events", who="thief")),
                        lambda f: done(f.ask("GET", "/podlab/v1/node-events", who="admin"))),
    }  # fmt: skip
    for name, (tries, run, twin) in rows.items():
        yield Attack("credentials", name, tries, run, twin)


# -- rights --------------------------------------------------------------------------------------------------

PATHS = {
    "plain": GOLD, "double-slash": GOLD.replace("/secrets", "//secrets"), "slash-in-front": "/" + GOLD,
    "slash-behind-api": GOLD.replace("/v1/", "/v1//"), "dots": f"{EVIL}/../victim/secrets/gold",
    "encoded-dots": f"{EVIL}/%2e%2e/victim/secrets/gold", "encoded-slash": f"{EVIL}/secrets%2f..%2f..%2fvictim%2fsecrets%2fgold",
    "capitals": GOLD.replace("secrets", "SECRETS"), "slash-at-the-end": GOLD + "/", "semicolon": GOLD + ";a=b",
    "nul": f"{EVIL}/secrets%00/../../victim/secrets/gold", "full-width": GOLD.replace("/", "%ef%bc%8f"),
    "encoded-twice": GOLD.replace("/victim", "%252fvictim"), "backslash": EVIL + "\\..\\victim\\secrets\\gold",
    "empty-namespace": "/api/v1/namespaces//secrets", "empty-namespace-watch": "/api/v1/namespaces//secrets?watch=1&timeoutSeconds=1",
    "all-namespaces": "/api/v1/secrets", "watch-path": "/api/v1/watch/namespaces/victim/secrets",
    "field-of-another": f"{EVIL}/secrets?fieldSelector=metadata.namespace%3Dvictim",
    "name-of-another": "/api/v1/secrets?fieldSelector=metadata.name%3Dgold", "whole-uri": "https://127.0.0.1" + GOLD,
    "status-namespace": "/api/v1/namespaces/status/secrets", "table": VICTIM + "/secrets?includeObject=Object",
    "proxy-climbs": f"{EVIL}/pods/mine:80/proxy/../../../../victim/secrets/gold", "other-version": GOLD.replace("v1", "v1beta1", 1),
    "group-core": GOLD.replace("/api/v1", "/apis/core/v1"), "group-empty": GOLD.replace("/api/v1", "/apis//v1"),
    "fragment": f"{EVIL}/secrets#/../../victim/secrets/gold", "tab": GOLD.replace("victim", "victim%09"),
}  # fmt: skip
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "busybox:1.36"}]}}
DRY = "dryRun=All"
BINDING = {"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
           "subjects": [{"kind": "ServiceAccount", "name": "thief", "namespace": "evil"}]}  # fmt: skip
ALL_RULES = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
MINE, TARGET = f"{EVIL}/pods/mine", f"{VICTIM}/pods/target"
NODE = "/api/v1/nodes/attacked-control-plane"
REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
# Who may only look at Pods tries these in his own namespace.
SUBRESOURCES: dict[str, tuple[str, str, Json]] = {
    "exec": ("GET", f"{MINE}/exec?command=true&stdout=1", {"headers": WEBSOCKET}),
    "exec-spdy": ("POST", f"{MINE}/exec?command=true&stdout=1", {"headers": SPDY}),
    "attach": ("GET", f"{MINE}/attach?stdout=1", {"headers": WEBSOCKET}),
    "port-forward": ("GET", f"{MINE}/portforward?ports=80", {"headers": WEBSOCKET}),
    "log": ("GET", f"{MINE}/log", {}),
    "status": ("PATCH", f"{MINE}/status?{DRY}", {"body": {"status": {"phase": "Failed"}}, "kind": MERGE}),
    "ephemeral": ("PATCH", f"{MINE}/ephemeralcontainers?{DRY}", {"kind": STRATEGIC, "body": {"spec": {
        "ephemeralContainers": [{"name": "e", "image": "busybox:1.36"}]}}}),
    "eviction": ("POST", f"{MINE}/eviction?{DRY}", {"body": {"metadata": {"name": "mine"}}}),
    "resize": ("PATCH", f"{MINE}/resize?{DRY}", {"kind": STRATEGIC, "body": {"spec": {"containers": [
        {"name": "c", "resources": {}}]}}}),
    "labels": ("PATCH", f"{MINE}?{DRY}", {"body": {"metadata": {"labels": {"a": "b"}}}, "kind": MERGE}),
    "delete": ("DELETE", f"{MINE}?{DRY}", {}),
    "delete-all": ("DELETE", f"{EVIL}/pods?{DRY}", {}),
    "create": ("POST", f"{EVIL}/pods?{DRY}", {"body": POD}),
    "token": ("POST", f"{EVIL}/serviceaccounts/thief/token", {"body": {"spec": {}}}),
}  # fmt: skip
# Who may edit his own namespace tries these outside of it, or to become more.
RIGHTS: dict[str, tuple[str, str, Json]] = {
    "exec-elsewhere": ("GET", f"{TARGET}/exec?command=true&stdout=1", {"headers": WEBSOCKET}),
    "exec-elsewhere-spdy": ("POST", f"{TARGET}/exec?command=true&stdout=1", {"headers": SPDY}),
    "attach-elsewhere": ("GET", f"{TARGET}/attach?stdout=1", {"headers": WEBSOCKET}),
    "port-forward-elsewhere": ("GET", f"{TARGET}/portforward?ports=80", {"headers": WEBSOCKET}),
    "log-elsewhere": ("GET", f"{TARGET}/log", {}),
    "pod-elsewhere": ("POST", f"{VICTIM}/pods?{DRY}", {"body": POD}),
    "change-elsewhere": ("PATCH", f"{VICTIM}/configmaps/plain?{DRY}", {"body": {"data": {"a": "2"}}, "kind": MERGE}),
    "apply-elsewhere": ("PATCH", f"{VICTIM}/configmaps/plain?{DRY}&fieldManager=x&force=true", {"kind": APPLY, "body": {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "data": {"a": "2"}}}),
    "delete-elsewhere": ("DELETE", f"{VICTIM}/configmaps/plain?{DRY}", {}),
    "token-elsewhere": ("POST", f"{VICTIM}/serviceaccounts/boss/token", {"body": {"spec": {}}}),
    "bind-cluster-admin": ("POST", f"{RBAC}/namespaces/evil/rolebindings?{DRY}", {"body": BINDING}),
    "bind-in-the-cluster": ("POST", f"{RBAC}/clusterrolebindings?{DRY}", {"body": BINDING}),
    "role": ("POST", f"{RBAC}/namespaces/evil/roles?{DRY}", {"body": {"metadata": {"name": "r"}, "rules": ALL_RULES}}),
    "aggregated-role": ("POST", f"{RBAC}/clusterroles?{DRY}", {"body": {"metadata": {"name": "r", "labels": {
        "rbac.authorization.k8s.io/aggregate-to-edit": "true"}}, "rules": ALL_RULES}}),
    "impersonate-user": ("GET", GOLD, {"headers": {"Impersonate-User": "kubernetes-admin"}}),
    "impersonate-masters": ("GET", GOLD, {"headers": {"Impersonate-User": "x", "Impersonate-Group": "system:masters"}}),
    "impersonate-account": ("GET", GOLD, {"headers": {"Impersonate-User": "system:serviceaccount:victim:boss"}}),
    "review-of-others": ("POST", REVIEW, {"body": {"spec": {"user": "x", "resourceAttributes": {"verb": "get", "resource": "pods"}}}}),
    "namespace-finalize": ("PUT", f"/api/v1/namespaces/victim/finalize?{DRY}", {"body": {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "victim"}, "spec": {"finalizers": []}}}),
    "namespace-labels": ("PATCH", f"/api/v1/namespaces/evil?{DRY}", {"kind": MERGE, "body": {"metadata": {"labels": {
        "pod-security.kubernetes.io/enforce": "privileged"}}}}),
    "node-status": ("PATCH", f"{NODE}/status?{DRY}", {"kind": MERGE, "body": {"status": {"phase": "x"}}}),
    "node-taint": ("PATCH", f"{NODE}?{DRY}", {"kind": MERGE, "body": {"spec": {"unschedulable": True}}}),
    "webhook": ("POST", f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?{DRY}", {"body": {
        "metadata": {"name": "w"}, "webhooks": []}}),
    "pod-status": ("PATCH", f"{MINE}/status?{DRY}", {"kind": MERGE, "body": {"status": {"podIP": "127.0.0.1"}}}),
    "bind-pod": ("POST", f"{EVIL}/pods/mine/binding?{DRY}", {"body": {"metadata": {"name": "mine"}, "target": {
        "kind": "Node", "name": "attacked-control-plane"}}}),
    "quota": ("POST", f"{EVIL}/resourcequotas?{DRY}", {"body": {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "900"}}}}),
    "override-method": ("GET", f"{VICTIM}/configmaps/plain", {"headers": {"X-HTTP-Method-Override": "DELETE"}}),
}  # fmt: skip


def rights() -> Iterator[Attack]:
    """What one may not."""
    for name, path in PATHS.items():
        yield Attack("paths", name, f"read the treasure as {path}", asked(reads, "GET", path), OWNER_READS)
    shell = asked(done, "GET", f"{TARGET}/exec?command=true&stdout=1", who="admin", headers=WEBSOCKET)
    masters = {"Impersonate-User": "x", "Impersonate-Group": "system:masters"}
    twins = {  # what nobody can do as it stands, by the nearest thing that the owner can
        "bind-pod": asked(done, "POST", f"{EVIL}/pods?{DRY}", who="admin", body=POD),  # bound already
        "exec-spdy": shell,  # only WebSockets are served
        "exec-elsewhere-spdy": shell,
        "impersonate-user": asked(reads, "GET", GOLD, who="admin", headers=masters),
    }
    for name, (method, path, given) in SUBRESOURCES.items():
        yield Attack("subresources", name, f"{method} {path} by who may get Pods", asked(done, method, path, who="reader", **given),
                     twins.get(name) or asked(done, method, path, who="admin", **given))  # fmt: skip
    for name, (method, path, given) in RIGHTS.items():
        yield Attack("rights", name, f"{method} {path} by who may edit his own namespace", asked(done, method, path, **given),
                     twins.get(name) or asked(done, method, path, who="admin", **given))  # fmt: skip


# -- what a refused request leaves ---------------------------------------------------------------------------


def leaves(
    method: str, path: str, name: str, refused: Json, body: Any = None, kind: str = "application/json"
) -> Attack:
    """A request that is refused for its *headers* must not have been done."""

    def attempt(found: ApiRange, headers: Json, suffix: str) -> str:
        thing = f"left-{name}-{suffix}"
        plain = {"metadata": {"name": thing}, "data": {"a": "1"}}
        if method != "POST":
            found.client.create(f"{EVIL}/configmaps", plain)
        target = f"{EVIL}/configmaps" + ("" if method == "POST" else f"/{thing}") + path
        found.ask(method, target, body=plain if method == "POST" else body and json.loads(json.dumps(body).replace("NAME", thing)),
                  headers=headers, kind=kind)  # fmt: skip
        now = found.ask("GET", f"{EVIL}/configmaps/{thing}", who="admin")
        data = json.loads(now.body).get("data") if now.code == 200 else None
        return "" if data == (None if method == "POST" else {"a": "1"}) else f"it was done: {now.code} {data}"

    return Attack("refused", name, f"{method} with {refused}", lambda f: attempt(f, refused, "bad"),
                  lambda f: attempt(f, {"Accept": "application/json"}, "good"))  # fmt: skip


def refusals() -> Iterator[Attack]:
    """Requests that cannot be answered, or that only try."""
    html, changed_map = {"Accept": "text/html"}, {"data": {"a": "2"}}
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "NAME"}, **changed_map}
    yield leaves("POST", "", "create", html)
    yield leaves("PUT", "", "replace", html, whole)
    yield leaves("PATCH", "", "merge", html, changed_map, MERGE)
    yield leaves("PATCH", "?fieldManager=x&force=true", "apply", html, whole, APPLY)
    yield leaves("DELETE", "", "delete", html)
    yield leaves("POST", "", "create-as-protobuf", {"Accept": "application/vnd.kubernetes.protobuf"})
    yield leaves("PATCH", "", "wrong-type", {"Content-Type": "text/plain"}, changed_map, MERGE)
    dry = {"name": "dry", "path": f"?{DRY}"}

    def tried_only(found: ApiRange, query: str) -> str:
        name = "tried" + ("-dry" if query else "")
        found.ask("POST", f"{EVIL}/configmaps{query}", body={"metadata": {"name": name}})
        return done(found.ask("GET", f"{EVIL}/configmaps/{name}"))

    yield Attack(
        "refused",
        "dry-run",
        "have a dry run stored",
        lambda f: tried_only(f, dry["path"]),
        lambda f: tried_only(f, ""),
    )

    def owned(found: ApiRange, query: str) -> str:
        name = f"owned{len(query)}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}
        found.ask("PATCH", f"{EVIL}/configmaps/{name}?fieldManager=one", body=body, kind=APPLY)
        body["data"] = {"a": "2"}
        return done(
            found.ask("PATCH", f"{EVIL}/configmaps/{name}?fieldManager=two{query}", body=body, kind=APPLY)
        )

    yield Attack("refused", "field-of-another", "apply another one's field without force", lambda f: owned(f, ""),
                 lambda f: owned(f, "&force=true"))  # fmt: skip

    def forged_owner(found: ApiRange, honest: bool) -> str:
        name = f"forged-{honest}".lower()
        body: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}
        found.ask("PATCH", f"{EVIL}/configmaps/{name}?fieldManager=one", body=body, kind=APPLY)
        body["data"] = {"a": "2"}
        body["metadata"]["managedFields"] = [{"manager": "two", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                                              "fieldsV1": {"f:data": {"f:a": {}}}}]  # fmt: skip
        if honest:
            body["metadata"].pop("managedFields")
        return done(
            found.ask(
                "PATCH",
                f"{EVIL}/configmaps/{name}?fieldManager={'one' if honest else 'two'}",
                body=body,
                kind=APPLY,
            )
        )

    yield Attack("refused", "forged-owner", "name oneself as owner of another one's field", lambda f: forged_owner(f, False),
                 lambda f: forged_owner(f, True))  # fmt: skip

    def other_page(found: ApiRange, who: str, path: str) -> str:
        revision = json.loads(found.ask("GET", f"{EVIL}/configmaps?limit=1", who="admin").body)["metadata"][
            "resourceVersion"
        ]
        token = part([int(revision), "victim", ""])
        return reads(found, found.ask("GET", f"{path}?limit=5&continue={token}", who=who))

    yield Attack("refused", "forged-page", "go on with a list in another namespace", lambda f: other_page(f, "thief", f"{EVIL}/secrets"),
                 lambda f: other_page(f, "admin", "/api/v1/secrets"))  # fmt: skip
    for name, address in {
        "loopback": "127.0.0.1",
        "metadata": "169.254.169.254",
        "multicast": "224.0.0.1",
    }.items():

        def endpoint(found: ApiRange, to: str = address, name: str = name) -> str:
            body = {"metadata": {"name": f"e-{name}"}, "addressType": "IPv4", "endpoints": [{"addresses": [to]}],
                    "ports": [{"port": 80}]}  # fmt: skip
            return done(
                found.ask(
                    "POST",
                    f"/apis/discovery.k8s.io/v1/namespaces/evil/endpointslices?{DRY}",
                    who="admin",
                    body=body,
                )
            )

        yield Attack("refused", f"endpoint-{name}", f"send a Service's traffic to {address}", endpoint,
                     functools.partial(endpoint, to="10.1.2.3"))  # fmt: skip


# -- options that contradict each other ----------------------------------------------------------------------


def contradicts(
    method: str,
    name: str,
    bad: str,
    good: str,
    body: Any = None,
    bad_body: Any = None,
    kind: str = "application/json",
) -> Attack:
    """A request with options (*bad*, or those of *bad_body*) that a server does not take must not have been done."""

    def attempt(found: ApiRange, query: str, given: Any, suffix: str) -> str:
        thing = f"told-{name}-{suffix}"
        plain = {"metadata": {"name": thing, "labels": {"told": thing}}, "data": {"a": "1"}}
        if method != "POST":
            found.client.create(f"{EVIL}/configmaps", plain)
        target = {"POST": "", "DELETECOLLECTION": f"?labelSelector=told%3D{thing}"}.get(method, f"/{thing}")
        joined = target + (("&" if "?" in target else "?") + query if query else "")
        sent_body = (
            plain if method == "POST" else given and json.loads(json.dumps(given).replace("NAME", thing))
        )
        found.ask(method.removesuffix("COLLECTION"), f"{EVIL}/configmaps{joined}", body=sent_body, kind=kind)
        now = found.ask("GET", f"{EVIL}/configmaps/{thing}", who="admin")
        data = json.loads(now.body).get("data") if now.code == 200 else None
        return "" if data == (None if method == "POST" else {"a": "1"}) else f"it was done: {now.code} {data}"

    tries = f"{method} with {bad or bad_body}"
    return Attack("refused", name, tries, lambda f: attempt(f, bad, body if bad_body is None else bad_body, "bad"),
                  lambda f: attempt(f, good, body, "good"))  # fmt: skip


def contradictions() -> Iterator[Attack]:
    """Options that are misspelt, too long, of another kind of patch, or two where one is allowed."""
    long, changed_map = "fieldManager=" + "m" * 129, {"data": {"a": "2"}}
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "NAME"}, **changed_map}
    other = {**whole, "apiVersion": "apps/v1"}
    yield contradicts("DELETE", "delete-dry-misspelt", "dryRun=all", "")
    yield contradicts("DELETE", "delete-dry-in-body", "", "", None, {"dryRun": ["All", "Some"]})
    yield contradicts("DELETE", "delete-two-policies", "", "", None,
                      {"propagationPolicy": "Background", "orphanDependents": False})  # fmt: skip
    yield contradicts(
        "DELETE", "delete-two-policies-in-query", "propagationPolicy=Orphan&orphanDependents=true", ""
    )
    yield contradicts("DELETECOLLECTION", "delete-all-dry-misspelt", "dryRun=true", "")
    yield contradicts(
        "DELETECOLLECTION", "delete-all-of-a-page-and-a-version", "resourceVersionMatch=Exact", ""
    )
    yield contradicts("POST", "create-by-a-long-name", long, "fieldManager=m")
    yield contradicts("POST", "create-by-a-name-of-signs", "fieldManager=a%07b", "fieldManager=m")
    yield contradicts("PUT", "replace-by-a-long-name", long, "fieldManager=m", whole)
    yield contradicts("PATCH", "merge-by-force", "force=true", "", changed_map, kind=MERGE)
    yield contradicts("PATCH", "strategic-by-force", "force=true", "", changed_map, kind=STRATEGIC)
    yield contradicts("PATCH", "apply-in-another-version", "fieldManager=x&force=true", "fieldManager=x&force=true", whole, other,
                      kind=APPLY)  # fmt: skip


# -- what the garbage collector can be told ------------------------------------------------------------------


def collected(found: ApiRange, chosen: str, *, honest: bool = False) -> str:
    """Have it collect what another object owns, by an owner of one's own with the same uid, or under its name."""
    name = f"heir-{chosen}-{honest}".lower()
    owner = found.client.create(f"{EVIL}/configmaps", {"metadata": {"name": f"{name}-owner"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": f"{name}-owner",
        "uid": owner["metadata"]["uid"],
    }
    row = {"metadata": {"name": name, "ownerReferences": [reference]}}
    found.client.create(f"{EVIL}/configmaps", row)
    if honest:
        found.client.delete(f"{EVIL}/configmaps/{name}-owner")
    else:
        meta: Json = {"name": f"{name}-twin"}
        meta |= {"uid": owner["metadata"]["uid"]} if chosen == "uid" else {"generateName": f"{name}-owner"}
        found.client.create(f"{EVIL}/secrets", {"metadata": meta})
        found.client.delete(f"{EVIL}/secrets/{name}-twin")
    for _turn in range(20):
        if found.ask("GET", f"{EVIL}/configmaps/{name}", who="admin").code == 404:
            return "what another one owns was collected"
        time.sleep(0.1)
    return ""


def garbage() -> Iterator[Attack]:
    """Objects that share the uid or a part of the name with an owner, and are not it."""
    for chosen in ("uid", "name"):
        yield Attack("garbage", f"owner-of-the-same-{chosen}", f"own what another one owns, by its {chosen}",
                     lambda f, chosen=chosen: collected(f, chosen),
                     lambda f, chosen=chosen: collected(f, chosen, honest=True))  # fmt: skip


# -- requests that are none ----------------------------------------------------------------------------------


def answers(found: ApiRange, sent: bytes) -> str:
    """Success: more than one answer, or one for a request that must not be read."""
    got = found.raw(sent)
    count = got.count(b"HTTP/1.1 2")
    return f"{count} answers: {got[-200:]!r}" if count else found.lives()


def smuggled(name: str, headers: Callable[[ApiRange, bytes], bytes]) -> Attack:
    """A second request hidden in the first; *headers* are those that disagree on where the first one ends."""

    def attempt(found: ApiRange) -> str:
        hidden = found.head("GET", "/readyz", "admin")
        return answers(found, headers(found, hidden))

    def twin(found: ApiRange) -> str:
        return answers(found, found.head("GET", "/readyz", "admin") * 2)

    return Attack("requests", name, "hide a request in another, or one that is none", attempt, twin)


def with_lines(*lines: str, body: bool = True) -> Callable[[ApiRange, bytes], bytes]:
    """A POST with these header lines, and a request as its body."""

    def make(found: ApiRange, hidden: bytes) -> bytes:
        head = found.head("POST", f"{EVIL}/configmaps", "thief").removesuffix(b"\r\n")
        text = "".join(line + "\r\n" for line in lines).replace("LENGTH", str(len(hidden)))
        return head + text.encode("latin-1") + b"\r\n" + (hidden if body else b"")

    return make


def requests() -> Iterator[Attack]:
    """Bytes that are no request, or two where there seems one."""
    rows: dict[str, Callable[[ApiRange, bytes], bytes]] = {
        "two-lengths": with_lines("Content-Length: 0", "Content-Length: LENGTH"),
        "length-and-chunks": with_lines("Content-Length: 5", "Transfer-Encoding: chunked"),
        "chunks-and-length": with_lines("Transfer-Encoding: chunked", "Content-Length: LENGTH"),
        "negative-length": with_lines("Content-Length: -1"),
        "length-with-plus": with_lines("Content-Length: +0"),
        "length-in-words": with_lines("Content-Length: 0x10"),
        "unknown-encoding": with_lines("Transfer-Encoding: xchunked"),
        "folded": with_lines("X: a", " Content-Length: 0", "Transfer-Encoding:", " chunked"),
        "space-before-colon": with_lines("Content-Length : 0"),
        "nul-in-header": with_lines("X: a\0b"),
        "line-feed-only": lambda f, h: f.head("GET", "/readyz", "admin").replace(b"\r\n", b"\n\r"),
        "chunk-too-large": lambda f, h: with_lines("Transfer-Encoding: chunked", body=False)(f, h) + b"fffffffffffffffff\r\n" + h,
        "chunk-is-no-number": lambda f, h: with_lines("Transfer-Encoding: chunked", body=False)(f, h) + b"zz\r\n" + h,
        "no-version": lambda f, h: b"GET /readyz\r\n\r\n",
        "other-protocol": lambda f, h: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "connect": lambda f, h: f.head("CONNECT", "127.0.0.1:1", "thief"),
        "trace": lambda f, h: f.head("TRACE", "/readyz", "thief"),
        "junk": lambda f, h: os.urandom(4096),
        "huge-header": with_lines("X: " + "a" * 100_000),
        "many-headers": with_lines(*(f"X{n}: {'a' * 60}" for n in range(2000))),
        "long-path": lambda f, h: f.head("GET", "/api/v1/" + "a" * 100_000, "thief"),
        "many-parameters": lambda f, h: f.head("GET", "/api/v1/pods?" + "&".join(f"a{n}=b" for n in range(3000)), "admin"),
    }  # fmt: skip
    for name, make in rows.items():
        yield smuggled(name, make)


# -- floods --------------------------------------------------------------------------------------------------


def flood(
    name: str, tries: str, run: Callable[[ApiRange], Answer], twin: Callable[[ApiRange], Answer]
) -> Attack:
    """A request that wants too much: refused, and nobody else suffers. Its twin wants little."""

    def attempt(found: ApiRange) -> str:
        answer, suffered = found.beside(lambda: run(found))
        return suffered or done(answer)

    return Attack("floods", name, tries, attempt, lambda f: done(twin(f)))


def sent(
    body: bytes, kind: str = "application/json", path: str = f"{EVIL}/configmaps?{DRY}", **given: Any
) -> Callable[[ApiRange], Answer]:
    """POST a body."""
    return lambda found: found.ask("POST", path, body=body, kind=kind, **given)


def patched(kind: str, body: Any, prepare: Json | None = None) -> Callable[[ApiRange], Answer]:
    """PATCH a ConfigMap that is made for it."""

    def attempt(found: ApiRange) -> Answer:
        name = f"patched-{time.monotonic_ns()}"
        made = {"metadata": {"name": name}, "data": {"a": "x" * 1000}}
        made["metadata"] |= prepare or {}
        assert done(found.ask("POST", f"{EVIL}/configmaps", who="admin", body=made))
        answer = found.ask("PATCH", f"{EVIL}/configmaps/{name}", body=body, kind=kind)
        found.ask(
            "PATCH",
            f"{EVIL}/configmaps/{name}",
            who="admin",
            body={"metadata": {"finalizers": None}},
            kind=MERGE,
        )
        return answer

    return attempt


def named(number: int) -> str:
    """A qualified name."""
    return f"a.b/c{number}"


def pod_ends(found: ApiRange, spec: Json) -> Answer:
    """Run a Pod; its success is an answer of 200, and it is refused as one of 400."""
    name = f"grows-{time.monotonic_ns()}"
    row = {"name": "c", "image": "busybox:1.36", **spec}
    body = {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [row]}}
    made = found.ask("POST", f"{EVIL}/pods", body=body)
    if made.code >= 400:
        return made

    def state() -> str:
        status = json.loads(found.ask("GET", f"{EVIL}/pods/{name}", who="admin").body).get("status", {})
        waiting = [(s.get("state", {}).get("waiting") or {}) for s in status.get("containerStatuses", ())]
        return str(status.get("phase")) if status.get("phase") in ("Succeeded", "Failed") else "".join(
            w.get("reason", "") for w in waiting if w.get("reason") not in ("ContainerCreating", "PodInitializing"))  # fmt: skip

    ended = found.until(state)
    found.client.delete(f"{EVIL}/pods/{name}")
    return Answer(200 if ended == "Succeeded" else 400, ended.encode())


def doubling(lines: int) -> Json:
    """Variables, each twice the one before."""
    env = [{"name": "A0", "value": "xxxxxxxxxxxxxxxx"}]
    env += [{"name": f"A{n + 1}", "value": f"$(A{n})$(A{n})"} for n in range(lines)]
    return {"env": env, "command": ["true"]}


def repeated(count: int, *, arguments: bool) -> Json:
    """A variable of 100 kB, and *count* others, or arguments, that hold it."""
    env = [{"name": "A", "value": "x" * 100_000}]
    if arguments:
        return {"env": env, "command": ["true", *["$(A)"] * count]}
    return {"env": env + [{"name": f"B{n}", "value": "$(A)"} for n in range(count)], "command": ["true"]}


def junk_on_websocket(found: ApiRange, sent_bytes: bytes) -> Answer:
    """What a command's connection does with other bytes: 400 where the server goes on."""
    path = f"{MINE}/exec?command=cat&stdin=1&stdout=1"
    found.raw(found.head("GET", path, "thief", WEBSOCKET) + sent_bytes, patience_s=2)
    wrong = found.lives()
    return Answer(200 if wrong else 400, wrong.encode())


def slow(found: ApiRange, count: int) -> Answer:
    """Clients that send half a head, and wait; 400 where others are answered meanwhile."""
    open_ones = [found.connect() for _ in range(count)]
    try:
        for sock in open_ones:
            sock.sendall(found.head("GET", "/readyz", None)[:-4])
        wrong = found.lives()
    finally:
        for sock in open_ones:
            sock.close()
    return Answer(200 if wrong else 400, wrong.encode())


def watchers(found: ApiRange, count: int) -> Answer:
    """Watches of one thief; 400 where others are answered meanwhile."""
    open_ones = [found.connect() for _ in range(count)]
    try:
        for sock in open_ones:
            sock.sendall(found.head("GET", f"{EVIL}/pods?watch=1", "thief"))
        wrong = found.lives()
    finally:
        for sock in open_ones:
            sock.close()
    return Answer(200 if wrong else 400, wrong.encode())


def copies(count: int) -> list[Json]:
    """A JSON patch that copies the document into itself."""
    return [{"op": "copy", "from": "/data", "path": f"/data/{n}"} for n in range(count)]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefghij")  # fmt: skip


def bodies() -> Iterator[Attack]:
    """Bodies that are too large or too deep."""
    small = sent(b'{"metadata":{"name":"small"}}')
    little_yaml = sent(b"metadata: {name: small}", YAML)
    merges = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30)
    )
    yield flood("large-body", "send 8 MiB", sent(b'{"a":"' + b"x" * (8 << 20) + b'"}'), small)
    yield flood(
        "large-string",
        "store 2.5 MiB in a ConfigMap",
        sent(json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * 2_500_000}}).encode()),
        small,
    )
    yield flood("deep-json", "nest 200,000 lists", sent(b"[" * 200_000), small)
    yield flood("deep-objects", "nest 100,000 objects", sent(b'{"a":' * 100_000), small)
    yield flood("deep-yaml", "nest 50,000 lists of YAML", sent(b"- " * 50_000, YAML), little_yaml)
    yield flood("alias-bomb", "a YAML bomb", sent(BOMB.encode(), YAML), little_yaml)
    yield flood("merge-bomb", "a bomb of YAML merge keys", sent(merges.encode(), YAML), little_yaml)
    yield flood(
        "yaml-object",
        "a YAML tag of Python",
        sent(b"metadata: !!python/object/apply:os.getcwd []", YAML),
        little_yaml,
    )
    yield flood(
        "yaml-endless",
        "a YAML alias of itself",
        sent(b"metadata: &m {name: p, labels: *m}", YAML),
        little_yaml,
    )
    yield flood(
        "long-number",
        "a number of a million digits",
        sent(b'{"metadata":{"name":"n"},"immutable":' + b"9" * 1_000_000 + b"}"),
        small,
    )
    yield flood(
        "many-keys",
        "200,000 keys that repeat",
        sent(b'{"metadata":{"name":"n"},"kind":1,' + b",".join([b'"a":1'] * 200_000) + b"}"),
        small,
    )
    yield flood("not-text", "bytes that are no text", sent(b'{"metadata":{"name":"\xff\xfe\xc0"}}'), small)
    yield flood(
        "packed-body",
        "a packed body of 100 MiB",
        sent(
            gzip.compress(b'{"metadata":{"name":"' + b"a" * (100 << 20)), headers={"Content-Encoding": "gzip"}
        ),
        small,
    )
    yield flood(
        "protobuf",
        "protobuf that never ends",
        sent(b"k8s\0" + b"\xff" * 1_000_000, "application/vnd.kubernetes.protobuf"),
        small,
    )


def grown() -> Iterator[Attack]:
    """Patches and lists that grow."""
    one_copy = patched(JSON_PATCH, [{"op": "copy", "from": "/data/a", "path": "/data/b"}])
    yield flood(
        "copying-patch",
        "a JSON patch that copies a document into itself",
        patched(JSON_PATCH, copies(60)),
        one_copy,
    )
    yield flood(
        "many-operations",
        "a JSON patch of 20,000 operations",
        patched(JSON_PATCH, [{"op": "test", "path": "/data/a", "value": 1}] * 20_000),
        one_copy,
    )
    yield flood(
        "far-index",
        "a JSON patch to an index far away",
        patched(
            JSON_PATCH,
            [{"op": "add", "path": "/metadata/finalizers/" + "9" * 5000, "value": "a"}],
            {"finalizers": ["a.b/c"]},
        ),
        one_copy,
    )
    finalizers = [named(n) for n in range(40_000)]
    others = [named(n) for n in range(40_000, 80_000)]
    yield flood(
        "deleted-list",
        "delete 40,000 values from a list of 40,000",
        patched(
            STRATEGIC,
            {"metadata": {"$deleteFromPrimitiveList/finalizers": others, "name": "other"}},
            {"finalizers": finalizers},
        ),
        patched(
            STRATEGIC,
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c1"]}},
            {"finalizers": ["a.b/c1"]},
        ),
    )
    yield flood(
        "ordered-list",
        "order a list of 40,000",
        patched(
            STRATEGIC,
            {
                "metadata": {
                    "$setElementOrder/finalizers": others[::-1],
                    "finalizers": finalizers[:10],
                    "name": "other",
                }
            },
            {"finalizers": finalizers},
        ),
        patched(
            STRATEGIC, {"metadata": {"$setElementOrder/finalizers": ["a.b/c1"], "finalizers": ["a.b/c1"]}}
        ),
    )
    yield flood(
        "merged-list",
        "merge 40,000 values into a list of 40,000",
        patched(STRATEGIC, {"metadata": {"finalizers": others, "name": "other"}}, {"finalizers": finalizers}),
        patched(STRATEGIC, {"metadata": {"finalizers": ["a.b/c2"]}}, {"finalizers": ["a.b/c1"]}),
    )
    yield flood(
        "retained-keys",
        "retain 100,000 keys",
        patched(
            STRATEGIC,
            {"data": {"$retainKeys": [str(n) for n in range(100_000)]}, "metadata": {"name": "other"}},
            {"annotations": {named(n): "" for n in range(8000)}},
        ),
        patched(STRATEGIC, {"data": {"a": "b"}}),
    )
    yield flood(
        "unknown-directive",
        "a strategic merge patch of unknown directives",
        patched(STRATEGIC, {"$patch": "explode"}),
        patched(STRATEGIC, {"$patch": "merge", "data": {"a": "c"}}),
    )
    yield flood("applied-bomb", "server-side apply of a YAML bomb", patched(APPLY, BOMB.encode()), one_copy)
    same = {"name": "c", "image": "busybox:1.36"}
    many = {"metadata": {"name": "p"}, "spec": {"containers": [{**same, "env": [{"name": f"n{i}", "value": "v"} for i in range(20_000)],
            "volumeMounts": [{"name": "v", "mountPath": f"/{i}"} for i in range(5_000)]}]}}  # fmt: skip
    pods = f"{EVIL}/pods?{DRY}"
    little = sent(json.dumps({"metadata": {"name": "p"}, "spec": {"containers": [same]}}).encode(), path=pods)
    yield flood(
        "many-variables",
        "20,000 variables and 5,000 mounts",
        sent(json.dumps(many).encode(), path=pods),
        little,
    )
    crowd = {"metadata": {"name": "p"}, "spec": {"containers": [same] * 10_000}}
    yield flood(
        "many-containers",
        "10,000 containers of one name",
        sent(json.dumps(crowd).encode(), path=pods),
        little,
    )
    yield flood(
        "many-volumes",
        "10,000 volumes of one name",
        sent(
            json.dumps(
                {
                    "metadata": {"name": "p"},
                    "spec": {"containers": [same], "volumes": [{"name": "v", "emptyDir": {}}] * 10_000},
                }
            ).encode(),
            path=pods,
        ),
        little,
    )
    yield flood(
        "many-tolerations",
        "10,000 tolerations that are wrong",
        sent(
            json.dumps(
                {
                    "metadata": {"name": "p"},
                    "spec": {"containers": [same], "tolerations": [{"key": "a", "operator": "x"}] * 10_000},
                }
            ).encode(),
            path=pods,
        ),
        little,
    )


def queries() -> Iterator[Attack]:
    """Queries, programs, connections that are too much."""
    select = lambda text: lambda f: f.ask("GET", f"{EVIL}/pods?labelSelector={text}")  # noqa: E731
    yield flood(
        "selector",
        "a label selector that ends in the middle",
        select("a%20in%20(" + "x," * 20_000),
        select("a%20in%20(x,y)"),
    )
    yield flood("selector-brackets", "a label selector of brackets", select("(" * 50_000), select("a"))
    yield flood(
        "field-selector",
        "a field selector of unknown fields",
        lambda f: f.ask("GET", f"{EVIL}/pods?fieldSelector=" + ",".join(["spec.x=1"] * 5000)),
        lambda f: f.ask("GET", f"{EVIL}/pods?fieldSelector=metadata.name%3Dmine"),
    )
    for name, token in {"junk": "%00%ff", "deep": part(b"[" * 5000), "far": part([10**30, "evil", ""]),
                        "text": part(["x", "evil", ""]), "negative": part([-5, "evil", ""]), "shape": part({"a": 1})}.items():  # fmt: skip
        yield flood(f"page-{name}", "a continue token that is none", lambda f, token=token: f.ask(
            "GET", f"{EVIL}/pods?limit=1&continue={token}"), lambda f: f.ask("GET", f"{EVIL}/pods?limit=1"))  # fmt: skip
    yield flood(
        "future",
        "wait for a version that will never be",
        lambda f: f.ask("GET", f"{EVIL}/pods?resourceVersion=99999999999"),
        lambda f: f.ask("GET", f"{EVIL}/pods?resourceVersion=0"),
    )
    yield flood(
        "doubling-variables",
        "40 variables, each twice the one before",
        lambda f: pod_ends(f, doubling(40)),
        lambda f: pod_ends(f, doubling(2)),
    )
    yield flood(
        "repeated-arguments",
        "100 kB, held by 20,000 arguments",
        lambda f: pod_ends(f, repeated(20_000, arguments=True)),
        lambda f: pod_ends(f, repeated(2, arguments=True)),
    )
    yield flood(
        "repeated-variables",
        "100 kB, held by 20,000 variables",
        lambda f: pod_ends(f, repeated(20_000, arguments=False)),
        lambda f: pod_ends(f, repeated(2, arguments=False)),
    )
    frames = {"large": b"\x82\xff" + (1 << 30).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 65536, "unmasked": b"\x82\x05\0abcd",
              "unknown-channel": b"\x82\x82\0\0\0\0\xff\x00", "reserved-bits": b"\xf2\x80\0\0\0\0", "endless-continuation":
              b"\x02\x81\0\0\0\0x" + b"\x00\x81\0\0\0\0x" * 20_000, "junk": os.urandom(8192)}  # fmt: skip
    alive = lambda f: f.ask("GET", "/readyz", who="admin")  # noqa: E731
    for name, data in frames.items():
        yield flood(
            f"frames-{name}", "junk on a WebSocket", lambda f, data=data: junk_on_websocket(f, data), alive
        )
    yield flood("slow-clients", "60 clients that send half a head", lambda f: slow(f, 60), alive)
    yield flood("watchers", "200 watches of one client", lambda f: watchers(f, 200), alive)


# -- images --------------------------------------------------------------------------------------------------


def layer(*rows: tuple[str, bytes, str, bytes]) -> bytes:
    """A layer of an image: name, type, target of a link, content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target, content in rows:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mode = kind, target, len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def saved(path: Path, data: bytes, *, config_name: str = "") -> Path:
    """A ``docker save`` file of one layer."""
    digest = hashlib.sha256(data).hexdigest()
    config = json.dumps(
        {"config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    ).encode()
    name = config_name or f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": ["demo:1"], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for part_name, content in {
            name: config,
            "manifest.json": json.dumps(manifest).encode(),
            f"{digest}/layer.tar": data,
        }.items():
            info = tarfile.TarInfo(part_name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def unpacked(make: Callable[[Path], bytes], *, naive: bool, config_name: str = "") -> str:
    """Load an image whose layer aims at a folder beside the store; *naive* is tar as it comes."""
    with tempfile.TemporaryDirectory(prefix="podlab-image-") as name:
        home, aim = Path(name) / "home", Path(name) / "aim"
        home.mkdir()
        aim.mkdir()
        (aim / "mark").write_text("untouched")
        data = make(aim)
        if naive:
            room = home / "unpacked" / "x"
            room.mkdir(parents=True)
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar:
                    tar.extract(member, room, filter="fully_trusted")
        else:
            with contextlib.suppress(SandboxError):  # refused
                archive.load(saved(Path(name) / "image.tar", data, config_name=config_name), home)
        touched = (
            sorted(p.name for p in aim.iterdir()) != ["mark"] or (aim / "mark").read_text() != "untouched"
        )
        sizes = sum(p.stat().st_size for p in home.rglob("*") if p.is_file() and not p.is_symlink())
        devices = [p for p in home.rglob("*") if p.is_fifo() or p.is_char_device()]
        return (
            "a file beside the image"
            if touched
            else f"{sizes >> 30} GiB"
            if sizes >> 30
            else "a pipe"
            if devices
            else ""
        )


FILE, LINK, HARD, FIFO, FOLDER = (
    tarfile.REGTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
)
LAYERS: dict[str, Callable[[Path], bytes]] = {
    "dots": lambda aim: layer(("../../../aim/new", FILE, "", b"x")),
    "dots-inside": lambda aim: layer(("a", FOLDER, "", b""), ("a/../../../../aim/new", FILE, "", b"x")),
    "link-then-file": lambda aim: layer(("out", LINK, str(aim), b""), ("out/new", FILE, "", b"x")),
    "relative-link-then-file": lambda aim: layer(("out", LINK, "../../../aim", b""), ("out/new", FILE, "", b"x")),
    "link-of-a-link": lambda aim: layer(("a", LINK, "../..", b""), ("b", LINK, "a/../aim", b""), ("b/new", FILE, "", b"x")),
    "link-replaced": lambda aim: layer(("f", LINK, str(aim / "mark"), b""), ("f", FILE, "", b"x")),
    "hard-link": lambda aim: layer(("out", LINK, str(aim), b""), ("f", HARD, "out/mark", b""), ("f", FILE, "", b"touched")),
    "pipe": lambda aim: layer(("pipe", FIFO, "", b"")),
    "hole": lambda aim: sparse_layer(64 << 30),
}  # fmt: skip
# What Python's own unpacking does not follow either, but some engine did: a file written through a link in its place.
WRITTEN_THROUGH = ("link-replaced", "hard-link")


def images() -> Iterator[Attack]:
    """Layers of images that aim at the machine."""
    through: Callable[[Path], bytes] = LAYERS["link-then-file"]
    for name, make in LAYERS.items():
        easier = through if name in WRITTEN_THROUGH else make
        if name == "hole":
            easier = lambda aim: sparse_layer(2 << 30)  # noqa: E731  all hole: it takes nothing
        yield Attack("images", name, "write beside an image, or fill the disk", lambda f, make=make: unpacked(make, naive=False),
                     lambda f, make=easier: unpacked(make, naive=True))  # fmt: skip


FAMILIES = (credentials, rights, refusals, contradictions, garbage, requests, bodies, grown, queries, images)


def attacks() -> list[Attack]:
    """Return the whole corpus."""
    return [attack for family in FAMILIES for attack in family()]


def try_all(found: ApiRange) -> dict[str, Future[str]]:
    """Try everything; attacks by their id, twins by ``twin-`` and the id."""
    results: dict[str, Future[str]] = {}
    for workers, alone in ((8, False), (1, True)):
        with ThreadPoolExecutor(workers) as pool:
            for attack in attacks():
                if (attack.family == "floods") is alone:
                    results[attack.id] = pool.submit(attack.run, found)
                    results[f"twin-{attack.id}"] = pool.submit(attack.twin, found)
    return results
