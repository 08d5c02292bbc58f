"""
Facts: what a lesson prints after a run, one to a line and in a fixed form, because notebooks compare them.

Where a prediction of the same name was made, the line also says whether it held, and a last line counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podlab.lab import predictions


def lines(facts: Mapping[str, Any], predicted: Mapping[str, str]) -> list[str]:
    """Return one line per fact, with the verdict on its prediction where there is one, and how many held."""
    width = max((len(_label(name)) for name in facts), default=0)
    found, held = [], []
    for name, value in facts.items():
        said, note = predicted.get(predictions.key(name)), ""
        if said is not None:
            held.append(predictions.agrees(said, value, plain(value)))
            note = f"   you said {said}: {'right' if held[-1] else 'wrong'}"
        found.append(f"{_label(name):<{width}}  {plain(value)}{note}")
    if held:
        found.append(f"your predictions that held: {sum(held)} of {len(held)}")
    return found


def plain(value: Any) -> str:
    """Return *value* in the words of a lesson: yes and no, lists with commas, sets sorted."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # An inference of a timeline: its value is the fact, the evidence is for the eye.
    if hasattr(value, "evidence"):
        return plain(value.value)
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(plain, value))) or "nothing"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "nothing"
    return str(value)


def _label(name: str) -> str:
    return name.replace("_", " ")
