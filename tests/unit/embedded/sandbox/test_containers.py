"""Containers as processes: ends, signals, logs, what a Pod shares. Every expectation was first seen on a real node."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.kubelet.podfiles import PodFiles
from podlab.embedded.runtime import ContainerState, Mount, RuntimeFault
from podlab.embedded.sandbox.zygote import node, seccomp
from podlab.embedded.sandbox.zygote.cgroups import Groups
from podlab.embedded.sandbox.zygote.node import NodeProcess
from podlab.embedded.volumes import Volumes

_RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: "
)


def test_logs_are_cri_lines_with_nanoseconds_and_partial_tags() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        found = await bench.ended(pod, await bench.start(pod, "echo out; echo err >&2; printf rest"))

        texts = sorted(line.split(" ", 1)[1] for line in bench.raw(found))
        assert texts == ["stderr F err", "stdout F out", "stdout P rest"]
        assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in bench.raw(found))

    on_node(scenario)


def test_a_line_longer_than_16_kib_is_cut_into_partial_pieces() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        found = await bench.ended(pod, await bench.start(pod, "head -c 40000 /dev/zero | tr '\\0' x; echo"))

        tags = [(line.split(" ")[2], len(line.split(" ")[3])) for line in bench.raw(found)]
        assert tags == [("P", 16384), ("P", 16384), ("F", 40000 - 2 * 16384)]

    on_node(scenario)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 137", 137),
        ("kill -9 $$; kill -15 $$; exit 5", 5),  # PID 1 is deaf to what it does not handle
        ("trap 'exit 7' USR1; kill -USR1 $$; sleep 1", 7),
        ("sh -c 'kill -11 $$'; exit $?", 139),
        ("sh -c 'kill -9 $$'; echo $? >&2; exit 4", 4),
        ("sleep 100 & (setsid sleep 100 &) ; exit 2", 2),  # children die with PID 1
    ],
)
def test_exit_codes(command: str, code: int) -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        assert (await bench.run(pod, command))[0] == code

    on_node(scenario)


@pytest.mark.parametrize(
    ("command", "grace_s", "code"),
    [
        ("echo ready; exec sleep 100", 0.4, 137),  # no handler: TERM is ignored by the kernel, KILL ends it
        ("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", 10, 7),
        ("trap '' TERM; echo ready; while :; do sleep 0.05; done", 0.4, 137),
    ],
)
def test_stopping_with_grace(command: str, grace_s: float, code: int) -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, command)
        await bench.said(pod, identity, "ready")
        began = time.monotonic()
        await bench.runtime.stop_container(identity, grace_s)
        took = time.monotonic() - began

        found = bench.record(pod, identity)
        assert (found.state, found.exit_code) == (ContainerState.EXITED, code)
        assert found.finished_at and found.started_at and found.finished_at > found.started_at
        assert took >= grace_s if code == 137 else took < grace_s
        events = [one["event"] for one in bench.runtime.events.of("pod")]
        assert events == ["sandbox-start", "create", "start", "signal", *["signal"] * (code == 137), "exit"]

    on_node(scenario)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["frobnicate"], 'exec: "frobnicate": executable file not found in $PATH'),
        (["/tmp"], 'exec: "/tmp": permission denied'),
        (["/opt/none"], 'exec: "/opt/none": stat /opt/none: no such file or directory'),
    ],
)
def test_a_command_that_cannot_start(command: list[str], text: str) -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        with pytest.raises(RuntimeFault) as caught:
            await bench.start(pod, command)

        found = bench.runtime.view("pod")[1][0]
        assert caught.value.reason == "RunContainerError"
        assert caught.value.message == found.message == _RUNC + text
        assert (found.state, found.exit_code, found.reason) == (ContainerState.EXITED, 128, "StartError")

    on_node(scenario)


def test_a_container_that_ends_at_once_does_not_hurt_the_next_in_a_shared_process_namespace() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod(share_process_namespace=True)
        for _turn in range(10):
            await bench.start(pod, "exit 0")
            assert (await bench.run(pod, "exit 3"))[0] == 3

    on_node(scenario)


def our_pause() -> Path:
    """
    PID 1 of the one shared process namespace that this test has made, below ``/proc``.

    The Pod is there before its first process has taken the name, so a busy machine may have to be waited for.
    """
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (folder / "cmdline").read_bytes().startswith(b"/pause") and os.getpid() in parents(folder):
                    return folder
        time.sleep(0.01)
    raise AssertionError("no pause process")


def parents(folder: Path) -> set[int]:
    """The processes above one."""
    found: set[int] = set()
    while folder.name != "0":
        folder = Path("/proc") / re.findall(r"PPid:\t(\d+)", (folder / "status").read_text())[0]
        found.add(int(folder.name))
    return found


def in_namespace_of(pause: Path) -> int:
    """Count the processes of a process namespace."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            count += (folder / "ns/pid").readlink() == (pause / "ns/pid").readlink()
    return count


