"""
Rules for the data of ConfigMaps and Secrets: its size, and the keys that some types of Secret need.

Source: ValidateConfigMap and ValidateSecret in pkg/apis/core/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from podlab.embedded.schema.fielderror import FieldError, invalid, required, too_long
from podlab.embedded.schema.walk import ValidationContext
from podlab.pods.raw import RawObject

LARGEST = 1 << 20  # bytes, of all values together
ACCOUNT = "kubernetes.io/service-account.name"
# The keys that a type of Secret must have, all of them.
KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def config_map_data(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """No key twice, and not more than fits."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in sorted(data.keys() & binary.keys()):
        context.add(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    size = sum(len(value.encode("utf-8", "replace")) for value in data.values()) + _decoded(binary)
    if size > LARGEST:
        context.add(too_long("[]", LARGEST))


def secret_data(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """Not more than fits, and what its type promises."""
    data, kind = obj.get("data") or {}, obj.get("type") or ""
    if _decoded(data) > LARGEST:
        context.add(too_long("data", LARGEST))
    for key in KEYS.get(kind, ()):
        if key not in data or (kind.endswith("ssh-auth") and not data[key]):
            context.add(required(f"data[{key}]"))
        elif kind.startswith("kubernetes.io/docker"):
            context.add(*_json_faults(f"data[{key}]", data[key]))
    if kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        context.add(required("data[username]"), required("data[password]"))
    annotations = obj["metadata"].get("annotations") or {}
    if kind == "kubernetes.io/service-account-token" and not annotations.get(ACCOUNT):
        context.add(required(f"metadata.annotations[{ACCOUNT}]"))


def _decoded(values: dict[str, str]) -> int:
    """Return the size of base64 texts once they are decoded."""
    return sum(len(value) * 3 // 4 - value[-2:].count("=") for value in values.values() if value)


def _json_faults(path: str, value: str) -> list[FieldError]:
    """Return what is wrong with a text that has to be a JSON object; ``null`` is one to Go."""
    try:
        found = json.loads(base64.b64decode(value or ""))
    except (ValueError, RecursionError):
        found = ""
    if found is None or isinstance(found, dict):
        return []
    why = "invalid character" if value else "unexpected end of JSON input"
    return [invalid(path, "<secret contents redacted>", why)]


CHECKS = {check.__name__: check for check in (config_map_data, secret_data)}
