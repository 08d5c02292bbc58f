"""
The command line as a whole: verbs are found, errors are three lines, exit codes are documented, pipes may
close.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from podlab import cli, errors
from podlab.cli import codes, parser

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path))
    monkeypatch.delenv("PODLAB_CLUSTER", raising=False)
    monkeypatch.delenv("PODLAB_DEBUG", raising=False)
    return tmp_path


def podlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "podlab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def plant(monkeypatch: pytest.MonkeyPatch, run: object) -> None:
    """Make `podlab status` do something else."""
    verb = ModuleType("podlab.cli.verbs.status")
    verb.SUMMARY, verb.EXAMPLE = "s", "e"  # type: ignore[attr-defined]
    verb.arguments, verb.run = lambda _parser: None, run  # type: ignore[attr-defined]
    monkeypatch.setattr(parser, "load", lambda _name: verb)


def test_help_lists_every_verb_and_every_exit_code() -> None:
    """Both come from one place each, so that neither can be forgotten."""
    text = podlab("--help").stdout

    for name in parser.names():
        assert re.search(rf"^  {name}\s+\S", text, re.MULTILINE), name
    for code, meaning in codes.EXIT_CODES.items():
        assert f"{code:>3}  {meaning}" in text


@pytest.mark.parametrize("name", parser.names())
def test_every_verb_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends with 0 and shows a command that begins with podlab or uses one."""
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    text = capsys.readouterr().out

    assert ended.value.code == 0
    assert "example:" in text
    assert f"podlab {name}" in text.split("example:")[1]


@pytest.mark.parametrize("name", parser.names())
def test_every_example_can_be_parsed(name: str) -> None:
    """An example that does not work is worse than none."""
    verb = parser.load(name)
    for line in verb.EXAMPLE.strip().splitlines():
        for found in re.finditer(rf"podlab {name}\b([^|<)#;]*)", line):
            parser.parse(verb, shlex.split(found.group(1).replace('"', "")))


def test_every_error_has_a_documented_exit_code() -> None:
    """The table of the command line and the classes in errors.py say the same."""
    classes = [
        one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.PodlabError)
    ]
    used = {one.exit_code for one in [*classes, parser.UsageError]}

    assert used <= codes.EXIT_CODES.keys()
    assert {code for code in codes.EXIT_CODES if 0 < code <= 12} == used


def test_the_readme_names_every_verb() -> None:
    """A verb that nobody can find does not exist."""
    text = (ROOT / "README.md").read_text()

    assert [name for name in parser.names() if f"podlab {name}" not in text] == []


@pytest.mark.parametrize(("typed", "meant"), [("dwn", "down"), ("recrod", "record"), ("stats", "status")])
def test_an_unknown_verb_names_the_near_one(typed: str, meant: str) -> None:
    """Exit code 2, three lines, nothing on stdout."""
    done = podlab(typed)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == f"  try: podlab {meant}"
    assert len(done.stderr.splitlines()) == 3


def test_an_unknown_argument_names_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse alone would print the usage and no more."""
    assert cli.main(["record", "x.yaml", "--utnil", "Ready", "--out", "r"]) == 2
    assert "try: --until" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e9"])
def test_a_time_that_is_none_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert cli.main(["record", "x.yaml", "--out", "r", f"--deadline={value}"]) == 2
    assert "is not a number of seconds" in capsys.readouterr().err


def test_an_error_is_three_lines_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, why, try: on stderr, and stdout stays clean."""

    def fail(_args: argparse.Namespace) -> int:
        raise errors.WaitTimeoutError("it took too long", cause="the node is slow", hint="podlab doctor")

    plant(monkeypatch, fail)
    assert cli.main(["status"]) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "WaitTimeoutError: it took too long\n  why: the node is slow\n  try: podlab doctor\n"


def test_a_fault_of_our_own_is_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three lines with the place; the traceback comes when it is asked for."""

    def fail(_args: argparse.Namespace) -> int:
        return {}["missing"]  # type: ignore[no-any-return]

    plant(monkeypatch, fail)
    assert cli.main(["status"]) == 70
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "test_main.py" in lines[1]
    monkeypatch.setenv("PODLAB_DEBUG", "1")
    cli.main(["status"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "what", "hint"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the output",
            "free some space, or write to another disk",
        ),
        (FileExistsError(errno.EEXIST, "File exists", "a.yaml"), "a.yaml", "name another file or folder"),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", ".a.png.part", None, "a.png"),
            "a.png",
            "name another file or folder",
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_no_fault_of_our_own(
    error: OSError, what: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three lines and exit code 74: the file that was asked for, why, and what to do about it."""

    def fail(_args: argparse.Namespace) -> int:
        raise error

    plant(monkeypatch, fail)
    assert cli.main(["status"]) == 74
    assert (
        capsys.readouterr().err
        == f"podlab: {what} cannot be written\n  why: {error.strerror}\n  try: {hint}\n"
    )