def test_a_lost_sandbox_is_told_of_before_the_container_that_ended_it() -> None:
    """PID 1 of a busy machine acts late on its signal; here it is held until its container has ended."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod(share_process_namespace=True)
        pause = our_pause()
        os.kill(int(pause.name), signal.SIGSTOP)
        try:
            running = asyncio.create_task(bench.start(pod, "kill -TERM 1; exit 0"))
            while in_namespace_of(pause) > 1 or not _term_is_pending(pause):
                await asyncio.sleep(0.01)
            for _ in range(30):
                containers = bench.runtime.view("pod")[1]
                assert not [one for one in containers if one.state is ContainerState.EXITED]
                await asyncio.sleep(0.01)
        finally:
            os.kill(int(pause.name), signal.SIGCONT)
        await bench.ended(pod, await running)

        assert [one.ready for one in bench.runtime.view("pod")[0]] == [False]

    on_node(scenario)


@pytest.mark.parametrize(
    ("state", "flags", "pending", "ended"),
    [
        ("S", 0x400000, 0, False),
        ("S", 0x400004, 0, True),
        ("S", 0x400000, 1 << 14, False),
        ("R", 0, 0, False),
    ],
)
def test_nobody_waits_for_a_pid_1_that_waits_for_its_containers(
    tmp_path: Path, state: str, flags: int, pending: int, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel ends PID 1 when all of its namespace are reaped, which the node does: to wait would be for ever."""
    monkeypatch.setattr(node, "_MOST_LOOKS", 1)
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "stat").write_text(f"7 (/pause) {state} 1 7 7 0 -1 {flags} 0 0")
    (folder / "status").write_text(f"SigPnd:\t{0:016x}\nShdPnd:\t{pending:016x}\n")
    descriptor = os.pidfd_open(os.getpid())
    try:
        assert node._has_ended(7, descriptor, str(tmp_path)) is ended
    finally:
        os.close(descriptor)


def _term_is_pending(pause: Path) -> bool:
    pending = re.findall(r"ShdPnd:\t([0-9a-f]+)", (pause / "status").read_text())[0]
    return bool(int(pending, 16) & 1 << (signal.SIGTERM - 1))


def test_shared_processes_end_by_143_and_take_their_children_along() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod(share_process_namespace=True)
        identity = await bench.start(pod, "sleep 777 & echo ready; exec sleep 778")
        await bench.said(pod, identity, "ready")
        await asyncio.sleep(0.1)
        seen = (await bench.run(pod, "ps"))[1]
        await bench.runtime.stop_container(identity, 5)
        after = (await bench.run(pod, "ps"))[1]

        assert bench.record(pod, identity).exit_code == 143
        assert any("pause" in line for line in seen[:2])
        assert sum("sleep 77" in line for line in seen) == 2
        assert not any("sleep 77" in line for line in after)

    on_node(scenario)


def test_what_a_pod_shares_and_what_each_container_has_alone() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod("one", hostname="shop")
        await bench.start(pod, "echo mine > /tmp/x; while true; do echo hello | nc -l -p 7000; done")
        await asyncio.sleep(0.3)
        code, lines = await bench.run(
            pod, "hostname; cat /tmp/x 2>/dev/null; nc -w 2 127.0.0.1 7000 </dev/null"
        )

        assert (code, lines) == (0, ["shop", "hello"])
        other = await bench.pod("two")
        assert (await bench.run(other, "nc -z -w 2 127.0.0.1 7000"))[0] == 1
        assert pod.ip != other.ip

    on_node(scenario)


def test_exec_runs_inside_with_the_containers_environment() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, ["sleep", "60"], env={"WORD": "yes"})
        runtime = bench.runtime

        result = await runtime.exec_sync(
            identity, ["sh", "-c", "echo $WORD; echo e >&2; cat /proc/1/comm; exit 4"], 5
        )
        assert (result.exit_code, result.stdout, result.stderr) == (4, b"yes\nsleep\n", b"e\n")
        missing = await runtime.exec_sync(identity, ["nope"], 5)
        assert missing.exit_code == 127
        assert b'exec: "nope": executable file not found in $PATH' in missing.stderr
        assert 'exec: "nope": executable file not found in $PATH' in missing.start_error
        late = await runtime.exec_sync(identity, ["sleep", "30"], 0.2)
        assert late.timed_out
        await runtime.stop_container(identity, 0)
        with pytest.raises(RuntimeFault):
            await runtime.exec_sync(identity, ["true"], 5)

    on_node(scenario)


