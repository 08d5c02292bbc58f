"""ConfigMaps and Secrets that are refused, in upstream's words; read from its source, not recorded."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from podlab.embedded.schema import validation

MEGABYTE = 1 << 20


def faults(kind: str, **fields: Any) -> list[str]:
    """Return the messages for a ConfigMap or Secret."""
    return [
        str(error) for error in validation.validate(f"core/v1.{kind}", {"metadata": {"name": "x"}, **fields})
    ]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("size", [MEGABYTE, MEGABYTE + 1])
def test_a_megabyte_fits_and_no_more(size: int) -> None:
    """Of what is meant, not of its base64."""
    long = " Too long: may not be more than 1048576 bytes"
    over = size > MEGABYTE
    assert faults("ConfigMap", data={"a": "x" * size}) == (["[]:" + long] if over else [])
    assert faults("ConfigMap", data={"a": "\u00e9" * (size // 2), "b": "x" * (size % 2)}) == (
        ["[]:" + long] if over else []
    )
    assert faults("ConfigMap", binaryData={"a": coded("x" * size)}) == (["[]:" + long] if over else [])
    assert faults("Secret", data={"a": coded("x" * size)}) == (["data:" + long] if over else [])


def test_a_key_is_there_once() -> None:
    expected = 'data[a]: Invalid value: "a": duplicate of key present in binaryData'
    assert faults("ConfigMap", data={"a": "x"}, binaryData={"a": ""}) == [expected]


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("Opaque", {}, []),
        ("example.com/own", {}, []),
        ("kubernetes.io/tls", {"tls.crt": ""}, ["data[tls.key]: Required value"]),
        ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}, []),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": ""}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/basic-auth", {}, ["data[username]: Required value", "data[password]: Required value"]),
        ("kubernetes.io/basic-auth", {"password": ""}, []),
        ("kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]: Required value"]),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": coded("{}")}, []),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": ""},
         ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input']),
        ("kubernetes.io/service-account-token", {},
         ["metadata.annotations[kubernetes.io/service-account.name]: Required value"]),
    ],
)  # fmt: skip
def test_a_secret_holds_what_its_type_promises(kind: str, data: dict[str, str], expected: list[str]) -> None:
    assert faults("Secret", type=kind, data=data) == expected
