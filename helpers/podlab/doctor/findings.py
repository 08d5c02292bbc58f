"""
MachineFacts to findings, one for each subject; pure, so that every wrong state of a machine can be tested.

A finding is ``ok``, ``note`` (works, but worth knowing), or ``broken`` (the drivers that it names cannot
work).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from podlab.doctor.machine import GIB, MachineFacts

Level = str
"""``ok``, ``note`` or ``broken``."""

DISK_NEEDED, DISK_GOOD = 2 * GIB, 6 * GIB
MEMORY_NEEDED, MEMORY_GOOD = int(0.9 * GIB), 2 * GIB
WATCHES, INSTANCES = 524288, 512
"""What kind's page of known issues asks for."""
OLDEST_KUBECTL = 33


@dataclass(frozen=True)
class MachineFinding:
    """
    The result of one check of the doctor.

    Args:
        name: The thing: ``docker``, ``disk``.
        level: ``ok``, ``note`` or ``broken``.
        text: One line, with the figures.
        repair: One command or act that mends it; empty when ok.
        stops: The drivers that cannot work because of it; ``podlab`` itself counts as one.
    """

    name: str
    level: Level
    text: str
    repair: str = ""
    stops: tuple[str, ...] = ()


Check = Callable[[MachineFacts], MachineFinding]


def python(facts: MachineFacts) -> MachineFinding:
    """Python is new enough and the packages are there."""
    version = ".".join(str(part) for part in facts.python)
    if facts.python < (3, 11, 0):
        return _broken(
            "python",
            f"Python {version} is too old: 3.11 or newer is needed",
            "PYTHON=python3.12 ./start",
            "podlab",
        )
    conda = "conda env update --file environment.yml" if facts.conda else ""
    if facts.missing_packages:
        missing = ", ".join(facts.missing_packages)
        repair = conda or "./start --no-lab, or: pip install -e ."
        return _broken("python", f"{version}, but without {missing}", repair, "podlab")
    if facts.missing_for_pages:
        missing = ", ".join(facts.missing_for_pages)
        return MachineFinding(
            "python",
            "note",
            f"{version}, without {missing}: clusters and recordings work, notebooks do not",
            conda or "./start --no-lab, or: pip install 'podlab[jupyter]'",
        )
    if not facts.in_environment:
        return MachineFinding(
            "python", "note", f"{version}, not in a virtual environment", "./start makes one"
        )
    return _ok("python", f"{version}, in the conda environment {facts.conda}" if facts.conda else version)


def system(facts: MachineFacts) -> MachineFinding:
    """The system is one that clusters run on: Linux, WSL 2; on macOS a virtual machine's or another machine's."""
    if facts.platform == "win32":
        return _broken(
            "system", "Windows itself runs no cluster of podlab; its Linux (WSL 2) does",
            "wsl --install, then the same commands in that Linux", "kind", "context", "embedded",
        )  # fmt: skip
    if facts.platform == "darwin":
        return MachineFinding(
            "system", "note", "macOS: embedded runs in its reduced mode, without volumes and Services",
            "start Docker Desktop or colima, then: podlab up --driver kind",
        )  # fmt: skip
    if "microsoft" in facts.kernel.lower() and "wsl2" not in facts.kernel.lower():
        return _broken(
            "system", f"WSL 1 (kernel {facts.kernel}) has no namespaces", "in PowerShell: wsl --set-version Ubuntu 2",
            "kind", "embedded",
        )  # fmt: skip
    what = "Linux in WSL 2" if "microsoft" in facts.kernel.lower() else facts.platform
    return _ok("system", f"{what} {facts.kernel}".strip() + (f", on {facts.host}" if facts.host else ""))


def editor(facts: MachineFacts) -> MachineFinding:
    """The notebooks can be opened: JupyterLab comes with ``./start``, VS Code needs its Jupyter extension."""
    if not facts.editor:
        return _ok("editor", "JupyterLab, in a browser: ./start opens it")
    if facts.editor_shows_notebooks:
        return _ok("editor", f"{facts.editor} with its Jupyter extension; choose .venv as the kernel")
    return MachineFinding(
        "editor", "note", f"{facts.editor} without its Jupyter extension: it shows no notebooks and no live timeline",
        "code --install-extension ms-toolsai.jupyter, or: ./start, which opens JupyterLab",
    )  # fmt: skip


