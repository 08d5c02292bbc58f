"""The namespace of a lab: emptied of all that a former run left, and of nothing else."""

import pytest

from podlab.client import resources
from podlab.lab.lab_namespace import LabNamespace

MINE = "podlab-lab-01"


class Server:
    """Objects by path; lists are made of them, and a path that was removed is gone."""

    def __init__(self, *objects):
        self.paths = {path: {"metadata": {"name": path.rsplit("/", 1)[1]}, **body} for path, body in objects}

    def find(self, path):
        items = [body for each, body in self.paths.items() if each.rsplit("/", 1)[0] == path]
        return self.paths.get(path) or ({"items": items} if items else None)

    def remove(self, path, **_options):
        self.paths.pop(path, None)

    def create(self, path, body):
        self.paths[f"{path}/{body['metadata']['name']}"] = body

    @property
    def kinds(self):
        return {"/".join(path.split("/")[-2:]) for path in self.paths}


def of(kind, name, namespace=MINE):
    return resources.path(kind, namespace, name), {}


def webhook(name, *namespaces):
    hooks = [{"clientConfig": {"service": {"namespace": each, "name": "injector"}}} for each in namespaces]
    return resources.path("mutatingwebhookconfigurations", name=name), {"webhooks": hooks}


def namespace(name=MINE):
    return resources.path("namespaces", name=name), {}


@pytest.mark.parametrize(
    "kind",
    ["roles", "rolebindings", "serviceaccounts", "statefulsets", "replicasets", "pods", "resourcequotas"],
)
def test_a_lab_that_was_interrupted_begins_with_an_empty_namespace(kind):
    """A Role that lab 01 left let its init container in at once; a StatefulSet made its Pods again for ever."""
    server = Server(
        namespace(), of(kind, "left"), of("serviceaccounts", "default"), of(kind, "left", "other")
    )

    LabNamespace(server, MINE, own=True).prepare()

    assert of(kind, "left")[0] not in server.paths
    assert {of(kind, "left", "other")[0], of("serviceaccounts", "default")[0]} <= set(server.paths)


def test_a_webhook_that_is_answered_from_the_namespace_goes_with_it():
    """Lab 08's has failurePolicy Fail: left behind, it refuses Pods of whoever takes the namespace next."""
    left = [
        webhook("mine", MINE),
        webhook("shared", MINE, "other"),
        webhook("other", "other"),
        webhook("by-url"),
    ]
    for act in (LabNamespace.prepare, LabNamespace.close):
        server = Server(namespace(), *left)

        act(LabNamespace(server, MINE, own=True))

        hooks = {each for each in server.kinds if each.startswith("mutating")}
        assert hooks == {f"mutatingwebhookconfigurations/{name}" for name in ("shared", "other", "by-url")}


def test_a_namespace_of_somebody_else_keeps_what_the_lab_did_not_make():
    server = Server(of("roles", "theirs"), of("roles", "ours"), webhook("theirs", MINE))
    space = LabNamespace(server, MINE, own=False)
    space.made.append(of("roles", "ours")[0])

    space.prepare()
    space.close()

    assert server.kinds == {"roles/theirs", "mutatingwebhookconfigurations/theirs"}
