"""CSV cells that a spreadsheet shows and does not run."""

from __future__ import annotations


def inert(text: str) -> str:
    """Return text that a spreadsheet shows and does not run: a formula gets an apostrophe."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
