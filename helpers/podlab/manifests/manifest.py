"""One object of a manifest, with the lines of its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from podlab.manifests.faults import Fault


@dataclass(frozen=True)
class Manifest:
    """
    One object of a manifest, as written, with the line of each of its fields.

    ``lines`` maps a field path such as ``spec.containers[0].image`` to a line of ``source``, from 1.
    """

    object: dict[str, Any]
    source: str = "manifest"
    lines: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """Such as ``Pod``."""
        return str(self.object.get("kind", ""))

    @property
    def name(self) -> str:
        """``metadata.name``; empty where the server is to make one up from ``generateName``."""
        return str((self.object.get("metadata") or {}).get("name") or "")

    def line(self, path: str) -> int | None:
        """Return the line of the field at *path*, or of the nearest field around it that is written."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = re.sub(r"(\.?[^.\[\]]+|\[[^\]]*\])\Z", "", path)
        return self.lines.get("")

    def fault(self, path: str, text: str, hint: str | None = None) -> Fault:
        """Return a fault at *path* of this manifest."""
        return Fault(self.source, self.line(path), path, text, hint)
