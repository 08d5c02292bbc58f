"""Where a Service leads, for what the API server itself asks of one."""

from __future__ import annotations

import random

from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject


def endpoint(store: Store, service: RawObject, port: str) -> tuple[str, int]:
    """
    Return a ready endpoint of a Service, by the number or name of one of its ports.

    Raises:
        StatusError: 503 without a ready endpoint.
    """
    meta = service["metadata"]
    if port.isdigit():
        ports = [p for p in service["spec"].get("ports") or () if p["port"] == int(port)]
        if not ports:
            raise StatusError(503, f'no service port {port} found for service "{meta["name"]}"')
        port = ports[0].get("name", "")
    endpoints = store.get("endpoints", meta["namespace"], meta["name"]) or {}
    found = [
        (address["ip"], one["port"])
        for subset in endpoints.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for one in subset.get("ports") or ()
        if one.get("name", "") == port and address.get("targetRef")
    ]
    if not found:
        raise StatusError(503, f'no endpoints available for service "{meta["name"]}"')
    return random.choice(found)
