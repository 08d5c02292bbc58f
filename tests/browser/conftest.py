"""
JupyterLab, started as a learner starts it, and a headless Chromium that looks at it.

Pictures of what was seen go to ``artefacts/browser/``, which git ignores.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from podlab.drivers import Cluster, Profile, get

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "browser"
TOKEN = "podlab-browser-test"
CLUSTER = f"browser-{secrets.token_hex(3)}"

QUIET = [
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, where Chromium's own sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,1000",
]


@dataclass(frozen=True)
class JupyterLab:
    """A running JupyterLab: the folder it serves and its address."""

    folder: Path
    url: str

    def page(self, notebook: str) -> str:
        """Address that opens *notebook* alone, in a workspace of its own."""
        return f"{self.url}/lab/workspaces/test/tree/{notebook}?reset&token={TOKEN}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, ready: Callable[[], object], deadline_s: float) -> object:
    """The first true answer of *ready*; fails with *what* at the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            answer = ready()
        except OSError:
            answer = None
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {deadline_s:.0f} s")


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab on an empty folder and a free port of this machine, ended with the session."""
    folder = tmp_path_factory.mktemp("lab")
    port = free_port()
    home = tmp_path_factory.mktemp("jupyter-home")
    # As ./start sets it up: without a question about news.
    settings = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
    }
    (home / "labconfig").mkdir()
    (home / "labconfig/default_setting_overrides.json").write_text(json.dumps(settings))
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        # A widget sends the traits that it holds back in the order of a set. With this seed a slider gets its value
        # before the end that lets it in, which is the harder case; without a seed it is one of the two, by chance.
        "PYTHONHASHSEED": "0",
        "PODLAB_CLUSTER": CLUSTER,
        "PODLAB_DRIVER": "embedded",
    }
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.port_retries=0",
    ]
    command += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with (ARTEFACTS / "jupyterlab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    lab = JupyterLab(folder, f"http://127.0.0.1:{port}")
    try:
        wait_until(
            "JupyterLab answers",
            lambda: urllib.request.urlopen(f"{lab.url}/api/status?token={TOKEN}", timeout=2).status == 200,
            240,
        )
        yield lab
    finally:
        server.terminate()
        server.wait(120)  # it ends its kernels first


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """An embedded cluster for these tests alone; a notebook that names none gets this one."""
    driver = get("embedded")
    made = driver.make(Profile(name=CLUSTER))
    try:
        yield made
    finally:
        driver.stop(CLUSTER)


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium whose console messages are kept."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    options = Options()
    for argument in QUIET:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("chromium") or ""
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