def test_an_exec_is_over_when_its_output_is() -> None:
    """A child in the background holds the output, as ``cron &`` in a postStart hook does; containerd waits for it."""

    async def scenario(bench: Bench) -> None:
        identity = await bench.start(await bench.pod(), ["sleep", "600"])
        runtime = bench.runtime
        child = "mkfifo /tmp/f; (read x </tmp/f; echo from the child) & echo from the shell; touch /tmp/ended"
        held = asyncio.ensure_future(runtime.exec_sync(identity, ["sh", "-c", child], None))
        while (await runtime.exec_sync(identity, ["test", "-e", "/tmp/ended"], 30)).exit_code:
            await asyncio.sleep(0.05)
        await asyncio.wait({held}, timeout=1)
        assert not held.done()
        await runtime.exec_sync(identity, ["sh", "-c", "echo >/tmp/f"], 30)
        assert (await held).stdout == b"from the shell\nfrom the child\n"

        free = await runtime.exec_sync(identity, ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo free"], None)
        assert (free.exit_code, free.stdout) == (0, b"free\n")

    on_node(scenario)


def test_a_time_out_ends_the_command_and_not_its_group() -> None:
    async def scenario(bench: Bench) -> None:
        identity = await bench.start(await bench.pod(), ["sleep", "600"])
        runtime = bench.runtime
        command = "sleep 600 >/dev/null 2>&1 & echo $! >/tmp/child; wait"
        late = await runtime.exec_sync(identity, ["sh", "-c", command], 1)
        assert late.timed_out
        left = await runtime.exec_sync(identity, ["sh", "-c", "kill -0 $(cat /tmp/child)"], 30)
        assert left.exit_code == 0

    on_node(scenario)


def test_exec_output_is_bounded() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, ["sleep", "60"])
        result = await bench.runtime.exec_sync(identity, ["head", "-c", "3000000", "/dev/zero"], 10)
        assert (result.exit_code, len(result.stdout)) == (0, 16384)

    on_node(scenario)


def test_exec_stream_with_a_terminal() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, ["sleep", "60"])
        session = await bench.runtime.exec_stream(
            identity, ["sh", "-c", "test -t 0 && read x; stty size; echo got $x"], stdin=True, tty=True
        )
        session.resize(100, 40)
        assert session.stdin_fd is not None
        os.write(session.stdin_fd, b"word\n")
        assert await session.wait() == 0
        seen = b""
        while b"got word" not in seen:  # a terminal hands out what there is, which need not be all
            seen += os.read(session.stdout_fd, 4096)
        assert b"40 100" in seen
        os.close(session.stdin_fd)
        os.close(session.stdout_fd)

    on_node(scenario)


def test_a_terminal_has_a_name_and_the_containers_user_owns_it() -> None:
    """``tty`` finds it below /dev/pts; TERM is set, as containerd sets it."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        say = "tty; echo $TERM; [ -O /dev/stdout ] && echo mine; echo end"
        identity = await bench.start(pod, f"{say}; sleep 60", tty=True, run_as_user=1000)
        await bench.said(pod, identity, "end")
        session = await bench.runtime.exec_stream(identity, ["sh", "-c", say], stdin=False, tty=True)
        assert await session.wait() == 0
        seen = b""
        while b"end" not in seen:
            seen += os.read(session.stdout_fd, 4096)
        os.close(session.stdout_fd)

        assert [line.rstrip("\r") for line in bench.lines(bench.record(pod, identity))] == [
            "/dev/pts/0", "xterm", "mine", "end"
        ]  # fmt: skip
        assert seen.decode().split() == ["/dev/pts/1", "xterm", "mine", "end"]

    on_node(scenario)


def test_volumes_are_shared_bounded_and_read_only_where_asked(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        volumes = Volumes(bench.folder / "volumes")
        shared, memory = volumes.empty_dir("pod", "s"), volumes.empty_dir("pod", "m", "Memory", 1 << 20)
        config = volumes.materialise("pod", "c", {"key": b"one\n", "deep/er": b"x"}, 0o644)
        pod = await bench.pod()
        mounts = (Mount(shared, "/s"), Mount(memory, "/m"), Mount(config, "/etc/config", read_only=True))

        await bench.run(pod, "echo hi > /s/f", mounts=mounts)
        assert (await bench.run(pod, "cat /s/f /etc/config/key /etc/config/deep/er", mounts=mounts))[1][
            :2
        ] == ["hi", "one"]
        code, lines = await bench.run(pod, "echo x > /etc/config/key || exit 9", mounts=mounts)
        assert code == 9 or "Read-only file system" in " ".join(lines)
        code, lines = await bench.run(pod, "head -c 3000000 /dev/zero > /m/big", mounts=mounts)
        assert code != 0
        # The kernel's file system is the same for the next container of the Pod.
        assert (await bench.run(pod, "wc -c < /m/big", mounts=mounts))[1] == ["1048576"]

    on_node(scenario)


def test_folders_behind_an_absolute_link_of_the_host_are_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home or a ~/.cache that is a link to a larger disk: the toolbox and the volumes lie behind it."""
    (tmp_path / "disk" / "volume").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        volume = Mount(str(tmp_path / "home" / "volume"), "/v")
        assert (await bench.run(pod, "echo hello > /v/note", mounts=(volume,)))[0] == 0

    on_node(scenario)
    assert (tmp_path / "disk" / "volume" / "note").read_text() == "hello\n"


