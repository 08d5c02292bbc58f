"""
The kinds that kubectl's users name in short: ``po``, ``pods``, ``deploy``, ``job``.
"""

from __future__ import annotations

from podlab.client import Resource, resources

POD = resources.KNOWN["v1", "Pod"]


def find(word: str) -> Resource | None:
    """Return the kind of that name, in any of its forms; None for another word, and for kinds of the whole cluster."""
    found = resources.named(word)
    return found if found and found.namespaced else None
