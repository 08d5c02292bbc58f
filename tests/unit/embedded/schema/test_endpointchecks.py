"""Addresses of endpoints that are refused, in upstream's words; read from its source, not recorded."""

from __future__ import annotations

import pytest

from podlab.embedded.schema import validation

WHY = {
    "10.1.2.3": "",
    "127.0.0.1": "may not be in the loopback range (127.0.0.0/8, ::1/128)",
    "0.0.0.0": "may not be unspecified (0.0.0.0)",  # noqa: S104  an address to refuse
    "169.254.169.254": "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
    "224.0.0.9": "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
    "shop": "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
}


@pytest.mark.parametrize("address", WHY)
def test_no_endpoint_is_where_only_the_sender_is(address: str) -> None:
    """Through a Service, or its proxy, the node's own ports could be reached."""
    meta, why = {"name": "x", "namespace": "n"}, WHY[address]
    of_slice = {"metadata": meta, "addressType": "IPv4", "endpoints": [{"addresses": [address]}]}
    subset = {"metadata": meta, "subsets": [{"addresses": [{"ip": address}]}]}

    for kind, obj, path in (
        ("discovery/v1.EndpointSlice", of_slice, "endpoints[0].addresses[0]"),
        ("core/v1.Endpoints", subset, "subsets[0].addresses[0].ip"),
    ):
        expected = [f'{path}: Invalid value: "{address}": {why}'] if why else []
        assert [str(error) for error in validation.validate(kind, obj)] == expected