def test_a_changed_volume_reaches_a_running_container_at_once() -> None:
    async def scenario(bench: Bench) -> None:
        volumes = Volumes(bench.folder / "volumes")
        source = volumes.materialise("pod", "c", {"key": b"one"}, 0o644)
        pod = await bench.pod()
        identity = await bench.start(
            pod,
            "until grep -q two /c/key; do sleep 0.02; done",
            mounts=(Mount(source, "/c", read_only=True),),
        )
        volumes.materialise("pod", "c", {"key": b"two"}, 0o644)
        assert (await bench.ended(pod, identity)).exit_code == 0

    on_node(scenario)


def test_what_a_container_writes_is_counted() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        script = "dd if=/dev/zero of=/tmp/big bs=1M count=3 2>/dev/null; touch /tmp/done; sleep 60"
        identity = await bench.start(pod, ["sh", "-c", script])
        done = ["sh", "-c", "until test -e /tmp/done; do sleep 0.05; done"]
        await bench.runtime.exec_sync(identity, done, 20)
        assert 3 << 20 <= await bench.runtime.written_bytes(identity) < 4 << 20
        assert await bench.runtime.written_bytes("nobody") == 0

    on_node(scenario)


def test_sub_paths_are_made_and_may_not_lead_out_of_their_volume() -> None:
    async def scenario(bench: Bench) -> None:
        (bench.folder / "secret").write_text("host file")
        source = Volumes(bench.folder / "volumes").empty_dir("pod", "v")
        pod = await bench.pod()
        assert (await bench.run(pod, "echo x > /a/f", mounts=(Mount(source, "/a", sub_path="deep/er"),)))[
            0
        ] == 0
        assert (await bench.run(pod, "cat /v/deep/er/f", mounts=(Mount(source, "/v"),)))[1] == ["x"]
        modes = await bench.run(pod, "stat -c %a /v/deep /v/deep/er", mounts=(Mount(source, "/v"),))
        assert modes[1] == ["755", "777"]  # whoever may write to the volume may write there
        for evil in (f"{bench.folder}/secret", "../../../secret", "/etc/passwd"):
            await bench.run(pod, f"ln -sfn {evil} /v/evil", mounts=(Mount(source, "/v"),))
            with pytest.raises(RuntimeFault, match="error mounting"):
                await bench.start(pod, "cat /e", mounts=(Mount(source, "/e", sub_path="evil"),))

    on_node(scenario)


@pytest.mark.parametrize("former_root", ["/.old", "/proc/1/root"])
def test_a_link_in_a_volume_leads_no_mount_to_the_host(former_root: str) -> None:
    """One container of a Pod plants it, the next one is mounted over it while the host's files are still there."""

    async def scenario(bench: Bench) -> None:
        (bench.folder / "message").touch()
        source = Volumes(bench.folder / "volumes").empty_dir("pod", "v")
        pod = await bench.pod(share_process_namespace=True)
        plant = f"ln -s {former_root}{bench.folder} /v/evil"
        assert (await bench.run(pod, plant, mounts=(Mount(source, "/v"),)))[0] == 0
        targets = [Mount(source, "/v"), Mount(str(bench.folder / "message"), "/v/evil/file")]
        with pytest.raises(RuntimeFault, match="error mounting"):
            await bench.start(pod, "true", mounts=targets)

        assert not (bench.folder / "file").exists()

    on_node(scenario)


