"""
Quantities such as ``500m`` and ``64Mi``: parse, compare, and write in the canonical form of the API server.

Canonical: no precision lost, no fraction, the largest suffix that fits, the family of suffixes (binary,
decimal, exponent) kept as written. ``1000m`` -> ``1``, ``0.5`` -> ``500m``, ``1024Mi`` -> ``1Gi``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

PATTERN = re.compile(r"^([+-]?)(\d+\.?\d*|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$")
WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
NANO = 10**9
LONGEST = 64  # characters; a real server accepts more, no honest manifest needs it


@lru_cache(
    512
)  # a cluster's Pods ask for few different amounts, and its scheduler sums them for each placement
def _split(text: str) -> tuple[int, str]:
    """Return the value in units of 10**-9 (rounded up, as upstream does) and the suffix as written."""
    match = PATTERN.match(text)
    if match is None or len(text) > LONGEST:
        raise ValueError(WRONG)
    sign, digits, suffix = match[1], match[2], match[3] or ""
    whole, _, fraction = digits.partition(".")
    numerator, scale = int(whole + fraction or "0"), 10 ** len(fraction)
    if suffix in BINARY:
        numerator *= 1024 ** BINARY[suffix]
    else:
        power = DECIMAL[suffix] if suffix in DECIMAL else int(suffix[1:])
        power = max(-30, min(power, 30))
        numerator, scale = numerator * 10 ** max(power, 0), scale * 10 ** max(-power, 0)
    nanos = -(-numerator * NANO // scale)
    return (-nanos if sign == "-" else nanos), suffix


def nanos(text: str | int | float) -> int:
    """Return the value of a quantity times 10**9. Raises ValueError with upstream's text."""
    return _split(str(text))[0]


def value(text: str | int | float) -> int:
    """Return the value rounded up to a whole number, as Quantity.Value() does."""
    return -(-nanos(text) // NANO)


def milli(text: str | int | float) -> int:
    """Return the value in thousandths, rounded up, as Quantity.MilliValue() does."""
    return -(-nanos(text) // (NANO // 1000))


def canonical(text: str) -> str:
    """Return the form that the API server writes. Raises ValueError with upstream's text."""
    amount, suffix = _split(text)
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if amount == 0:
        return "0"
    if suffix in BINARY and amount % NANO == 0 and amount >= 1024 * NANO:
        return sign + _binary(amount // NANO)
    if suffix[:1] in ("e", "E") and suffix not in DECIMAL:
        return sign + _exponent(amount)
    return sign + _decimal(amount)


def together(texts: Sequence[str]) -> str:
    """Return the sum, in the form of the first."""
    return written(sum(nanos(text) for text in texts), texts[0])


def written(amount: int, like: str) -> str:
    """*amount*, in units of 10**-9, with the family of suffixes that *like* has."""
    suffix = _split(str(like))[1]
    if suffix in BINARY and amount % NANO == 0 and amount >= 1024 * NANO:
        return _binary(amount // NANO)
    return _decimal(amount) if amount else "0"


def _binary(whole: int) -> str:
    for name in reversed(BINARY):
        if whole % 1024 ** BINARY[name] == 0:
            return f"{whole // 1024 ** BINARY[name]}{name}"
    return str(whole)


def _decimal(amount: int) -> str:
    for name, power in reversed(DECIMAL.items()):
        unit = 10 ** (power + 9)
        if amount % unit == 0:
            return f"{amount // unit}{name}"
    return str(amount)


def _exponent(amount: int) -> str:
    for power in range(18, -12, -3):
        unit = 10 ** (power + 9)
        if amount % unit == 0:
            return f"{amount // unit}e{power}" if power else str(amount // unit)
    return str(amount)
