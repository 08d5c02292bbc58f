"""Counters of two proxies and the app behind them: requests, handshakes, and who asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from podlab.client import Client

SHOP = re.compile(r"/(?P<path>\S*) asked by spiffe://\S+/sa/shop")


@dataclass(frozen=True)
class Counts:
    """Counters of the caller's proxy (out), of the stock's proxy (in), and what the stock saw itself."""

    sent_out: int
    handshakes_out: int
    came_in: int
    handshakes_in: int
    with_certificate: int
    without: int

    def __sub__(self, before: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(self.values(), before.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        """The six numbers in the order of the fields."""
        return (self.sent_out, self.handshakes_out, self.came_in, self.handshakes_in,
                self.with_certificate, self.without)  # fmt: skip


def parse(text: str) -> dict[str, int]:
    """Return the counters of Envoy's ``/stats``: lines ``name: number``; histograms are left out."""
    found = re.findall(r"^(\S.*?): (\d+)$", text, re.M)
    return {name: int(value) for name, value in found}


def total(stats: Mapping[str, int], start: str, end: str) -> int:
    """Return the sum of the counters whose name begins with *start* and ends with *end*."""
    return sum(value for name, value in stats.items() if name.startswith(start) and name.endswith(end))


def stats(client: Client, namespace: str, pod: str) -> dict[str, int]:
    """Ask the proxy of a Pod for its counters."""
    command = ["pilot-agent", "request", "GET", "stats"]
    return parse(client.exec(namespace, pod, command, container="istio-proxy", timeout_s=60).stdout)


def count(client: Client, namespace: str, caller: str, stock: str) -> Counts:
    """Return what has been counted so far on the way from the Pod *caller* to the Pod *stock*."""
    outward, inward = stats(client, namespace, caller), stats(client, namespace, stock)
    out = "cluster.outbound|8080||stock."
    log = client.text(f"/api/v1/namespaces/{namespace}/pods/{stock}/log", container="stock").splitlines()
    known = sum(1 for line in log if SHOP.match(line))
    return Counts(
        sent_out=total(outward, out, ".upstream_rq_total"),
        handshakes_out=total(outward, out, ".ssl.handshake"),
        came_in=total(inward, "cluster.inbound|8080|", ".upstream_rq_total"),
        handshakes_in=total(inward, "listener.0.0.0.0_15006", ".ssl.handshake"),
        with_certificate=known,
        without=len(log) - known,
    )


def call(client: Client, namespace: str, pod: str, times: int, path: str) -> int:
    """Let the container ``app`` of a Pod ask the stock *times*, one after another; return how many were answered."""
    loop = f"for i in $(seq {times}); do wget -q -T 5 -O - http://stock:8080/{path} || echo failed; done"
    said = client.exec(namespace, pod, ["sh", "-c", loop], container="app", timeout_s=300).stdout
    return sum(1 for line in said.splitlines() if line.startswith(f"/{path} asked by"))