def docker(facts: MachineFacts) -> MachineFinding:
    """A Docker engine answers this user."""
    from podlab.drivers.docker import hint

    if facts.docker_version:
        return _ok("docker", f"engine {facts.docker_version} answers")
    said = {
        "no permission": "an engine is there, but you may not use it",
        "no program": "the docker program is missing",
        "no engine": "no Docker engine answers",
    }.get(facts.docker_problem, "no Docker engine answers")
    known = facts.docker_detail if facts.docker_problem == "no engine" else ""
    detail = f" ({_short(known)})" if known else ""
    return _broken("docker", said + detail, hint(facts.docker_problem), "kind")


def kind(facts: MachineFacts) -> MachineFinding:
    """The kind program is there and new enough, or can be built."""
    from podlab.drivers.kind_binary import MODULE, OLDEST, VERSION

    if facts.kind_path is None:
        if facts.go_path:
            return MachineFinding(
                "kind", "ok", f"not installed; `podlab up` installs {VERSION} for you with Go"
            )
        return _broken(
            "kind",
            "kind is not installed, and building it needs Go, which is not installed either",
            f"install Go, then: go install {MODULE}",
            "kind",
        )
    version = facts.kind_version or "of unknown version"
    if facts.kind_version and _minor(facts.kind_version) < OLDEST:
        return _broken("kind", f"{version} at {facts.kind_path} is too old", f"go install {MODULE}", "kind")
    return _ok("kind", f"{version} at {facts.kind_path}")


def kubectl(facts: MachineFacts) -> MachineFinding:
    """kubectl is there; only learners need it, podlab does not."""
    repair = "install kubectl (https://kubernetes.io/docs/tasks/tools); podlab works without it"
    if facts.kubectl_path is None:
        return MachineFinding("kubectl", "note", "not here", repair)
    version = facts.kubectl_version or "of unknown version"
    if facts.kubectl_version and _minor(facts.kubectl_version) < (1, OLDEST_KUBECTL):
        return MachineFinding(
            "kubectl",
            "note",
            f"{version} is old: kubectl and cluster should be one minor version apart",
            repair,
        )
    return _ok("kubectl", f"{version} at {facts.kubectl_path}")


def node_image(facts: MachineFacts) -> MachineFinding:
    """A node image is here or can be pulled."""
    if facts.node_image:
        return _ok("node image", facts.node_image)
    if facts.docker_version is None:
        return MachineFinding(
            "node image", "note", "not checked: the Docker engine does not answer", "see docker", ()
        )
    why = f" ({_short(facts.node_image_detail)})" if facts.node_image_detail else ""
    return _broken("node image", f"missing, and cannot be pulled{why}", "podlab airgap build", "kind")


def disk(facts: MachineFacts) -> MachineFinding:
    """Enough room where clusters live; a full disk evicts Pods without a word."""
    if not facts.disk_free_bytes:
        return MachineFinding("disk", "note", "could not be checked", "df -h")
    path, free = min(facts.disk_free_bytes.items(), key=lambda item: item[1])
    text = f"{free / GIB:.1f} GiB free on {path}"
    if free < DISK_NEEDED:
        return _broken("disk", f"{text}; {DISK_NEEDED / GIB:.0f} are needed", "docker system prune", "kind")
    if free < DISK_GOOD:
        return MachineFinding(
            "disk",
            "note",
            f"{text}; the kubelet evicts Pods when a disk is nearly full",
            "docker system prune",
        )
    return _ok("disk", text)


def memory(facts: MachineFacts) -> MachineFinding:
    """Enough memory for one node."""
    free = facts.memory_available_bytes
    if free is None:
        return MachineFinding("memory", "note", "could not be checked", "free -h")
    total = facts.memory_total_bytes or free
    text = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    if free < MEMORY_NEEDED:
        return _broken(
            "memory", f"{text}; a kind node needs about 0.7", "close programs, or use embedded", "kind"
        )
    if free < MEMORY_GOOD:
        return MachineFinding(
            "memory", "note", f"{text}: enough for one node and little else", "close programs before class"
        )
    return _ok("memory", text)


