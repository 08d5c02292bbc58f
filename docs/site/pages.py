"""The pages of the site that are made from the package itself: commands, API, errors, situations, the front page."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import podlab
from podlab import errors, grading
from podlab.cli import parser
from podlab.cli.codes import EXIT_CODES
from podlab.timeline import situations
from podlab.timeline.situations.table import Situation

MODULES_OF_TABLES = (
    "deleting", "finished", "scheduling", "podsetup", "starting", "images", "creating", "running", "unready", "owners",
)  # fmt: skip


def front(top: Path) -> str:
    """The front page: what the README shows first, and the way through the site."""
    notebooks = [
        path.with_suffix("").relative_to(top).as_posix() for path in sorted(top.glob("notebooks/*.ipynb"))
    ]
    folders = sorted(path.parent for path in top.glob("labs/[0-9]*/README.md"))
    labs = [f"labs/{folder.name}/README" for folder in folders]
    pages = {
        "Course": notebooks,
        "Labs": labs,
        "Exercises": ["labs/exercises/README", *(f"labs/exercises/{each}/ask" for each in exercises())],
        "Reference": [
            "docs/questions", "docs/platforms", "commands", "errors", "situations", "api", "docs/cheat-sheet",
        ],
        "Teach and build": [
            "docs/instructors", "docs/architecture", "clusters/embedded/README",
            "clusters/kind/README", "clusters/airgap/README", "CONTRIBUTING", "CHANGELOG",
        ],
    }  # fmt: skip
    intro = (
        "# podlab\n\n"
        "A hands-on course on init containers and sidecar containers: run Pods, see how their containers live, and be "
        "graded by it.\n\n"
        "![The life of a Pod as a timeline](docs/pictures/first-pod.svg)\n\n"
        "The pages below are the course as it was run on a cluster, with its outputs. To take it, run `./start` in a "
        "clone of the repository, or install its wheel and run `podlab course`. The search at the left works "
        "without a network.\n"
    )
    return intro + "".join(
        _tree(name, (one for one in found if _there(top, one))) for name, found in pages.items()
    )


def _there(top: Path, page: str) -> bool:
    return any((top / f"{page}{ending}").exists() for ending in (".md", ".ipynb"))


def _tree(caption: str, pages: Iterable[str]) -> str:
    return f"\n```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"


def with_its_pages(readme: str, names: list[str]) -> str:
    """A lab's README that has the lab's notebook, and the READMEs of its parts, as the pages below it."""
    listed = "\n".join(names)
    return f"{readme}\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def exercises() -> dict[str, str]:
    """Folder name -> the page of each exercise: what is asked, with the values of variant 0."""
    found = {}
    for name in grading.ids():
        each = grading.find(name)
        ask, starter = each.shown()
        kind = "yaml" if each.answer == "manifest" else "text"
        begin = f"\n\n```{kind}\n{starter.strip()}\n```\n" if starter.strip() else "\n"
        found[each.folder.name] = f"# {each.id} {each.title.replace('-', ' ')}\n\n{ask.strip()}{begin}"
    return found


def commands() -> str:
    """Each verb of the command line, with its help."""
    parts = ["# Commands\n\nWhat `podlab VERB --help` prints.\n"]
    for name in parser.names():
        verb = parser.load(name)
        made = argparse.ArgumentParser(
            prog=f"podlab {name}",
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
        )
        verb.arguments(made)
        example = verb.EXAMPLE.strip()
        parts.append(
            f"## {name}\n\n{verb.SUMMARY}\n\n```console\n{example}\n```\n\n```text\n{made.format_help()}```\n"
        )
    return "\n".join(parts)


PARTED = {"Lab"}  # classes whose methods stand in several modules


def api() -> str:
    """Each public name, from its docstrings."""
    parts = ["# Python\n\n`import podlab` offers these names.\n"]
    for name in podlab.__all__:
        home = import_module(podlab._HOMES[name])
        kind = "autoclass" if inspect.isclass(getattr(home, name)) else "autofunction"
        options = "   :inherited-members:\n" if name in PARTED else ""
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: {home.__name__}.{name}\n{options}```\n")
    return "\n".join(parts)


def catalogue() -> str:
    """Each error and exit code."""
    kinds = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.PodlabError)
    ]
    rows = [f"| `{kind.__name__}` | {kind.exit_code} | {_first_line(kind)} |" for kind in kinds]
    codes = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join([
        "# Errors and exit codes\n",
        "Each error prints three lines: what happened, why, and one thing to try. In Python they are classes of "
        "`podlab.errors`, and all derive from `PodlabError`.\n",
        "| error | exit code | when |\n|---|---|---|", *rows, "",
        "## Exit codes\n", "| code | meaning |\n|---|---|", *codes, "",
    ])  # fmt: skip


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def known_situations() -> str:
    """Each situation that ``podlab explain`` tells apart."""
    rows = [
        f"| {_cell(row.name)} | {_cell(_known(row.why, 'as the cluster reports it'))} "
        f"| {_cell(_known(row.hint, 'depends on the report'))} |"
        for name in MODULES_OF_TABLES
        for row in _rows(name)
    ]
    return "\n".join([
        "# Why a Pod does not run\n",
        f"The {len(rows)} situations that `podlab explain` tells apart, in the order in which it looks for them. Three "
        "dots stand for what your Pod shows.\n",
        "| situation | why | try |\n|---|---|---|", *rows, "",
    ])  # fmt: skip


def _rows(module: str) -> Iterator[Situation]:  # type: ignore[type-arg]
    home = import_module(f"{situations.__name__}.{module}")
    for value in vars(home).values():
        if isinstance(value, tuple) and value and all(isinstance(one, Situation) for one in value):
            yield from value


def _known(text: str, otherwise: str) -> str:
    """A sentence of a table without the facts that it is filled with; *otherwise* where nothing else is in it."""
    left = re.sub(r"\{\w+\}", "…", text)
    return left if re.search(r"\w", left) else otherwise


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def made() -> dict[str, str]:
    """File name -> text of each page that is made here, but the front page, which lists what is there."""
    return {
        "commands.md": commands(), "api.md": api(), "errors.md": catalogue(), "situations.md": known_situations(),
        **{f"labs/exercises/{folder}/ask.md": text for folder, text in exercises().items()},
    }  # fmt: skip
