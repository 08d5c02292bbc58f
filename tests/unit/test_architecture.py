"""docs/architecture.md: its figure is the one that the script draws, and what it names exists."""

from __future__ import annotations

import re
import runpy
import tomllib
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def rooms() -> set[str]:
    """The packages and modules of podlab that a reader sees first."""
    found = (ROOT / "helpers" / "podlab").iterdir()
    return {path.stem for path in found if path.suffix == ".py" or (path / "__init__.py").is_file()} - {
        "__init__",
        "__main__",
    }


def test_the_figure_is_what_the_script_draws() -> None:
    """Else run ``python docs/pictures/architecture.py``."""
    script = runpy.run_path(str(ROOT / "docs" / "pictures" / "architecture.py"))

    assert (ROOT / "docs" / "pictures" / "architecture.svg").read_text("utf-8") == script["draw"]()


def test_every_room_has_its_floor_its_words_and_its_row() -> None:
    """The contract, the figure and the table name the same rooms; ``app`` imports none and stands apart."""
    script = runpy.run_path(str(ROOT / "docs" / "pictures" / "architecture.py"))
    floors = {room for floor in script["floors"]() for room in floor}
    table = PAGE.partition("## The rooms")[2].partition("## Where to add")[0]
    rows = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}

    assert floors == set(script["WORDS"]) == rooms() - {"app"}
    assert rooms() == rows


def test_each_question_leads_to_its_answer_in_three_hops() -> None:
    """A room of the table, a package whose docstring names the module, and a function that exists."""
    rows = re.findall(r"^\| (.+\?) \| `(\w+)` \| `([\w.]+)` \| `([\w.]+):(\w+)` \|$", PAGE, re.M)
    assert len(rows) == 20

    for question, room, package, module, name in rows:
        assert package.split(".")[1] == room, question
        assert hasattr(import_module(module), name), question
        step = module.removeprefix(package).lstrip(".").split(".")[0] or name
        assert re.search(rf"\b{step}\b", import_module(package).__doc__ or ""), question


def test_every_path_of_the_page_exists() -> None:
    """Files and folders in code marks."""
    named = re.findall(r"`((?:helpers|tests|labs|docs|clusters)/[\w./-]+)`", PAGE)

    assert [path for path in named if not (ROOT / path).exists()] == ["labs/NN-topic/"]


def test_the_contracts_count_imports_for_annotations() -> None:
    """A circle that only a type checker sees still makes a reader go round."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]

    assert config["exclude_type_checking_imports"] is False
    assert "acyclic_siblings" in {contract["type"] for contract in config["contracts"]}
