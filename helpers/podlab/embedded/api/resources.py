"""The resources that are served, from ``schema/data/resources.json``."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import typetable

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Kind:
    """
    One resource of one API group.

    ``type`` names its struct in the type table; ``stored_as`` is the store's name of it: both spellings of Event
    share one. ``inert`` resources are stored and have no effect. ``review`` resources are answered, never
    stored. ``empty`` resources can be listed, and nothing can be created: clients look whether there are any.
    """

    def __init__(self, row: dict[str, Any]) -> None:
        self.group: str = row.get("group", "")
        self.version = "v1"
        self.resource: str = row["resource"]
        self.kind: str = row["kind"]
        self.type: str = row["type"]
        self.namespaced: bool = not row.get("global")
        self.short: list[str] = row["short"]
        self.categories: list[str] = row.get("categories", [])
        self.subresources: list[str] = row.get("sub", [])
        self.generation: bool = row.get("generation", False)
        self.inert: bool = row.get("inert", False)
        self.review: bool = row.get("review", False)
        self.empty: bool = row.get("empty", False)
        self.name_rule: str = row.get("name", "subdomain")
        self.stored_as = self.resource
        self.api_version = f"{self.group}/v1" if self.group else "v1"

    @property
    def verbs(self) -> tuple[str, ...]:
        """Return what can be done with it, as discovery says."""
        if self.review:
            return ("create",)
        if self.empty:
            return ("get", "list", "watch")
        # Deleting all namespaces at once is something that the API does not offer.
        return tuple(v for v in VERBS if v != "deletecollection" or self.resource != "namespaces")


_kinds: dict[tuple[str, str], Kind] = {}


def kinds() -> dict[tuple[str, str], Kind]:
    """Every resource, by (group, resource)."""
    if not _kinds:
        for row in typetable.read("resources.json"):
            kind = Kind(row)
            _kinds[kind.group, kind.resource] = kind
    return _kinds


def kind_of(group: str, resource: str) -> Kind | None:
    """Return the resource at that name, or None."""
    return kinds().get((group, resource))
