"""
The real Istio on kind, where it has been built: injection in both forms, and mutual TLS that both proxies count.

Nothing is compiled here: that takes an hour. Without the programs in the cache each test is skipped with the reason.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from podlab.drivers import Cluster

pytestmark = [
    pytest.mark.parametrize("cluster", [pytest.param("kind", marks=pytest.mark.kind)], indirect=True),
    pytest.mark.timeout(900),  # the first test waits for all rounds
]
LAB = Path(__file__).parents[2] / "labs/08-service-mesh/istio"


@pytest.fixture(scope="session")
def rounds() -> Iterator[ModuleType]:
    """The lab's own program, which is no package."""
    sys.path.insert(0, str(LAB))
    yield importlib.import_module("rounds")
    sys.path.remove(str(LAB))


@pytest.fixture(scope="session")
def figures(cluster: Cluster, rounds: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All rounds, played once."""
    if why := rounds.control.missing():
        pytest.skip(why)
    played: dict[str, Any] = rounds.everything(cluster, tmp_path_factory.mktemp("istio"))
    return played


def test_the_webhook_puts_migrate_behind_the_native_sidecar_and_before_the_older_one(
    figures: dict[str, Any],
) -> None:
    """One variable of istiod changes the place of the proxy; the star marks a container that stays."""
    native, classic = figures["native"], figures["classic"]

    assert native["initContainers"] == ["istio-init", "istio-proxy*", "migrate"]
    assert native["containers"] == ["app"]
    assert classic["initContainers"] == ["migrate", "istio-init"]
    assert classic["containers"] == ["app", "istio-proxy"]


def test_migrate_has_the_mesh_in_the_native_form_only(figures: dict[str, Any]) -> None:
    """The stock's answer names the certificate that came with the question."""
    shop = "asked by spiffe://cluster.local/ns/podlab-lab-08-istio/sa/shop"

    assert f"/migrate {shop}" in figures["native"]["said"]
    assert f"/first {shop}" in figures["native"]["said"]
    assert "/migrate asked by somebody without a certificate" in figures["classic"]["said"]
    assert (figures["native"]["ended"], figures["classic"]["ended"]) == ("gone", "gone")


def test_each_request_of_the_shop_goes_through_both_proxies_with_mutual_tls(figures: dict[str, Any]) -> None:
    """Both proxies count each request, both count handshakes, and the stock saw the shop's certificate each time."""
    shop = figures["mutual_tls"]["shop"]

    assert [shop[name] for name in ("answered", "sent_out", "came_in", "with_certificate")] == [
        shop["requests"]
    ] * 4
    for side in (
        "out",
        "in",
    ):  # a connection is kept: the shop's first request may have made it before the count
        assert shop[f"handshakes_{side}_before"] + shop[f"handshakes_{side}"] > 0
    assert shop["without"] == 0


def test_a_pod_without_a_proxy_is_counted_by_the_stocks_proxy_alone(figures: dict[str, Any]) -> None:
    """The counter-example: without it the test above could not tell mutual TLS from plain text."""
    stranger = figures["mutual_tls"]["stranger"]

    assert (stranger["came_in"], stranger["without"]) == (stranger["requests"],) * 2
    assert (stranger["sent_out"], stranger["with_certificate"], stranger["handshakes_in"]) == (0, 0, 0)


def test_where_mutual_tls_is_asked_for_the_older_form_cannot_migrate(figures: dict[str, Any]) -> None:
    """STRICT shuts out the stranger, and the shop's own init container with it."""
    strict = figures["strict"]

    assert strict["answered"] == {"shop": strict["requests"], "stranger": 0}
    assert strict["migrate_failed"]
