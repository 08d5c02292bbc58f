"""
Count the facts about kubectl that pages print, and those of them that were read from the server.

    python tests/notebooks/kubectl_facts.py

A fact is a keyword of ``lab.facts(...)``. It is about kubectl when its value comes from a column that the server
made (``lab.status``, ``lab.ready``, ``lab.row``, ``lab.wait_for_status``) or from a copy of the server's rule in this
package. Names that were assigned in earlier cells are followed.
"""

from __future__ import annotations

import ast
from typing import Any

from pages import code, pages, read

SERVER = {"status", "ready", "row", "wait_for_status"}
COPIES = {"status_word", "status_words", "status_sequence", "ready_column", "reserved", "reserved_cpu"}


def kubectl_facts(notebook: Any) -> list[tuple[str, bool]]:
    """Name of each fact about kubectl, and whether its value is the server's."""
    assigned: dict[str, ast.expr] = {}
    found = []
    for cell in code(notebook):
        if cell.source.startswith("%%"):
            continue
        tree = ast.parse("\n".join(line for line in cell.source.splitlines() if line[:1] not in "%!"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                assigned |= {
                    name.id: node.value
                    for target in node.targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                }
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "facts"
            ):
                for fact in call.keywords:
                    server, copies = _sources(fact.value, assigned, set())
                    if server or copies:
                        found.append((fact.arg or "**", not copies))
    return found


def _sources(value: ast.expr, assigned: dict[str, ast.expr], seen: set[str]) -> tuple[bool, bool]:
    """Whether *value* rests on a column of the server, and whether on a copy of its rule."""
    server = copies = False
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute):
            of_lab = isinstance(node.value, ast.Name) and node.value.id == "lab"
            server |= of_lab and node.attr in SERVER
            copies |= node.attr in COPIES
        elif isinstance(node, ast.Name) and node.id in assigned and node.id not in seen:
            more = _sources(assigned[node.id], assigned, seen | {node.id})
            server, copies = server or more[0], copies or more[1]
    return server, copies


def main() -> None:
    """Print the figure, page by page and in all."""
    total = []
    for page in pages():
        facts = kubectl_facts(read(page))
        total += facts
        print(
            f"{page.stem:<28} {sum(ok for _, ok in facts)} of {len(facts)}  {', '.join(name for name, _ in facts)}"
        )
    print(f"facts about kubectl read from the server / all: {sum(ok for _, ok in total)} / {len(total)}")


if __name__ == "__main__":
    main()
