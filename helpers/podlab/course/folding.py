"""
Tells which cells of a page hold Python that is not the lesson.

Learners need no Python. A cell that makes functions, builds lists from lists or joins conditions is folded in their
edition: JupyterLab shows its first line, and a click opens it. It runs as any other.
"""

from __future__ import annotations

import ast
from typing import Any

from podlab.course.cells import source

_BESIDE = (
    ast.Lambda, ast.FunctionDef, ast.NamedExpr, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.BitAnd,
    ast.BitOr,
)  # fmt: skip


def is_beside_the_lesson(cell: dict[str, Any]) -> bool:
    """
    Return whether a code cell is to be folded.

    Cells that begin with a magic are what learners write themselves. A page keeps a cell open with
    ``{"podlab": {"lesson": true}}`` in its metadata.
    """
    if source(cell).startswith("%%") or (cell["metadata"].get("podlab") or {}).get("lesson"):
        return False
    if "\n" not in source(cell).strip():
        return False  # a fold would show the same line
    text = "\n".join(line for line in source(cell).splitlines() if not line.startswith(("%", "!")))
    try:
        return any(isinstance(node, _BESIDE) for node in ast.walk(ast.parse(text)))
    except SyntaxError:
        return False
