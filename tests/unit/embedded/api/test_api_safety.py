"""Who may ask, and what nonsense does: nothing but an error in the API's form."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from typing import Any

import pytest
from asgi import HOST, PODS, Server, pod

SEED = 20260


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic c2VjcmV0LW9mLXRoZS10ZXN0cw=="},
        {"authorization": "Bearer \u00e9"},
    ],
)
@pytest.mark.parametrize("path", [PODS, "/version", "/healthz", "/openapi/v3", "/podlab/v1/node-events"])
def test_without_the_token_nothing_is_said(server: Server, headers: dict[str, str], path: str) -> None:
    refused = server.ask("GET", path, headers=headers)
    assert (refused.code, refused.json["reason"], refused.json["message"]) == (
        401,
        "Unauthorized",
        "Unauthorized",
    )


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"host": "evil.example:6443"}, {"host": ""}],
)
def test_web_pages_and_other_names_are_refused_with_the_token(
    server: Server, headers: dict[str, str]
) -> None:
    refused = server.ask("GET", PODS, headers=headers)
    assert (refused.code, refused.json["kind"]) == (403, "Status")


def test_a_request_of_our_own_origin_passes(server: Server) -> None:
    assert server.ask("GET", PODS, headers={"origin": f"https://{HOST}"}).code == 200


MERGES = b"a0: &a0 {x: 1}\n" + b"".join(
    b"a%d: &a%d {<<: [*a%d, *a%d, *a%d]}\n" % (n, n, n - 1, n - 1, n - 1) for n in range(1, 30)
)
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" + b"".join(
    b"%c: &%c [%b]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"[" * 200_000, "application/json"),
        (b'{"a":' * 100_000, "application/json"),
        (b"[" * 50_000, "application/yaml"),
        (b"- " * 50_000, "application/yaml"),
        (b"{a: " * 5_000, "application/yaml"),
        (b"spec: " + BOMB.replace(b"\n", b"\n  "), "application/yaml"),
        (BOMB, "application/yaml"),
        (MERGES, "application/yaml"),
        (b"metadata: &m {name: p, labels: *m}", "application/yaml"),
        (b"a: !!python/object/apply:os.system ['true']", "application/yaml"),
        (b"\xff\xfe\x00", "application/json"),
        (b"\x00" * 1000, "application/yaml"),
        (b"NaN", "application/json"),
        (b"1e999", "application/json"),
        (b'{"kind":"Pod","metadata":{"name":"\\ud800"},"spec":{"containers":[]}}', "application/json"),
        (b"k8s\x00" + b"\xff" * 100, "application/vnd.kubernetes.protobuf"),
        (b"not protobuf", "application/vnd.kubernetes.protobuf"),
        (b"", "application/json"),
        (b"x" * (3 * 1024 * 1024 + 1), "application/json"),
    ],
)
def test_hostile_bodies_get_a_status_fast(server: Server, text: bytes, kind: str) -> None:
    began = time.monotonic()
    refused = server.ask("POST", PODS, text, kind=kind)
    assert refused.code in (400, 413, 422)
    assert refused.json["kind"] == "Status"
    assert time.monotonic() - began < 5


def test_an_alias_bomb_costs_bounded_memory(server: Server) -> None:
    tracemalloc.start()
    refused = server.ask("POST", PODS, b"metadata: {name: p}\nspec:\n  x: 1\n  containers:\n" + b"".join(
        b"  - &c%d {name: c, image: x, args: [%b]}\n" % (i, b",".join([b"*c%d" % (i - 1)] * 9 if i else [b"x"] * 9))
        for i in range(12)), kind="application/yaml")  # fmt: skip
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.code in (400, 422)
    assert peak < 64 * 1024 * 1024


WORDS: list[Any] = [
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    "",
    "x",
    "a" * 300,
    [],
    {},
    [None],
    {"a": None},
    "\u0000",
    "é",
]
SAMPLE = pod(
    initContainers=[
        {"name": "i", "image": "x:1", "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["a"]}}}
    ],
    volumes=[{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}],
)


def mutate(value: Any, chance: random.Random) -> Any:
    """*value* with something wrong somewhere."""
    if chance.random() < 0.12:
        return chance.choice(WORDS)
    if isinstance(value, dict):
        changed = {k: mutate(v, chance) for k, v in value.items() if chance.random() > 0.04}
        if chance.random() < 0.1:
            changed[chance.choice(["status", "spec", "name", "colour", "env", "ports"])] = chance.choice(
                WORDS
            )
        return changed
    if isinstance(value, list):
        return [mutate(item, chance) for item in value] * chance.choice([1, 1, 1, 2])
    return value


def test_fuzzed_objects_never_break_the_server(server: Server) -> None:
    chance = random.Random(SEED)
    codes: dict[int, int] = {}
    for _ in range(1500):
        body = mutate(SAMPLE, chance)
        answer = server.ask(
            "POST", PODS, body, dryRun="All", fieldValidation=chance.choice(["Strict", "Warn"])
        )
        codes[answer.code] = codes.get(answer.code, 0) + 1
        assert answer.code in (201, 400, 403, 422), (answer.body, body)
    assert len(codes) >= 3


def test_fuzzed_patches_and_options_never_break_the_server(server: Server) -> None:
    chance = random.Random(SEED)
    server.ask("POST", PODS, pod())
    kinds = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ]
    operation = {"op": "add", "path": "/spec/containers/0/image", "value": "x:2", "from": "/metadata/name"}
    for _ in range(1000):
        kind = chance.choice(kinds)
        body = mutate([operation] if "json-patch" in kind else SAMPLE, chance)
        if "json-patch" in kind and isinstance(body, list):
            for step in body:
                if isinstance(step, dict) and chance.random() < 0.8:
                    step["op"] = chance.choice(["add", "remove", "replace", "move", "copy", "test"])
                    step["path"] = chance.choice(
                        ["/", "", "/spec", "/metadata/labels", "/spec/containers/-", "/a/b"]
                    )
        answer = server.ask("PATCH", PODS + "/p", body, kind=kind, dryRun="All")
        assert answer.code in (200, 400, 409, 422), (answer.body, kind, body)


def test_fuzzed_bytes_never_break_the_server(server: Server) -> None:
    chance = random.Random(SEED)
    text = json.dumps(SAMPLE).encode()
    kinds = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
    for _ in range(800):
        data = bytearray(text)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = bytes(data[: chance.randint(0, len(data))])
        answer = server.ask("POST", PODS, cut, kind=chance.choice(kinds), dryRun="All")
        assert answer.code in (201, 400, 403, 422), (answer.body, cut)


ODD = (
    "/ // /api/v1/ /api/v1//pods /apis/x/v1/y /api/v1/namespaces/a/b/c/d/e /%2e%2e/ /api/v1/namespaces//pods "
    "/api/v1/namespaces/default/pods/p/log/x"
)


@pytest.mark.parametrize("path", ODD.split())
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_odd_paths_get_a_plain_answer(server: Server, path: str, method: str) -> None:
    assert server.ask(method, path, pod()).code < 500


ACCOUNT = "system:serviceaccount:default:default"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def test_who_acts_as_somebody_else_may_do_what_he_may(server: Server) -> None:
    """``kubectl --as``; it was overheard, so that ``auth can-i --as`` said yes to everything."""
    bob = {"impersonate-user": "bob"}
    refused = server.ask("GET", PODS, headers=bob)
    assert (refused.code, refused.json["message"]) == (
        403,
        f'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace '
        f'"{PODS.split("/")[4]}"',
    )
    may = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    assert server.ask("POST", REVIEWS, may, headers=bob).json["status"] == {"allowed": False}
    assert server.ask("POST", REVIEWS, may).json["status"]["allowed"] is True
    assert server.ask("GET", "/version", headers=bob).code == 200
    masters = {"impersonate-user": "root", "impersonate-group": "system:masters"}
    assert server.ask("GET", PODS, headers=masters).code == 200


def test_an_account_learns_its_own_name_and_may_not_take_another(server: Server) -> None:
    token = server.ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {}).json["status"][
        "token"
    ]
    itself = {"authorization": f"Bearer {token}"}
    me = server.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, headers=itself).json
    shown = me["status"]["userInfo"]
    account = server.store.get("serviceaccounts", "default", "default")
    assert account is not None
    assert (shown["username"], shown["uid"], shown["groups"]) == (
        ACCOUNT,
        account["metadata"]["uid"],
        ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    )
    refused = server.ask("GET", PODS, headers={**itself, "impersonate-user": "podlab-admin"})
    assert (refused.code, refused.json["message"]) == (
        403,
        f'users "podlab-admin" is forbidden: User "{ACCOUNT}" cannot impersonate resource "users" in API group "" '
        "at the cluster scope",
    )


def test_health_is_told_in_words_when_asked(server: Server) -> None:
    assert server.ask("GET", "/livez/ping").body == b"ok"
    assert server.ask("GET", "/readyz", verbose="").body == b"[+]ping ok\nreadyz check passed\n"


def test_a_patch_that_copies_the_document_into_itself_ends_early(server: Server) -> None:
    """Thirty copies, each of twice as much; upstream bounds what they add together, and their number."""
    maps = "/api/v1/namespaces/default/configmaps"
    server.ask("POST", maps, {"metadata": {"name": "c"}, "data": {"a": "x" * 1000}})
    bomb = [{"op": "copy", "from": "/data", "path": f"/data/b{n}"} for n in range(30)]
    kind = "application/json-patch+json"
    refused = server.ask("PATCH", f"{maps}/c", bomb, kind=kind)
    assert (refused.code, "the accumulated size increase of copy is" in refused.json["message"]) == (
        413,
        True,
    )
    many = [{"op": "test", "path": "/data/a", "value": "x"}] * 10_001
    refused = server.ask("PATCH", f"{maps}/c", many, kind=kind)
    assert (refused.code, refused.json["message"]) == (
        413,
        "The allowed maximum operations in a JSON patch is 10000, got 10001",
    )
    few = [{"op": "copy", "from": "/data/a", "path": f"/data/b{n}"} for n in range(30)]
    assert len(server.ask("PATCH", f"{maps}/c", few, kind=kind).json["data"]) == 31