def cgroup(facts: MachineFacts) -> MachineFinding:
    """Which cgroup version; v1 still works, and its end is announced."""
    if facts.platform != "linux":
        return _ok("cgroup", "inside the engine's own machine")
    if facts.cgroup_version is None:
        return MachineFinding(
            "cgroup",
            "note",
            "no cgroup file system is mounted: memory limits are not enforced",
            "mount /sys/fs/cgroup",
        )
    if facts.cgroup_version == 1:
        return MachineFinding(
            "cgroup",
            "note",
            "version 1: works with podlab's configs; kind's own need version 2 from Kubernetes 1.35 on",
            "boot with systemd.unified_cgroup_hierarchy=1",
        )
    return _ok("cgroup", "version 2")


def inotify(facts: MachineFacts) -> MachineFinding:
    """Limits that several nodes exhaust; then a node dies with "too many open files"."""
    watches, instances = facts.inotify_watches, facts.inotify_instances
    if watches is None or instances is None:
        return _ok("inotify", "no such limits here")
    text = f"{watches} watches, {instances} instances"
    if watches < WATCHES or instances < INSTANCES:
        repair = (
            f"sudo sysctl fs.inotify.max_user_watches={WATCHES} fs.inotify.max_user_instances={INSTANCES}"
        )
        return MachineFinding("inotify", "note", f"{text}: enough for one node, not for several", repair)
    return _ok("inotify", text)


def ports(facts: MachineFacts) -> MachineFinding:
    """Ports with a fixed number are free; one-node clusters take any free one."""
    taken = [port for port in facts.ports if port.holder]
    if not taken:
        return _ok("ports", f"{', '.join(str(port.number) for port in facts.ports)} are free")
    first = taken[0]
    text = ", ".join(f"{port.number} ({port.purpose}) is held by {port.holder}" for port in taken)
    return MachineFinding("ports", "note", text, f"stop it, or choose another port than {first.number}")


def clock(facts: MachineFacts) -> MachineFinding:
    """The clock is right enough that times of the node and of this machine can be laid side by side."""
    if facts.year < 2025:
        return _broken(
            "clock",
            f"the clock shows the year {facts.year}: certificates are not valid then",
            "sudo timedatectl set-ntp true",
            "kind",
            "embedded",
        )
    if facts.docker_skew_s is not None and abs(facts.docker_skew_s) > 2:
        return MachineFinding(
            "clock",
            "note",
            f"the Docker engine's clock differs by {facts.docker_skew_s:+.0f} s: timelines will be shifted",
            "restart the Docker engine (Desktop: its virtual machine)",
        )
    if facts.clock_synchronised is False:
        return MachineFinding(
            "clock", "note", "not synchronised (fine for one machine)", "sudo timedatectl set-ntp true"
        )
    return _ok("clock", "synchronised" if facts.clock_synchronised else "plausible")


def proxies(facts: MachineFacts) -> MachineFinding:
    """A proxy is never asked for the cluster on this machine."""
    if not facts.proxies:
        return _ok("proxies", "none set")
    names = ", ".join(sorted(facts.proxies))
    spared = {part.strip().lstrip("*.") for part in facts.no_proxy.split(",")}
    missing = [
        host
        for host in ("127.0.0.1", "localhost")
        if host not in spared and "*" not in facts.no_proxy.split(",")
    ]
    if missing:
        wanted = ",".join(part for part in [facts.no_proxy, *missing] if part)
        return _broken(
            "proxies",
            f"{names} set, and NO_PROXY does not include {' and '.join(missing)}: the cluster cannot be reached",
            f"export NO_PROXY={wanted} no_proxy={wanted}",
            "kind",
            "embedded",
        )
    return _ok("proxies", f"{names} set; NO_PROXY includes the cluster")


def user_namespaces(facts: MachineFacts) -> MachineFinding:
    """The kernel lets this user make the namespaces of which a Pod consists."""
    if facts.platform != "linux":
        return _broken(
            "namespaces",
            f"{facts.platform} has none: embedded runs in reduced mode, which isolates nothing",
            "use kind",
            "embedded",
        )
    trial = facts.sandbox
    if trial is None:
        return MachineFinding(
            "namespaces", "note", "could not be tested", "unshare --user --map-root-user true"
        )
    failed = trial.failed()
    if not failed:
        return _ok("namespaces", "user, mount, pid, net, ipc, uts: all can be made")
    text = f"{', '.join(failed)} refused ({getattr(trial, failed[0])})"
    why, repair = next((why, repair) for holds, why, repair in _REFUSALS if holds(facts))
    text += f": {why}; without them embedded runs in reduced mode, which isolates nothing"
    return _broken("namespaces", text, _REPAIRED_BY_HOST.get(facts.host, repair), "embedded")


