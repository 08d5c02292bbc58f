"""``./start`` before it does anything: its arguments, its manual, and a machine without a Python that will do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([ROOT / "start", *arguments], capture_output=True, text=True, check=False, env=env)


def test_a_wrong_argument_is_said_before_anything_is_done() -> None:
    """Exit code 2."""
    done = start("--no-lba")

    assert done.returncode == 2
    assert "unknown argument '--no-lba'" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "first", "tried"),
    [
        (("--name",), "start: --name needs a name", "  try: ./start --name second"),
        (("--name=",), "start: --name needs a name", "  try: ./start --name second"),
        (("--name", "--no-lab"), "start: --name needs a name", "  try: ./start --name second"),
        (("--driver",), "start: --driver needs kind, context or embedded", "  try: ./start --driver embedded"),
        (("--driver", "knd"), "start: --driver needs kind, context or embedded", "  try: ./start --driver embedded"),
    ],
)  # fmt: skip
def test_an_option_without_its_value_is_said_in_three_lines(
    arguments: tuple[str, ...], first: str, tried: str
) -> None:
    """The shell's own words for it began with the line of the script, and the exit code was 1."""
    done = start(*arguments)
    lines = done.stderr.splitlines()

    assert (done.returncode, len(lines)) == (2, 3)
    assert (lines[0], lines[2]) == (first, tried)


def test_help_shows_the_arguments() -> None:
    """The head of the script is its manual."""
    assert "--no-lab" in start("--help").stdout


def test_ctrl_c_in_a_step_is_said_once_and_is_no_failure_of_the_step(tmp_path: Path) -> None:
    """podlab ends with 130 then, and start used to say that no cluster could be made, and to ask the doctor."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    wanted = subprocess.run(
        "cat pyproject.toml constraints.txt | cksum", shell=True, cwd=ROOT, capture_output=True, check=True
    )
    (venv / ".podlab-installed").write_bytes(wanted.stdout.rstrip() + b" core")
    (venv / "bin" / "python").write_text(
        "#!/bin/sh\nkill -INT $PPID\necho 'podlab: interrupted' >&2\nexit 130\n"
    )
    (venv / "bin" / "python").chmod(0o755)

    done = start("--no-lab", PODLAB_VENV=str(venv))

    assert done.returncode == 130
    assert done.stderr.splitlines() == [
        "podlab: interrupted",
        "",
        "start: interrupted; ./start goes on where it was",
    ]


def test_without_a_python_that_is_new_enough_it_says_so(tmp_path: Path) -> None:
    """A PATH with an old Python alone: three lines, and how to name another."""
    for name in ("bash", "cat", "cksum", "dirname", "sed", "tail", "mktemp", "rm"):
        found = next(Path(part) / name for part in ("/bin", "/usr/bin") if (Path(part) / name).exists())
        (tmp_path / name).symlink_to(found)
    (tmp_path / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n')
    (tmp_path / "python3").chmod(0o755)
    done = start("--no-lab", PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "start: Python 3.11 or newer is needed",
        "  why: python3 is Python 3.9.2",
        "  try: PYTHON=/path/to/python3.11 ./start",
    ]
