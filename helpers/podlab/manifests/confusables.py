"""
Characters that look like others: what a manifest picks up on its way from a web page, a slide or a chat.

Pure; asked only once a document could not be read or was refused, for each of them may stand in honest text.
"""

from __future__ import annotations

import re

FENCE = "`" * 3
FENCES = (FENCE, "~~~")
BLANKS = {
    "\u00a0": "a no-break space (U+00A0)",
    "\u2007": "a figure space (U+2007)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u3000": "a wide space (U+3000)",
    "\u2002": "an en space (U+2002)",
    "\u2003": "an em space (U+2003)",
    "\u2009": "a thin space (U+2009)",
    "\u200a": "a hair space (U+200A)",
    "\u2028": "a line separator (U+2028)",
    "\u0085": "a next-line character (U+0085)",
    "\u200c": "a non-joiner without width (U+200C)",
    "\u200d": "a joiner without width (U+200D)",
    "\u200e": "a mark of direction (U+200E)",
    "\u200f": "a mark of direction (U+200F)",
    "\u00ad": "a soft hyphen (U+00AD)",
    "\u200b": "a space without width (U+200B)",
    "\u2060": "an invisible joiner (U+2060)",
    "\ufeff": "a byte order mark (U+FEFF)",
}
WIDTHLESS = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"
DASHES = {
    "\u2013": "an en dash (U+2013)",
    "\u2014": "a dash (U+2014)",
    "\u2012": "a figure dash (U+2012)",
    "\u2212": "a minus sign (U+2212)",
    "\u2010": "a typographic hyphen (U+2010)",
    "\u2011": "a no-break hyphen (U+2011)",
    "\u2022": "a bullet (U+2022)",
    "\u00b7": "a dot (U+00B7)",
    "*": "an asterisk",
}
COLONS = {
    "\uff1a": "a wide colon (U+FF1A)",
    "\u2236": "a ratio sign (U+2236)",
    "\ufe55": "a small colon (U+FE55)",
}
LISTED = re.compile(rf"\s*([{''.join(map(re.escape, DASHES))}])\s*[\w\"'].*:(?:\s|$)")
WIDE_COLON = re.compile(rf"^\s*(?:- )?([\w./-]+)\s*([{''.join(COLONS)}])")
ENTITY = re.compile(r"&(?:quot|amp|lt|gt|nbsp|apos|#\d+|#x[0-9a-fA-F]+);")
AROUND = (
    (re.compile(r"^\s*<(?:!DOCTYPE|!doctype|html|head|body)"),
     "a web page stands where YAML is expected", "download the file itself, not the page that shows it"),
    (re.compile(r"^(?:diff --git|index [0-9a-f]+\.\.|@@ -|--- a/|\+\+\+ b/)"),
     "a diff stands where YAML is expected", "apply the diff, or copy the file itself"),
    (re.compile(r"^[+>]\s*(?:apiVersion|kind|metadata|spec)\b"),
     "the sign of a diff or a quotation stands before the line", "copy the lines without it"),
    (re.compile(r"^\s*(?:[$%] |\w+@\w+[^ ]*[$#] )\S"),
     "a command with the prompt of a terminal stands where YAML is expected", "copy only the manifest"),
    (re.compile(r"^\s*\d+[ \t|:]+(?:apiVersion|kind|metadata|spec)\b"),
     "a line number stands before the line", "copy the lines without their numbers"),
)  # fmt: skip
QUOTED = re.compile(rf"(?:^|[:\-\[{{,]\s*)([{QUOTES}])")


def in_text(document: str) -> tuple[int, str, str] | None:
    """
    Return the first lookalike of a document that could not be read.

    Returns:
        Its line, counted from 0, what it is, and what to do; None where there is none.
    """
    for number, line in enumerate(document.split("\n")):
        found = _in_line(line)
        if found is not None:
            return number, *found
    return None


def _in_line(line: str) -> tuple[str, str] | None:
    for fence in FENCES:
        if line.strip().startswith(fence):
            text = f"a Markdown fence ({fence}) stands where YAML is expected"
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
    return _sign(line)


def _sign(line: str) -> tuple[str, str] | None:
    """
    Return a sign that only looks like one of YAML's, or what a page, a terminal or an editor puts around its lines.
    """
    if dash := LISTED.match(line):
        return f"{DASHES[dash[1]]} is not the hyphen of a list", "write a hyphen and a blank: - "
    if colon := WIDE_COLON.match(line):
        return f"{COLONS[colon[2]]} stands after {colon[1]}", f"write a colon and a blank: {colon[1]}: "
    if entity := ENTITY.search(line):
        return (
            f"{entity[0]} is HTML's way to write a character",
            "copy the text that the page shows, not its source",
        )
    for pattern, what, hint in AROUND:
        if pattern.match(line):
            return what, hint
    quote = QUOTED.search(line)
    if quote:
        return f"a typographic quote ({quote[1]}) is not a quote to YAML", 'write straight quotes: "…"'
    return None


def surround(word: str) -> bool:
    """Return whether a lookalike of a blank begins or ends *word*."""
    return word.strip("".join(BLANKS)) != word


def in_key(word: str) -> str | None:
    """
    Return what in a key cannot be seen, or is a letter of another alphabet among Latin ones; None for other keys.

    Such a key is another one than it seems: the field that is meant would be missing for no visible reason.
    """
    for character in word:
        if character in WIDTHLESS:
            return f"an invisible character (U+{ord(character):04X})"
    if word[:1] in QUOTES or word[-1:] in QUOTES:
        return f"a typographic quote ({word[0] if word[0] in QUOTES else word[-1]})"
    if re.match(r"[+>]+ ?(apiVersion|kind|metadata|spec)$", word):
        return f"the sign {word[0]} of a diff or a quotation"
    if re.search(r"[A-Za-z]", word):
        found = re.search(r"[\u0370-\u03ff\u0400-\u04ff]", word)
        if found:
            return f"the letter {found[0]} (U+{ord(found[0]):04X}), which is not the Latin one"
    return None


def quotes_in(text: str) -> str | None:
    """Return the hint for a value that the server refuses for its typographic quotes; None for other values."""
    if re.search(rf"[{QUOTES}]", text):
        return 'typographic quotes are part of the value: write straight quotes: "…"'
    return None
