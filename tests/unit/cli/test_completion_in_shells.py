"""Completion as it is typed: TAB in a real bash, zsh and fish, switched on as ``podlab completion --help`` shows."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podlab.drivers import state

DEADLINE_S = 120
HOW = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(podlab completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit && compinit -u && source <(podlab completion zsh)"),
}
# A line that is typed, and what it becomes by TAB.
LINES = {
    "podlab ev": "podlab events ",
    "podlab record --unt": "podlab record --until",
    "podlab down --cluster cla": "podlab down --cluster class-a",
}


def environment(home: Path) -> dict[str, str]:
    """A person's environment in an empty home, with one cluster, and this podlab on PATH."""
    programs = home / "programs"
    programs.mkdir()
    (programs / "podlab").write_text(f'#!/bin/sh\nexec {sys.executable} -m podlab "$@"\n')
    (programs / "podlab").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODLAB_HOME", str(home / "podlab"))
        state.save(state.new_record("context", "class-a", context="c", namespace="n", made=False))
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PODLAB_", "_ARGC", "XDG_"))
    }
    return {
        **kept, "HOME": str(home), "PODLAB_HOME": str(home / "podlab"), "TERM": "dumb", "PS1": "ready> ",
        "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": str(home / "none"),
    }  # fmt: skip


class Terminal:
    """A shell in a terminal."""

    def __init__(self, command: list[str], home: Path) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            env = environment(home)
            os.chdir(home)
            os.execvpe(command[0], command, env)
        self.text = ""

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._fd, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Read until the screen's text since the last wait has *pattern*, and forget it."""
        end_at = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text):
            left = end_at - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self.text!r}"
            if select.select([self._fd], [], [], min(left, 1.0))[0]:
                new = os.read(self._fd, 65536).decode("utf-8", "replace")
                self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", new).replace("\x07", "")
        self.text = ""

    def end(self) -> None:
        """Close the terminal: the shell gets SIGHUP."""
        os.close(self._fd)
        os.waitpid(self._pid, 0)


@pytest.mark.parametrize("shell", sorted(HOW))
def test_tab_completes_verbs_options_and_clusters(shell: str, tmp_path: Path) -> None:
    """In bash and zsh, on the line itself."""
    command, switch_on = HOW[shell]
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    terminal = Terminal(command, tmp_path)
    try:
        terminal.type(f"PS1='ready'\\> ; {switch_on} && echo switched-\"\"on\n")
        terminal.wait_for(r"switched-on\s*\r?\n")
        for typed, becomes in LINES.items():
            terminal.type(f"{typed}\t")
            terminal.wait_for(re.escape(becomes))
            terminal.type("\x15")  # Ctrl-U: an empty line again
    finally:
        terminal.end()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed: apt-get install fish")
def test_fish_completes_verbs_options_and_clusters(tmp_path: Path) -> None:
    """By fish's own answer to what TAB would offer."""
    asked = "; ".join(f"complete -C '{typed}'" for typed in LINES)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"podlab completion fish | source; {asked}"],
        capture_output=True, text=True, check=True, env=environment(tmp_path), timeout=DEADLINE_S,
    )  # fmt: skip

    offered = {line.split("\t")[0].strip() for line in done.stdout.splitlines()}
    assert {becomes.split()[-1] for becomes in LINES.values()} <= offered
