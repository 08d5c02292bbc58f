"""Scripts and pages outside of the package import names that it has: a rename there must reach them, too."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "clusters", "docs", "labs", "notebooks", "tests")


def sources() -> Iterator[tuple[str, str]]:
    """Yield name and text of each script, and of each code cell that is Python alone."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        for path in sorted((ROOT / folder).rglob("*.ipynb")):
            for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
                if cell.cell_type == "code" and not cell.source.startswith("%%"):
                    lines = [
                        line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))
                    ]
                    yield f"{path.relative_to(ROOT)}, cell {number}", "\n".join(lines)


def absent(text: str) -> list[str]:
    """Return the names that a source imports from podlab and that podlab lacks, each with its line."""
    return [
        f"line {node.lineno}: {node.module}.{each.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and (node.module or "").split(".")[0] == "podlab"
        for each in node.names
        if not exists(str(node.module), each.name)
    ]


def exists(module: str, name: str) -> bool:
    """Whether a module has a name, or is a package that has a module of that name."""
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


def test_every_imported_name_is_there() -> None:
    wrong = {name: lines for name, text in sources() if (lines := absent(text))}
    assert wrong == {}


@pytest.mark.parametrize(
    "text", ["from podlab.images.recipes import Part", "def late():\n    from podlab.nowhere import x"]
)
def test_a_name_that_was_renamed_is_named(text: str) -> None:
    assert len(absent(text)) == 1
