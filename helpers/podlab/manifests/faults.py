"""One fault of a manifest, and the error that carries all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podlab.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing that is wrong.

    Args:
        source: The file's name, or what the text was called.
        line: Counted from 1; None where no line can be named.
        field: Path such as ``spec.containers[0].image``; empty for the whole document.
        text: What is wrong with it.
        hint: What to do about it, where that is known.
    """

    source: str
    line: int | None
    field: str
    text: str
    hint: str | None = None

    @property
    def place(self) -> str:
        """``web.yaml:7``, or the source alone."""
        return self.source if self.line is None else f"{self.source}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}: {self.field}: {self.text}" if self.field else f"{self.place}: {self.text}"


def error_of(faults: Sequence[Fault]) -> ManifestError:
    """Return one error for all *faults*; its ``faults`` attribute keeps them as data."""
    ordered = sorted(faults, key=lambda fault: (fault.source, fault.line or 0))
    first = ordered[0]
    hint = next((fault.hint for fault in ordered if fault.hint), f"correct {first.place}")
    if len(ordered) == 1:
        place = f" (field {first.field})" if first.field else ""
        error = ManifestError(
            f"{first.place}: the manifest cannot be used{place}", cause=first.text, hint=hint
        )
    else:
        listed = "\n       ".join(str(fault) for fault in ordered[:20])
        more = f"\n       … and {len(ordered) - 20} more" if len(ordered) > 20 else ""
        error = ManifestError(f"{first.source} has {len(ordered)} faults", cause=listed + more, hint=hint)
    error.faults = tuple(ordered)  # type: ignore[attr-defined]
    return error
