"""A cell of the learner's edition whose Python is not the lesson is folded in JupyterLab, runs, and can be opened."""

from __future__ import annotations

import nbformat
from conftest import ARTEFACTS, JupyterLab, wait_until
from nbformat.v4 import new_code_cell, new_notebook
from selenium.webdriver.common.by import By

from podlab.course.edition import without_outputs

FIRST = f"names = [name for name in ('a', 'b') if '{'long ' * 60}']"
OVERFLOW = """
const panel = document.querySelector('.jp-Notebook .jp-WindowedPanel-outer');
return panel.scrollWidth - panel.clientWidth
"""
EDITORS = (
    "return [...document.querySelectorAll('.jp-CodeCell .cm-content')].filter(e => e.offsetParent).length"
)


def test_a_folded_cell_shows_its_first_line_and_runs(jupyterlab: JupyterLab, browser) -> None:
    """The output is there, the second line of the source is not, until the fold is clicked."""
    cells = [new_code_cell(f"{FIRST}\nprint(len(names), 'lanes')"), new_code_cell("print('plain')")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    text = nbformat.writes(new_notebook(cells=cells, metadata={"kernelspec": kernel}))
    (jupyterlab.folder / "folded.ipynb").write_bytes(without_outputs(text.encode()))
    browser.get(jupyterlab.page("folded.ipynb"))
    find = browser.find_elements

    wait_until("one cell is folded", lambda: len(find(By.CSS_SELECTOR, ".jp-InputPlaceholder")) == 1, 180)
    assert FIRST[:60] in find(By.CSS_SELECTOR, ".jp-InputPlaceholder")[0].text
    assert "lanes" not in browser.find_element(By.CSS_SELECTOR, ".jp-Notebook").text
    assert browser.execute_script(EDITORS) == 1
    assert browser.execute_script(OVERFLOW) == 0
    wait_until("the kernel is idle", lambda: "Idle" in browser.find_element(By.TAG_NAME, "body").text, 60)
    click(browser, ".lm-MenuBar-item", "Run")
    click(browser, ".lm-Menu-item .lm-Menu-itemLabel", "Run All Cells")

    def printed() -> list[str]:
        return [each.text.strip() for each in find(By.CSS_SELECTOR, ".jp-OutputArea-output")]

    wait_until("both cells have run", lambda: printed() == ["2 lanes", "plain"], 60)
    browser.save_screenshot(str(ARTEFACTS / "folded.png"))
    assert len(find(By.CSS_SELECTOR, ".jp-InputPlaceholder")) == 1
    find(By.CSS_SELECTOR, ".jp-InputPlaceholder .jp-Placeholder-content")[0].click()
    wait_until("the cell is open", lambda: browser.execute_script(EDITORS) == len(cells), 30)


def click(browser, selector: str, word: str) -> None:
    """Click the first element that begins with *word*, once it is there."""

    def clicked() -> bool:
        for element in browser.find_elements(By.CSS_SELECTOR, selector):
            if element.text.strip().startswith(word):
                element.click()
                return True
        return False

    wait_until(f"{word} is clicked", clicked, 30)
