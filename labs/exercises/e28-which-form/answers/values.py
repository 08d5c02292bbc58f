"""A form that can be defended for each need of the variant, by letter and by name, for the right answers."""

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {
    "a": "regular init container", "b": "sidecar", "c": "second app container", "d": "Job", "e": "DaemonSet",
    "f": "startup probe", "g": "the app itself",
}  # fmt: skip


def values(drawn: Mapping[str, Any], key: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the first accepted form and reason of each need, and the last form where two can be defended."""
    letters = [key[need][0] for need in drawn["needs"]]
    others = [next(form for form in reversed(key[need]) if len(form) == 1) for need in drawn["needs"]]
    return {
        "letters": letters,
        "forms": [NAMES[letter] for letter in letters],
        "others": [NAMES[letter].lower() for letter in others],
        "because": [key[f"because {need}"][0].upper() for need in drawn["needs"]],
    }
