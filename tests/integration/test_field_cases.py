"""
Small things that people reported from the field, each from its manifest to what a learner sees; the same on every
cluster.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from podlab.client import Client
from podlab.errors import ApiError

WAIT_S = 60
WAITS_FOR_JOB = """
import json, ssl, time, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
tls, space = ssl.create_default_context(cafile=folder + "ca.crt"), open(folder + "namespace").read()
url = "https://kubernetes.default.svc/apis/batch/v1/namespaces/" + space + "/jobs/migrate"
while True:
    try:
        ask = urllib.request.Request(url, headers={"Authorization": "Bearer " + open(folder + "token").read()})
        if json.load(urllib.request.urlopen(ask, context=tls))["status"].get("succeeded"):
            break
        print("not yet", flush=True)
    except urllib.error.HTTPError as error:
        print(json.load(error)["message"], flush=True)
    time.sleep(0.2)
"""


def until(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What *look* returns once *wanted* holds of it; the test fails after ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.1)


def phase(client: Client, namespace: str, name: str) -> str:
    pod = client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    return str(pod.get("status", {}).get("phase"))


def test_an_init_container_waits_for_a_job_once_its_account_may_see_jobs(
    client: Client, namespace: str
) -> None:
    """403 for the account as it is; with a Role and a RoleBinding the wait ends when the Job has succeeded."""
    core = f"/api/v1/namespaces/{namespace}"
    client.create(f"{core}/serviceaccounts", {"metadata": {"name": "waiter"}})
    init = {"name": "wait", "image": "python:3.11-slim", "command": ["python", "-c", WAITS_FOR_JOB]}
    app = {"name": "shop", "image": "busybox:1.36", "command": ["sleep", "600"]}
    spec = {"serviceAccountName": "waiter", "terminationGracePeriodSeconds": 0, "initContainers": [init],
            "containers": [app]}  # fmt: skip
    client.create(f"{core}/pods", {"metadata": {"name": "shop"}, "spec": spec})
    refusal = (
        f'User "system:serviceaccount:{namespace}:waiter" cannot get resource "jobs" in API group "batch"'
    )
    until(lambda: log_of(client, namespace), lambda text: refusal in text)

    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]}
    client.create(f"{rbac}/roles", {"metadata": {"name": "sees-jobs"}, "rules": [rule]})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees-jobs"}
    subjects = [{"kind": "ServiceAccount", "name": "waiter", "namespace": namespace}]
    client.create(f"{rbac}/rolebindings", {"metadata": {"name": "b"}, "roleRef": ref, "subjects": subjects})
    until(lambda: log_of(client, namespace), lambda text: 'jobs.batch "migrate" not found' in text)
    job = {"name": "m", "image": "busybox:1.36", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [job]}}
    client.create(
        f"/apis/batch/v1/namespaces/{namespace}/jobs",
        {"metadata": {"name": "migrate"}, "spec": {"template": template}},
    )
    until(lambda: phase(client, namespace, "shop"), lambda found: found == "Running")


def log_of(client: Client, namespace: str) -> str:
    """What the init container has written; empty while it has not started."""
    with contextlib.suppress(ApiError):
        return client.text(f"/api/v1/namespaces/{namespace}/pods/shop/log", container="wait")
    return ""