def test_a_read_only_root_still_has_its_volumes() -> None:
    async def scenario(bench: Bench) -> None:
        source = Volumes(bench.folder / "volumes").empty_dir("pod", "v")
        pod = await bench.pod()
        code, lines = await bench.run(
            pod,
            "touch /x || echo refused; touch /v/x && echo taken; ls -A / | grep '^[.]'",
            read_only_root=True,
            mounts=(Mount(source, "/v"),),
        )
        assert (code, lines[-2:]) == (1, ["refused", "taken"])

    on_node(scenario)


def test_the_root_is_private_writable_and_without_the_hosts_files() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        code, lines = await bench.run(
            pod, "mkdir /data && touch /data/x /etc/y && ls /data; ls /work /.old 2>&1 | wc -l"
        )
        assert (code, lines[0]) == (0, "x")
        assert (await bench.run(pod, "ls /data"))[0] != 0

    on_node(scenario)


@pytest.mark.parametrize("user", [0, 1000])
def test_a_user_may_open_its_output_by_name(user: int) -> None:
    """nginx logs to /dev/stdout by its name; the pipe behind it is the user's, as runc makes it."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        line = "echo out > /dev/stdout; echo err > /dev/stderr"
        assert await bench.run(pod, line, run_as_user=user) == (0, ["out", "err"])

    on_node(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may map more ids than its own")
def test_run_as_user_is_real_for_root() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        code, lines = await bench.run(
            pod, "id -u; id -g; id -G; echo $HOME; touch /x 2>/dev/null || echo refused", run_as_user=1000,
            run_as_group=3000, supplemental_groups=(2000,),
        )  # fmt: skip
        assert (code, lines) == (0, ["1000", "3000", "3000 2000", "/", "refused"])

    on_node(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may map more ids than its own")
def test_another_user_may_run_an_interpreter_that_lies_in_the_home_of_root() -> None:
    """As that of pyenv does; its home is closed on the machine, and in the container as far as can be."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        line = ["python3", "-c", "import os; print(os.getuid())"]
        assert await bench.run(pod, line, image="python:3.11-slim", run_as_user=1000) == (0, ["1000"])
        assert (await bench.run(pod, "ls /root", image="python:3.11-slim", run_as_user=1000))[0] != 0

    on_node(scenario)


def test_root_in_a_container_lacks_what_engines_take_away() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        code, _lines = await bench.run(pod, "mount -t tmpfs none /mnt")
        assert code != 0
        bounding = (await bench.run(pod, "grep CapEff /proc/self/status"))[1][0].split()[1]
        assert int(bounding, 16) == 0xA80425FB

    on_node(scenario)


@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        ({"drop_capabilities": ("ALL",)}, 0),
        ({"drop_capabilities": ("ALL",), "add_capabilities": ("CHOWN", "SYS_ADMIN")}, 1),
        ({"drop_capabilities": ("CAP_NET_RAW",)}, 0xA80405FB),
    ],
)
def test_a_container_may_ask_for_fewer_capabilities(asked: dict[str, Any], effective: int) -> None:
    """And gets none back that engines never leave."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        _code, lines = await bench.run(pod, "grep -h CapEff /proc/self/status", **asked)
        assert int(lines[0].split()[1], 16) == effective

    on_node(scenario)


def test_without_privilege_escalation_a_program_gains_nothing() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        for asked, shown in (({}, "0"), ({"no_new_privileges": True}, "1")):
            _code, lines = await bench.run(pod, "grep NoNewPrivs /proc/self/status", **asked)
            assert lines[0].split()[1] == shown

    on_node(scenario)


def test_the_profile_runtime_default_filters_system_calls_of_a_container_and_its_commands() -> None:
    """Asked for, it was silently not there (``Seccomp: 0``). ``unshare`` of nothing is allowed to everybody else."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        look = "grep ^Seccomp: /proc/self/status; python3 -c 'import ctypes; print(ctypes.CDLL(None).unshare(0))'"
        for asked, mode, outcome in ((False, "0", "0"), (True, "2", "-1")):
            _code, lines = await bench.run(pod, look, default_seccomp=asked, image="python:3.11-slim")
            assert (lines[0].split()[1], lines[1]) == (mode, outcome)
        identity = await bench.start(pod, "sleep 60", default_seccomp=True)
        result = await bench.runtime.exec_sync(identity, ["grep", "^Seccomp:", "/proc/self/status"], 30)
        assert result.stdout.split()[1] == b"2"

    on_node(scenario)


