"""The optional part of lab 10: oauth2-proxy in front of a shop; only where the cache holds the program."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lab_images import have

from podlab.drivers import Cluster
from podlab.lab.core import Lab

MANIFESTS = Path(__file__).parents[2] / "labs/10-secrets-and-tokens/manifests"
CUSTOMER = """\
apiVersion: v1
kind: Pod
metadata: {name: customer}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: customer, image: "podlab-app:1", args: [wait]}]
"""
ASK = """
import sys, urllib.request, urllib.error
request = urllib.request.Request(sys.argv[1], headers={"Authorization": sys.argv[2]})
try:
    print(urllib.request.urlopen(request, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print("refused")
"""


@pytest.fixture
def shop(cluster: Cluster, namespace: str) -> Lab:
    """The guarded shop, and a customer in a Pod of its own."""
    have("oauth2-proxy", cluster)
    lab = Lab(cluster, namespace, own=False)
    lab.apply(CUSTOMER)
    timeline = lab.record(MANIFESTS / "oauth2-proxy.yaml", show=False)
    assert str(timeline.start_order()) == "guard | shop"
    lab.wait(lambda: lab.ready("customer") == "1/1", "the customer is not there", deadline_s=90)
    return lab


def ask(lab: Lab, port: int, credentials: str) -> str:
    """The status that the customer gets with these credentials, as ``user:password``."""
    header = "Basic " + base64.b64encode(credentials.encode()).decode()
    url = f"http://{lab.get('pod', 'oauth2')['status']['podIP']}:{port}/"
    return lab.exec("customer", ["python3", "-c", ASK, url, header])


def test_oauth2_proxy_lets_only_those_in_whom_it_knows(shop: Lab) -> None:
    """And nobody gets past it: the shop listens on the Pod's own loopback."""
    shop.wait(lambda: ask(shop, 4180, "maria:today") == "200", "the shop does not answer yet", deadline_s=60)
    found = {
        "right": ask(shop, 4180, "maria:today"),
        "wrong": ask(shop, 4180, "maria:yesterday"),
        "nobody": ask(shop, 4180, ":"),
        "past the guard": ask(shop, 8080, "maria:today"),
    }

    assert found == {"right": "200", "wrong": "403", "nobody": "403", "past the guard": "refused"}
