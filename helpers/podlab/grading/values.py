"""
Values of an exercise: drawn from a seed, and put into its files where ``{{name}}`` stands.

The same exercise and seed give the same values on every machine: they are drawn from SHA-256 of exercise, seed and
name, so a new value in exercise.toml does not change those that were there before.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping
from typing import Any

from podlab.errors import CheckError

_MARK = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "kelp", "lagoon",
    "maple", "north", "ochre", "pearl", "quartz", "ridge", "slate", "tidal", "umber", "vale", "willow", "yarrow",
)  # fmt: skip
KINDS = ("choice", "range", "shuffle", "sample", "sha256")


def seed_of(learner: str, exercise: str) -> int:
    """Return the seed of a learner's id for one exercise: the same everywhere, different for each exercise."""
    return int.from_bytes(hashlib.sha256(f"{learner}\0{exercise}".encode()).digest()[:6], "big")


def draw(exercise: str, rules: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """
    Return the values of one seed.

    Args:
        rules: Name -> a plain value, or ``"word"`` (a fresh word, for nonces), or a table with one of
            ``choice`` (list), ``range`` ([low, high], both included), ``shuffle`` (list), ``sample``
            ({from = list, count = n}), ``sha256`` (the sum of a text, in which ``{{name}}`` stands for a value
            that was drawn before it).
    """
    found: dict[str, Any] = {}
    for name, rule in rules.items():
        chance = random.Random(hashlib.sha256(f"{exercise}\0{seed}\0{name}".encode()).digest())
        found[name] = _one(rule, chance, found)
    return found


def _one(rule: Any, chance: random.Random, found: Mapping[str, Any]) -> Any:
    if rule == "word":
        return f"{chance.choice(_WORDS)}-{chance.randrange(1000, 9999)}"
    if not isinstance(rule, Mapping):
        return rule
    kind, what = next(iter(rule.items()))
    if kind == "sha256":
        return hashlib.sha256(fill(str(what), found).encode()).hexdigest()
    return _drawn(kind, what, chance)


def _drawn(kind: str, what: Any, chance: random.Random) -> Any:
    if kind == "choice":
        return chance.choice(list(what))
    if kind == "range":
        return chance.randint(int(what[0]), int(what[1]))
    if kind == "shuffle":
        return chance.sample(list(what), len(what))
    return chance.sample(list(what["from"]), int(what["count"]))


def fill(text: str, values: Mapping[str, Any], *, source: str = "text") -> str:
    """
    Return *text* with each ``{{name}}`` replaced by its value; ``{{order.1}}`` is an item of a list (from 0).

    Raises:
        CheckError: A name has no value; names file and line.
    """

    def put(match: re.Match[str]) -> str:
        name, _, item = match[1].partition(".")
        if name not in values:
            line = text.count("\n", 0, match.start()) + 1
            raise CheckError(
                f"{source}, line {line}: no value {name!r}", cause=f"values: {', '.join(values) or 'none'}"
            )
        value = values[name]
        return str(value[int(item)] if item else value)

    return _MARK.sub(put, text)
