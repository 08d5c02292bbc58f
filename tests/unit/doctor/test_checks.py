"""Every wrong state of a machine gives its finding: a healthy machine, with one thing changed at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from podlab import doctor
from podlab.doctor.findings import CHECKS
from podlab.doctor.machine import GIB, MachineFacts, Port, SandboxTrial

HEALTHY = MachineFacts(
    docker_version="28.2.2",
    docker_skew_s=0.01,
    kind_path="/usr/local/bin/kind",
    kind_version="v0.33.0",
    kubectl_path="/usr/bin/kubectl",
    kubectl_version="v1.36.3",
    node_image="kindest/node:v1.37.0",
    disk_free_bytes={"/": 60 * GIB},
    memory_total_bytes=16 * GIB,
    memory_available_bytes=12 * GIB,
    cgroup_version=2,
    inotify_watches=1_000_000,
    inotify_instances=1024,
    ports=(Port(8888, "JupyterLab"),),
    clock_synchronised=True,
    sandbox=SandboxTrial(),
    max_user_namespaces=60000,
)

WRONG: list[tuple[str, dict[str, Any], str, str, str]] = [
    # name, what is wrong, level, words of the text, words of the repair
    ("python", {"python": (3, 10, 12)}, "broken", "3.10.12 is too old", "./start"),
    ("system", {"kernel": "4.4.0-19041-Microsoft"}, "broken", "WSL 1", "wsl --set-version"),
    ("python", {"missing_packages": ["yaml"]}, "broken", "without yaml", "pip install"),
    ("python", {"missing_for_pages": ["jupyterlab"]}, "note", "notebooks do not", "podlab[jupyter]"),
    ("python", {"missing_packages": ["yaml"], "conda": "lab"}, "broken", "without yaml", "conda env update"),
    (
        "python",
        {"missing_for_pages": ["pandas"], "conda": "lab"},
        "note",
        "without pandas",
        "conda env update",
    ),
    (
        "editor",
        {"editor": "VS Code", "editor_shows_notebooks": False},
        "note",
        "no live timeline",
        "code --install-extension ms-toolsai.jupyter",
    ),
    ("python", {"in_environment": False}, "note", "not in a virtual environment", "./start"),
    (
        "docker",
        {"docker_version": None, "docker_problem": "no program"},
        "broken",
        "docker program is missing",
        "install",
    ),
    (
        "docker",
        {"docker_version": None, "docker_problem": "no engine"},
        "broken",
        "no Docker engine",
        "start",
    ),
    (
        "docker",
        {"docker_version": None, "docker_problem": "no permission"},
        "broken",
        "may not",
        "usermod -aG docker",
    ),
    ("kind", {"kind_path": None}, "broken", "needs Go", "go install sigs.k8s.io/kind"),
    ("kind", {"kind_version": "v0.17.0"}, "broken", "too old", "go install"),
    ("node image", {"node_image": None}, "broken", "cannot be pulled", "podlab airgap build"),
    ("kubectl", {"kubectl_path": None}, "note", "not here", "podlab works without it"),
    ("kubectl", {"kubectl_version": "v1.28.1"}, "note", "old", "install kubectl"),
    ("disk", {"disk_free_bytes": {"/": 60 * GIB, "/home": GIB}}, "broken", "1.0 GiB free on /home", "prune"),
    ("disk", {"disk_free_bytes": {"/": 4 * GIB}}, "note", "evicts Pods", "prune"),
    ("disk", {"disk_free_bytes": {}}, "note", "could not be checked", "df"),
    ("memory", {"memory_available_bytes": GIB // 2}, "broken", "0.5 of 16.0 GiB free", "embedded"),
    ("memory", {"memory_available_bytes": int(1.5 * GIB)}, "note", "one node", "close programs"),
    ("memory", {"memory_available_bytes": None}, "note", "could not be checked", "free"),
    ("cgroup", {"cgroup_version": 1}, "note", "version 1", "unified_cgroup_hierarchy"),
    ("cgroup", {"cgroup_version": None}, "note", "no cgroup file system", "mount"),
    (
        "inotify",
        {"inotify_instances": 128},
        "note",
        "128 instances",
        "sysctl fs.inotify.max_user_watches=524288",
    ),
    ("inotify", {"inotify_watches": 8192}, "note", "8192 watches", "max_user_instances=512"),
    ("ports", {"ports": (Port(6443, "API", "nginx (pid 7)"),)}, "note", "held by nginx (pid 7)", "6443"),
    ("clock", {"year": 1970}, "broken", "1970", "set-ntp"),
    ("clock", {"docker_skew_s": -40.0}, "note", "-40 s", "restart the Docker engine"),
    ("clock", {"clock_synchronised": False}, "note", "not synchronised", "set-ntp"),
    (
        "proxies",
        {"proxies": {"HTTPS_PROXY": "http://p"}},
        "broken",
        "127.0.0.1 and localhost",
        "export NO_PROXY=",
    ),
    (
        "proxies",
        {"proxies": {"http_proxy": "http://p"}, "no_proxy": "corp.example,localhost"},
        "broken",
        "does not include 127.0.0.1:",
        "NO_PROXY=corp.example,localhost,127.0.0.1",
    ),
    ("namespaces", {"platform": "darwin"}, "broken", "reduced mode", "kind"),
    ("namespaces", {"sandbox": None}, "note", "could not be tested", "unshare"),
    ("namespaces", {"sandbox": SandboxTrial(user="EPERM")}, "broken", "user refused (EPERM)", "podlab up"),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "apparmor_restricts_userns": True},
        "broken",
        "AppArmor",
        "apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "unprivileged_userns_clone": 0},
        "broken",
        "unprivileged_userns_clone is 0",
        "unprivileged_userns_clone=1",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="ENOSPC"), "max_user_namespaces": 0},
        "broken",
        "max_user_namespaces is 0",
        "user.max_user_namespaces=",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "in_container": True},
        "broken",
        "seccomp",
        "seccomp=unconfined",
    ),
    ("namespaces", {"sandbox": SandboxTrial(net="EPERM")}, "broken", "net refused", "podlab up"),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "host": "Binder"},
        "broken",
        "EPERM",
        "reduced mode",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "host": "JupyterHub"},
        "broken",
        "EPERM",
        "runs the hub",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "host": "Codespaces"},
        "broken",
        "EPERM",
        "privileged",
    ),
    (
        "namespaces",
        {"sandbox": SandboxTrial(user="EPERM"), "host": "a devcontainer"},
        "broken",
        "EPERM",
        "privileged",
    ),
    ("proc", {"sandbox": SandboxTrial(proc="EPERM")}, "note", "shows the node", "mount"),
    (
        "proc",
        {"sandbox": SandboxTrial(proc="EPERM"), "in_container": True},
        "note",
        "EPERM",
        "systempaths=unconfined",
    ),
    ("nftables", {"sandbox": SandboxTrial(nftables="EOPNOTSUPP")}, "note", "is unreliable", "modprobe"),
]


def finding(facts: MachineFacts, name: str) -> doctor.MachineFinding:
    return next(one for one in doctor.judge(facts) if one.name == name)


def test_a_healthy_machine_has_nothing_to_repair() -> None:
    """All checks are ok, both drivers can be used, and no repair is offered."""
    found = doctor.report(HEALTHY)

    assert [one.name for one in found.findings if one.level != "ok"] == []
    assert found.drivers == ("kind", "embedded")
    assert all(not one.repair for one in found.findings)


@pytest.mark.parametrize(("name", "wrong", "level", "text", "repair"), WRONG)
def test_each_wrong_state_is_named_with_one_repair(
    name: str, wrong: dict[str, Any], level: str, text: str, repair: str
) -> None:
    """The finding says what is wrong in one line and how to mend it; nothing else changes to broken."""
    facts = replace(HEALTHY, **wrong)
    found = finding(facts, name)

    assert found.level == level
    assert text in found.text
    assert repair in found.repair
    assert "\n" not in found.text + found.repair
    assert {one.name for one in doctor.judge(facts) if one.level == "broken"} <= {name}


def test_every_check_has_a_wrong_state_here() -> None:
    """A check that can never complain is no check."""
    assert {check(HEALTHY).name for check in CHECKS} == {name for name, *_ in WRONG}


@pytest.mark.parametrize(
    ("wrong", "drivers"),
    [
        ({"docker_version": None, "docker_problem": "no engine"}, ("embedded",)),
        ({"sandbox": SandboxTrial(user="EPERM")}, ("kind",)),
        ({"docker_version": None, "sandbox": SandboxTrial(user="EPERM")}, ()),
        ({"python": (3, 9, 0)}, ()),
        ({"proxies": {"HTTP_PROXY": "http://p"}}, ()),
    ],
)
def test_what_is_broken_decides_which_drivers_can_be_used(
    wrong: dict[str, Any], drivers: tuple[str, ...]
) -> None:
    """One usable driver is enough for podlab; none makes the report say so."""
    found = doctor.report(replace(HEALTHY, **wrong))

    assert found.drivers == drivers
    assert found.usable == bool(drivers)
    last = doctor.as_text(found).splitlines()[-1]
    assert all(name in last for name in drivers)
    assert ("cannot make" in last) == (not drivers)


def test_one_driver_is_judged_alone() -> None:
    """A machine without Docker is fine for embedded, and what only kind needs is not even listed."""
    facts = replace(HEALTHY, docker_version=None, docker_problem="no engine")

    assert doctor.report(facts, "embedded").usable
    assert not doctor.report(facts, "kind").usable
    assert "docker" not in {one.name for one in doctor.report(facts, "embedded").findings}


def test_an_engine_that_is_missing_is_reported_once() -> None:
    """Without an engine the node image is not a second fault."""
    found = finding(replace(HEALTHY, docker_version=None, node_image=None), "node image")

    assert found.level == "note"


def test_the_text_has_one_line_for_each_finding() -> None:
    """So that it can be read, grepped, and compared by eye."""
    found = doctor.report(replace(HEALTHY, kind_version="v0.1.0"))

    lines = doctor.as_text(found).splitlines()
    assert len(lines) == len(found.findings) + 1
    assert sum("->" in line for line in lines) == 1


def test_the_host_and_the_conda_environment_are_named_where_all_is_well():
    """A report that somebody sends says where it was made."""
    facts = replace(HEALTHY, host="Binder", conda="lab")

    assert finding(facts, "system").text.endswith(", on Binder")
    assert finding(facts, "python").text.endswith(", in the conda environment lab")


def test_wsl_2_is_a_linux_as_good_as_any():
    """Its kernel has namespaces, and names itself."""
    found = finding(replace(HEALTHY, kernel="5.15.153.1-microsoft-standard-WSL2"), "system")

    assert (found.level, found.text) == ("ok", "Linux in WSL 2 5.15.153.1-microsoft-standard-WSL2")


@pytest.mark.parametrize(
    ("platform", "level", "repair"),
    [("win32", "broken", "wsl --install"), ("darwin", "note", "podlab up --driver kind")],
)
def test_systems_without_namespaces_are_led_to_one_that_has_them(platform, level, repair):
    """Windows to its Linux, macOS to kind in a virtual machine."""
    found = finding(replace(HEALTHY, platform=platform), "system")

    assert found.level == level
    assert repair in found.repair