@pytest.mark.parametrize("code", [errno.EBADF, errno.EIO])
def test_a_bad_descriptor_elsewhere_is_not_blamed_on_stdout(
    code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A socket that was closed has no file name either: that is a bug, and stdout takes what it gets."""

    def fail(_args: argparse.Namespace) -> int:
        raise OSError(code, os.strerror(code))

    plant(monkeypatch, fail)

    assert cli.main(["status"]) == 70
    assert "this is a bug in podlab: OSError" in capfd.readouterr().err


def test_a_long_output_to_a_closed_stdout_is_no_bug() -> None:
    """It goes round the buffer, so nothing is left there that could fail once more."""
    program = (
        "from podlab import cli; from podlab.cli.verbs import status; "
        "status.run = lambda args: print('x' * 100_000); raise SystemExit(cli.main(['status']))"
    )
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{program}" >&-'], stderr=subprocess.PIPE, text=True, check=False
    )

    assert (done.returncode, done.stderr.splitlines()[1]) == (74, "  why: stdout is closed")


def test_an_output_on_a_full_disk_is_three_lines() -> None:
    """Also what Python flushes at its end says nothing more, and the exit code stays."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "podlab", "--version"], stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert done.returncode == 74
    assert done.stderr.decode().splitlines()[0] == "podlab: the output cannot be written"
    assert len(done.stderr.splitlines()) == 3


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`podlab … | head -1`: exit code 141 as a shell counts SIGPIPE, and not a word on stderr."""
    code = (
        "import argparse, sys\nfrom podlab import cli\nfrom podlab.cli import parser\n"
        "class verb:\n  __name__='status'; SUMMARY=EXAMPLE=''\n"
        "  arguments=staticmethod(lambda p: None)\n"
        "  run=staticmethod(lambda a: [print('line', n) for n in range(100000)] and 0)\n"
        "parser.load=lambda n: verb\nsys.exit(cli.main(['status']))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == b"line 0\n"
    child.stdout.close()

    assert child.wait(20) == 141
    assert child.stderr.read() == b""
    child.stderr.close()


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "podlab: interrupted"), (signal.SIGTERM, 143, "podlab: ended by signal 15")],
)
def test_a_signal_is_one_line_and_its_exit_code(
    number: signal.Signals, code: int, line: str, tmp_path: Path
) -> None:
    """Whatever the verb was doing: here, waiting for a lock."""
    script = (
        "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from podlab import cli; from podlab.cli import parser\n"
        "class verb:\n  __name__='status'; SUMMARY=EXAMPLE=''\n  arguments=staticmethod(lambda p: None)\n"
        "  @staticmethod\n  def run(a):\n    print('up', flush=True); time.sleep(30)\n"
        "parser.load=lambda n: verb\nsys.exit(cli.main(['status']))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(number)
    _, err = child.communicate(timeout=10)

    assert child.returncode == code
    assert err == line + "\n"


def test_a_verb_imports_only_what_it_needs() -> None:
    """`podlab kubeconfig` and `podlab --help` load nothing third-party, and no other verb."""
    code = (
        "import sys; from podlab.cli import main; main(['kubeconfig'])\n"
        "heavy = {'yaml', 'urllib3', 'matplotlib', 'kubernetes', 'podlab.client', 'podlab.cli.verbs.up'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_new_verb_is_one_file() -> None:
    """Each file in the folder is a verb, and nothing else has to know of it."""
    files = {path.stem for path in (Path(cli.__file__).parent / "verbs").glob("*.py")} - {"__init__"}

    assert {name.replace("-", "_") for name in parser.names()} == files
    for name in parser.names():
        verb = parser.load(name)
        assert verb.SUMMARY[0].islower()
        assert "\n" not in verb.SUMMARY


def test_version_and_help_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    """The usual doors in."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("podlab 0.")
    assert cli.main(["help"]) == 0
    assert "verbs:" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["help", "up"])
    assert "podlab up" in capsys.readouterr().out


def test_podlab_alone_shows_five_verbs_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    """Not all of them, and no table of exit codes."""
    assert cli.main([]) == 0
    out = capsys.readouterr().out

    assert re.findall(r"^  podlab (\w+)", out, re.MULTILINE) == ["up", "record", "show", "pods", "explain"]
    assert "exit codes" not in out
    assert "podlab --help" in out


def test_the_program_is_installed_beside_python() -> None:
    """The entry point of pyproject.toml leads here."""
    program = Path(sys.executable).with_name("podlab")
    if not program.exists():
        pytest.skip("podlab is not installed in this environment")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("podlab ")


def test_progress_is_on_stderr_and_plain_when_piped(home: Path) -> None:
    """No control characters where nobody looks at a terminal."""
    code = (
        "from podlab.cli.output import Steps\n"
        "with Steps() as steps:\n  steps('one'); steps('two')\nprint('result')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "result\n"
    assert done.stderr == "  one\n  two\n"


def test_progress_on_a_terminal_counts_and_ends_each_step() -> None:
    """
    A step that is under way turns; a finished one stays with a tick, and with its seconds if it took some.
    """
    import pty

    code = (
        "import time\nfrom podlab.cli.output import Steps\n"
        "with Steps() as steps:\n  steps('slow'); time.sleep(1.2)\n  steps('quick')"
    )
    leader, follower = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", code], stderr=follower)
    os.close(follower)
    text = b""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            data = os.read(leader, 4096)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(leader)

    assert child.wait(10) == 0
    assert re.search(r"✓ slow  \(1\.[2-9] s\)", text.decode())
    assert "✓ quick\r\n" in text.decode()
    assert "⠹ slow" in text.decode()
    assert "\n  slow" not in text.decode()
    assert not text.startswith(b"  slow")
