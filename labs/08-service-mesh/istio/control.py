"""Istio's control plane on a kind cluster: rendered from its own chart, installed, changed between its two forms."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from podlab import images
from podlab.client import Client
from podlab.errors import ApiError, NotFoundError, PodlabError, WaitTimeoutError
from podlab.images import cache, golang
from podlab.images.recipes import ImagePart

SYSTEM = "istio-system"
IMAGES = ("istiod", "istio-proxy")
VALUES = Path(__file__).with_name("manifests") / "values.yaml"
DEADLINE_S = 240.0
FORMS = {"native": "true", "classic": "false"}
_DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/istiod"
_APPLY = {"content_type": "application/apply-patch+yaml", "fieldManager": "podlab-istio", "force": "true"}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

RawObject = dict[str, Any]
Progress = Callable[[str], None]


def parts() -> list[ImagePart]:
    """Return the parts of both images."""
    known = images.load()
    return [part for name in IMAGES for part in known.parts_of(known.find(name))]


def recipe() -> dict[str, str]:
    """Return what a run depends on: the manifests, and each part with the hash of its Go module or its version."""
    found = {part.name: golang.key(part) if part.origin == "go" else part.version for part in parts()}
    return {"manifests": cache.digest(cache.tree(VALUES.parent)), **found}


def missing() -> str | None:
    """Return why Istio cannot be run from what this machine holds; None when all its programs are built."""
    absent = [part.name for part in parts() if part.origin == "go" and not golang.is_here(part)]
    if not absent:
        return None
    return f"{', '.join(absent)}: not built; an hour of compiling: podlab images build istiod istio-proxy"


def render(chart: str, values: Path | None, progress: Progress) -> list[RawObject]:
    """
    Return the objects of a chart of Istio's module.

    Raises:
        BuildError: The program that renders it cannot be built here.
        PodlabError: The chart and the values do not fit.
    """
    program = golang.program(images.load().parts["istio-charts"], progress)
    command = [str(program), chart, *([str(values)] if values else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise PodlabError(f"the chart {chart} could not be rendered", cause=done.stderr.strip())
    return [one for one in yaml.load_all(done.stdout, _LOADER) if one]


def put(client: Client, objects: list[RawObject], namespace: str) -> None:
    """Create or change *objects*. Raises ApiError for the first that is refused."""
    for one in objects:
        client.patch(client.path_of(one, namespace), one, **_APPLY)


def namespace_of(name: str, **labels: str) -> RawObject:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@contextlib.contextmanager
def installed(client: Client, progress: Progress = print) -> Iterator[None]:
    """
    Have istiod on the cluster, ready, in the native form; all of it is removed at the end.

    Raises:
        WaitTimeoutError: It does not become ready.
    """
    objects = [
        namespace_of(SYSTEM),
        *render("base", None, progress),
        *render("istio-control/istio-discovery", VALUES, progress),
    ]
    progress(f"istiod: {len(objects)} objects of Istio's charts")
    try:
        put(client, objects, SYSTEM)
        wait(lambda: _rolled_out(client), "istiod is not ready")
        yield
    finally:
        remove(client, objects)


def remove(client: Client, objects: list[RawObject]) -> None:
    """Delete *objects*, the last first, and wait until Istio's namespace is gone."""
    for one in reversed(objects):
        with contextlib.suppress(ApiError):  # gone already, or of a kind that went with its definition
            client.delete(client.path_of(one, SYSTEM), {"propagationPolicy": "Background"})
    wait_gone(client, SYSTEM)


def choose(client: Client, form: str) -> None:
    """Let istiod inject sidecars in the *form* native or classic from now on: one variable, and a restart."""
    variable = {"name": "ENABLE_NATIVE_SIDECARS", "value": FORMS[form]}
    container = {"name": "discovery", "env": [variable]}
    client.patch(_DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [container]}}}})
    wait(lambda: _rolled_out(client), f"istiod does not become ready in the {form} form")


def _rolled_out(client: Client) -> bool:
    """Tell whether the one istiod that runs is of the latest specification."""
    found = client.get(_DEPLOYMENT)
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "replicas")]
    current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    pods = client.get(f"/api/v1/namespaces/{SYSTEM}/pods", labelSelector="app=istiod")["items"]
    return current and counts == [wanted] * 3 and len(pods) == wanted


def wait_gone(client: Client, namespace: str) -> None:
    """Wait until *namespace* is not there any more. Raises WaitTimeoutError."""

    def gone() -> bool:
        try:
            client.get(f"/api/v1/namespaces/{namespace}")
        except NotFoundError:
            return True
        return False

    wait(gone, f"the namespace {namespace} is still there")


def wait(test: Callable[[], bool], otherwise: str, deadline_s: float = DEADLINE_S) -> None:
    """Ask *test* twice a second until it holds. Raises WaitTimeoutError that says *otherwise*."""
    until = time.monotonic() + deadline_s
    while not test():
        if time.monotonic() > until:
            raise WaitTimeoutError(
                f"{otherwise} after {deadline_s:.0f} s",
                hint="podlab explain and podlab events say why a Pod does not run",
            )
        time.sleep(0.5)
