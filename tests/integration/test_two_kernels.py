"""Two notebooks that ask for one namespace: neither empties nor deletes what the other works with."""

from __future__ import annotations

import os
import subprocess
import sys

from podlab.client import Client
from podlab.drivers import Cluster

OPENS = """
import sys, podlab
lab = podlab.open(sys.argv[1], namespace=sys.argv[2])
lab.apply("apiVersion: v1\\nkind: Pod\\nmetadata: {name: web}\\nspec: {terminationGracePeriodSeconds: 0,"
          " containers: [{name: c, image: 'busybox:1.36', command: [sleep, '600']}]}")
print("in", lab.namespace, flush=True)
sys.stdin.readline()
lab.close()
"""


def kernel(cluster: Cluster, namespace: str) -> subprocess.Popen[str]:
    """A process that opens the namespace and makes the Pod web in it, until it is told to close."""
    command = [sys.executable, "-c", OPENS, cluster.name, namespace]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )


def place(child: subprocess.Popen[str]) -> str:
    """The namespace that a kernel works in, once its Pod is made."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("in "):
            return line.split()[1]
    raise AssertionError(f"it ended with {child.wait()}")


def test_neither_of_two_kernels_takes_the_others_pod_away(cluster: Cluster, client: Client) -> None:
    """The second opens, works and closes while the first works; the Pod of the first stays the same."""
    first, second = kernel(cluster, "two-kernels"), None
    try:
        assert place(first) == "two-kernels"
        before = client.get("/api/v1/namespaces/two-kernels/pods/web")["metadata"]["uid"]
        second = kernel(cluster, "two-kernels")
        assert place(second) == "two-kernels-2"
        second.communicate("\n", timeout=60)
        assert client.get("/api/v1/namespaces/two-kernels/pods/web")["metadata"]["uid"] == before
    finally:
        for child in (first, second):
            if child is not None and child.poll() is None:
                child.communicate("\n", timeout=60)
