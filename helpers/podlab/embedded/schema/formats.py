"""
The formats of names, and upstream's messages for a text in another format.

Source: apimachinery/pkg/util/validation/validation.go and api/validate/content at v1.36.3.
"""

from __future__ import annotations

import re

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_VALUE = rf"({QUALIFIED})?"
CONFIG_KEY = r"[-._a-zA-Z0-9]+"
ENV_NAME = r"[ -<>-~]+"

LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{LABEL_1035}')"
)
QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{QUALIFIED}')"
)
LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{LABEL_VALUE}')"
)
CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    f"or 'key-name', regex used for validation is '{CONFIG_KEY}')"
)
ENV_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='"


def _shaped(pattern: str, text: str, value: str, longest: int, unit: str = "characters") -> list[str]:
    found = [f"must be no more than {longest} {unit}"] if len(value.encode()) > longest else []
    if not re.fullmatch(pattern, value[: longest + 1]):
        found.append(text)
    return found


def label(value: str) -> list[str]:
    """RFC 1123 label."""
    return _shaped(LABEL, LABEL_TEXT, value, 63)


def path_segment(value: str) -> list[str]:
    """Return what may be one segment of a path: names of roles have no other rule."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain."""
    return _shaped(SUBDOMAIN, SUBDOMAIN_TEXT, value, 253)


def label1035(value: str) -> list[str]:
    """RFC 1035 label, for Services."""
    return _shaped(LABEL_1035, LABEL_1035_TEXT, value, 63)


def label_value(value: str) -> list[str]:
    """Check the value of a label."""
    return _shaped(LABEL_VALUE, LABEL_VALUE_TEXT, value, 63, "bytes")


def config_key(value: str) -> list[str]:
    """Check a key of a ConfigMap or Secret."""
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    if value.startswith(".."):
        return ["must not start with '..'"]
    return _shaped(CONFIG_KEY, CONFIG_KEY_TEXT, value, 253)


def env_name(value: str) -> list[str]:
    """Check the name of an environment variable, by the relaxed rule."""
    return [] if re.fullmatch(ENV_NAME, value) else [ENV_TEXT]


def qualified(value: str) -> list[str]:
    """Check a label's key: an optional domain, a slash, a name."""
    domain, slash, name = value.rpartition("/")
    if "/" in domain:
        return [f"a valid label key {QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"]  # fmt: skip
    found = []
    if slash and not domain:
        found.append("prefix part must be non-empty")
    elif slash:
        found += [f"prefix part {text}" for text in _shaped(SUBDOMAIN, SUBDOMAIN_TEXT, domain, 253, "bytes")]
    if not name:
        found.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        found.append("name part must be no more than 63 bytes")
    if not re.fullmatch(QUALIFIED, name[:64]):
        found.append(f"name part {QUALIFIED_TEXT}")
    return found


def port_name(value: str) -> list[str]:
    """Check the name of a port."""
    found = []
    if len(value) > 15:
        found.append("must be no more than 15 characters")
    if not re.fullmatch(r"[-a-z0-9]+", value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def downward(value: str) -> list[str]:
    """Check a path that takes no step back up."""
    return ["must not contain '..'"] if ".." in value.split("/") else []


def descending(value: str) -> list[str]:
    """Check a path that stays below where it begins."""
    found = ["must be a relative path"] if value.startswith("/") else []
    return [*found, *downward(value)]


def local_path(value: str) -> list[str]:
    """Check the path of a file in a volume that the node writes: names with two dots in front are the node's own."""
    reserved = value.startswith("..") and not value.startswith("../")
    return [*descending(value), "must not start with '..'"] if reserved else descending(value)


def percent(value: str) -> list[str]:
    """Check a share of all, such as ``25%``."""
    if re.fullmatch(r"[0-9]+%", value):
        return []
    return ["a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
            "regex used for validation is '[0-9]+%')"]  # fmt: skip


def ip(value: str) -> list[str]:
    """Check an IP address."""
    import ipaddress

    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []
