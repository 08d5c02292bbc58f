"""What of a volume is refused, in upstream's words and order; read from its source, not recorded."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.embedded.schema import typetable, validation

NAME = {"fieldPath": "metadata.name"}
CONFLICT = "conflicting duplicate paths"


def faults(volume: dict[str, Any]) -> list[str]:
    """Return the messages for a Pod with this volume, without the position of the volume."""
    pod = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "x"}], "volumes": [{"name": "v", **volume}]},
    }
    return [str(error).removeprefix("spec.volumes[0].") for error in validation.validate("core/v1.Pod", pod)]


@pytest.mark.parametrize("path", ["a", "a/b", "a//b", "./b", "b/", "a..b"])
def test_paths_inside_a_volume_are_taken(path: str) -> None:
    assert faults({"configMap": {"name": "c", "items": [{"key": "k", "path": path}]}}) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../x", ["must not contain '..'"]),
        ("/x", ["must be a relative path"]),
        ("/..", ["must be a relative path", "must not contain '..'"]),
        ("..x", ["must not start with '..'"]),
        ("..", ["must not contain '..'", "must not start with '..'"]),
    ],
)
def test_paths_that_lead_out_or_are_the_nodes_own_are_refused(path: str, expected: list[str]) -> None:
    """In every kind of volume that the node writes; upstream does not say which file of a downwardAPI volume."""
    item, token = {"key": "k", "path": path}, {"path": path, "expirationSeconds": 3600}
    for volume, where in (
        ({"configMap": {"name": "c", "items": [item]}}, "configMap.items[0].path"),
        ({"secret": {"secretName": "c", "items": [item]}}, "secret.items[0].path"),
        ({"downwardAPI": {"items": [{"path": path, "fieldRef": NAME}]}}, "downwardAPI.path"),
        ({"projected": {"sources": [{"serviceAccountToken": token}]}}, "projected.path"),
        ({"projected": {"sources": [{"secret": {"name": "s", "items": [item]}}]}},
         "projected.sources[0].secret.items[0].path"),
    ):  # fmt: skip
        assert faults(volume) == [f'{where}: Invalid value: "{path}": {text}' for text in expected]


def file(**fields: Any) -> dict[str, Any]:
    """A downwardAPI volume with one file."""
    return {"downwardAPI": {"items": [{"path": "f", **fields}]}}


def sources(*given: dict[str, Any]) -> dict[str, Any]:
    """A projected volume."""
    return {"projected": {"sources": list(given)}}


SHOWN = {"downwardAPI": {"items": [{"path": "f", "fieldRef": NAME}]}}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"emptyDir": {"sizeLimit": "-1"}},
         "emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"),
        ({"hostPath": {"path": "/a/../b"}}, "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"),
        ({"hostPath": {"path": "/a", "type": "Folder"}},
         'hostPath.type: Unsupported value: "Folder": supported values: "", "BlockDevice", "CharDevice", "Directory", '
         '"DirectoryOrCreate", "File", "FileOrCreate", "Socket"'),
        ({"image": {}}, "image.reference: Required value"),
        ({"image": {"reference": "a:1", "pullPolicy": "Sometimes"}},
         'image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"'),
        ({"configMap": {"defaultMode": 512}},
         "configMap.name: Required value"),
        (file(), "downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"),
        (file(fieldRef={"fieldPath": "status.podIP"}),
         'downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", '
         '"metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"'),
        (file(fieldRef={"fieldPath": "metadata.name['x']"}),
         'downwardAPI.fieldRef: Invalid value: "metadata.name": does not support subscript'),
        (file(resourceFieldRef={"resource": "limits.cpu"}),
         "downwardAPI.resourceFieldRef.containerName: Required value"),
        (file(resourceFieldRef={"containerName": "c", "resource": "cpu"}),
         'downwardAPI.resourceFieldRef.resource: Unsupported value: "cpu": supported values: "limits.cpu", '
         '"limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", '
         '"requests.memory"'),
        (file(fieldRef=NAME, mode=512),
         "downwardAPI.mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"),
        (sources(SHOWN, SHOWN), f'projected: Invalid value: "f": {CONFLICT}'),
        (sources(SHOWN, {"secret": {"name": "s", "items": [{"key": "k", "path": "f"}]}}),
         f'projected: Invalid value: "s": {CONFLICT}'),
        (sources({"secret": {"name": "s"}, **SHOWN}),
         "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"),
        (sources({"serviceAccountToken": {"path": "t", "expirationSeconds": 599}}),
         "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: "
         "may not specify a duration less than 10 minutes"),
    ],
)  # fmt: skip
def test_what_else_of_a_volume_is_refused(volume: dict[str, Any], expected: str) -> None:
    assert faults(volume)[0] == expected


def test_every_rule_that_is_named_exists() -> None:
    """One that does not turns each request that it is for into an internal error."""
    named = {rule[1] for rules in typetable.read("rules.json").values() for rule in rules} - {"in", "each"}
    assert all(callable(validation.rule(name)) for name in named)


@pytest.mark.parametrize(("path", "said"), [("a/b", []), ("/a", []), ("a/../b", ["must not contain '..'"])])
def test_a_file_of_variables_takes_no_step_up(path: str, said: list[str]) -> None:
    reference = {"volumeName": "v", "path": path, "key": "K"}
    env = [{"name": "A", "valueFrom": {"fileKeyRef": reference}}]
    spec = {
        "containers": [{"name": "c", "image": "x", "env": env}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    found = validation.validate("core/v1.Pod", {"metadata": {"name": "p"}, "spec": spec})
    assert [str(e).split(": ", 2)[-1].split(": ")[-1] for e in found] == said
