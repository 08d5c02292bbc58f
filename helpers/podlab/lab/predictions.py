"""
The predictions of a round, written before the Pod runs: lines ``label: answer``.

Answers may use the prompt's own words, in any case and spacing: ``200 (a page)``, ``Pending -> Running``,
``no, Failed``. The labels that each round of the course asks for stand in ``rounds.toml``; a round that is not
listed there takes any label.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from podlab.checks import notation
from podlab.errors import CheckError
from podlab.nearest import nearest

NOT_ANSWERED = "not answered yet"
_SHORT = {"y": "yes", "n": "no", "true": "yes", "false": "no", "none": "nothing"}
_NUMBERS = {
    "zero": "0",
    "once": "1",
    "one": "1",
    "twice": "2",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
}
_NOUGHT = {"none", "never", "no", "not", "nothing"}  # how people write 0, where 0 is the answer
_FILLERS = {"times", "time", "and", "then"}


def read(text: str) -> dict[str, str]:
    """
    Return the answers of a prediction cell by label; comments and unanswered lines are left out.

    Raises:
        CheckError: A line is neither a comment nor ``label: answer``, or a label comes twice.
    """
    answers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("#", 1)[0].strip()
        label, colon, answer = bare.partition(":")
        if bare and not colon:
            raise CheckError(
                f"cannot read line {number} of this prediction: {bare}",
                cause="it has no colon",
                hint="write the label, a colon and your answer, such as  order: a | b",
            )
        if not answer.strip():
            continue
        if key(label) in answers:
            raise CheckError(
                f"line {number} answers {key(label)!r} a second time",
                cause=f"the first answer was {answers[key(label)]}",
                hint="keep one of the two lines",
            )
        answers[key(label)] = answer.strip()
    return answers


@cache
def rounds() -> dict[str, list[str]]:
    """Return the labels that each round of the course asks for, by the round's number."""
    text = (resources.files("podlab.lab") / "rounds.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text))


def orders(answers: Mapping[str, str], pod: str) -> tuple[str, str]:
    """
    Return the orders of starts and of ends that *answers* predict for *pod*; empty where they predict none.

    An order of starts is labelled ``order`` or with the Pod's name, one of ends ``stop`` or ``from the ends``.
    """

    def first(*labels: str) -> str:
        return next((answers[label] for label in labels if readable(answers.get(label, ""))), "")

    return first("order", key(pod)), first("stop", "from the ends")


def readable(order: str) -> bool:
    """Return whether a text can be read as an order."""
    try:
        return bool(order.strip()) and bool(notation.parse(order))
    except CheckError:
        return False


def describe(round_: str, answers: Mapping[str, str]) -> str:
    """Return what a prediction cell prints: the answers as understood, unknown labels, what is still open."""
    asked = rounds().get(round_, [])
    if not answers:
        wanted = f" ({', '.join(asked)})" if asked else ""
        return f"{NOT_ANSWERED}: write your answer after each colon{wanted}, then run this cell again"
    lines = [f"you say  {label}: {_drawn(answer)}" for label, answer in answers.items()]
    if asked:
        lines += [_unknown(label, round_, asked) for label in answers if label not in asked]
        still = [label for label in asked if label not in answers]
        lines += [f"still open: {', '.join(still)}"] if still else []
    return "\n".join(lines)


def agrees(said: str, value: Any, plain: str) -> bool:
    """
    Return whether *said* means *value*, which a lesson prints as *plain*.

    An order is compared as an order. All else is compared word by word; of a set, the words in any order. Of a list
    whose items are all the same, one item is enough: ``1`` for ``1, 1``.
    """
    if _is_order(plain):
        try:
            return notation.same(said, plain)
        except CheckError:
            return False
    mine, theirs = words(said), words(plain)
    if isinstance(value, (set, frozenset)):
        return sorted(mine) == sorted(theirs)
    if theirs == ["0"] and len(mine) == 1:
        return mine[0] == "0" or mine[0] in _NOUGHT
    each_the_same = isinstance(value, (list, tuple)) and mine * len(value) == theirs
    return mine == theirs or (each_the_same and bool(mine))


def words(text: str) -> list[str]:
    """Return the words that count: no case, commas, arrows, full stops, fillers, or remarks in brackets."""
    bare = re.sub(r"\([^)]*\)", " ", text.lower()) if not _is_order(text) else text.lower()
    parts = re.sub(r"->|→|=>|[,;|]", " ", bare).split()
    found = [_SHORT.get(word, word) for word in (part.strip(".!?\"'`") for part in parts)]
    return [_number(word) for word in found if word and word not in _FILLERS]


def _number(word: str) -> str:
    """Return a number in one form: ``121`` for ``121.00``, ``2`` for ``twice``; other words as they are."""
    found = _NUMBERS.get(word, word)
    if not re.fullmatch(r"\d{1,15}(\.\d{1,6})?", found):
        return found
    whole, _, rest = found.partition(".")
    return f"{int(whole)}.{rest}".rstrip("0").rstrip(".") if rest.strip("0") else str(int(whole))


def key(label: str) -> str:
    """Return a label as it is compared: small letters, blanks for underscores and hyphens."""
    return " ".join(label.lower().replace("_", " ").replace("-", " ").split())


def _is_order(text: str) -> bool:
    """Return whether a text is an order of several containers: it has a bar, or is nothing but one bracket."""
    return "|" in text or re.fullmatch(r"\([^)]*\)", text.strip()) is not None


def _unknown(label: str, round_: str, asked: Sequence[str]) -> str:
    near = nearest(label, asked)
    hint = f"did you mean {near!r}?" if near else f"it asks for: {', '.join(asked)}"
    return f"round {round_} does not ask for {label!r}: {hint}"


def _drawn(answer: str) -> str:
    if not re.search(r"\||->|→|=>", answer):
        return answer
    try:
        return notation.show(notation.parse(answer))
    except CheckError as error:
        return f"{answer}   ({error.cause}; {error.hint})"
