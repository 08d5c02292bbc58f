"""e34 ward-round: cause and container by the key; the evidence must be in the key and in the recording."""

import re
from collections.abc import Iterator
from typing import Any

from podlab.checks import Case, Finding, Life, check

ITEMS = ("cause", "container", "evidence")
AFTERWARDS = ("crashloopbackoff", "backoff")
_FILLING = re.compile(r"\b(cause|container|evidence|is|exit|code)\b|[:=()\"'`]")


def given(case: Case, patient: str) -> list[str]:
    """Return cause, container and evidence: from one line with commas or blanks, or from a map."""
    nested = [case.answer.chose(f"{patient}.{item}") for item in ITEMS]
    text = ", ".join(nested) if any(nested) else case.answer.chose(patient)
    text = _FILLING.sub(" ", text.replace("init:", "init-"))  # kubectl's word stays one word
    words = re.split(r"[\s,;|]+", text.strip())
    return [word for word in words if word]


def recorded(life: Life, pod: str) -> set[str]:
    """Return the words that states, conditions and Events gave for a Pod, in small letters."""
    status = life.latest(pod)["status"]
    reasons = {*words(status), *(event["reason"] for event in life.events(pod))}
    return {str(reason).lower() for reason in reasons} | {"none"}


def words(value: Any) -> Iterator[str]:
    """Yield each reason, type of a condition and exit code below *value*."""
    if isinstance(value, list):
        for each in value:
            yield from words(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in ("reason", "type", "exitCode"):
                yield str(each)
            else:
                yield from words(each)


def judged(case: Case, number: int) -> Finding:
    """Say which of the three is wrong, the first one alone."""
    patient = case.values["five"][number]
    said = given(case, patient)
    if len(said) != len(ITEMS):
        return Finding(False, f"{patient}: {'not three words' if said else 'nothing is written'}", hint=1)
    accepted = [case.key.accepts(f"{patient} {item}", word) for item, word in zip(ITEMS, said, strict=True)]
    holds = dict(zip(ITEMS, accepted, strict=True))
    return wrong(case.life(), patient, said[2], holds)


def wrong(life: Life, patient: str, evidence: str, holds: dict[str, bool]) -> Finding:
    """Return the finding for one patient."""
    if evidence in AFTERWARDS:
        return Finding(False, f"{patient}: {evidence} tells what the kubelet does about it", hint=1)
    if evidence not in recorded(life, patient):
        return Finding(False, f"{patient}: nothing recorded of it says {evidence}", hint=1)
    for item, hint in zip(ITEMS, (3, 2, 1), strict=True):
        if not holds[item]:
            return Finding(False, f"{patient}: it is another {item}", hint=hint)
    return Finding(True)


@check("first")
def first(case: Case) -> Finding:
    """Drawn by the seed."""
    return judged(case, 0)


@check("second")
def second(case: Case) -> Finding:
    """Drawn by the seed."""
    return judged(case, 1)


@check("third")
def third(case: Case) -> Finding:
    """Drawn by the seed."""
    return judged(case, 2)


@check("fourth")
def fourth(case: Case) -> Finding:
    """Drawn by the seed."""
    return judged(case, 3)


@check("fifth")
def fifth(case: Case) -> Finding:
    """Drawn by the seed."""
    return judged(case, 4)
