"""
The live timeline as a person sees it: in JupyterLab, in a real browser, while a Pod lives on the embedded cluster.
"""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from conftest import ARTEFACTS, JupyterLab, wait_until
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from podlab.drivers import Cluster

FIRST_POD = Path(__file__).resolve().parents[2] / "labs" / "00-first-pod" / "manifests" / "first-pod.yaml"
PICTURE = ".podlab-live svg"


def write_notebook(folder: Path, cells: list[str]) -> None:
    """A notebook of code cells, as a learner would have typed them."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, folder / "live.ipynb")


def run_all(browser: webdriver.Chrome, count: int) -> None:
    """Press Shift+Enter in each cell, from the first."""
    wait_until("the kernel is idle", lambda: "Idle" in page_text(browser), 60)
    wait_until("the first cell is clicked", lambda: click(browser, ".jp-CodeCell .cm-content"), 60)
    for _ in range(count):
        ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        time.sleep(0.2)


def run_last(browser: webdriver.Chrome) -> None:
    """Run the last cell that holds code."""
    wait_until(
        "the last cell is clicked", lambda: click(browser, ".jp-CodeCell .cm-content", "lab.close()"), 30
    )
    ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()


def picture(browser: webdriver.Chrome) -> str:
    """The drawing as it is now; empty before the first."""
    # One script: the element found by one call may be replaced before the next.
    script = "const found = document.querySelector(arguments[0]); return found ? found.outerHTML : ''"
    return str(browser.execute_script(script, PICTURE))


def pictures(browser: webdriver.Chrome, count: int, deadline_s: float = 20) -> list[str]:
    """The first *count* different drawings from now on, in order; fewer at the deadline."""
    seen: list[str] = []
    end = time.monotonic() + deadline_s
    while len(seen) < count and time.monotonic() < end:
        now = picture(browser)
        if now and (not seen or seen[-1] != now):
            seen.append(now)
        time.sleep(0.1)
    return seen


def output_lines(browser: webdriver.Chrome) -> str:
    """All that the cells printed."""
    script = (
        "return [...document.querySelectorAll('.jp-OutputArea-output')].map(e => e.innerText).join('\\n')"
    )
    return str(browser.execute_script(script))


def test_a_timeline_grows_and_its_controls_work(
    jupyterlab: JupyterLab, browser: webdriver.Chrome, cluster: Cluster
) -> None:
    """The picture changes while the Pod lives; play, zoom and follow change it afterwards; the console is clean."""
    cells = [
        f"import podlab\nlab = podlab.open(driver='embedded', name={cluster.name!r}, namespace='live')",
        "from podlab import manifests, observe, views\nview = views.live()\nview",
        f"pod = manifests.load(open({str(FIRST_POD)!r}).read())\n"
        "recording = observe.record(lab.client, pod, namespace=lab.namespace, until='Succeeded', deadline_s=60,\n"
        "                           on_observation=view.observe)\n"
        "view.finish()\nprint('recorded', recording.end_reason, view.messages)",
        "lab.close()\nprint('closed')",
    ]
    write_notebook(jupyterlab.folder, cells)
    browser.get(jupyterlab.page("live.ipynb"))
    run_all(browser, 3)
    wait_until("the first picture", lambda: picture(browser), 60)
    growing = pictures(browser, 4)
    assert len(growing) >= 4, "the picture must grow while the Pod lives"
    wait_until("the recording's end", lambda: "recorded Succeeded" in output_lines(browser), 60)
    browser.save_screenshot(str(ARTEFACTS / "live-finished.png"))

    assert is_down(browser, "follow"), "nobody touched the controls"
    whole = picture(browser)
    for name in ("fetch", "shipper", "app"):
        assert name in whole
    assert "exit 0" in whole

    track = browser.find_element(By.CSS_SELECTOR, ".podlab-live .noUi-base")
    left = 12 - track.size["width"] // 2  # counted from the middle
    ActionChains(browser).move_to_element_with_offset(track, left, 0).click().perform()
    browser.save_screenshot(str(ARTEFACTS / "live-scrubbed.png"))
    wait_until("the beginning", lambda: "exit 0" not in picture(browser), 10)
    assert not is_down(browser, "follow")

    # A quarter of real time: the few seconds of this Pod would be over before a loaded browser has shown them.
    choose(browser, "quarter")
    press(browser, "play")
    playing = pictures(browser, 4)
    browser.save_screenshot(str(ARTEFACTS / "live-playing.png"))
    assert len(playing) >= 4, "playing must move the picture"
    press(browser, "pause")
    wait_until("the pause", lambda: click(browser, ".podlab-live button", "play", press=False), 10)
    held = picture(browser)
    time.sleep(1)
    assert picture(browser) == held, "a paused picture must stand still"

    choose(browser, "last 5 s")
    wait_until("the zoomed picture", lambda: picture(browser) != held, 10)
    choose(browser, "all")
    press(browser, "follow")
    wait_until("the whole life again", lambda: "exit 0" in picture(browser), 10)
    browser.save_screenshot(str(ARTEFACTS / "live-followed.png"))

    run_last(browser)
    wait_until("the tidy end", lambda: "closed" in output_lines(browser), 60)
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def press(browser: webdriver.Chrome, word: str) -> None:
    """Click the button that carries *word*."""
    wait_until(f"{word} is pressed", lambda: click(browser, ".podlab-live button", word), 10)


def is_down(browser: webdriver.Chrome, word: str) -> bool:
    """Whether the toggle button that carries *word* is pressed."""
    buttons = browser.find_elements(By.CSS_SELECTOR, ".podlab-live button")
    found = next(button for button in buttons if word in button.text)
    return "mod-active" in str(found.get_attribute("class"))


def choose(browser: webdriver.Chrome, option: str) -> None:
    """Select *option* in the dropdown that offers it."""
    found = browser.find_elements(By.CSS_SELECTOR, ".podlab-live select")
    Select(next(s for s in found if option in s.text)).select_by_visible_text(option)


def click(browser: webdriver.Chrome, selector: str, word: str = "", *, press: bool = True) -> bool:
    """Click the first element that matches and carries *word*; False when there is none, or it was just replaced."""
    try:
        for element in browser.find_elements(By.CSS_SELECTOR, selector):
            if word in element.text:
                if press:
                    element.click()
                return True
    except (StaleElementReferenceException, ElementNotInteractableException):
        return False
    return False


def page_text(browser: webdriver.Chrome) -> str:
    """What the whole page says."""
    return str(browser.execute_script("return document.body.innerText"))
