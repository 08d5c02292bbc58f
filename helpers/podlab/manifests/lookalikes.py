"""
Characters that look like others: what a manifest picks up on its way from a web page, a slide or a chat.

Pure; asked only once a document could not be read or was refused, for each of them may stand in honest text.
"""

from __future__ import annotations

import re

FENCE = "`" * 3
BLANKS = {
    "\u00a0": "a no-break space (U+00A0)",
    "\u2007": "a figure space (U+2007)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u3000": "a wide space (U+3000)",
    "\u200b": "a space without width (U+200B)",
    "\u2060": "an invisible joiner (U+2060)",
    "\ufeff": "a byte order mark (U+FEFF)",
}
WIDTHLESS = "\u200b\u2060\ufeff"
QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"
QUOTED = re.compile(rf"(?:^|[:\-\[{{,]\s*)([{QUOTES}])")


def in_text(document: str) -> tuple[int, str, str] | None:
    """
    The first lookalike of a document that could not be read.

    Returns:
        Its line, counted from 0, what it is, and what to do; None where there is none.
    """
    for number, line in enumerate(document.split("\n")):
        found = _in_line(line)
        if found is not None:
            return number, *found
    return None


def _in_line(line: str) -> tuple[str, str] | None:
    if line.strip().startswith(FENCE):
        text = f"a Markdown fence ({FENCE}) stands where YAML is expected"
        return text, "copy only what stands between the fences"
    if line.lstrip().startswith("#"):
        return None
    if "{{" in line:
        return (
            "a template ({{ … }}) stands where YAML is expected",
            "render it first: helm template CHART > file.yaml",
        )
    for place, character in enumerate(line):
        if character in BLANKS:
            before = re.split(r"\s+", line[:place].strip() or "the beginning of the line")[-1]
            after = before if line[:place].strip() else "the beginning of the line"
            what = "delete it" if character in WIDTHLESS else "replace it with a blank"
            return f"{BLANKS[character]} stands after {after}", f"{what}; it came with the copied text"
    quote = QUOTED.search(line)
    if quote:
        return f"a typographic quote ({quote[1]}) is not a quote to YAML", 'write straight quotes: "…"'
    return None


def surround(word: str) -> bool:
    """Return whether a lookalike of a blank begins or ends *word*."""
    return word.strip("".join(BLANKS)) != word


def quotes_in(text: str) -> str | None:
    """Return the hint for a value that the server refuses for its typographic quotes; None for other values."""
    if re.search(rf"[{QUOTES}]", text):
        return 'typographic quotes are part of the value: write straight quotes: "…"'
    return None
