"""
The rules of CONTRIBUTING.md for English, as patterns, and the texts that they are applied to.

Messages: the arguments of errors and of ``print``, ``cause=``, ``hint=`` and ``help=``, and the SUMMARY of verbs.
Summaries: the first paragraph of every docstring. Headings and prose: those of Markdown files and notebooks.
Strings that only quote the API server or the kubelet (``podlab/embedded``) keep upstream's words; so do its docstrings'
quotes, which stand in double back quotes and are left out.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "helpers" / "podlab"

IS_NO = re.compile(r"\b(is|are|was|were) no (?!longer\b|more\b)")
THERE_IS_NO = re.compile(r"\b(there|There) (is|are|was|were) (no|none|nothing)\b")
RIDDLES = re.compile(
    r"\b(comes? of it|can never be|cannot be had|spares not|fulfilled|not so\b(?! \w)|wants a blank|none of ours)"
)
TOLD = re.compile(r"\b(told|news)\b|(?<!he )(?<!you )\bsaid\b")
FRAGMENT = re.compile(r"^(What|Of)\b(?!.*\?$)")

WORD_FOR_WORD = {
    "write 'already exists'": re.compile(r"\b(exists? already|(is|are) there already)\b"),
    "write 'existing', or name them": re.compile(r"\b(those that are there|lists what there is)\b"),
    "write 'available', 'can be downloaded'": re.compile(r"\bbe had\b"),
    "write 'silently'": re.compile(r"\b(dropped|drops it|refused|left out) without a word\b"),
    "write 'usually'": re.compile(r"\b(is|are) mostly\b|, mostly\b"),
    "write 'the message for'": re.compile(r"\bwhat \w+( \w+)? (says?|said) of\b|\bis said of\b"),
    "write 'must', or say what happens": re.compile(
        r"\b(so long and no longer|had its say|is to be (said|shown))\b"
    ),
    "write 'podlab', or 'a bug in podlab'": re.compile(r"\b(fault|one|none) of ours\b"),
}
"""Idioms of other languages, translated word by word: each word is English, the sentence is not."""

RULES: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "message": {
        "write 'is not a' or name the fault": IS_NO,
        "write 'unknown', 'missing', 'does not exist'": THERE_IS_NO,
        "write what happens": RIDDLES,
        "write 'report', 'message', 'event'": TOLD,
        **WORD_FOR_WORD,
    },
    "string": {
        "write 'is not a' or name the fault": IS_NO,
        "write 'unknown', 'missing', 'does not exist'": THERE_IS_NO,
    },
    "summary": {
        "write 'is not a', 'other than'": IS_NO,
        "write 'if absent', 'without'": THERE_IS_NO,
        "begin with a verb or a noun": FRAGMENT,
        **WORD_FOR_WORD,
    },
    "result": {
        "begin with a verb, such as 'Return whether'": re.compile(
            r"^(Whether|Why|How (much|many|often|long|far|soon))\b"
        ),
    },
    "heading": {
        "write 'without', 'missing'": THERE_IS_NO,
        "write 'is not a'": IS_NO,
    },
    "prose": {
        "write 'without', 'missing', 'does not exist'": THERE_IS_NO,
        "write 'is not a'": IS_NO,
        "write what happens": RIDDLES,
        **WORD_FOR_WORD,
    },
    "subject": {
        "write what changed": THERE_IS_NO,
        "begin with a verb": re.compile(r"^(What|Of|The|A|An)\b"),
        "at most 72 characters": re.compile(r"^.{73,}$"),
        "begin with a capital letter, end without a full stop": re.compile(r"^[a-z]|\.$"),
    },
}


class Text(NamedTuple):
    """One text for people: what it is, where it stands, and its words."""

    kind: str
    where: str
    words: str

    def faults(self) -> Iterator[str]:
        """Yield the advice of each rule that the text breaks, with its place and words."""
        words = re.sub(r"``.*?``", "``", " ".join(self.words.split()))
        for advice, pattern in RULES[self.kind].items():
            if pattern.search(words):
                yield f"{self.where}: {advice}: {' '.join(self.words.split())[:110]}"


@lru_cache(1024)
def _tree(path: Path) -> ast.Module:
    """The parsed module; several rules read each of them."""
    return ast.parse(path.read_text("utf-8"))


def text_of(node: ast.expr) -> str:
    """Return the words of a string, an f-string or a sum of them; ``{}`` for a value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return f"{text_of(node.body)} / {text_of(node.orelse)}" if isinstance(node, ast.IfExp) else ""


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    ours = name.endswith("Error") and name != "StatusError"  # which quotes the API server
    if ours or name.endswith("Finding") or name in ("print", "progress", "_broken", "_ok"):
        yield from call.args
    yield from (word.value for word in call.keywords if word.arg in ("cause", "hint", "help", "why", "found"))


def messages(path: Path) -> Iterator[Text]:
    """Yield the messages in a module."""
    where = path.relative_to(ROOT)
    for node in ast.walk(_tree(path)):
        found: Iterator[ast.expr] = iter(())
        if isinstance(node, ast.Call):
            found = _arguments(node)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SUMMARY":
            found = iter([node.value])
        for one in found:
            if words := text_of(one):
                yield Text("message", f"{where}:{one.lineno}", words)


def strings(path: Path) -> Iterator[Text]:
    """Yield all other strings with blanks in a module: texts that become part of a message elsewhere."""
    where, tree = path.relative_to(ROOT), _tree(path)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs and " " in text_of(node):
            yield Text("string", f"{where}:{node.lineno}", text_of(node))


def summaries(path: Path) -> Iterator[Text]:
    """Yield the first paragraphs of a module's docstrings."""
    where = path.relative_to(ROOT)
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node)
            if doc:
                line = node.body[0].lineno
                yield Text("summary", f"{where}:{line}", doc.partition("\n\n")[0])


def results(path: Path) -> Iterator[Text]:
    """Yield the summaries of the functions in a module that return a value; a property is named, not called."""
    where = path.relative_to(ROOT)
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc, marks = ast.get_docstring(node), {ast.unparse(mark) for mark in node.decorator_list}
            if doc and not any("property" in mark for mark in marks):
                yield Text("result", f"{where}:{node.body[0].lineno}", doc.partition("\n\n")[0])


def _pages_words(path: Path) -> str:
    """Return the words of a Markdown file or of a notebook's Markdown cells, without blocks of code."""
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)


def headings(path: Path) -> Iterator[Text]:
    """Yield the headings of a page."""
    for words in re.findall(r"^#+ (.+)$", _pages_words(path), re.M):
        yield Text("heading", str(path.relative_to(ROOT)), words)


def prose(path: Path) -> Iterator[Text]:
    """Yield the lines of a page's words; code in back quotes is left out."""
    for line in _pages_words(path).splitlines():
        if words := re.sub(r"`[^`]*`", "``", line).strip("# "):
            yield Text("prose", str(path.relative_to(ROOT)), words)
