"""The probes on this machine: they answer, agree with other sources, and never raise."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from podlab.doctor import inspection, judge, sandbox_trial
from podlab.doctor.machine import MachineFacts
from podlab.doctor.ports import holder


def test_this_machine_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """MachineFacts come back whole, with Docker's program hidden so that no registry is asked."""
    monkeypatch.setenv("PATH", "/nonexistent")
    facts = inspection.look()

    assert isinstance(facts, MachineFacts)
    assert facts.python == tuple(sys.version_info[:3])
    assert facts.docker_problem == "no program"
    assert facts.missing_packages == []
    assert min(facts.disk_free_bytes.values()) > 0


def seen(name: str) -> tuple[str, str, str]:
    """What the doctor says of one thing on this machine: level, text and repair."""
    found = next(one for one in judge(inspection.look()) if one.name == name)
    return found.level, found.text, found.repair


@pytest.mark.parametrize(
    ("system", "kernel", "level", "text", "repair"),
    [
        ("linux", "6.1.0", "ok", "linux 6.1.0", ""),
        ("linux", "5.15.153.1-microsoft-standard-WSL2", "ok", "Linux in WSL 2", ""),
        ("linux", "4.4.0-19041-Microsoft", "broken", "WSL 1", "wsl --set-version Ubuntu 2"),
        ("darwin", "24.1.0", "note", "macOS", "podlab up --driver kind"),
        ("win32", "11", "broken", "Windows itself", "wsl --install"),
    ],
)
def test_each_system_is_told_by_what_python_says_of_it(
    monkeypatch: pytest.MonkeyPatch, system: str, kernel: str, level: str, text: str, repair: str
) -> None:
    """The system's name and its kernel's release are another machine's; all probes run on, and none raises."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.release", lambda: kernel)

    found = seen("system")

    assert found[0] == level
    assert text in found[1]
    assert repair in found[2]


@pytest.mark.parametrize(
    ("extension", "level"),
    [("ms-toolsai.jupyter-2026.9.0", "ok"), ("ms-toolsai.jupyter-keymap-1.1.2", "note")],
)
def test_the_terminal_of_vs_code_is_asked_for_its_jupyter_extension(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extension: str, level: str
) -> None:
    """Its folder in the home of this side; an extension of a longer name is another."""
    (tmp_path / ".vscode-server" / "extensions" / extension).mkdir(parents=True)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    assert seen("editor")[1].startswith("JupyterLab")

    monkeypatch.setenv("TERM_PROGRAM", "vscode")
    found = seen("editor")

    assert found[0] == level
    assert found[1].startswith("VS Code with")


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"BINDER_SERVICE_HOST": "10.0.0.1", "JUPYTERHUB_USER": "x"}, ", on Binder"),
        ({"CODESPACES": "true", "REMOTE_CONTAINERS": "true"}, ", on Codespaces"),
        ({"REMOTE_CONTAINERS": "true"}, ", on a devcontainer"),
        ({"JUPYTERHUB_USER": "ada"}, ", on JupyterHub"),
        ({}, ""),
    ],
)
def test_the_host_is_told_by_the_variables_that_it_sets(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str
) -> None:
    """The most special of those that are set; a conda environment is named by conda."""
    for name in inspection.HOSTS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        **variables,
        "CONDA_PREFIX": "/opt/lab",
        "CONDA_DEFAULT_ENV": "lab",
        "PATH": "/none",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("platform.release", lambda: "6.1.0")
    facts = MachineFacts(**inspection._python())

    text = next(one for one in judge(facts) if one.name == "system").text
    assert text == f"{sys.platform} 6.1.0{host}"
    assert facts.conda == "lab"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_what_the_kernel_says() -> None:
    """MemTotal equals the number of pages that sysconf knows, within the kernel's own share."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert abs(inspection._meminfo()["MemTotal"] - pages) < 0.05 * pages


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_holder_of_a_port_is_named() -> None:
    """A port that this very process listens on is reported with its pid; afterwards it is free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.getsockname()[1]
        assert f"(pid {os.getpid()})" in inspection._held(number)
    assert inspection._held(number) == ""
    assert holder(number) == "another program"


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux")
def test_the_trial_of_namespaces_agrees_with_unshare() -> None:
    """
    What the trial says of user namespaces is what util-linux' unshare meets, and nothing is left mounted.
    """
    before = _mounts_of_proc()
    trial = sandbox_trial.run()
    unshare = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], check=False)

    assert trial is not None
    assert (trial.user == "" and trial.net == "") == (unshare.returncode == 0)
    assert _mounts_of_proc() == before


def _mounts_of_proc() -> list[str]:
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if line.split()[2] == "proc"]


def test_the_trial_reports_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With the limit of user namespaces at zero in a namespace of its own, each refusal is the kernel's word.
    """
    outer = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -I -S -c "$1"'
    done = subprocess.run(
        [*outer, script, sys.executable, sandbox_trial._CODE], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no user namespace to try it in: {done.stderr.strip()}")

    found = json.loads(done.stdout)
    assert found["user"] == "ENOSPC"
    assert found["mount"] == "ENOSPC"


def test_the_report_is_data_for_programs() -> None:
    """
    `podlab doctor --json` is valid JSON with a finding for each check, and its exit code says what it says.
    """
    done = subprocess.run(
        [sys.executable, "-m", "podlab", "doctor", "--json", "--driver", "embedded"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stdout)

    assert {"name", "level", "text", "repair", "stops"} == set(said["findings"][0])
    assert done.returncode == (0 if said["usable"] else 1)
