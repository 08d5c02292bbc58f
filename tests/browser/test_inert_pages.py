"""
Pages that show what students wrote, in a real browser: the reports of an assignment, and the board of a class.

Names, answers, notes and log lines are hostile. Each payload would leave a mark in the page or ask a trap on this
machine for something; the same payloads, planted without the pages' care, show that a mark would be seen.
"""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ARTEFACTS, free_port, wait_until
from selenium import webdriver

from podlab.assignments import blueprint, marking
from podlab.assignments.roster import Student
from podlab.assignments.submissions import Submission
from podlab.classroom import creating, objects
from podlab.client import Client
from podlab.course.progress import SHARED
from podlab.drivers import Cluster
from podlab.errors import NotFoundError
from podlab.grading import Place

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "labs" / "exercises" / "e03-four-words" / "recordings" / "two-apps.jsonl"
PLAN = 'title = "%s"\nseed = 1\n\n[[rows]]\nname = "beside"\npoints = 10\nchoose = ["e14"]\n'
TITLE = "Inert"


class Trap(ThreadingHTTPServer):
    """A server that keeps the path of each request: nothing on a page may ask it for anything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TrapHandler)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class TrapHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Trap)
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


@pytest.fixture
def trap() -> Iterator[Trap]:
    with Trap() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def payloads(trap: Trap) -> list[str]:
    """What a student could write: each begins by closing the element or attribute in which it may stand."""
    mark = "window.pwned=1"
    close = "\"'></td></pre></title></style>"
    return [
        f"{close}<script>{mark};fetch('{trap.url}/script')</script>",
        f"{close}<img src={trap.url}/img onerror={mark} onload={mark}>",
        f"{close}<svg onload={mark}><image href={trap.url}/svg></svg>",
        f"{close}<iframe src={trap.url}/frame></iframe>",
        f"{close}<link rel=stylesheet href={trap.url}/css>",
        f"{close}<details open ontoggle={mark}><summary>x</summary></details>",
        f"{close}<input autofocus onfocus={mark}>",
        f"{close}<object data={trap.url}/object></object><embed src={trap.url}/embed>",
        f"{close}<style>@import url({trap.url}/import);body{{background:url({trap.url}/background)}}</style>",
        f"{close}<form action={trap.url}/form><button id=send>x</button></form><a href=\"javascript:{mark}\">x</a>",
    ]  # fmt: skip


def harm(browser: webdriver.Chrome, address: str, trap: Trap) -> list[str]:
    """Open a page, wait until all that it asks for has come, click what can be clicked; what it did."""
    browser.get(address)
    wait_until(
        "the page is whole", lambda: browser.execute_script("return document.readyState") == "complete", 30
    )
    find = "return [...document.querySelectorAll('script, iframe, object, embed, form, input, link, svg, [src^=http]')]"
    found = list(browser.execute_script(f"{find}.map(one => 'element ' + one.nodeName)"))
    browser.execute_script(
        "document.querySelectorAll('a[href^=\"javascript:\"]').forEach(one => one.click())"
    )
    if browser.execute_script("return window.pwned === 1"):
        found.append("a script ran")
    browser.execute_script(
        "document.querySelectorAll('#send').forEach(one => one.click())"
    )  # leaves the page
    # Asked for when the page is whole: it comes after what the page has asked for.
    browser.get(f"{trap.url}/last")
    wait_until("the last request", lambda: "/last" in trap.asked, 30)
    asked = [path for path in trap.asked if path not in ("/last", "/favicon.ico")]
    trap.asked.clear()
    return [*found, *(f"request {path}" for path in asked)]


@pytest.fixture
def report(trap: Trap, tmp_path: Path) -> Path:
    """What ``podlab report`` writes about students whose names, answers, notes and recorded logs are hostile."""
    bad = payloads(trap)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "assignment.toml").write_text(PLAN % TITLE)
    plan = blueprint.read(tmp_path / "plan")
    handed_in = [
        Submission(student, True, [f"{text}.ipynb"], {"e14": text})
        for student, text in zip(["ada", *bad], [*bad, ""], strict=True)
    ]  # fmt: skip
    grades = tmp_path / "grades"
    marking.mark(plan, handed_in, grades, Place(client=None), at_once=2)
    for number, path in enumerate(sorted((grades / "results").rglob("*.json"))):
        result = json.loads(path.read_text())
        words = bad[number % len(bad)]
        verdict = {"id": words, "text": words, "points": 5, "earned": 0, "holds": False, "expected": words,
                   "found": words, "why": words, "hint": None, "visible": True}  # fmt: skip
        result["report"].update(verdicts=[verdict], notes=bad, reason=words)
        path.write_text(json.dumps(result))
    evidence = marking.evidence_of(grades, "ada")
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / "e14-run.jsonl").write_text(RECORDING.read_text().replace('"app"', json.dumps(bad[0])))
    with (tmp_path / "roster.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "email"])
        rows.writerow(["ada", bad[0], bad[1]])
    command = [sys.executable, "-m", "podlab", "report", str(grades), "--assignment", str(tmp_path / "plan")]
    subprocess.run([*command, "--roster", str(tmp_path / "roster.csv")], check=True, timeout=120)
    return grades / "report"


def test_reports_of_hostile_submissions_do_nothing(
    report: Path, browser: webdriver.Chrome, trap: Trap
) -> None:
    """No script runs, nothing is asked for, and what the student wrote can be read as it was written."""
    pages = sorted(report.rglob("*.html"))
    assert len(pages) > 10

    for page in pages:
        assert harm(browser, page.as_uri(), trap) == [], page
    browser.get((report / "student" / "ada.html").as_uri())
    text = str(browser.execute_script("return document.body.innerText"))
    for words in payloads(trap):
        assert words in text
    browser.get((report / "instructor" / "ada.html").as_uri())
    browser.save_screenshot(str(ARTEFACTS / "report-instructor.png"))
    assert browser.execute_script("return [...document.images].every(one => one.naturalWidth > 100)")
    assert browser.execute_script("return document.images.length") >= 1
    browser.get((report / "instructor" / "index.html").as_uri())
    browser.save_screenshot(str(ARTEFACTS / "report-index.png"))
    assert TITLE in browser.title


def test_a_report_without_its_care_would_be_caught(
    report: Path, browser: webdriver.Chrome, trap: Trap
) -> None:
    """The same page unescaped: its policy still stops scripts and requests; without the policy, all of it happens."""
    careless = report / "careless.html"
    text = html.unescape((report / "student" / "ada.html").read_text())
    careless.write_text(text)
    with_policy = harm(browser, careless.as_uri(), trap)
    careless.write_text(re.sub(r"<meta http-equiv=.Content-Security-Policy[^>]*>", "", text))
    without = harm(browser, careless.as_uri(), trap)

    assert "element SCRIPT" in with_policy
    assert [what for what in with_policy if not what.startswith("element")] == []
    assert "a script ran" in without
    assert {f"request /{name}" for name in ("script", "img", "svg", "frame", "css", "import")} <= set(without)


def test_the_board_of_a_class_shows_hostile_progress_as_text(
    cluster: Cluster, browser: webdriver.Chrome, trap: Trap, tmp_path: Path
) -> None:
    """A student writes anything into the own progress, with the own rights; the page on the wall stays quiet."""
    client, ada, name = cluster.client(), Student("ada"), "inert"
    creating.create(client, name, [ada, Student("bob")], tmp_path / "kubeconfigs")
    own = Client.from_kubeconfig(tmp_path / "kubeconfigs" / "ada.kubeconfig")
    space = objects.namespace_of(name, ada)
    tried = ["<script>", "<img src=//a", '"><svg/onload', "e14", *payloads(trap)]
    events = [{"event": "answer", "exercise": text, "score": 1, "points": 5} for text in tried]
    own.create(f"/api/v1/namespaces/{space}/configmaps", {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SHARED},
        "data": {"events": "\n".join(map(json.dumps, events))},
    })  # fmt: skip
    own.create(f"/api/v1/namespaces/{space}/pods", {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stuck"},
        "spec": {"containers": [{"name": "a", "image": "<script>fetch(1)</script>"}]},
    })  # fmt: skip
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "podlab",
        "class",
        "board",
        name,
        "--web",
        str(port),
        "--name",
        cluster.name,
    ]
    board = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert board.stdout is not None
        assert f":{port}/" in board.stdout.readline()
        address = f"http://127.0.0.1:{port}/"
        wait_until("the stuck Pod", lambda: "stuck/a" in text_of(browser, address), 60)
        browser.save_screenshot(str(ARTEFACTS / "board.png"))
        text = text_of(browser, address)

        assert harm(browser, address, trap) == []
        for words in ("<script>", "<img src=//a", "e14", "ada", "bob"):
            assert words in text
    finally:
        board.terminate()
        board.wait(20)
        creating.delete(client, name)
    with pytest.raises(NotFoundError):
        client.get(f"/api/v1/namespaces/{space}")


def text_of(browser: webdriver.Chrome, address: str) -> str:
    browser.get(address)
    return str(browser.execute_script("return document.body.innerText"))
