"""What the build says when a machine lacks something, and the wrapper around runc."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builder import engine, shell
from builder.failure import BuildError


@pytest.mark.parametrize("tool", ["go", "gcc", "debootstrap", "musl-gcc", "docker"])
def test_each_missing_tool_is_one_clear_error(
    tool: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three lines; the last one says how to get that tool."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BuildError) as failed:
        shell.need(tool)

    what, why, hint = str(failed.value).splitlines()
    assert tool in what
    assert str(tmp_path) in why
    assert hint == f"  try: {shell.REMEDIES[tool]}"


def test_all_missing_tools_are_named_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody should have to run the build once for each."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BuildError, match="go, gcc"):
        shell.need("go", "gcc")


def test_a_disk_that_is_too_small_is_said_before_it_is_full(tmp_path: Path) -> None:
    """The hint names the variable that moves the cache."""
    with pytest.raises(BuildError) as failed:
        shell.need_space(tmp_path / "cache", 1e9)

    assert "PODLAB_AIRGAP_CACHE" in str(failed.value)


def test_no_engine_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the line that starts one."""
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(BuildError, match="docker-engine start"):
        engine.need_engine()


def test_a_program_that_fails_is_quoted() -> None:
    """Its last words are the cause."""
    with pytest.raises(BuildError) as failed:
        shell.run(["sh", "-c", "echo first; echo 'no space left' >&2; exit 3"])

    assert "exit code 3" in failed.value.summary
    assert failed.value.cause == "no space left"


def wrapper(recipe: Path, tmp_path: Path, *arguments: str) -> list[str]:
    """Run the wrapper with a runc that prints what it is given; return those words."""
    fake = tmp_path / "bin" / "runc"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    program = [sys.executable, "-IS", str(recipe / "runc-without-resource")]
    return subprocess.run(
        [*program, *arguments], env=env, capture_output=True, text=True, check=True
    ).stdout.split()


ASKED = {
    "args": ["true"],
    "oomScoreAdj": -500,
    "capabilities": {"bounding": ["CAP_KILL", "CAP_SYS_RESOURCE"], "effective": ["CAP_SYS_RESOURCE"]},
}
GIVEN = {"args": ["true"], "oomScoreAdj": 0, "capabilities": {"bounding": ["CAP_KILL"], "effective": []}}


@pytest.mark.parametrize("option", ["--bundle {}", "--bundle={}", "-b {}"])
def test_a_new_container_asks_for_nothing_that_the_machine_lacks(
    option: str, recipe: Path, tmp_path: Path
) -> None:
    """The bundle is rewritten, the arguments reach runc as they were."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ociVersion": "1.0.2", "process": ASKED}))
    words = ["--root", "/r", "create", *option.format(tmp_path).split(), "id"]

    assert wrapper(recipe, tmp_path, *words) == words
    assert json.loads(config.read_text()) == {"ociVersion": "1.0.2", "process": GIVEN}


def test_an_exec_asks_for_nothing_that_the_machine_lacks(recipe: Path, tmp_path: Path) -> None:
    """There it is a file of its own."""
    process = tmp_path / "process.json"
    process.write_text(json.dumps(ASKED))

    wrapper(recipe, tmp_path, "exec", "--process", str(process), "id")

    assert json.loads(process.read_text()) == GIVEN


def test_an_engine_is_ended_only_by_its_own_record(recipe: Path, tmp_path: Path) -> None:
    """A record of a process that ended, whose number another process has now, ends nobody."""
    bystander = subprocess.Popen(["sleep", "60"])
    record = tmp_path / "engine.json"
    record.write_text(json.dumps({"pid": bystander.pid, "started": "1"}))
    try:
        command = [sys.executable, str(recipe / "docker-engine"), "stop", "--record", str(record)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0
        assert "nothing to stop" in done.stdout
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_pid_files_of_a_killed_engine_do_not_stop_the_next(recipe: Path, tmp_path: Path) -> None:
    """A number that another process has now, or nobody, is forgotten; that of a living engine stays."""
    script = runpy.run_path(str(recipe / "docker-engine"), run_name="docker_engine")
    stale = tmp_path / "docker" / "containerd" / "containerd.pid"
    stale.parent.mkdir(parents=True)
    stale.write_text(str(os.getpid()))
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "docker.pid").write_text(str(bystander.pid))
        assert script["forget_dead_engine"](tmp_path) == [tmp_path / "docker.pid", stale]
    finally:
        bystander.kill()
        bystander.wait()

    living = tmp_path / "dockerd"
    living.write_bytes(Path("/bin/sleep").read_bytes())
    living.chmod(0o755)
    engine_process = subprocess.Popen([living, "60"])
    try:
        comm = Path(f"/proc/{engine_process.pid}/comm")
        deadline = time.monotonic() + 10
        while comm.read_text().strip() != "dockerd" and time.monotonic() < deadline:
            time.sleep(0.01)  # the kernel gives a program its name a moment after Popen returns
        (tmp_path / "docker.pid").write_text(str(engine_process.pid))
        assert script["forget_dead_engine"](tmp_path) == []
    finally:
        engine_process.kill()
        engine_process.wait()
