"""The rounds of the page, played on a kind cluster: two recorded lives, counted requests, mutual TLS only."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import control
import traffic

from podlab import drivers, images, manifests, observe
from podlab.client import Client
from podlab.errors import ApiError, NotFoundError

HERE = Path(__file__).parent / "manifests"
SPACE = "podlab-lab-08-istio"
REQUESTS = 100
STRANGERS = 10


@contextlib.contextmanager
def space(client: Client, name: str) -> Iterator[str]:
    """Give an empty namespace that asks for the mesh; deleted at the end, and before if a run left it."""
    delete_space(client, name)
    client.create("/api/v1/namespaces", control.namespace_of(name, **{"istio-injection": "enabled"}))
    try:
        yield name
    finally:
        delete_space(client, name)


def delete_space(client: Client, name: str) -> None:
    """Delete the namespace and wait until it is gone."""
    with contextlib.suppress(NotFoundError):
        client.delete(f"/api/v1/namespaces/{name}")
    control.wait_gone(client, name)


def pod_of(client: Client, namespace: str, app: str) -> dict[str, Any] | None:
    """Return the youngest Pod with the label ``app`` that is not being deleted."""
    listed = client.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app={app}")["items"]
    alive = [one for one in listed if "deletionTimestamp" not in one["metadata"]]
    return max(alive, key=lambda one: one["metadata"]["creationTimestamp"]) if alive else None


def ready_pod(client: Client, namespace: str, app: str) -> str:
    """Wait until the app's one Pod is ready and return its name."""

    def is_ready() -> bool:
        pod = pod_of(client, namespace, app)
        conditions = (pod or {}).get("status", {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    control.wait(is_ready, f"{app} is not ready")
    return str((pod_of(client, namespace, app) or {})["metadata"]["name"])


def apply(client: Client, namespace: str, name: str) -> None:
    """Create or change the objects of a manifest of this lab."""
    loaded = manifests.load(HERE / name)
    control.put(client, [one.object for one in loaded], namespace)


def order(pod: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of a Pod's init containers (those that stay are marked) and containers, as injected."""
    spec = pod["spec"]
    first = [
        one["name"] + ("*" if one.get("restartPolicy") == "Always" else "") for one in spec["initContainers"]
    ]
    return {"initContainers": first, "containers": [one["name"] for one in spec["containers"]]}


def life(client: Client, driver: str, namespace: str, form: str, folder: Path) -> dict[str, Any]:
    """Record the shop from its creation to its end in one *form*; return how it was injected and what it heard."""
    control.choose(client, form)
    recording = observe.record(
        client, HERE / "shop.yaml", namespace=namespace, until="Ready", deadline_s=240, delete_after_s=3,
        out=folder / f"{form}.jsonl", header={"driver": driver, "istio": "1.31", "form": form},
    )  # fmt: skip
    pods = [
        one["object"] for one in recording.observations if one.get("resource") == "pods" and "object" in one
    ]
    shop = next(one for one in pods if one["metadata"].get("labels", {}).get("app") == "shop")
    said = [
        one["line"]
        for one in recording.observations
        if re.match(r"/\w+ (asked by|failed)", one.get("line", ""))
    ]
    return {**order(shop), "ended": recording.end_reason, "said": said}


def mutual_tls(client: Client, namespace: str, requests: int) -> dict[str, Any]:
    """Send *requests* from the shop to the stock, then some from a Pod without a proxy; return both counts."""
    control.choose(client, "native")
    apply(client, namespace, "shop.yaml")
    apply(client, namespace, "stranger.yaml")
    shop, stock = ready_pod(client, namespace, "shop"), ready_pod(client, namespace, "stock")
    control.wait(lambda: answered(client, namespace, "stranger", 1) == 1, "the stranger gets no answer")
    found = {}
    for caller, times in ((shop, requests), ("stranger", STRANGERS)):
        before = traffic.count(client, namespace, shop, stock)
        got = answered(client, namespace, caller, times)
        after = traffic.count(client, namespace, shop, stock)
        handshakes = {
            "handshakes_out_before": before.handshakes_out,
            "handshakes_in_before": before.handshakes_in,
        }
        counts = {"requests": times, "answered": got, **vars(after - before), **handshakes}
        found[caller.partition("-")[0]] = counts
    return found


def answered(client: Client, namespace: str, pod: str, times: int) -> int:
    """Let a Pod ask the stock; return how many answers it got, none while its container does not run."""
    with contextlib.suppress(ApiError):
        return traffic.call(client, namespace, pod, times, "count")
    return 0


def strict(client: Client, driver: str, namespace: str, folder: Path) -> dict[str, Any]:
    """Ask for mutual TLS only; return who is still answered, and record the classic shop until `migrate` failed."""
    apply(client, namespace, "strict.yaml")
    shop = ready_pod(client, namespace, "shop")
    control.wait(lambda: answered(client, namespace, "stranger", 1) == 0, "the stranger is still answered")
    found = {name: answered(client, namespace, pod, STRANGERS) for name, pod in
             (("shop", shop), ("stranger", "stranger"))}  # fmt: skip
    drop(client, namespace, "shop.yaml")
    control.choose(client, "classic")
    observe.record(
        client, HERE / "shop.yaml", namespace=namespace, until=migrate_failed, deadline_s=120,
        out=folder / "strict-classic.jsonl", header={"driver": driver, "istio": "1.31", "form": "classic"},
    )  # fmt: skip
    pod = pod_of(client, namespace, "shop") or {}
    return {"answered": found, "migrate_failed": migrate_failed([pod]), "requests": STRANGERS}


def migrate_failed(pods: Sequence[dict[str, Any]]) -> bool:
    """Tell whether the init container `migrate` of one of *pods* has ended with an error."""
    statuses = [one for pod in pods for one in pod.get("status", {}).get("initContainerStatuses") or []]
    ends = [one.get(when, {}).get("terminated") or {} for one in statuses if one["name"] == "migrate"
            for when in ("state", "lastState")]  # fmt: skip
    return any(one.get("exitCode") for one in ends)


def drop(client: Client, namespace: str, name: str) -> None:
    """Delete the objects of a manifest of this lab, and wait until the shop's Pods are gone."""
    for one in manifests.load(HERE / name):
        with contextlib.suppress(NotFoundError):
            client.delete(client.path_of(one.object, namespace), {"propagationPolicy": "Background"})
    pods = f"/api/v1/namespaces/{namespace}/pods"
    control.wait(lambda: not client.get(pods, labelSelector="app=shop")["items"], "the shop is still there")


def everything(cluster: drivers.Cluster, folder: Path, requests: int = REQUESTS) -> dict[str, Any]:
    """Run all rounds of the page on *cluster*; leave recordings and figures in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    images.bring(cluster, control.IMAGES)
    client = cluster.client()
    with control.installed(client), space(client, SPACE) as namespace:
        apply(client, namespace, "stock.yaml")
        ready_pod(client, namespace, "stock")
        figures: dict[str, Any] = {"driver": cluster.driver, "server": client.version()}
        figures["recipe"] = control.recipe()
        for form in control.FORMS:
            print(f"recording the shop in the {form} form")
            figures[form] = life(client, cluster.driver, namespace, form, folder)
        print(f"{requests} requests from the shop, {STRANGERS} from a Pod without a proxy")
        figures["mutual_tls"] = mutual_tls(client, namespace, requests)
        print("mutual TLS only")
        figures["strict"] = strict(client, cluster.driver, namespace, folder)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def is_stored(folder: Path) -> bool:
    """Tell whether the run in *folder* was made from the parts that the recipe names today."""
    figures: dict[str, Any] = json.loads((folder / "figures.json").read_text("utf-8"))
    return bool(figures.get("recipe") == control.recipe())


def sentence(figures: dict[str, Any]) -> str:
    """Return the figure of the lab in one line."""
    shop = figures["mutual_tls"]["shop"]
    through = min(shop["sent_out"], shop["came_in"], shop["with_certificate"])
    return f"requests through both proxies with mutual TLS / all: {through} / {shop['requests']}"
