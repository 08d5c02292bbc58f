"""Running programs: deadlines, signals, and never the wrong pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from podlab.drivers import process
from podlab.errors import DriverError


def test_a_program_that_is_not_there_is_an_exit_code() -> None:
    """127, as in a shell: callers that only ask whether something works need no exception handling."""
    assert process.run(["/nonexistent/program"], timeout_s=1)[0] == 127


def test_a_program_that_hangs_is_killed() -> None:
    """124, as timeout(1) says."""
    began = time.monotonic()
    assert process.run(["sleep", "60"], timeout_s=0.2)[0] == 124
    assert time.monotonic() - began < 5


def test_lines_arrive_while_the_program_runs() -> None:
    """Carriage returns end a line too, so that progress bars are seen; the last line needs no newline."""
    seen: list[str] = []
    code, lines = process.stream(["printf", r"one\ntwo\rthree"], seen.append, deadline_s=5)

    assert (code, seen, lines) == (0, ["one", "two", "three"], ["one", "two", "three"])


def test_a_deadline_ends_the_program_and_its_children() -> None:
    """Also a child that ignores SIGTERM and outlives its parent: the whole session is ended."""
    pids: list[int] = []
    script = "(trap '' TERM; sleep 61) & echo $!; wait"
    with pytest.raises(DriverError, match="did not end within"):
        process.stream(["sh", "-c", script], lambda line: pids.append(int(line)), deadline_s=1)

    assert len(pids) == 1
    assert process.identity(pids[0]) is None


def test_whatever_interrupts_the_reader_ends_the_program() -> None:
    """An exception in the callback is an interruption like Ctrl-C."""
    pids: list[int] = []

    def stop(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.stream(["sh", "-c", "echo $$; exec sleep 62"], stop, deadline_s=30)

    assert process.identity(pids[0]) is None


def test_a_signal_during_a_guarded_step_comes_after_it() -> None:
    """The step is finished first, then the signal takes its effect."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), process.not_interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("finished")

    assert done == ["finished"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_programs_started_in_a_guarded_step_can_still_be_ended() -> None:
    """The guard must not be inherited: a child with blocked signals would never go."""
    with process.not_interrupted():
        child = subprocess.Popen(["sleep", "63"])
        child.terminate()
        assert child.wait(5) == -signal.SIGTERM


def test_sigterm_unwinds_like_ctrl_c() -> None:
    """So that the same clean-up runs; outside of the block the old handler is back."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(process.Terminated) as caught, process.ended_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    assert caught.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_recycled_pid_is_never_signalled() -> None:
    """Same pid, another start time or another boot: that is somebody else's process."""
    other = subprocess.Popen(["sleep", "64"])
    try:
        known = process.identity(other.pid)
        assert known is not None
        for wrong in ({**known, "started": "1"}, {**known, "boot": "another"}):
            assert not process.is_same(wrong)
            assert not process.end(wrong, grace_s=0.1)
        assert other.poll() is None

        assert process.is_same(known)
        assert process.end(known, grace_s=5)
        assert other.wait(5) == -signal.SIGTERM
        assert not process.end(known, grace_s=0.1)
    finally:
        other.kill()
        other.wait()


def test_a_zombie_has_ended() -> None:
    """A child that nobody has waited for still has its pid, but no longer runs."""
    child = subprocess.Popen(["true"])
    known = process.identity(child.pid)
    deadline = time.monotonic() + 5
    while process.identity(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)

    assert process.identity(child.pid) is None
    assert not process.is_same(known)
    child.wait()


def test_sigkill_follows_where_sigterm_is_ignored() -> None:
    """After the grace period, and only then."""
    script = "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(65)"
    stubborn = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    began = time.monotonic()
    assert process.end(process.identity(stubborn.pid), grace_s=0.3)

    assert time.monotonic() - began >= 0.3
    assert stubborn.wait(5) == -signal.SIGKILL
    stubborn.stdout.close()
