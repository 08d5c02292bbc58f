"""
Look at this machine and write down what is found. Nothing is changed, nothing raises, every question has a
time limit.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.doctor import sandbox_trial
from podlab.doctor.machine import MachineFacts, Port
from podlab.doctor.ports import holder
from podlab.drivers import docker, kind_binary, kind_choice, process

PACKAGES = (
    "yaml",
    "urllib3",
    "websocket",
    "uvicorn",
    "httptools",
    "wsproto",
    "cryptography",
)
PACKAGES_OF_PAGES = ("jupyterlab", "ipywidgets", "matplotlib", "pandas", "kubernetes")
# What each sets for the programs that run on it; Binder is a JupyterHub, Codespaces a devcontainer.
HOSTS = {
    "BINDER_SERVICE_HOST": "Binder",
    "BINDER_LAUNCH_HOST": "Binder",
    "CODESPACES": "Codespaces",
    "REMOTE_CONTAINERS": "a devcontainer",
    "JUPYTERHUB_USER": "JupyterHub",
}
PORTS = ((8888, "JupyterLab"), (6443, "API of the class cluster"), (30080, "shop of the class cluster"))


def look(driver: str | None = None) -> MachineFacts:
    """Return the facts that the checks for *driver* need, or all; slow questions are asked side by side."""
    with ThreadPoolExecutor(4) as pool:
        engine = pool.submit(_docker) if driver != "embedded" else None
        trial = pool.submit(sandbox_trial.run) if driver != "kind" else None
        programs = pool.submit(_programs)
        lab_images = pool.submit(_lab_images)
        found: dict[str, Any] = {**_python(), **_editor(), **_machine(), **_network(), **_limits()}
        found |= programs.result() | lab_images.result()
        found |= engine.result() if engine else {}
        found["sandbox"] = trial.result() if trial else None
    return MachineFacts(**found)


def _lab_images() -> dict[str, Any]:
    """Nothing where the recipes cannot be read: podlab's own tests are what minds those."""
    from podlab.errors import BuildError
    from podlab.images import archive_of, labs_that_need, load, obstacles

    try:
        known = load()
        built = {image.name: archive_of(image, known) is not None for image in known.images.values()}
        found = obstacles.find(known, obstacles.here())
        stopped = {one.image: labs_that_need(one.image, known) for one in found}
        return {"lab_images": built, "lab_obstacles": found, "labs_without_images": stopped}
    except (BuildError, OSError):
        return {}


def _python() -> dict[str, Any]:
    return {
        "platform": sys.platform,
        "python": tuple(sys.version_info[:3]),
        "host": next((name for variable, name in HOSTS.items() if os.environ.get(variable)), ""),
        "in_environment": sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ,
        "conda": os.environ.get("CONDA_DEFAULT_ENV", "") if "CONDA_PREFIX" in os.environ else "",
        "kernel": platform.release(),
        "missing_packages": [name for name in PACKAGES if find_spec(name) is None],
        "missing_for_pages": [name for name in PACKAGES_OF_PAGES if find_spec(name) is None],
    }


def _editor() -> dict[str, Any]:
    """VS Code names itself to its terminal; its extensions lie in the home folder, on this side of a remote window."""
    if os.environ.get("TERM_PROGRAM") != "vscode":
        return {}
    homes = (Path.home() / name / "extensions" for name in (".vscode", ".vscode-server", ".vscode-remote"))
    there = any(True for home in homes for _ in home.glob("ms-toolsai.jupyter-[0-9]*"))
    return {"editor": "VS Code", "editor_shows_notebooks": there}


def _docker() -> dict[str, Any]:
    engine = docker.engine()
    found: dict[str, Any] = {
        "docker_version": engine.version,
        "docker_problem": engine.problem,
        "docker_detail": engine.detail,
    }
    if engine.version is None:
        return found
    found["docker_skew_s"] = docker.skew_s()
    found["node_image"] = kind_choice.node_image()
    if found["node_image"] is None:
        found["node_image_detail"] = docker.can_pull(kind_binary.DEFAULT_IMAGE)[1]
    return found


def _programs() -> dict[str, Any]:
    kind, kubectl = kind_binary.find(), shutil.which("kubectl")
    words = process.run([kubectl, "version", "--client"], timeout_s=10)[1].split() if kubectl else []
    version = next((word for word in words if word.startswith("v1.")), None)
    return {
        "kind_path": str(kind) if kind else None,
        "kind_version": kind_binary.version(kind) if kind else None,
        "go_path": shutil.which("go"),
        "kubectl_path": kubectl,
        "kubectl_version": version,
    }


def _machine() -> dict[str, Any]:
    memory = _meminfo()
    return {
        "disk_free_bytes": _disks(),
        "memory_total_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
        "cgroup_version": _cgroup(),
        "inotify_watches": _number("/proc/sys/fs/inotify/max_user_watches"),
        "inotify_instances": _number("/proc/sys/fs/inotify/max_user_instances"),
        "clock_synchronised": _synchronised(),
        "year": datetime.now(UTC).year,
    }


def _network() -> dict[str, Any]:
    proxies = {name: os.environ[name] for name in _PROXIES if os.environ.get(name)}
    return {
        "ports": [Port(number, purpose, _held(number)) for number, purpose in PORTS],
        "proxies": proxies,
        "no_proxy": os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "",
    }


_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def _limits() -> dict[str, Any]:
    status = _text("/proc/self/status")
    return {
        "max_user_namespaces": _number("/proc/sys/user/max_user_namespaces"),
        "unprivileged_userns_clone": _number("/proc/sys/kernel/unprivileged_userns_clone"),
        "apparmor_restricts_userns": _number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1,
        "seccomp_filtered": "Seccomp:\t2" in status,
        "in_container": Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
    }


def _disks() -> dict[str, int]:
    """Free bytes where clusters and images are kept, by the folder that exists."""
    found = {}
    for folder in (paths.state_folder(), paths.cache_folder(), Path("/var/lib/docker")):
        there = next((one for one in (folder, *folder.parents) if one.exists()), None)
        if (there is not None and folder.parts[:3] != ("/", "var", "lib")) or folder.exists():
            found[str(there)] = shutil.disk_usage(there or "/").free
    return found


def _meminfo() -> dict[str, int]:
    lines = _text("/proc/meminfo").splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if len(line.split()) > 1}
    if not found and sys.platform == "darwin":
        total = process.run(["sysctl", "-n", "hw.memsize"], timeout_s=5)[1].strip()
        return {"MemTotal": int(total), "MemAvailable": int(total)} if total.isdigit() else {}
    return found


def _cgroup() -> int | None:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return 2
    return 1 if any(Path("/sys/fs/cgroup").glob("memory*")) or Path("/sys/fs/cgroup/cpu").exists() else None


def _synchronised() -> bool | None:
    """Ask the kernel whether something keeps its clock right; None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    buffer = ctypes.create_string_buffer(256)  # struct timex with modes = 0: only read
    state = ctypes.CDLL(None).adjtimex(buffer)
    return None if state < 0 else state != 5  # TIME_ERROR


def _held(number: int) -> str:
    """Return who holds a port of the loopback address; empty when it is free."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", number))
        except OSError:
            return holder(number)
    return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _number(path: str) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdigit() else None
