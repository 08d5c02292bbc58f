"""
The class's hub on a cluster: the values for Zero to JupyterHub, and the command of a student's Pod.

The chart comes from no package registry, so it is not rendered here. Its schema's names for ``singleuser`` are listed
below (jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.schema.yaml); the chart refuses all others.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from podlab.assignments.roster import Student
from podlab.classroom import creating
from podlab.client import Client

HUB = Path(__file__).resolve().parents[2] / "clusters" / "hub"
BIN = Path(sys.executable).parent
KNOWN = {
    "allowPrivilegeEscalation", "cloudMetadata", "cmd", "cpu", "defaultUrl", "events", "extraAnnotations",
    "extraContainers", "extraEnv", "extraFiles", "extraLabels", "extraNodeAffinity", "extraPodAffinity",
    "extraPodAntiAffinity", "extraPodConfig", "extraResource", "extraTolerations", "fsGid", "image", "initContainers",
    "lifecycleHooks", "memory", "networkPolicy", "networkTools", "nodeSelector", "podNameTemplate", "profileList",
    "serviceAccountName", "startTimeout", "storage", "uid",
}  # fmt: skip
STORAGE = {
    "capacity",
    "dynamic",
    "extraLabels",
    "extraVolumeMounts",
    "extraVolumes",
    "homeMountPath",
    "static",
    "type",
}
# Takes the notebook server's place: what a student would do in a notebook.
NOTEBOOK_SERVER = """#!/bin/sh
test "$1" = --ip=0.0.0.0 && ls course/notebooks
exec podlab record course/labs/00-first-pod/manifests/first-pod.yaml --until Succeeded --deadline 120 --out run.jsonl
"""


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return dict(yaml.safe_load((HUB / "z2jh-values.yaml").read_text()))


@pytest.mark.embedded
def test_the_values_use_names_that_the_chart_knows(values: dict[str, Any]) -> None:
    """And the types that it asks for, where they are easily mistaken."""
    user = values["singleuser"]

    assert set(values) <= {"hub", "proxy", "singleuser", "cull", "scheduling", "prePuller"}
    assert set(user) <= KNOWN
    assert set(user["storage"]) <= STORAGE
    assert set(user["cloudMetadata"]) == {"blockWithIptables", "ip"}
    assert isinstance(user["image"]["tag"], str)
    assert isinstance(user["cpu"]["limit"], int | float)


@pytest.mark.embedded
def test_a_students_pod_gets_no_token_but_the_own_kubeconfig(values: dict[str, Any]) -> None:
    """No service account, no admins, a Secret by the student's name, no way up to root."""
    user = values["singleuser"]
    (volume,) = user["storage"]["extraVolumes"]

    assert user["serviceAccountName"] is None
    assert values["hub"]["config"]["Authenticator"]["admin_users"] == []
    assert "allow_all" not in values["hub"]["config"]["Authenticator"]
    assert volume["secret"]["secretName"] == "kubeconfig-{username}"
    assert (user["uid"], user["allowPrivilegeEscalation"]) == (1000, False)
    assert not user["networkPolicy"]["egressAllowRules"]["cloudMetadataServer"]
    assert not user["networkPolicy"]["egressAllowRules"]["privateIPs"]


@pytest.mark.parametrize("has_one", [True, False])
def test_a_students_server_starts_in_the_own_namespace(client: Client, tmp_path: Path, has_one: bool) -> None:
    """The image's command with the file that ``podlab class create`` wrote; without one, pages can still be read."""
    name = f"h{uuid.uuid4().hex[:6]}"
    creating.create(client, name, [Student("ada")], tmp_path)
    server = tmp_path / "bin" / "jupyterhub-singleuser"
    server.parent.mkdir()
    server.write_text(NOTEBOOK_SERVER)
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "PODLAB_HOME": str(tmp_path / "podlab"),
        "PATH": f"{server.parent}:{BIN}:{os.environ['PATH']}",
        "PODLAB_HUB_KUBECONFIG": str(tmp_path / ("ada.kubeconfig" if has_one else "missing")),
    }
    command = [HUB / "image" / "server", "--ip=0.0.0.0"]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=200)
    finally:
        creating.delete(client, name)

    assert "00-start-here.ipynb" in done.stdout, done.stderr
    assert ("no Pod can be run here" in done.stderr) != has_one
    run = tmp_path / "run.jsonl"
    assert run.exists() == has_one, done.stderr
    if has_one:
        head, *_, end = map(json.loads, run.read_text().splitlines())
        assert (head["driver"], head["namespace"]) == ("context", f"{name}-ada")
        assert end["reason"] == "Succeeded", end
