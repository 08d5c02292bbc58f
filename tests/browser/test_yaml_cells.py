"""Cells that begin with one of podlab's magics are coloured as YAML; the cells of Python stay Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import JupyterLab, wait_until
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

MANIFEST = """\
%%manifest flaky
apiVersion: v1
kind: Pod  # a note
metadata:
  name: flaky
spec:
  restartPolicy: Never
  containers:
    - {name: shop, image: "busybox:1.36", command: [sh, -c, 'import this; exit 3']}
"""
SOURCES = {
    "python": "import podlab  # a note\nname = 'flaky'",
    "manifest": MANIFEST,
    "predict": "%%predict 2.1\norder: fetch | (shop admin)",
    "exercise": "%%exercise e06 --seed 7\nkind: Pod",
    "hint": "%hint e06",
    "other magic": "%%bash\nname: x",
    "quoted": 'text = """\n%%manifest flaky\n"""',
}
YAML_CELLS = {"manifest", "predict", "exercise"}

# Every editor says in an attribute which language it reads; a key and its value have their colours from that language.
LANGUAGES = """
return [...document.querySelectorAll('.jp-CodeCell .cm-content')].map(e => e.dataset.language)
"""
COLOURS = """
const cell = [...document.querySelectorAll('.jp-CodeCell .cm-content')][arguments[0]];
const spans = [...cell.querySelectorAll('.cm-line span')];
const colour = word => {
  const span = spans.find(one => one.textContent.trim() === word);
  return span ? getComputedStyle(span).color : null;
};
return arguments[1].map(colour)
"""


@pytest.fixture
def notebook(jupyterlab: JupyterLab) -> str:
    """A notebook with one cell of each kind, in the folder that JupyterLab serves."""
    cells = [new_markdown_cell("# Cells"), *(new_code_cell(text) for text in SOURCES.values())]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path: Path = jupyterlab.folder / "yaml-cells.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path.name


def languages(browser: webdriver.Chrome) -> list[str]:
    return list(browser.execute_script(LANGUAGES))


def opened(browser: webdriver.Chrome, lab: JupyterLab, notebook: str) -> list[str]:
    """Open the notebook; the language of each cell once the kernel has said its own."""
    browser.get(lab.page(notebook))

    def settled() -> Any:
        found = languages(browser)
        known = len(found) == len(SOURCES) and found[0] is not None and found[0] != "yaml"
        return found if known else None

    return list(wait_until("the cells have the kernel's language", settled, 180))  # type: ignore[call-overload]


def test_cells_of_podlabs_magics_are_yaml(jupyterlab, browser, notebook):
    """The kernel's language comes last, and takes only the cells that are its own."""
    shown = dict(zip(SOURCES, opened(browser, jupyterlab, notebook), strict=True))

    python = shown["python"]
    assert shown == {name: "yaml" if name in YAML_CELLS else python for name in SOURCES}


def test_keys_and_values_have_yamls_colours(jupyterlab, browser, notebook):
    """In Python ``import`` would be a keyword, and a key a variable like its value."""
    opened(browser, jupyterlab, notebook)
    number = list(SOURCES).index("manifest")

    key, other, note = browser.execute_script(COLOURS, number, ["apiVersion", "restartPolicy", "# a note"])

    assert key is not None
    assert key == other
    assert note not in (None, key)


def test_the_language_follows_what_is_typed(jupyterlab, browser, notebook):
    """A cell becomes YAML with its magic, and Python again without it."""
    before = opened(browser, jupyterlab, notebook)
    assert before[0] != "yaml"
    browser.execute_script(
        "const e = document.querySelector('.jp-CodeCell .cm-content'); e.scrollIntoView(); e.focus()"
    )
    keys = ActionChains(browser)
    keys.key_down(Keys.CONTROL).send_keys(Keys.HOME).key_up(Keys.CONTROL)
    keys.send_keys("%%manifest x", Keys.ENTER).perform()

    wait_until("the cell is YAML", lambda: languages(browser)[0] == "yaml", 30)
    ActionChains(browser).send_keys(Keys.ARROW_UP, Keys.HOME, Keys.DELETE).perform()
    wait_until("the cell is Python", lambda: languages(browser)[0] == before[0], 30)
