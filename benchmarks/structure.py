"""
The structure of the package: modules, their length, long functions, circles of imports, contracts, and shared names.

    python benchmarks/structure.py [--root helpers] [--circles] [--names]

Imports inside ``if TYPE_CHECKING`` and inside functions count. A circle is a set of modules each of which reaches
every other by imports (a strongly connected component); ``--circles`` lists their members. ``--names`` lists the
modules of one room (a package directly below podlab) that have one name, and the public classes of one name in any
rooms. ``--root`` measures another checkout, so that two commits are compared by one script.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grimp

HOUSE = Path(__file__).resolve().parent.parent
Graph = Mapping[str, set[str]]


def imports() -> Graph:
    """Every module of podlab with the modules that it imports directly."""
    graph = grimp.build_graph("podlab", exclude_type_checking_imports=False, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def reachable(graph: Graph, start: str) -> set[str]:
    """The modules that *start* reaches in one import or more."""
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += graph[module]
    return seen


def circles(graph: Graph) -> list[set[str]]:
    """The largest sets of modules that reach one another, largest first."""
    reach = {module: reachable(graph, module) for module in graph}
    found: list[set[str]] = []
    for module in sorted(graph):
        if module in reach[module] and not any(module in circle for circle in found):
            found.append({other for other in reach[module] if module in reach[other]})
    return sorted(found, key=len, reverse=True)


def functions(root: Path) -> Iterator[tuple[int, str]]:
    """The length in lines and the place of every function below *root*."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or 0) - node.lineno + 1, f"{path.relative_to(root)}:{node.name}"


def shared_modules(root: Path) -> dict[str, list[str]]:
    """The modules of one room that have one name; a package counts by its folder's name."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "podlab").rglob("*.py")):
        inside = path.relative_to(root / "podlab")
        named = inside.parent if inside.name == "__init__.py" else inside.with_suffix("")
        if len(named.parts) > 1 and not named.name.startswith("__"):
            homes[f"{named.parts[0]}/…/{named.name}"].append(str(named))
    return {name: found for name, found in homes.items() if len(found) > 1}


def shared_classes(root: Path) -> dict[str, list[str]]:
    """The public classes that have one name, each as ``module:line``."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(f"{path.relative_to(root)}:{node.lineno}")
    return {name: found for name, found in homes.items() if len(found) > 1}


def contracts(settings: Mapping[str, Any]) -> Iterator[str]:
    """Each import contract and what it forbids: directions of imports between its layers, or circles."""
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] != "layers":
            yield f"{contract['name']}: no package's modules may import each other in a circle"
            continue
        layers = [[name.strip(" ()") for name in layer.split("|")] for layer in contract["layers"]]
        names = [name for layer in layers for name in layer]
        # A member may import those of the layers below it; those of its own layer are independent of it.
        allowed = sum(len(layer) * sum(map(len, layers[index + 1 :])) for index, layer in enumerate(layers))
        every = len(names) * (len(names) - 1)
        yield (
            f"{contract['name']}: {len(layers)} layers of {len(names)} packages in {contract['containers'][0]}; "
            f"forbids {every - allowed} of {every} directions"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=Path, default=HOUSE / "helpers")
    parser.add_argument("--circles", action="store_true", help="list the members of every circle")
    parser.add_argument("--names", action="store_true", help="list the modules and classes that share a name")
    args = parser.parse_args()
    sys.path.insert(0, str(args.root.resolve()))
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in args.root.rglob("*.py")}
    graph, lines = imports(), sorted(lengths.values())
    print(f"modules    {len(lines)}, {sum(lines)} lines, median {statistics.median(lines):g}")
    for path, length in sorted(lengths.items(), key=lambda item: -item[1])[:3]:
        print(f"largest    {length} {path.relative_to(args.root)}")
    long = sorted(functions(args.root), reverse=True)
    print(f"functions  {len(long)}, median {statistics.median(n for n, _ in long):g}, longest {long[0]}")
    found = circles(graph)
    print(f"imports    {sum(map(len, graph.values()))} between modules")
    print(f"circles    {len(found)}, with {sum(map(len, found))} modules")
    for circle in found if args.circles else ():
        print(f"  {len(circle)}: {', '.join(sorted(circle))}")
    for line in contracts(tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))):
        print(f"contract   {line}")
    for what, shared in (("modules", shared_modules(args.root)), ("classes", shared_classes(args.root))):
        print(f"one name   {len(shared)} names for {sum(map(len, shared.values()))} {what}")
        for name, homes in sorted(shared.items()) if args.names else ():
            print(f"  {name}: {', '.join(homes)}")


if __name__ == "__main__":
    main()
