"""
A learner in front of a page of the learner's edition: JupyterLab as ``./start`` opens it, a real browser, a real node.

Page 00, and with ``PODLAB_BROWSER_PAGES=all`` every page and lab, or those whose names are given (``02,lab-06``). Each
page is read before it is run, run from the top, its controls are pressed, and one exercise is answered in its cell.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ARTEFACTS, TOKEN, JupyterLab, wait_until
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from podlab import grading
from podlab.drivers import Cluster
from podlab.grading.prove import samples

ROOT = Path(__file__).resolve().parents[2]
PAGE_S = 600
READING = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb")) + sorted(
    (ROOT / "labs").glob("[0-9][0-9]-*/[0-9][0-9]-*.ipynb")
)


def wanted() -> list[str]:
    """The pages that this run opens, as paths below the course."""
    asked = os.environ.get("PODLAB_BROWSER_PAGES", "00")
    every = [path.relative_to(ROOT).as_posix() for path in READING]
    if asked == "all":
        return every
    starts = [f"labs/{one[4:]}" if one.startswith("lab-") else f"notebooks/{one}" for one in asked.split(",")]
    return [page for page in every if page.startswith(tuple(starts))]


@pytest.fixture(scope="session")
def course(jupyterlab: JupyterLab) -> Path:
    """The learner's edition, made by the command that ``./start`` runs, in the folder that JupyterLab serves."""
    folder = jupyterlab.folder / "course"
    subprocess.run([sys.executable, "-m", "podlab", "course", str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture
def page(request: pytest.FixtureRequest, jupyterlab: JupyterLab, browser: webdriver.Chrome, course: Path,
         cluster: Cluster) -> Iterator[Page]:  # fmt: skip
    """The page of this test, opened and not yet run."""
    found = Page(browser, jupyterlab, course / request.param, request.param)
    try:
        found.open()
        yield found
    finally:
        found.shoot("end")
        found.stop_kernel()


class Page:
    """
    One notebook in the browser.

    Args:
        file: The notebook on disk; JupyterLab writes it when it is saved.
        path: The same, below the course.
    """

    def __init__(self, browser: webdriver.Chrome, lab: JupyterLab, file: Path, path: str) -> None:
        self.browser, self.lab, self.file, self.path = browser, lab, file, path

    # -- what a hand does ---------------------------------------------------------------------------------

    def open(self) -> None:
        self.browser.get(self.lab.page(f"course/{self.path}"))
        wait_until(
            "the page is open",
            lambda: self.script("return document.querySelectorAll('.jp-Cell').length"),
            180,
        )
        wait_until("its kernel is there", lambda: self.kernel().get("execution_state") == "idle", 180)

    def run_all(self) -> None:
        self._menu("Run", "Run All Cells")

    def save(self) -> None:
        before = self.file.stat().st_mtime_ns
        self._menu("File", "Save Notebook")
        wait_until(
            "the notebook is saved", lambda: self.file.stat().st_mtime_ns != before and self._whole(), 60
        )

    def _whole(self) -> bool:
        """Whether the file can be read: while it is written it is empty, or cut off."""
        try:
            return bool(self.cells())
        except ValueError:
            return False

    def answer(self, exercise: str, text: str) -> None:
        """Replace what stands in the last answer cell of an exercise, and run that cell."""
        first = f"%%exercise {exercise}"
        find = (
            "const cells = [...document.querySelectorAll('.jp-CodeCell')]"
            ".filter(e => e.textContent.includes(arguments[0]));"
            "const cell = cells[cells.length - 1]; if (!cell) return null;"
            "cell.scrollIntoView({block: 'center'}); return cell.querySelector('.cm-content')"
        )
        cell: Any = wait_until(f"the cell of {exercise}", lambda: self._come_to(find, first), 60)
        cell.click()
        keys = ActionChains(self.browser)
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(Keys.DELETE).perform()
        # As one paste: an editor that closes brackets and indents lines would add to what is typed.
        self.script(
            "const data = new DataTransfer(); data.setData('text/plain', arguments[1]);"
            "arguments[0].dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, "
            "cancelable: true}))", cell, f"{first}\n{text}",
        )  # fmt: skip
        ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    def press_controls(self) -> int:
        """Click every button of every live view once; how many there were."""
        buttons = self.browser.find_elements(By.CSS_SELECTOR, ".podlab-live button")
        for number in range(len(buttons)):
            self.script(
                "const one = document.querySelectorAll('.podlab-live button')[arguments[0]];"
                "one.scrollIntoView({block: 'center'}); one.click()", number,
            )  # fmt: skip
            time.sleep(0.1)
        return len(buttons)

    def _come_to(self, find: str, *arguments: Any) -> Any:
        """Scroll down the page until *find* finds something: a cell is drawn, and its editor made, when it is near."""
        panel = "const panel = document.querySelector('.jp-Notebook .jp-WindowedPanel-outer');"
        self.script(f"{panel} panel.scrollTop = 0")
        while True:
            time.sleep(0.2)
            found = self.script(find, *arguments)
            if found:
                return found
            if not self.script(
                f"{panel} const before = panel.scrollTop; panel.scrollTop += 500; return panel.scrollTop > before"
            ):
                return None

    def _menu(self, name: str, item: str) -> None:
        def click(selector: str, word: str) -> bool:
            for element in self.browser.find_elements(By.CSS_SELECTOR, selector):
                if element.text.strip().startswith(word):
                    element.click()
                    return True
            return False

        wait_until(f"menu {name}", lambda: click(".lm-MenuBar-item", name), 30)
        wait_until(f"menu item {item}", lambda: click(".lm-Menu-item .lm-Menu-itemLabel", item), 30)

    # -- what an eye sees ---------------------------------------------------------------------------------

    def script(self, text: str, *arguments: Any) -> Any:
        return self.browser.execute_script(text, *arguments)

    def seen(self) -> str:
        """The text of all cells as it can be read now: what is folded is left out."""
        return str(self.script(
            "const cells = [...document.querySelectorAll('.jp-Cell')].map(cell => {"
            "  const copy = cell.cloneNode(true);"
            "  copy.querySelectorAll('details:not([open])').forEach(one => {"
            "    [...one.childNodes].forEach(child => child.nodeName === 'SUMMARY' || child.remove())});"
            "  return copy.textContent}); return cells.join('\\n')"
        ))  # fmt: skip

    def pictures(self) -> list[str]:
        """What grows: live views, and the lines that tell of a recording under way."""
        return list(self.script(
            "return [...document.querySelectorAll('.podlab-live svg')].map(e => e.outerHTML).concat("
            "[...document.querySelectorAll('.jp-OutputArea-output')].map(e => e.textContent)"
            ".filter(text => text.startsWith('recording, ')))"
        ))  # fmt: skip

    def kernel(self) -> dict[str, Any]:
        """What the server says about the newest kernel."""
        with urllib.request.urlopen(f"{self.lab.url}/api/sessions?token={TOKEN}", timeout=10) as answer:
            mine = [one for one in json.load(answer) if one["path"].endswith(self.path)]
        return dict(mine[-1]["kernel"]) if mine else {}

    def rest(self, deadline_s: float) -> list[str]:
        """Wait until the kernel has had nothing to do for two seconds; the pictures that grew meanwhile."""
        grown: list[str] = []
        end, idle_since = time.monotonic() + deadline_s, None
        while time.monotonic() < end:
            grown += [one for one in self.pictures() if one not in grown]
            now = time.monotonic()
            idle = self.kernel().get("execution_state") == "idle"
            idle_since = (idle_since or now) if idle else None
            if idle_since is not None and now - idle_since > 2:
                return grown
            time.sleep(0.3)
        raise AssertionError(f"{self.path}: the kernel is still busy after {deadline_s:.0f} s")

    def shoot(self, word: str) -> None:
        self.browser.save_screenshot(str(ARTEFACTS / f"{self.file.stem}-{word}.png"))

    def shoot_all(self, word: str) -> None:
        """Take a picture of each screen from the top of the page to its end, for whoever looks at the artefacts."""
        panel = "const panel = document.querySelector('.jp-Notebook .jp-WindowedPanel-outer');"
        self.script(f"{panel} panel.scrollTop = 0")
        for number in itertools.count():
            time.sleep(0.5)  # cells that come into view are drawn
            self.shoot(f"{word}-{number:02}")
            if not self.script(
                f"{panel} const before = panel.scrollTop; panel.scrollTop += panel.clientHeight - 60;"
                "return panel.scrollTop > before"
            ):
                return

    def stop_kernel(self) -> None:
        found = self.kernel().get("id")
        if found:
            request = urllib.request.Request(
                f"{self.lab.url}/api/kernels/{found}?token={TOKEN}", method="DELETE"
            )
            urllib.request.urlopen(request, timeout=30).close()

    def cells(self) -> list[dict[str, Any]]:
        return list(json.loads(self.file.read_text("utf-8"))["cells"])


def unfolded(cell: dict[str, Any]) -> str:
    """A cell's text without what is folded; far below, JupyterLab has not drawn it yet."""
    return re.sub(r"<details>.*?</details>", "", source(cell), flags=re.DOTALL)


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def orders(path: Path) -> set[str]:
    """The orders that the reading edition prints as facts of rounds that ask for a prediction of one."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    rounds = {one[1] for cell in cells if (one := re.match(r"%%predict (\S+)", source(cell)))}
    found = set()
    for cell in cells:
        fact = re.search(r'lab\.facts\(\s*"([\d.]+)"', source(cell))
        if fact and fact[1] in rounds:
            text = "".join("".join(each.get("text", "")) for each in cell.get("outputs", []))
            found |= {
                words[-1] for line in text.splitlines() if "|" in (words := re.split(r"\s{2,}", line))[-1]
            }
    return found


def failed(cells: list[dict[str, Any]]) -> list[str]:
    """Cells that ended with an error, but for those that show one."""
    return [
        f"{source(cell)[:60]!r}: {each['ename']}: {each['evalue']}"
        for cell in cells
        if cell["cell_type"] == "code" and "raises-exception" not in cell["metadata"].get("tags", [])
        for each in cell["outputs"]
        if each["output_type"] == "error"
    ]


def a_right_answer(cells: list[dict[str, Any]]) -> tuple[str, str] | None:
    """The first exercise of the page, and a right answer without the line that says what it earns."""
    for cell in cells:
        found = re.match(r"%%exercise (e\d+)\s*$", source(cell), re.MULTILINE)
        if found:
            right = next(one for one in samples(grading.find(found[1])) if one.kind == "right")
            return found[1], re.sub(r"\A# earns.*\n", "", right.text)
    return None


@pytest.mark.timeout(3 * PAGE_S)
@pytest.mark.parametrize("page", wanted(), indirect=True)
def test_a_page_of_the_course_works_for_a_learner(page: Page) -> None:
    """Nothing is answered before it is run; then it runs without an error, grows, and grades."""
    before = page.seen() + "\n".join(map(unfolded, page.cells()))
    given_away = sorted(order for order in orders(ROOT / page.path) if order in before)
    page.shoot("fresh")
    page.run_all()
    grown = page.rest(PAGE_S)
    page.save()
    page.shoot_all("ran")
    ran = page.cells()
    pressed = page.press_controls()
    page.rest(60)
    exercise = a_right_answer(ran)
    if exercise:
        page.answer(*exercise)
        page.rest(PAGE_S)  # e36 lives through two starts, five faults and two rollouts
        page.shoot("answered")
    page.save()
    after = page.cells()
    console = [entry["message"] for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]

    assert given_away == []
    assert failed(ran) == []
    assert [source(cell)[:60] for cell in ran if is_code(cell) and not cell["execution_count"]] == []
    assert len(grown) >= 2, "something must grow while cells run"
    if any("live=True" in source(cell) or "views.live(" in source(cell) for cell in ran if is_code(cell)):
        assert pressed, "the live view has no controls"
    if exercise:
        points = grading.find(exercise[0]).points
        assert re.search(
            rf"^{exercise[0]} [\w-]+: {points} of {points}$", printed(after, exercise[0]), re.MULTILINE
        )
    assert failed(after) == []
    assert console == []


def is_code(cell: dict[str, Any]) -> bool:
    return bool(cell["cell_type"] == "code")


def printed(cells: list[dict[str, Any]], exercise: str) -> str:
    """What the answer cells of one exercise print."""
    outputs = [
        each
        for cell in cells
        if source(cell).startswith(f"%%exercise {exercise}\n")
        for each in cell["outputs"]
    ]
    return "\n".join("".join(each.get("text", "")) for each in outputs)