def mounting_proc(facts: MachineFacts) -> MachineFinding:
    """A new /proc can be mounted, so that containers see their own pids."""
    if facts.sandbox is None or facts.sandbox.failed():
        return MachineFinding("proc", "note", "not tested: namespaces are refused", "see namespaces")
    if facts.sandbox.proc:
        where = (
            "run the container with --security-opt systempaths=unconfined"
            if facts.in_container
            else "mount | grep /proc"
        )
        return MachineFinding(
            "proc",
            "note",
            f"a new /proc is refused ({facts.sandbox.proc}): `ps` in a container shows the node's processes",
            where,
        )
    return _ok("proc", "a new /proc can be mounted")


def nftables(facts: MachineFacts) -> MachineFinding:
    """Services of the embedded cluster are rules of nftables."""
    if facts.sandbox is None or facts.sandbox.failed():
        return MachineFinding("nftables", "note", "not tested: namespaces are refused", "see namespaces")
    if facts.sandbox.nftables:
        return MachineFinding(
            "nftables",
            "note",
            f"refused ({facts.sandbox.nftables}): Services need a proxy, and `nc -z` is unreliable",
            "sudo modprobe nf_tables nft_chain_nat",
        )
    return _ok("nftables", "rules can be made")


CHECKS: tuple[Check, ...] = (
    system,
    python,
    editor,
    docker,
    kind,
    node_image,
    kubectl,
    disk,
    memory,
    cgroup,
    inotify,
    ports,
    clock,
    proxies,
    user_namespaces,
    mounting_proc,
    nftables,
)

_ONLY_FOR = {
    "kind": {docker, kind, node_image, inotify},
    "embedded": {user_namespaces, mounting_proc, nftables},
}


def judge(facts: MachineFacts, driver: str | None = None) -> Iterator[MachineFinding]:
    """Yield a finding for each check, in a fixed order; those that only another driver needs are left out."""
    left_out = {check for name, checks in _ONLY_FOR.items() if driver not in (None, name) for check in checks}
    return (check(facts) for check in CHECKS if check not in left_out)


# What can make the kernel refuse namespaces: the first condition that holds gives the cause and the repair.
_REFUSALS: tuple[tuple[Callable[[MachineFacts], bool], str, str], ...] = (
    (
        lambda facts: facts.apparmor_restricts_userns,
        "AppArmor allows user namespaces only to programs with a profile",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        lambda facts: facts.unprivileged_userns_clone == 0,
        "kernel.unprivileged_userns_clone is 0",
        "sudo sysctl kernel.unprivileged_userns_clone=1",
    ),
    (
        lambda facts: facts.max_user_namespaces == 0,
        "user.max_user_namespaces is 0",
        "sudo sysctl user.max_user_namespaces=15000",
    ),
    (
        lambda facts: facts.in_container or facts.seccomp_filtered,
        "a seccomp filter is on, as in a container",
        "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined ...",
    ),
    (
        lambda facts: True,
        "the kernel does not allow it",
        "podlab up --driver kind, or another machine",
    ),
)

_REPAIRED_BY_HOST = {
    "Binder": "podlab up --driver embedded has a reduced mode here; for all of it: ./start on your machine",
    "JupyterHub": "podlab up --driver embedded has a reduced mode here; for all of it: ask who runs the hub",
    "Codespaces": 'set "privileged": true in .devcontainer/devcontainer.json, then rebuild the container',
    "a devcontainer": 'set "privileged": true in .devcontainer/devcontainer.json, then rebuild the container',
}


def _minor(version: str) -> tuple[int, int]:
    parts = version.lstrip("v").split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (ValueError, IndexError):
        return (9999, 0)


def _short(text: str, width: int = 80) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _ok(name: str, text: str) -> MachineFinding:
    return MachineFinding(name, "ok", text)


def _broken(name: str, text: str, repair: str, *stops: str) -> MachineFinding:
    return MachineFinding(name, "broken", text, repair, stops)
