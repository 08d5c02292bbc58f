"""What the mesh's injector adds to a Pod in both forms, whom it leaves alone, and its answers over TLS."""

import base64
import json
import ssl
from urllib.request import Request, urlopen

import pytest

from podlab import mesh
from podlab.app import injecting
from podlab.embedded.api.verbs import patching

TEMPLATE = {
    "redirect": {"name": "mesh-redirect", "image": "podlab-nftables:1.0"},
    "proxy": {
        "name": "mesh-proxy",
        "image": "podlab-envoy:1.40",
        "restartPolicy": "Always",
        "startupProbe": {"httpGet": {"port": 9901}},
    },
    "volumes": [{"name": "identity", "secret": {"secretName": "identity-ACCOUNT"}}],
    "port": 8080,
    "probes": 15020,
}


def pod(**spec):
    """A Pod with one app container."""
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app"}], **spec}}


def injected(given, form=injecting.NATIVE):
    """The Pod after the patch."""
    return patching.json_patch(given, injecting.patch(given, TEMPLATE, form))


def names(made, key):
    """The names of the containers or volumes under one key."""
    return [one["name"] for one in made["spec"].get(key, [])]


@pytest.mark.parametrize("own", [[], [{"name": "migrate"}]])
def test_the_native_form_puts_both_parts_before_all_init_containers(own):
    made = injected(pod(**({"initContainers": own} if own else {})))

    assert names(made, "initContainers") == ["mesh-redirect", "mesh-proxy", *(one["name"] for one in own)]
    assert names(made, "containers") == ["app"]
    assert made["spec"]["initContainers"][1]["restartPolicy"] == "Always"


@pytest.mark.parametrize("own", [[], [{"name": "migrate"}]])
def test_the_older_form_puts_the_redirect_behind_them_and_the_proxy_beside_the_app(own):
    made = injected(pod(**({"initContainers": own} if own else {})), injecting.OLDER)

    assert names(made, "initContainers") == [*(one["name"] for one in own), "mesh-redirect"]
    assert names(made, "containers") == ["app", "mesh-proxy"]
    assert set(made["spec"]["containers"][1]) == {"name", "image"}


@pytest.mark.parametrize(("account", "secret"), [("shop", "identity-shop"), (None, "identity-default")])
def test_the_identity_is_that_of_the_service_account(account, secret):
    made = injected(pod(**({"serviceAccountName": account} if account else {}), volumes=[{"name": "mine"}]))

    assert names(made, "volumes") == ["mine", "identity"]
    assert made["spec"]["volumes"][1]["secret"]["secretName"] == secret


def test_http_probes_of_the_redirected_port_are_moved_and_no_others():
    probes = {
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
        "livenessProbe": {"httpGet": {"port": 9000}},
        "startupProbe": {"exec": {"command": ["true"]}},
    }
    made = injected(pod(containers=[{"name": "app", **probes}]))["spec"]["containers"][0]

    assert made["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": 15020}
    assert made["livenessProbe"]["httpGet"]["port"] == 9000


@pytest.mark.parametrize("annotations", [None, {"a": "b"}])
def test_an_annotation_says_what_was_added(annotations):
    given = pod()
    if annotations:
        given["metadata"]["annotations"] = dict(annotations)
    made = injected(given)["metadata"]["annotations"]

    assert json.loads(made.pop(injecting.STATUS)) == {
        "form": "native",
        "initContainers": ["mesh-redirect", "mesh-proxy"],
        "containers": [],
        "volumes": ["identity"],
    }
    assert made == (annotations or {})


def test_a_pod_is_brought_in_once_and_one_on_the_nodes_network_never():
    assert injecting.patch(injected(pod()), TEMPLATE) == []
    assert "hostNetwork" in injecting.why_not(pod(hostNetwork=True))


def test_the_injector_answers_reviews_over_tls(app, tmp_path):
    """The authority's certificate is believed, and the answer is the patch."""
    for name, text in mesh.Authority().server("injector", "lab")["stringData"].items():
        (tmp_path / name).write_text(text)
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    process = app("injector", "--tls", tmp_path, "--template", tmp_path / "template.json", "--port", 0,
                  "--listen", "127.0.0.1")  # fmt: skip
    port = process.until("listening")["port"]
    trust = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    trust.check_hostname = False  # it is asked by its address here
    request = {
        "uid": "u1",
        "operation": "CREATE",
        "kind": {"kind": "Pod"},
        "object": pod(),
        "namespace": "lab",
    }

    def ask(body=None):
        with urlopen(Request(f"https://127.0.0.1:{port}/", body), timeout=30, context=trust) as answer:
            return answer.read()

    response = json.loads(ask(json.dumps({"request": request}).encode()))["response"]
    assert (response["uid"], response["allowed"], response["patchType"]) == ("u1", True, "JSONPatch")
    assert json.loads(base64.b64decode(response["patch"])) == injecting.patch(pod(), TEMPLATE)
    assert process.until("review")["of"] == "p"
    assert ask() == b"ok\n"


def test_without_a_template_it_says_what_is_missing(app):
    assert app("injector").end() == 1
