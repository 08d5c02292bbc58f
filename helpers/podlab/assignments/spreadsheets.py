"""CSV files: rows that a spreadsheet saved, and cells that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
from pathlib import Path

from podlab.errors import PodlabError


def read_rows(file: Path, fault: str, hint: str) -> list[dict[str, str]]:
    """
    Return the rows of a CSV file in UTF-8, each by its columns; where commas are decimal points, spreadsheets put
    semicolons or tabs between the columns.

    Raises:
        PodlabError: It cannot be read: *fault*, with the reason and *hint*.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            first = opened.readline()
            opened.seek(0)
            apart = next((each for each in ";\t" if each in first and "," not in first), ",")
            found = csv.DictReader(opened, delimiter=apart)
            found.fieldnames = [name.strip() for name in found.fieldnames or ()]
            return list(found)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PodlabError(fault, cause=why, hint=hint) from error


def inert(text: str) -> str:
    """Return text that a spreadsheet shows and does not run: a formula gets an apostrophe."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
