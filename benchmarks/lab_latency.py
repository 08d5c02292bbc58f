"""
What a warmed cache spares the first customer, and what Envoy adds to a call: labs 04 and 07, in figures.

    python benchmarks/lab_latency.py                             # own embedded cluster
    python benchmarks/lab_latency.py --driver kind --name lab --starts 10 --calls 5000

Lab 04: its two shops, as its page has them, are started by turns; the customer of the page asks each. "Ready after" is
the price: from the Pod's creation, by the server's times. Lab 07: one client calls the shop directly and through the
Envoy of the shop's own Pod, by turns, each call on a new connection; p50 and p99 are those of the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import on_a_cluster
import yaml

from podlab.lab.core import Lab

LABS = Path(__file__).parents[1] / "labs"
SHOPS = ("cold", "warmed")
CALLS = """\
import http.client, json, sys, time

def call(port):
    began = time.perf_counter()
    connection = http.client.HTTPConnection("shop", port, timeout=10)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200, answer.status
    return time.perf_counter() - began

ports, took = {"direct": 8080, "envoy": 10000}, {"direct": [], "envoy": []}
for number in range(int(sys.argv[1])):
    for name in sorted(ports, reverse=number % 2 == 0):
        took[name].append(call(ports[name]))
print(json.dumps(took))
"""


def cell(page: str, name: str) -> str:
    """Return the text of the ``%%manifest`` cell *name* of a lab's page."""
    head = f"%%manifest {name}\n"
    cells = nbformat.read(LABS / page / f"{page}.ipynb", as_version=4).cells
    return next(str(each.source).removeprefix(head) for each in cells if each.source.startswith(head))


# ------------------------------------------------------------------------------------------------- warmed cache


def first_requests(lab: Lab, starts: int) -> dict[str, list[tuple[float, float, float]]]:
    """Return for each shop and start: seconds of the first request, median of the later ones, seconds to Ready."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SHOPS}
    for _ in range(starts):
        lab.apply(cell("04-warm-a-cache", "shops"))
        lab.wait(
            lambda: all(lab.ready(name) == "1/1" for name in SHOPS), "a shop is not ready", deadline_s=120
        )
        lab.apply(cell("04-warm-a-cache", "customers"))
        lab.wait(lambda: lab.get("pod", "customers")["status"]["phase"] == "Succeeded", deadline_s=90)
        for name in SHOPS:
            took = [call["took"] for call in lab.lines("customers", name, event="call")]
            found[name].append((took[0], statistics.median(took[1:]), ready_after(lab.get("pod", name))))
    return found


def ready_after(pod: dict[str, Any]) -> float:
    """Return the seconds from a Pod's creation to its condition Ready, to the second."""
    ready = next(one for one in pod["status"]["conditions"] if one["type"] == "Ready")
    return (at(ready["lastTransitionTime"]) - at(pod["metadata"]["creationTimestamp"])).total_seconds()


def at(text: str) -> datetime:
    """Return a time of the API server."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# -------------------------------------------------------------------------------------------------------- Envoy


def calls(lab: Lab, count: int) -> dict[str, list[float]]:
    """Return the seconds of *count* calls to lab 07's shop, directly and through Envoy."""
    lab.need("envoy")
    lab.apply(LABS / "07-proxy/manifests/envoy.yaml")
    lab.apply(yaml.safe_dump_all(map(never_failing, documents("07-proxy/manifests/shop.yaml"))))
    lab.wait(lambda: lab.ready("shop") == "2/2", "the shop is not ready", deadline_s=90)
    lab.apply(client(count))
    ended = lambda: lab.get("pod", "client")["status"]["phase"] in ("Succeeded", "Failed")  # noqa: E731
    lab.wait(ended, "the client has not ended", deadline_s=60 + count * 0.2)
    found: dict[str, list[float]] = json.loads(lab.logs("client"))
    return found


def documents(path: str) -> list[dict[str, Any]]:
    """Return the objects of a file of the labs."""
    return list(yaml.safe_load_all((LABS / path).read_text("utf-8")))


def never_failing(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object with a shop that answers every call: retries are not what is measured."""
    for each in body["spec"].get("containers", []):
        each["args"] = [word for word in each.get("args", []) if not word.startswith("--fail-every")]
    return body


def client(count: int) -> str:
    """Return the Pod that calls."""
    container = {
        "name": "client",
        "image": "python:3.11-slim",
        "command": ["python3", "-c", CALLS, str(count)],
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}}
    return yaml.safe_dump(body | {"spec": {"restartPolicy": "Never", "containers": [container]}})


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of the sorted values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=5, help="of each shop of lab 04 (default: 5)")
    parser.add_argument("--calls", type=int, default=2000, help="of each kind in lab 07 (default: 2000)")
    on_a_cluster.add_options(parser)
    options = parser.parse_args()
    with on_a_cluster.lab(options, "podlab-bench-latency") as lab:
        first = first_requests(lab, options.starts)
        print(f"lab 04 on {lab.driver}, medians of {options.starts} starts, milliseconds")
        for name in SHOPS:
            asked, later, ready = (statistics.median(row) for row in zip(*first[name], strict=True))
            print(
                f"{name:<8} first {asked * 1000:>8.1f}  later {later * 1000:>6.1f}  Ready after {ready:.0f} s"
            )
        ratio = statistics.median(row[0] for row in first["cold"]) / statistics.median(
            row[0] for row in first["warmed"]
        )
        print(f"cold / warmed, first request: {ratio:.0f}")
        took = calls(lab, options.calls)
        print(f"lab 07 on {lab.driver}, {options.calls} calls each, milliseconds")
        for share in (0.5, 0.99):
            direct, envoy = (percentile(took[name], share) * 1000 for name in ("direct", "envoy"))
            row = f"p{share * 100:.0f} direct {direct:>6.2f}  through Envoy {envoy:>6.2f}"
            print(f"{row}  added {envoy - direct:>5.2f}  ratio {envoy / direct:.2f}")


if __name__ == "__main__":
    main()
