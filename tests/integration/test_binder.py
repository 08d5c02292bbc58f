"""
A Binder as far as it can be had here: a clean copy, an account without rights, and the first lesson.

What repo2docker does is done in its order: install ``binder/requirements.txt``, run ``binder/postBuild``, then start
the container's program behind ``binder/start``. Account 1000 does it, without capabilities, with namespaces and where
the host refuses them, as Docker's own rules do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.timeout(900),  # the first test installs JupyterLab
    pytest.mark.skipif(os.getuid() != 0, reason="acts as account 1000: only root can"),
]

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = 1000
UNPRIVILEGED = ["setpriv", "--reuid", str(ACCOUNT), "--regid", str(ACCOUNT), "--clear-groups", "--no-new-privs",
                "--bounding-set=-all", "--inh-caps=-all"]  # fmt: skip
REFUSED = ["unshare", "--user", "--map-root-user", "sh", "-c",
           'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" "$@"']  # fmt: skip
INSTALL = """
set -euo pipefail
python="$1" venv="$2"
. helpers/install.sh
make_venv && choose_installer && install_into_venv -r binder/requirements.txt
"""
LESSON = ["jupyter", "execute", "--output=done", "course/notebooks/00-start-here.ipynb"]


@pytest.fixture(scope="module")
def binder() -> Iterator[Path]:
    """A copy of what git would put into a clone, with its environment, where account 1000 can work."""
    home = Path(tempfile.mkdtemp(prefix="podlab-binder-", dir="/tmp"))
    try:
        copy = home / "podlab"
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for name in names:
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        command = ["bash", "-c", INSTALL, "install", python_for_all(), str(home / "venv")]
        done = subprocess.run(
            command, cwd=copy, env=env, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        for path in (home, *home.rglob("*")):
            os.chown(path, ACCOUNT, ACCOUNT, follow_symlinks=False)
        build = act(home, ["binder/postBuild"])
        assert build.returncode == 0, build.stderr
        yield home
    finally:
        shutil.rmtree(home)


def python_for_all() -> str:
    """A Python that account 1000 can run; that of the tests may lie in root's home folder."""
    for candidate in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        asked = [*UNPRIVILEGED, candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if subprocess.run(asked, check=False, capture_output=True).returncode == 0:
            return candidate
    raise AssertionError("no Python 3.11 that everybody can run")


def act(home: Path, command: list[str], *, refused: bool = False) -> subprocess.CompletedProcess[str]:
    """Run *command* in the copy as account 1000, with a home folder and an environment of its own alone."""
    env = {
        "HOME": str(home),
        "PATH": f"{home / 'venv' / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
    }
    return subprocess.run(
        [*UNPRIVILEGED, *(REFUSED if refused else []), *command],
        cwd=home / "podlab", env=env, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip


@pytest.mark.parametrize("refused", [False, True])
def test_the_first_lesson_runs_in_a_binder(binder: Path, refused: bool) -> None:
    """Page 00 from the top, as the learner's edition has it; where namespaces are refused, it says what differs."""
    try:
        done = act(binder, ["binder/start", *LESSON], refused=refused)
    finally:
        down = act(binder, ["podlab", "down"])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert down.returncode == 0, down.stderr

    page = json.loads((binder / "podlab/course/notebooks/done.ipynb").read_text())
    printed = "".join(
        "".join(output.get("text", "")) for cell in page["cells"] for output in cell.get("outputs", [])
    )
    assert "fetch | proxy | shop" in printed
    assert ("reduced mode, nothing is isolated" in done.stderr) == refused, done.stderr
    assert ("no volumes, no Service addresses or names" in done.stderr) == refused