def test_the_filter_refuses_what_engines_refuse_on_both_machines() -> None:
    """The program is run here, by the rules of seccomp(2), for calls that matter."""
    refused, unknown, allowed = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x7FFF0000
    for machine, kind, mount, clone, write in (
        ("x86_64", 0xC000003E, 165, 56, 1),
        ("aarch64", 0xC00000B7, 40, 220, 64),
    ):
        for number, argument, expected in (
            (mount, 0, refused),
            (clone, 0x10000000, refused),  # a user namespace
            (clone, 0x11, allowed),  # fork
            (435, 0, unknown),
            (write, 0, allowed),
        ):
            assert verdict(seccomp.program(machine), kind, number, argument) == expected
        assert verdict(seccomp.program(machine), kind ^ 1, write, 0) == unknown


def verdict(program: bytes, machine: int, number: int, argument: int) -> int:
    """Run a filter."""
    fields, lines = {0: number, 4: machine, 16: argument}, list(struct.iter_unpack("=HBBI", program))
    place = held = 0
    while True:
        code, then, otherwise, value = lines[place]
        if code == 0x06:
            return int(value)
        if code == 0x20:
            held, jump = fields[value], 0
        else:
            met = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            jump = then if met else otherwise
        place += 1 + jump


def test_the_machines_settings_are_read_only_in_a_container() -> None:
    """Root in a container is the host's root to the kernel when the cluster was started by root."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        command = (
            "for f in sys/kernel/core_pattern sys/vm/swappiness sysrq-trigger; do"
            " [ -e /proc/$f ] || continue; { cat /proc/$f >/proc/$f; } 2>&1 | grep -q Read-only || echo $f; done;"
            "for f in acpi asound interrupts kcore keys sched_debug scsi timer_list; do"
            " [ -d /proc/$f ] && { touch /proc/$f/x 2>/dev/null || ls -A /proc/$f; } || cat /proc/$f 2>/dev/null; done;"
            "cat /proc/uptime >/dev/null"
        )
        assert await bench.run(pod, command) == (0, [])

    on_node(scenario)


def test_a_container_and_its_commands_hold_their_three_streams_and_nothing_of_the_nodes() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod(share_process_namespace=True)
        identity = await bench.start(pod, "ls /proc/$$/fd; echo that is all; sleep 100")
        await bench.said(pod, identity, "that is all")
        own = bench.lines(bench.record(pod, identity))[:-1]
        command = await bench.runtime.exec_sync(identity, ["sh", "-c", "ls /proc/$$/fd; true"], 5)

        assert own == command.stdout.decode().split() == ["0", "1", "2"]

    on_node(scenario)


def test_a_kernel_without_a_pid_limit_per_namespace_is_not_asked_for_one() -> None:
    """There /proc/sys/kernel/pid_max is the whole machine's."""
    asked: list[int] = []

    class Old(NodeProcess):
        def _spawn(self, _sequence: int, request: dict[str, Any], *_rest: Any) -> None:
            asked.append(request["pids"])

    node = Old.__new__(Old)
    node.groups, node.pods = Groups("", ""), {"p": SimpleNamespace(pause=None)}
    node.children = SimpleNamespace(by_name={})
    for node.namespaces_bound_pids in (True, False):
        node.on_start(
            0, {"pod": "p", "name": "c", "memory": None, "pids": 9, "process_namespace_of": None}, []
        )
    assert asked == [9, 0]


def test_memory_above_the_limit_is_oom_killed() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(
            pod, "head -c 200000000 /dev/zero | tail | wc -c", memory_limit_bytes=24 << 20
        )
        found = await bench.ended(pod, identity)
        assert found.reason == "OOMKilled"
        assert (await bench.run(pod, "exit 3"))[0] == 3

    on_node(scenario)


def test_a_container_reads_its_own_limit_of_memory_and_cannot_write_it() -> None:
    """Below /sys/fs/cgroup, as programs do that size themselves; a resize shows there, and one without a limit too."""

    async def scenario(bench: Bench) -> None:
        found = bench.runtime.node.facts["cgroups"]
        if not found["memory"]:
            pytest.skip("this machine allows no memory cgroups")
        two = found["version"] == 2
        folder = "/sys/fs/cgroup" if two else "/sys/fs/cgroup/memory"
        path = f"{folder}/{'memory.max' if two else 'memory.limit_in_bytes'}"
        pod = await bench.pod()
        waits = f"while :; do cat {path}; (echo 9 >{path}) 2>/dev/null && echo written; sleep 0.1; done"
        identity = await bench.start(pod, waits, name="limited", memory_limit_bytes=64 << 20)
        await bench.said(pod, identity, str(64 << 20))
        await bench.runtime.update_container(identity, 96 << 20, None)
        await bench.said(pod, identity, str(96 << 20))
        await bench.runtime.update_container(identity, None, None)
        free = "max" if two else (await bench.run(pod, f"cat {path}"))[1][0]
        await bench.said(pod, identity, free)
        assert "written" not in bench.lines(bench.record(pod, identity))
        code, _lines = await bench.run(pod, f"mkdir {folder}/below || echo 0 >{folder}/cgroup.procs")
        assert code != 0
        code, lines = await bench.run(pod, f"cat /proc/self/cgroup; cat {folder}/cgroup.procs")
        assert code == 0 and "podlab" not in "".join(lines)

    on_node(scenario)


