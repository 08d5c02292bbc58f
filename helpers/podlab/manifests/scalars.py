"""
The meaning of an unquoted word in a manifest: the rules of the YAML reader that kubectl uses, not those of
PyYAML.

Both read YAML 1.1, but kubectl's keeps ``22:22`` and ``2026-01-31`` as text and takes ``y`` for true.

Source: resolve.go of sigs.k8s.io/yaml/goyaml.v2.
"""

from __future__ import annotations

import re

_TRUE = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"}
_FALSE = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?\Z|[-+]?[0-9]+\.\Z")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


def plain(text: str) -> object:
    """Return the value of an unquoted scalar: None, bool, int, float or str."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) <= 64:  # longer than any number that a field could hold
        if _INTEGER.match(text):
            return _integer(text)
        if _FLOAT.match(text):
            return float(text)
        if text.lower() in _SPECIAL:
            return float(_SPECIAL[text.lower()])
    return text


def _integer(text: str) -> object:
    digits = text.replace("_", "")
    sign, bare = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    base = {"0b": 2, "0o": 8, "0x": 16}.get(bare[:2].lower())
    if base:
        return sign * int(bare[2:], base)
    if len(bare) > 1 and bare[0] == "0":
        return sign * int(bare, 8) if set(bare) <= set("01234567") else float(bare)
    return sign * int(bare)


def tagged(tag: str, text: str) -> object:
    """
    Return the value of a scalar with an explicit tag.

    Raises:
        ValueError: If the tag is none of YAML's own for scalars, or the text does not fit it.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind == "str":
        return text
    if kind == "binary":
        return "".join(text.split())
    value = plain(text)
    fits = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}.get(kind)
    if fits is None:
        raise ValueError(f"the tag {tag} is not allowed in a manifest")
    if not isinstance(value, fits):  # type: ignore[arg-type]
        raise ValueError(f'"{text[:40]}" is not a valid {kind}')
    return value
