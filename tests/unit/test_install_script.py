"""``helpers/install.sh``, which ``./start`` and ``./check`` share: uv where it is available, pip elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def bash(script: str, venv: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env = {**kept, "python": sys.executable, "venv": str(venv), "HOME": str(venv), **environment}
    done = subprocess.run(
        ["bash", "-euc", f". helpers/install.sh; {script}"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=env,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment whose python only writes down what it was asked for, and whose uv can install nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n')
    (programs / "uv").write_text('#!/bin/sh\n[ "$1" = --version ]\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    return tmp_path


def test_where_uv_cannot_install_pip_has_a_try(venv: Path) -> None:
    """With the same constraints; the output says so, and which of both it was in the end."""
    said = bash("choose_installer; install_into_venv --editable .; echo by $installer", venv)

    assert said.splitlines() == ["uv could not install this; now pip tries", "by pip"]
    asked = (venv / "asked").read_text().splitlines()[-1]
    assert asked.startswith("-m pip install")
    assert asked.endswith("--constraint constraints.txt --editable .")


def test_pip_can_be_asked_for(venv: Path) -> None:
    """PODLAB_INSTALLER=pip: uv is not looked for."""
    assert bash("choose_installer; echo $installer", venv, PODLAB_INSTALLER="pip") == "pip"
    assert bash("choose_installer; echo $installer", venv) == "uv"


def test_uv_uses_the_mirror_that_pip_was_told_of(venv: Path) -> None:
    """From pip's variable or its file; what uv was told itself comes first."""
    ask = "as_pip_was_told; echo ${UV_DEFAULT_INDEX:-none}"
    (venv / ".pip").mkdir()
    (venv / ".pip" / "pip.conf").write_text("[global]\nindex-url = http://mirror.test/file\n")
    config = {"XDG_CONFIG_HOME": str(venv / "nothing")}

    assert bash(ask, venv, **config) == "http://mirror.test/file"
    assert bash(ask, venv, PIP_INDEX_URL="http://mirror.test/pip", **config) == "http://mirror.test/pip"
    assert bash(ask, venv, UV_DEFAULT_INDEX="http://mirror.test/uv", **config) == "http://mirror.test/uv"


def test_an_environment_of_another_version_is_not_up_to_date(venv: Path) -> None:
    """The mark holds the checksum of pyproject.toml and constraints.txt, and what was installed."""
    ask = "installed jupyter dev && echo yes || echo no"

    assert bash(ask, venv) == "no"
    assert bash(f"mark_installed core; {ask}", venv) == "no"
    assert bash(f"mark_installed dev; {ask}", venv) == "yes"
    assert bash(f"wanted=older; mark_installed dev; wanted=newer; {ask}", venv) == "no"