def test_a_fork_bomb_hurts_its_own_container_only() -> None:
    async def scenario(bench: Bench) -> None:
        bomb = await bench.pod("bomb")
        identity = await bench.start(bomb, "b() { b | b & }; while :; do b 2>/dev/null; sleep 0.1; done")
        await asyncio.sleep(1)
        other = await bench.pod("other")
        assert (await bench.run(other, "echo fine"))[1] == ["fine"]
        await bench.runtime.stop_container(identity, 0)
        # 2: the first shell was the one that could not fork, and ended of itself
        assert bench.record(bomb, identity).exit_code in (2, 137)

    on_node(scenario)


def test_endless_output_is_bounded_and_starves_nobody() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, ["yes"], name="noisy", log_max_bytes=1 << 20)
        await asyncio.sleep(1.5)
        began = time.monotonic()
        assert (await bench.run(pod, "echo fine"))[1] == ["fine"]
        assert time.monotonic() - began < 15
        await bench.runtime.stop_container(identity, 0)
        sizes = {one.name: one.stat().st_size for one in (bench.folder / "logs").glob("noisy*")}
        assert set(sizes) == {"noisy.log", "noisy.log.1"}
        assert all(size < 8 << 20 for size in sizes.values())

    on_node(scenario)


def test_stopping_a_sandbox_ends_everything_and_frees_its_address() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identities = [await bench.start(pod, ["sleep", "60"]) for _number in range(3)]
        await bench.runtime.stop_sandbox(pod.id)
        await bench.runtime.stop_sandbox(pod.id)

        assert {bench.record(pod, one).exit_code for one in identities} == {137}
        assert not bench.runtime.view("pod")[0][0].ready
        probe = await bench.runtime.node.link.call("probe", {})
        assert (probe["pods"], probe["processes"]) == (0, 0)
        await bench.runtime.remove_pod("pod")
        assert bench.runtime.view("pod") == ([], [])

    on_node(scenario)


def test_no_free_address_is_a_clear_fault_of_that_pod_and_heals() -> None:
    async def scenario(bench: Bench) -> None:
        taken = [bench.runtime._addresses.take() for _number in range(253)]
        with pytest.raises(RuntimeFault, match="no IP addresses available in range set"):
            await bench.pod("late")
        bench.runtime._addresses.give_back(taken[0])
        assert (await bench.pod("late")).ip == taken[0]

    on_node(scenario)


def test_nothing_leaks_over_many_containers() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()

        async def some() -> tuple[int, int]:
            for _number in range(12):
                identity = await bench.start(pod, "exit 0")
                await bench.ended(pod, identity)
                await bench.runtime.remove_container(identity)
            probe = await bench.runtime.node.link.call("probe", {})
            return probe["descriptors"], len(list(Path("/proc/self/fd").iterdir()))

        assert await some() == await some()

    on_node(scenario)


def test_a_node_that_dies_is_seen_at_once() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        identity = await bench.start(pod, ["sleep", "60"])
        os.kill(bench.runtime.node.zygote.pid, signal.SIGKILL)  # the janitor: its node has to go with it
        found = await bench.ended(pod, identity)
        assert (found.exit_code, bench.runtime.view("pod")[0][0].ready) == (137, False)
        for name in ("sandbox",):  # nobody is left to remove it
            import shutil

            shutil.rmtree(bench.folder / name)

    on_node(scenario)


def test_a_log_that_cannot_be_written_is_that_containers_trouble_alone() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        (bench.folder / "file").write_text("in the way")
        with pytest.raises(RuntimeFault, match="unable to start container process"):
            await bench.start(pod, "true", log_path=str(bench.folder / "file" / "x.log"))
        assert bench.runtime.view("pod")[1][0].state is ContainerState.EXITED
        assert (await bench.run(pod, "exit 3"))[0] == 3

    on_node(scenario)


def test_more_descriptors_than_the_usual_soft_limit() -> None:
    """Started with a soft limit of 64, as a learner's shell might have 1024."""
    script = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.path.insert(0, sys.argv[1])
