"""Lab 14's Deployment: the order of its containers, and who accepts the certificate that Envoy shows."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lab_images import have

from podlab.drivers import Cluster
from podlab.lab.core import Lab

ROOT = Path(__file__).parents[2]
IMAGES = ("postgres", "dbmate", "postgres-exporter", "openssl", "envoy", "otelcol")
CALL = (
    "printf 'GET / HTTP/1.1\\r\\nHost: shop\\r\\nConnection: close\\r\\n\\r\\n' | timeout 10 openssl s_client -quiet"
    " -connect {address}:9443 -servername shop -verify_hostname shop -CAfile /tmp/root.crt -verify_return_error 2>&1"
)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def benchmark() -> Iterator[ModuleType]:
    """The program that measures what a rollout loses, imported from its folder: benchmarks are not in a package."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module("rollout_loss")
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture
def lab(cluster: Cluster, namespace: str, benchmark: ModuleType) -> Lab:
    """A namespace with the CA, the database, the log store, a customer and a visitor."""
    for name in IMAGES:
        have(name, cluster)
    opened = Lab(cluster, namespace, own=False)
    benchmark.surround(opened)
    return opened


def certificate_of(lab: Lab, pod: str, root: str) -> str:
    """Return what a visitor who knows *root* gets from the Pod over TLS: the page, or the client's error."""
    lab.exec("visitor", ["sh", "-c", f"cat > /tmp/root.crt <<'END'\n{root}\nEND"])
    address: Any = lab.get("pod", pod)["status"]["podIP"]
    return lab.exec("visitor", CALL.format(address=address), check=False)


def test_the_production_pod_runs_with_envoy_a_collector_and_a_certificate(lab: Lab) -> None:
    """The containers start in the order of the list, and only who trusts the CA accepts Envoy's certificate."""
    pods = lab.record_all(
        str(ROOT / "labs/14-combined/manifests/production.yaml"), show=False, deadline_s=240
    )
    root = lab.exec("ca", "cat /ca/root.crt")
    other = lab.exec(
        "ca",
        "openssl req -config /config/ca.conf -x509 -extensions root -subj /CN=other -days 1"
        " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null 2>/dev/null",
    )

    assert {str(life.start_order()) for life in pods.values()} == {
        "migrate | cert | proxy | renew | shipper | metrics | shop"
    }
    for pod in pods:
        assert "200 OK" in certificate_of(lab, pod, root)
        assert "verify error" in certificate_of(lab, pod, other)
