"""
Programs that drivers run: with a deadline, with their output as progress, and never the wrong pid.

A pid alone names nothing, since the kernel gives it out again. So a process is remembered as pid, start
time and boot, and is signalled only when all three still agree.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from podlab.errors import DriverError

Identity = dict[str, Any]


class Terminated(KeyboardInterrupt):
    """
    SIGTERM or SIGHUP arrived. A KeyboardInterrupt, because the clean-up is the same; ``number`` is the
    signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Terminated` inside the block, so that ``finally`` clauses run."""

    def raise_it(number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can have handlers; a notebook's cells run there
        return
    before = {number: signal.signal(number, raise_it) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def not_interrupted() -> Iterator[None]:
    """
    Hold back SIGINT, SIGTERM and SIGHUP for a step that would leave things behind if it were cut short.

    They are delivered at the end of the block. Python handlers do it, not the signal mask: programs started
    in the block would inherit a mask and could then not be ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _frame: arrived.append(got)) for number in held}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def run(
    command: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """
    Run a short program to its end and return exit code, stdout and stderr.

    A program that is not there gives 127, and one that did not end in *timeout_s* is killed and gives 124,
    as a shell would: callers that only ask "does it work" need no exception handling.
    """
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            check=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        return 127, "", str(error)
    except subprocess.TimeoutExpired:
        return 124, "", f"{command[0]} did not end within {timeout_s:g} s"
    return done.returncode, done.stdout, done.stderr


def stream(
    command: Sequence[str],
    on_line: Callable[[str], None],
    *,
    deadline_s: float,
    env: Mapping[str, str] | None = None,
    started: Callable[[int], None] | None = None,
) -> tuple[int, list[str]]:
    """
    Run a long program, give each line it prints to *on_line*, and return exit code and the last 200 lines.

    The program gets a session of its own: Ctrl-C in the terminal reaches podlab alone, which then ends the
    program and cleans up in that order. Whatever leaves this function, the program has ended.

    Raises:
        DriverError: It did not end within *deadline_s*, or could not be started.
    """
    child: subprocess.Popen[bytes] | None = None
    lines: list[str] = []
    try:
        with not_interrupted():
            child = _spawn(command, env)
            if started:
                started(child.pid)
        for line in _lines(child, time.monotonic() + deadline_s):
            lines.append(line)
            del lines[:-200]
            on_line(line)
        return child.wait(), lines
    except TimeoutError as error:
        raise DriverError(
            f"{' '.join(command[:3])} did not end within {deadline_s:g} s",
            cause=lines[-1] if lines else "it printed nothing",
        ) from error
    finally:
        if child is not None:
            with not_interrupted():
                end_group(child)


def _spawn(command: Sequence[str], env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    except OSError as error:
        raise DriverError(f"{command[0]} could not be started", cause=str(error)) from error


def _lines(child: subprocess.Popen[bytes], deadline: float) -> Iterator[str]:
    assert child.stdout is not None
    descriptor, rest = child.stdout.fileno(), b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not select.select([descriptor], [], [], left)[0]:
            continue
        data = os.read(descriptor, 65536)
        *whole, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in [*whole, *([rest] if not data else [])]:
            text = line.decode(errors="replace").rstrip()
            if text:
                yield text
        if not data:
            return


def end_group(child: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> None:
    """End a child and all that it started in its session: SIGTERM, then SIGKILL. Bounded in time."""
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 2.0)):
        if child.poll() is not None and not _has_members(child.pid):
            break
        _signal_group(child.pid, number)
        deadline, pause_s = time.monotonic() + patience_s, 0.001
        while (child.poll() is None or _has_members(child.pid)) and time.monotonic() < deadline:
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.1)
    if child.stdout is not None:
        child.stdout.close()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _has_members(group: int) -> bool:
    """Tell whether a process group still has a process that runs; one that only waits to be reaped counts too."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def identity(pid: int) -> Identity | None:
    """Return what tells this process from a later one with the same pid, or None when it has ended."""
    started = _started(pid)
    return None if started is None else {"pid": pid, "started": started, "boot": _boot()}


def is_same(known: Identity | None) -> bool:
    """Tell whether the process that `identity` described still runs (a zombie does not)."""
    if not known:
        return False
    return identity(int(known["pid"])) == known


def end(known: Identity | None, *, grace_s: float, group: bool = False) -> bool:
    """
    End the process that `identity` described: SIGTERM, wait, SIGKILL; False when it had ended before.

    Raises:
        DriverError: It is still there after SIGKILL and two more seconds.
    """
    if known is None or not is_same(known):
        return False
    pid = int(known["pid"])
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 2.0)):
        if not is_same(known):
            return True
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(pid, number)
        if _wait_gone(known, patience_s):
            return True
    raise DriverError(f"process {pid} could not be stopped", hint=f"ps -o pid,stat,wchan,args -p {pid}")


def _wait_gone(known: Identity, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    pause_s = 0.002
    while is_same(known):
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)
    return True


def _started(pid: int) -> str | None:
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
        return None if fields[0] in "ZX" else fields[19]
    code, out, _ = run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], timeout_s=5)
    words = out.split(None, 1)
    return None if code or not words or words[0].startswith("Z") else words[1].strip()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