def wheel_of_uv(version: str, program: bytes) -> bytes:
    """A wheel as uv's are: one program among its scripts."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(f"uv-{version}.data/scripts/uv", program)
    return body.getvalue()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A package index on this machine: ``url``, ``files`` by path, ``asked`` for."""
    files: dict[str, tuple[str, bytes]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            kind, body = files.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in files else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/simple", files=files, asked=asked)
        server.shutdown()


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel that the test offers is for Linux")
@pytest.mark.parametrize("honest", [True, False])
def test_uv_comes_from_the_index_without_pip(tmp_path: Path, index: SimpleNamespace, honest: bool) -> None:
    """
    The wheel of the pinned version for this machine. Where its SHA-256 is another, it is not installed, and pip is
    asked.
    """
    version = bash("uv_version", tmp_path)
    machine, libc = (
        platform.machine(),
        "manylinux_2_17" if platform.libc_ver()[0] == "glibc" else "musllinux_1_1",
    )
    body = wheel_of_uv(version, b"#!/bin/sh\necho uv of the index\n")
    rows = [
        {"filename": f"uv-{version}-py3-none-win_amd64.whl", "url": "/other.whl", "hashes": {"sha256": "0"}},
        {"filename": f"uv-0.0.1-py3-none-{libc}_{machine}.whl", "url": "/old.whl", "hashes": {"sha256": "0"}},
        {
            "filename": f"uv-{version}-py3-none-{libc}_{machine}.whl",
            "url": "../../files/uv.whl",
            "hashes": {"sha256": hashlib.sha256(body if honest else b"other").hexdigest()},
        },
    ]
    page = json.dumps({"meta": {"api-version": "1.1"}, "name": "uv", "files": rows}).encode()
    index.files["/simple/uv/"] = ("application/vnd.pypi.simple.v1+json", page)
    index.files["/files/uv.whl"] = ("application/octet-stream", body)
    (tmp_path / "bin").mkdir()
    (tmp_path / "python").write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n[ "$1" = -m ] || exec {sys.executable} "$@"\n'
    )
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "bin" / "python").symlink_to(tmp_path / "python")

    output = bash(
        "python=$venv/python; choose_installer; echo $installer",
        tmp_path, PIP_INDEX_URL=index.url, PATH="/usr/bin:/bin", no_proxy="127.0.0.1",
    )  # fmt: skip

    assert index.asked == ["/simple/uv/", "/files/uv.whl"]
    asked_pip = "-m pip" in (tmp_path / "asked").read_text()
    if honest:
        assert (output, asked_pip) == ("uv", False)
        assert subprocess.check_output([tmp_path / "bin" / "uv"], text=True) == "uv of the index\n"
    else:
        assert "is not the file that the index lists" in output
        assert asked_pip
        assert not (tmp_path / "bin" / "uv").exists()


@pytest.mark.parametrize(
    ("written", "share"), [(0, ""), (4_000_000, ""), (229_000_000, "50"), (455_000_000, "")]
)
def test_the_share_of_the_rest_is_shown_while_it_grows(tmp_path: Path, written: int, share: str) -> None:
    """No number where nothing is counted or all comes from uv's cache, and none once everything is written."""
    assert bash(f"share_of_rest {written}; echo $share", tmp_path) == share


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process has written")
def test_the_bytes_are_those_of_the_program_that_the_process_started(tmp_path: Path) -> None:
    """Not those of the shell that started it, and 0 once it has ended."""
    program = (
        "import os, sys; f = open(os.devnull, 'wb', 0); f.write(bytes(7000000)); print(flush=True); input()"
    )
    ask = (
        f'mkfifo "$venv/in" "$venv/out"; ("$python" -c "{program}" <"$venv/in" >"$venv/out"; true) & child=$!; '
        'exec 8>"$venv/in" 9<"$venv/out"; read -r _ <&9; written_by $child; echo $bytes; echo >&8; wait; '
        "written_by $child; echo $bytes"
    )
    during, after = bash(ask, tmp_path).split()

    assert 7_000_000 <= int(during) < 7_100_000
    assert after == "0"


def test_the_rest_is_as_large_as_its_packages(tmp_path: Path) -> None:
    """What the estimate takes for the whole is the size of the extra jupyter beyond the core, within a tenth."""
    rest = closure("podlab", "jupyter") - closure("podlab", "") | {"pip"}
    size = sum(
        each.size or 0 for name in rest for each in distribution(name).files or [] if each.suffix != ".pyc"
    )

    assert int(bash("echo $rest_bytes", tmp_path)) == pytest.approx(size, rel=0.1)


def closure(name: str, extra: str) -> set[str]:
    """The packages that *name* needs here, with those of an extra of it."""
    wanted, found = [(name, extra)], set[tuple[str, str]]()
    while wanted:
        each = wanted.pop()
        if each in found:
            continue
        found.add(each)
        for text in distribution(each[0]).requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": each[1]}):
                wanted += [(needed.name, one) for one in (needed.extras or {""})] + [(needed.name, "")]
    return {one for one, _ in found} - {"podlab"}
