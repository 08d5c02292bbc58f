"""The words of the strips above the lanes; STATUS comes from ``podlab.pods.status``."""

from __future__ import annotations

from collections.abc import Iterable

from podlab.pods.raw import RawObject


def phase_of(pod: RawObject) -> str:
    """``status.phase``; ``Pending`` for an object that has none yet."""
    return str(pod.get("status", {}).get("phase") or "Pending")


def unrepeated(words: Iterable[str]) -> list[str]:
    """Return the words without immediate repetitions."""
    found: list[str] = []
    for word in words:
        if not found or found[-1] != word:
            found.append(word)
    return found
