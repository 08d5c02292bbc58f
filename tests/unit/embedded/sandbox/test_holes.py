"""
Attacks on the sandbox from inside, each with what it must not reach.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.runtime import Mount, RuntimeFault
from podlab.embedded.sandbox.zygote import linux, rootfs
from podlab.embedded.volumes import Volumes

NEW_USERS = "import ctypes, os; l = ctypes.CDLL(None, use_errno=True); l.unshare(0x10000000); print(ctypes.get_errno())"
# The thief looks for the name of the old root in the mount tables of all processes that it sees.
THIEF = (
    "import os, re, time\n"
    "while not os.path.exists('/v/stop'):\n"
    "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
    "        try:\n"
    "            found = re.findall(r' (/\\.[0-9a-f]{24})[ /]', open('/proc/%s/mountinfo' % pid).read())\n"
    "        except OSError:\n"
    "            continue\n"
    "        for name in found:\n"
    "            try:\n"
    "                os.symlink(name + os.environ['AIM'], '/v/.lead'); os.rename('/v/.lead', '/v/lead')\n"
    "            except OSError:\n"
    "                pass\n"
)


def test_no_container_makes_a_user_namespace() -> None:
    """In one of its own its root had every capability again: it mounted cgroups and lifted its limits."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        code, lines = await bench.run(pod, ["python", "-c", NEW_USERS], image="python:3.11-slim")
        assert (code, lines) == (0, ["28"])  # ENOSPC: the limit of the node's namespace, which is 0
        raised = "echo 9 2>&1 > /proc/sys/user/max_user_namespaces"
        assert (await bench.run(pod, raised))[0] != 0

    on_node(scenario)


def test_the_place_among_the_machines_control_groups_is_not_told() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        code, lines = await bench.run(pod, "cat /proc/self/cgroup")
        assert (code, {line.rsplit(":", 1)[1] for line in lines} <= {"/"}) == (0, True)
        identity = await bench.start(pod, ["sleep", "600"])
        seen = await bench.runtime.exec_sync(identity, ["cat", "/proc/self/cgroup"], 30)
        assert {line.rsplit(":", 1)[1] for line in seen.stdout.decode().split()} <= {"/"}

    on_node(scenario)


def test_a_pod_sees_no_terminal_of_another() -> None:
    """All had one devpts: a Pod of another namespace read what was typed."""

    async def scenario(bench: Bench) -> None:
        mine, other = await bench.pod("mine"), await bench.pod("other")
        identity = await bench.start(mine, "tty; sleep 600", tty=True)
        await bench.said(mine, identity, "/dev/pts/0")
        session = await bench.runtime.exec_stream(identity, ["sleep", "600"], stdin=True, tty=True)
        assert (await bench.run(mine, "ls /dev/pts"))[1] == ["0", "1", "ptmx"]
        assert (await bench.run(other, "ls /dev/pts"))[1] == ["ptmx"]
        await session.kill()

    on_node(scenario)


def test_a_link_into_proc_leads_no_mount_anywhere() -> None:
    """``/proc/N/root`` is a link that no path of the container bounds."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        source = Volumes(bench.folder / "volumes").empty_dir("pod", "v")
        await bench.run(pod, "ln -s /proc/1/root /v/lead", mounts=(Mount(source, "/v"),))
        mounts = (Mount(source, "/v"), Mount(source, "/v/lead/tmp/out"))
        with pytest.raises(RuntimeFault, match="Too many levels of symbolic links"):
            await bench.start(pod, "true", mounts=mounts)

    on_node(scenario)


def test_a_neighbour_that_reads_the_mount_table_leads_no_mount_to_the_host(tmp_path: Path) -> None:
    """With shareProcessNamespace the name of the old root can be read while a container is being made."""
    aim = tmp_path / "aim"
    aim.mkdir()

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod(share_process_namespace=True)
        source = Volumes(bench.folder / "volumes").empty_dir("pod", "v")
        shared = Mount(source, "/v")
        await bench.start(
            pod, ["python", "-c", THIEF], image="python:3.11-slim", env={"AIM": str(aim)}, mounts=(shared,)
        )
        for _ in range(25):
            try:
                await bench.run(pod, "true", mounts=(shared, Mount(source, "/v/lead/made")))
            except RuntimeFault:
                continue
        await bench.run(pod, "touch /v/stop", mounts=(shared,))

    on_node(scenario)
    assert list(aim.iterdir()) == []


def _without_a_kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the steps of ``rootfs.enter`` write down their names instead; return the list of these."""
    done: list[str] = []
    for name in ("mount", "pivot_root", "umount"):
        monkeypatch.setattr(linux, name, lambda *_a, _name=name, **_k: done.append(_name))
    for name in ("_skeleton", "_mount_devices", "_system_mounts", "_put"):
        monkeypatch.setattr(rootfs, name, lambda *_a, _name=name, **_k: done.append(_name))
    monkeypatch.setattr(rootfs, "_copy_of", lambda *_a: done.append("_copy_of") or 0)
    for name in ("mkdir", "chdir", "rmdir"):
        monkeypatch.setattr(os, name, lambda *_a: None)
    return done


def test_the_old_root_is_gone_before_a_volume_is_put_in_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The order that makes the race one without a prize."""
    done = _without_a_kernel(monkeypatch)
    mounts = [{"source": "/v", "target": "/v"}] * 2
    rootfs.enter(str(tmp_path), "", "", "", {"kind": "scratch"}, mounts, [], read_only=False)
    assert done == [
        "mount",
        "pivot_root",
        "_skeleton",
        "_mount_devices",
        "_system_mounts",
        "_copy_of",
        "_copy_of",
        "umount",
        "_put",
        "_put",
    ]


@pytest.mark.parametrize(
    ("target", "shown"), [("/system", True), ("/sysroot/v", True), ("/sys", False), ("/sys/fs/cgroup", False)]
)
def test_only_a_volume_in_sys_keeps_the_control_groups_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str, shown: bool
) -> None:
    _without_a_kernel(monkeypatch)
    monkeypatch.setattr(rootfs, "_read_only_copy", lambda _source: 0)
    seen: list[tuple[str, int]] = []
    monkeypatch.setattr(rootfs, "_show", seen.extend)
    mounts = [{"source": "/v", "target": target}]
    groups = [("/sys/fs/cgroup", "/sys/fs/cgroup/node/c")]
    rootfs.enter(str(tmp_path), "", "", "", {"kind": "scratch"}, mounts, groups, read_only=False)
    assert seen == ([("/sys/fs/cgroup", 0)] if shown else [])
