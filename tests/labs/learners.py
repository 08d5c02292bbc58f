"""
Learners who do not take a lab from the top to the bottom, alone: one is interrupted, two share a cluster.

``PODLAB_LABS`` and ``PODLAB_LABS_CUTS`` say how much is tried. Without them it is one lab, cut off at one cell, and two
learners in one lab, drawn by the commit:

    pytest tests/labs -m embedded
    PODLAB_LABS=05,11 PODLAB_LABS_CUTS=3 pytest tests/labs -m embedded
    PODLAB_LABS=all PODLAB_LABS_CUTS=all pytest tests/labs -m embedded     # each lab, at each of its cells: hours
"""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from pages import FOLDER, by_commit, code, nbval, pages, read
from polling import Polled

from podlab.client import Client, resources

LONGEST_PAUSE_S = 3.0
KINDS = ("configmaps", "secrets", "services", "pods", "deployments", "jobs", "roles", "serviceaccounts")
OF_EACH_NAMESPACE = {"kube-root-ca.crt", "default"}  # Kubernetes makes them, and makes them again
OWN_TRY = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: own-try}
data: {tried: beside the page}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: own-try}
spec:
  selector: {matchLabels: {app: own-try}}
  template:
    metadata: {labels: {app: own-try}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: own-try, image: "busybox:1.36", command: [sleep, "36000"]}]
"""
WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


def lab_pages(drawn: str) -> list[Path]:
    """
    Return the pages of the labs that are tried: those of ``PODLAB_LABS``, else one, drawn by the commit and *drawn*.

    The page of lab 14 is 06-production.
    """
    every = {page.name[:2]: page for page in pages() if page.parent != FOLDER}
    every["14"] = FOLDER / "06-production.ipynb"
    wanted = os.environ.get("PODLAB_LABS", "")
    if wanted:
        numbers = sorted(every) if wanted == "all" else wanted.split(",")
        return [every[number] for number in numbers]
    return [every[by_commit(drawn).choice(sorted(every))]]


def cuts(page: Path) -> list[int]:
    """Return the code cells, counted from 0, at which *page* is cut off, in rising order."""
    cells = range(len(code(read(page))))
    wanted = os.environ.get("PODLAB_LABS_CUTS", "1")
    count = len(cells) if wanted == "all" else min(int(wanted), len(cells))
    return sorted(by_commit(page.name).sample(cells, count))


@contextmanager
def opened(
    page: Path, environment: Mapping[str, str]
) -> Iterator[tuple[NotebookClient, list[tuple[int, NotebookNode]]]]:
    """Start a page's kernel; yield its client, and the page's code cells with their numbers in the notebook."""
    notebook = read(page)
    numbered = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    client = NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(page.parent)}}
    )
    with client.setup_kernel(env={**os.environ, **environment}):
        yield client, numbered


def cut_off(page: Path, at: int, pause: random.Random, environment: Mapping[str, str]) -> None:
    """
    Run a page from the top, and kill its kernel while code cell *at* runs, or right after it.

    Raises:
        CellExecutionError: A cell before it failed.
    """
    with opened(page, environment) as (client, cells):
        for number, cell in cells[:at]:
            client.execute_cell(cell, number)
        with killed(client, pause.uniform(0, LONGEST_PAUSE_S)):
            client.execute_cell(cells[at][1], cells[at][0])


@contextmanager
def begun(page: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run the first code cell of a page, which opens the lab; kill its kernel at the end of the block."""
    with opened(page, environment) as (client, [(number, cell), *_]):
        client.execute_cell(cell, number)
        with killed(client, LONGEST_PAUSE_S):
            yield


@contextmanager
def killed(client: NotebookClient, after_s: float) -> Iterator[None]:
    """Kill the kernel after some seconds, or at the end of the block where that comes first."""
    kernel = client.km.provisioner.process
    timer = threading.Timer(after_s, kernel.send_signal, [signal.SIGKILL])
    timer.start()
    try:
        yield
    except DeadKernelError:
        pass
    finally:
        timer.cancel()
        timer.join()
        kernel.send_signal(signal.SIGKILL)  # nothing happens where it is dead already
        kernel.wait()


def side_by_side(page: Path, *environments: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Run a page once in each environment, all at the same time, by strict nbval."""
    with ThreadPoolExecutor(len(environments)) as pool:
        return list(pool.map(lambda one: nbval(page, **one), environments))


class NamespacesSeen(Polled):
    """Whether all of *names* were namespaces of a cluster at the same moment, while a block runs."""

    def __init__(self, client: Client, names: set[str]) -> None:
        super().__init__(0.3)
        self.client, self.names, self.together = client, names, False

    def look(self) -> None:
        self.together = self.together or self.names <= set(namespaces(self.client))


def space_of(page: Path) -> str:
    """Return the namespace that a page asks for."""
    (name,) = re.findall(r'podlab\.open\(namespace="([a-z0-9-]+)"\)', code(read(page))[0].source)
    return str(name)


def held(client: Client, namespace: str) -> dict[str, str]:
    """Return uid -> kind and name of the objects in a namespace, except for those that Kubernetes makes in each."""
    found = {}
    for kind in KINDS:
        for each in (client.find(resources.path(kind, namespace)) or {}).get("items") or []:
            if each["metadata"]["name"] not in OF_EACH_NAMESPACE:
                found[each["metadata"]["uid"]] = f"{kind} {each['metadata']['name']}"
    return found


def namespaces(client: Client) -> list[str]:
    """Return the names of the namespaces that are there and not being deleted."""
    listed = client.get(resources.path("namespaces"))["items"]
    return [one["metadata"]["name"] for one in listed if not one["metadata"].get("deletionTimestamp")]


def left_behind(client: Client) -> list[str]:
    """Return what a lab should have taken away with it: its namespaces, and webhooks of the cluster."""
    found = [f"namespace {name}" for name in namespaces(client) if name.startswith("podlab-")]
    for kind in WEBHOOKS:
        items = (client.find(resources.path(kind)) or {}).get("items") or []
        found += [f"{kind} {one['metadata']['name']}" for one in items]
    return found