from sandbox_bench import on_node
async def scenario(bench):
    pod = await bench.pod()
    running = [await bench.start(pod, ["sleep", "60"]) for number in range(40)]
    assert (await bench.run(pod, "exit 3"))[0] == 3
on_node(scenario)
"""
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, folder], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_a_pod_s_small_files_lie_in_the_memory_of_the_node() -> None:
    """Making a file on a busy disk costs more than all else in a container's start; and nothing of it may stay."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        volumes = Volumes(bench.folder, f"{bench.runtime.node.files}/files/volumes")
        source = volumes.materialise("uid", "v", {"key": b"value\n"}, 0o644)
        lines = (await bench.run(pod, "cat /v/key /etc/hostname", mounts=(Mount(source, "/v"),)))[1]
        on_disk = [
            path for path in bench.folder.rglob("*") if path.name in ("key", "hostname", "resolv.conf")
        ]
        assert (lines[0], len(lines), on_disk) == ("value", 2, [])

    on_node(scenario)


@pytest.mark.parametrize("flooded", ["/dev/termination-log", "/etc/hosts", "/etc/resolv.conf", "/dev/shm/x"])
def test_what_a_pod_may_write_to_the_node_is_bounded_and_takes_nobody_elses_place(flooded: str) -> None:
    """All Pods shared the memory behind these files, with each other and with their Secrets."""

    async def scenario(bench: Bench) -> None:
        mine, other = await bench.pod("mine"), await bench.pod("other")
        files = PodFiles(bench.folder, bench.runtime.node.files)
        pods = {
            uid: {"metadata": {"uid": uid, "name": "p", "namespace": "n"}, "spec": {}}
            for uid in ("mine", "other")
        }
        mounts = {
            uid: (
                Mount(files.begin_message(pod, "c", 0), "/dev/termination-log"),
                Mount(files.hosts(pod, "box", "", "10.244.0.9"), "/etc/hosts"),
            )
            for uid, pod in pods.items()
        }
        code, _ = await bench.run(mine, f"head -c 200000000 /dev/zero > {flooded}", mounts=mounts["mine"])
        told = "echo last words > /dev/termination-log; head -c 60000000 /dev/zero > /dev/shm/x"
        assert (code != 0, (await bench.run(other, told, mounts=mounts["other"]))[0]) == (True, 0)
        assert Path(mounts["other"][0].source).read_text() == "last words\n"
        await bench.runtime.remove_pod("mine")
        assert not (Path(bench.runtime.node.files) / "pods" / "mine").exists()

    on_node(scenario)


def test_a_devices_mode_is_not_the_containers_to_change() -> None:
    """The device is the host's own: a Pod could take /dev/null away from the whole machine."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        command = "chmod 666 /dev/null && echo changed; touch /dev/zero && echo touched; echo x > /dev/null; echo $?"
        assert (await bench.run(pod, command))[1][-1:] == ["0"]
        assert not {"changed", "touched"} & set((await bench.run(pod, command))[1])

    on_node(scenario)


def test_a_mount_below_dev_gets_a_dev_of_its_own(tmp_path: Path) -> None:
    """The devices, links and shared memory are there as ever, and other containers do not see the new entry."""

    async def scenario(bench: Bench) -> None:
        message = tmp_path / "message"
        message.touch(mode=0o666)
        message.chmod(0o666)
        pod = await bench.pod()
        command = "echo -n DONE > /dev/deep/own-log; echo x > /dev/null; head -c 4 /dev/zero | wc -c; ls -d /dev/shm/."
        mounts = (Mount(str(message), "/dev/deep/own-log"),)
        assert await bench.run(pod, command, mounts=mounts) == (0, ["4", "/dev/shm/."])
        assert message.read_text() == "DONE"
        assert (await bench.run(pod, "ls /dev/deep"))[0] != 0

    on_node(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may map more ids than its own")
def test_a_volume_in_memory_has_the_pods_group() -> None:
    """fsGroup: the root of the mount, and what is made in it."""

    async def scenario(bench: Bench) -> None:
        memory = Volumes(bench.folder / "volumes").empty_dir("pod", "m", "Memory", 1 << 20, 123)
        plain = Volumes(bench.folder / "volumes").empty_dir("pod", "p", "Memory", 1 << 20)
        pod = await bench.pod()
        mounts = (Mount(memory, "/m"), Mount(plain, "/p"))
        command = "touch /m/f; mkdir /m/sub; touch /m/sub/f; stat -c '%a %g' /m /m/f /m/sub/f /p"
        assert (await bench.run(pod, command, mounts=mounts))[1] == [
            "3777 123",
            "644 123",
            "644 123",
            "1777 0",
        ]

    on_node(scenario)
