"""
The argument and the result of a check function.

    @check("first")
    def first(case: Case) -> Finding:
        life = case.life()
        return Finding(life.started_before("shipper", "shop"), found=f"start order {life.start_order()}")

A check reads recorded lives and the answer's text. It has no client, waits for nothing and reads no clock, so it
can be run again on the kept recordings and gives the same result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from podlab.checks.lives import Life
from podlab.errors import CheckError
from podlab.manifests import Manifest

Check = Callable[["Case"], "Finding | bool | None"]


@dataclass(frozen=True)
class Finding:
    """
    The result of one check.

    Args:
        holds: True, False, or None where the evidence does not decide.
        found: What was seen instead, in words without times.
        why: The rule of Kubernetes behind it.
        hint: Which hint fits, where it differs from the one in exercise.toml.
        share: The part of the points that is earned (0 to 1), for checks that count statements.
    """

    holds: bool | None
    found: str = ""
    why: str = ""
    hint: int | None = None
    share: Fraction | None = None

    @classmethod
    def counted(
        cls, right: int, of: int, *, found: str = "", why: str = "", hint: int | None = None
    ) -> Finding:
        """Return the finding for *right* of *of* statements: it holds if all are right, and pays by share."""
        return cls(right == of, found, why, hint, Fraction(max(0, right), of))


@dataclass(frozen=True)
class Answer:
    """
    The answer as text, and what was read from it.

    Attributes:
        text: The cell, without its first line ``%%exercise``.
        loaded: The objects of a manifest, with their lines; empty for other kinds of answer.
        choices: ``name: value`` lines; nested names are joined by dots (``policy.Never.phase``). In a manifest
            they stand in comments: ``# cause: b``.
    """

    text: str
    loaded: Sequence[Manifest] = ()
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects of a manifest, as written."""
        return [each.object for each in self.loaded]

    def chose(self, name: str) -> str:
        """Return the value given for *name*: small letters, single blanks, no quotes; empty if absent."""
        wanted = plain(name)
        return next((plain(value) for key, value in self.choices.items() if plain(key) == wanted), "")

    def pod(self) -> dict[str, Any]:
        """Return the answer's first Pod, or the Pod template of its first controller; ``{}`` without one."""
        for body in self.objects:
            if body.get("kind") == "Pod":
                return body
            template = (body.get("spec") or {}).get("template")
            if isinstance(template, dict):
                return template
        return {}


def plain(text: object) -> str:
    """Return words alone: small letters, single blanks, without quotes and a full stop."""
    return " ".join(str(text).lower().replace("_", " ").split()).strip("\"'`.")


@dataclass(frozen=True)
class Key:
    """
    Accepted values of choices, kept apart from checks.py: the learner's edition holds digests of them alone.

    Attributes:
        accepted: Item -> digests of the accepted values, see ``digest``.
        salt: The exercise's id.
    """

    accepted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    salt: str = ""

    def accepts(self, item: str, value: str) -> bool:
        """Return whether *value* (in any case, with any blanks) is accepted for *item*."""
        return digest(self.salt, item, value) in self.accepted.get(item, frozenset())


def digest(salt: str, item: str, value: str) -> str:
    """Return what the learner's edition holds in place of an accepted value."""
    return hashlib.sha256(f"{salt}\0{item}\0{plain(value)}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Case:
    """
    One answer with everything that was recorded about it.

    Attributes:
        answer: What was handed in.
        values: The exercise's values for this seed, such as ``nonce``.
        lives: Run name -> its recorded life, in the order of exercise.toml.
        given: File name -> rendered text of the exercise's other files, such as ``starter.yaml``.
        key: The accepted values of an exercise that has a key.toml, see ``Key``.
    """

    answer: Answer
    values: Mapping[str, Any] = field(default_factory=dict)
    lives: Mapping[str, Life] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    key: Key = field(default_factory=Key)

    def life(self, run: str | None = None) -> Life:
        """Return the life recorded in *run*, or in the first run."""
        name = run or next(iter(self.lives), "")
        if name not in self.lives:
            raise CheckError(
                f"this exercise has no run {run!r}", cause=f"runs: {', '.join(self.lives) or 'none'}"
            )
        return self.lives[name]


def check(id: str) -> Callable[[Check], Check]:
    """Mark a function of checks.py as the check *id* of exercise.toml."""

    def mark(function: Check) -> Check:
        function.check_id = id  # type: ignore[attr-defined]
        return function

    return mark
