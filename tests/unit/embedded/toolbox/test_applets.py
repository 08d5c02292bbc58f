"""The programs for machines without busybox: they say what busybox says, and end with its codes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import podlab.embedded.toolbox
from podlab.embedded.images import toolbox

_FOLDER = Path(podlab.embedded.toolbox.__file__).parent / "applets"


def run(name: str, *words: str, given: str | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one applet, run as containers run it."""
    command = [sys.executable, "-S", "-I", str(_FOLDER / f"{name}.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, input=given, check=False)
    return done.returncode, done.stdout, done.stderr


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A running httpd that serves ``hello`` at /f."""
    (tmp_path / "f").write_text("hello\n")
    number = _free_port()
    words = ["-f", "-p", f"127.0.0.1:{number}", "-h", str(tmp_path)]
    server = subprocess.Popen([sys.executable, "-S", "-I", str(_FOLDER / "httpd.py"), *words])
    limit = time.monotonic() + 20
    while run("nc", "-z", "127.0.0.1", str(number))[0] != 0:
        assert time.monotonic() < limit
    yield number
    server.kill()
    server.wait()


def test_wget_fetches_and_names_what_failed(port: int, tmp_path: Path) -> None:
    assert run("wget", "-qO-", f"http://127.0.0.1:{port}/f") == (0, "hello\n", "")
    assert run("wget", "-q", "--spider", f"http://127.0.0.1:{port}/f")[0] == 0
    code, _out, said = run("wget", "-qO-", f"http://127.0.0.1:{port}/none")
    assert (code, said.split(" 404")[0]) == (1, "wget: server returned error: HTTP/1.1")
    code, _out, said = run("wget", "-qO-", f"http://127.0.0.1:{_free_port()}/")
    assert (code, said) == (1, "wget: can't connect to remote host (127.0.0.1): Connection refused\n")
    assert run("wget", "-qO-", "http://name.invalid/")[2] == "wget: bad address 'name.invalid'\n"
    assert run("wget", "-q", "-O", str(tmp_path / "out"), f"http://127.0.0.1:{port}/f")[0] == 0
    assert (tmp_path / "out").read_text() == "hello\n"


def test_nc_tells_an_unknown_name_from_a_closed_port(port: int) -> None:
    assert run("nc", "-z", "127.0.0.1", str(port)) == (0, "", "")
    assert run("nc", "-z", "127.0.0.1", str(_free_port())) == (1, "", "")
    assert run("nc", "-z", "name.invalid", "80") == (1, "", "nc: bad address 'name.invalid'\n")
    assert run("nc", "-Z", "x", "80")[2].startswith("nc: invalid option -- 'Z'")


def test_nc_serves_what_stands_on_its_input_even_to_one_who_has_finished() -> None:
    number = _free_port()
    words = [sys.executable, "-S", "-I", str(_FOLDER / "nc.py"), "-l", "-p", str(number)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        server.stdin.write("pong\n")
        server.stdin.close()
        server.stdin = None
        limit = time.monotonic() + 20
        while True:
            try:
                sock = socket.create_connection(("127.0.0.1", number), 5)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < limit
                time.sleep(0.02)
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile().read() == "pong\n"
        sock.close()
        assert server.wait(10) == 0


def test_netstat_lists_who_listens(port: int) -> None:
    lines = run("netstat", "-ltn")[1].splitlines()
    assert any(f"127.0.0.1:{port} " in line and "LISTEN" in line for line in lines)


def test_ps_and_pidof_name_processes() -> None:
    with subprocess.Popen(["sleep", "61"]) as sleeper:
        assert any(line.endswith("sleep 61") for line in run("ps")[1].splitlines())
        assert str(sleeper.pid) in run("pidof", "sleep")[1].split()
        sleeper.kill()
    assert run("pidof", "no-such-program")[0] == 1
    assert run("killall", "no-such-program") == (1, "", "killall: no-such-program: no process killed\n")


@pytest.mark.parametrize(("does", "ours"), [("kill -SEGV $$", True), ("exit 1", False)])
def test_a_wget_that_dies_of_its_own_option_is_replaced(tmp_path: Path, does: str, ours: bool) -> None:
    """A build of busybox is asked, not trusted: with -T, one in circulation ends by SIGSEGV."""
    program = tmp_path / "busybox"
    program.write_text(f"#!/bin/sh\ncase $1 in --list) echo wget;; wget) {does};; esac\n")
    program.chmod(0o755)
    (tmp_path / "bin").mkdir()

    toolbox._with_busybox(tmp_path / "bin", program)

    assert (tmp_path / "bin" / "wget").is_symlink() is not ours
