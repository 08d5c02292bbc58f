"""
Predictions and facts: what a learner said before a Pod ran, and what the cluster then did.

Facts are printed in a fixed form, one to a line, because notebooks compare them on every run. Where a
prediction of the same name was made, the line also says whether it held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podlab.checks import notation
from podlab.errors import CheckError

_SHORT = {"y": "yes", "n": "no", "true": "yes", "false": "no"}
NOT_ANSWERED = "not answered yet"


def read(text: str) -> dict[str, str]:
    """
    Return the answers of a prediction cell: lines ``name: answer``; comments and unanswered lines are left
    out.

    Raises:
        CheckError: A line is neither a comment nor ``name: answer``.
    """
    answers = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("#", 1)[0].strip()
        if not bare:
            continue
        name, colon, answer = bare.partition(":")
        if not colon:
            raise CheckError(
                f"line {number} is no prediction: {line.strip()}", hint="write it like  order: a | b"
            )
        if answer.strip():
            answers[_key(name)] = answer.strip()
    return answers


def describe(answers: Mapping[str, str]) -> str:
    """Return what a prediction cell prints: the answers as understood, orders drawn as steps."""
    if not answers:
        return NOT_ANSWERED
    return "\n".join(f"you say  {name}: {_drawn(answer)}" for name, answer in answers.items())


def lines(facts: Mapping[str, Any], predicted: Mapping[str, str]) -> list[str]:
    """Return one line per fact, with the verdict on its prediction where there is one."""
    width = max((len(_label(name)) for name in facts), default=0)
    found = []
    for name, value in facts.items():
        said = predicted.get(_key(name))
        note = "" if said is None else f"   you said {said}: {'right' if agrees(said, value) else 'not so'}"
        found.append(f"{_label(name):<{width}}  {plain(value)}{note}")
    return found


def agrees(said: str, value: Any) -> bool:
    """Return whether *said* means *value*: as an order where both are one, else as words."""
    try:
        return notation.same(said, plain(value))
    except CheckError:
        return _words(said) == _words(plain(value))


def plain(value: Any) -> str:
    """Return *value* in the words of a lesson: yes and no, lists with commas, sets sorted."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # An Answer of a timeline: its value is the fact, the evidence is for the eye.
    if hasattr(value, "evidence"):
        return plain(value.value)
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(plain, value))) or "nothing"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "nothing"
    return str(value)


def _drawn(answer: str) -> str:
    try:
        return notation.show(notation.parse(answer)) if "|" in answer else answer
    except CheckError as error:
        return f"{answer}   ({error.cause}; {error.hint})"


def _key(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _words(text: str) -> list[str]:
    """Words alone: commas, full stops and capitals are not what was asked."""
    words = _key(text).replace(",", " ").split()
    return [_SHORT.get(word, word) for word in (word.rstrip(".") for word in words)]


def _label(name: str) -> str:
    return name.replace("_", " ")
