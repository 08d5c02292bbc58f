"""Who put what into a Pod: the exhibits of lab 08, its own manifests, and Pods in which nobody put anything."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from podlab import mesh
from podlab.app import injecting
from podlab.embedded.api.verbs import patching

LABS = Path(__file__).parents[3] / "labs"
LAB = LABS / "08-service-mesh"


def pods(path: Path):
    """The objects of a manifest, by name."""
    return {one["metadata"]["name"]: one for one in yaml.safe_load_all(path.read_text()) if one}


def exhibit(name: str):
    """The one Pod of an exhibit."""
    return pods(LAB / f"exhibits/{name}.yaml")["orders"]


BESIDE = "second app container"
EXHIBITS = {
    "istio-native": ("Istio", "native", [("init container", "istio-init"), ("sidecar", "istio-proxy")]),
    "istio-older": ("Istio", "older", [("init container", "istio-init"), (BESIDE, "istio-proxy")]),
    "linkerd": ("Linkerd", "older", [("init container", "linkerd-init"), (BESIDE, "linkerd-proxy")]),
}


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_parts_of_a_known_mesh_are_told_from_those_of_the_app(name) -> None:
    title, form, containers = EXHIBITS[name]
    found = mesh.parts(exhibit(name))

    assert {part.mesh for part in found} == {title}
    assert mesh.form(found) == form
    assert [(part.what, part.name) for part in found][:2] == containers
    assert not {part.name for part in found if "container" in part.what} & {"migrate"}


def test_an_exhibit_lists_all_that_its_injector_added() -> None:
    """Volumes by name, the moved probe, declared and probed ports, variables, annotations and labels."""
    pod = exhibit("istio-native")
    found = mesh.parts(pod)
    of = {what: [part.name for part in found if part.what == what] for what in {part.what for part in found}}

    assert of["volume"] == [volume["name"] for volume in pod["spec"]["volumes"]]
    assert of["probe"] == ["orders"]
    assert of["port"] == ["15021", "15090"]
    assert of["variables"] == ["istio-proxy"]
    assert set(of["metadata"]) == {
        "istio.io/rev", "sidecar.istio.io/status", "security.istio.io/tlsMode",
        "service.istio.io/canonical-name", "service.istio.io/canonical-revision",
    }  # fmt: skip


@pytest.mark.parametrize("wrap", ["Deployment", "CronJob"])
def test_a_controllers_template_is_looked_into(wrap) -> None:
    pod = exhibit("istio-native")
    template = {"template": {"metadata": pod["metadata"], "spec": pod["spec"]}}
    spec = template if wrap == "Deployment" else {"jobTemplate": {"spec": template}}

    assert mesh.parts({"kind": wrap, "metadata": {"name": "x"}, "spec": spec}) == mesh.parts(pod)


@pytest.mark.parametrize(
    ("name", "form"), [("native", "native"), ("older", "older"), ("redirect-first", "older")]
)
def test_the_labs_own_parts_are_known(name, form) -> None:
    found = mesh.parts(pods(LAB / "manifests/forms.yaml")[name])

    assert {part.mesh for part in found} == {"lab 08"}
    assert mesh.form(found) == form


@pytest.mark.parametrize("form", [injecting.NATIVE, injecting.OLDER])
def test_what_the_labs_injector_adds_is_all_recognised(form) -> None:
    """Each container and volume of the template, and the annotation that lists them."""
    template = yaml.safe_load(pods(LAB / "manifests/injector.yaml")["mesh-template"]["data"]["template.json"])
    plain = pods(LAB / "manifests/orders.yaml")["orders"]["spec"]["template"]
    made = patching.json_patch(copy.deepcopy(plain), injecting.patch(plain, template, form))
    found = mesh.parts(made)

    assert mesh.parts(plain) == []
    assert mesh.form(found) == form
    assert {part.name for part in found} >= {
        "mesh-redirect",
        "mesh-proxy",
        "mesh",
        "identity",
        injecting.STATUS,
    }
    assert [part.name for part in found if part.what == "probe"] == ["orders"]


def test_a_pod_of_no_mesh_has_no_parts() -> None:
    """No manifest of the other labs is taken for a mesh's, whatever its volumes and containers are called."""
    manifests = [path for path in LABS.glob("[0-9]*/manifests/*.yaml") if path.parent.parent != LAB]
    looked_at = [one for path in manifests for one in pods(path).values()]

    assert len(looked_at) > 50
    assert [one["metadata"]["name"] for one in looked_at if mesh.parts(one)] == []


def test_a_volume_of_a_common_name_is_nobodys_without_a_container_of_the_mesh() -> None:
    spec = {"containers": [{"name": "app"}], "volumes": [{"name": "identity"}, {"name": "mesh"}]}
    assert mesh.parts({"metadata": {}, "spec": spec}) == []


def test_each_mesh_says_where_its_signs_were_read() -> None:
    for sign in mesh.signs().values():
        assert sign["title"] and sign["source"]
        assert sign["containers"] and sign["metadata"]


def test_the_table_names_the_mesh_the_form_and_each_part() -> None:
    pod = exhibit("linkerd")
    text = mesh.table("Pod orders", mesh.parts(pod))

    assert text.splitlines()[0] == "Pod orders: Linkerd; the proxy is in the older form"
    assert len(text.splitlines()) == 1 + len(mesh.parts(pod))
    assert mesh.table("Pod p", []) == "Pod p: nothing of a service mesh (known: Istio, Linkerd, lab 08)"
