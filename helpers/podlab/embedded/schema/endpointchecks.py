"""
Rules of a Service's ports, and of the addresses of endpoints: none may belong to the sender of a request.

Source: ValidateEndpointIP in pkg/apis/core/validation/validation.go and validateEndpoints in
pkg/apis/discovery/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import invalid
from podlab.embedded.schema.walk import ValidationContext
from podlab.pods.raw import RawObject

SPECIAL = (
    ("is_unspecified", "may not be unspecified ({})"),
    ("is_loopback", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
    ("is_link_local", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
)
MULTICAST_TEXT = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"


def slice_addresses(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """The addresses of an EndpointSlice, of IPv4 or IPv6."""
    if obj.get("addressType") not in ("IPv4", "IPv6"):
        return
    for place, endpoint in enumerate(obj.get("endpoints") or ()):
        for index, address in enumerate(endpoint.get("addresses") or ()):
            check_address(context, f"endpoints[{place}].addresses[{index}]", address)


def subset_addresses(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """The addresses of Endpoints."""
    for place, subset in enumerate(obj.get("subsets") or ()):
        for field in ("addresses", "notReadyAddresses"):
            for index, address in enumerate(subset.get(field) or ()):
                check_address(context, f"subsets[{place}].{field}[{index}].ip", address.get("ip") or "")


def check_address(context: ValidationContext, path: str, address: str) -> None:
    """An address that is not the sender's own, or everybody's."""
    if faults := formats.ip(address):
        context.add(*(invalid(path, address, text) for text in faults))
        return
    import ipaddress  # where there is one to check, which is not at the start

    parsed = ipaddress.ip_address(address)
    for kind, text in SPECIAL:
        if getattr(parsed, kind):
            context.add(invalid(path, address, text.format(address)))
    if parsed.packed.startswith(b"\xe0\0\0" if parsed.version == 4 else b"\xff\x02"):
        context.add(invalid(path, address, MULTICAST_TEXT))


CHECKS = {check.__name__: check for check in (slice_addresses, subset_addresses)}
