"""
The abilities of this machine, found by a trial: a node is started, asked, and ended (about 0.1 s).

For ``podlab doctor``. Reading settings would be quicker and wrong: AppArmor, seccomp, sysctls and container engines
all refuse in their own way, and only the attempt tells. The settings are read afterwards, to name the repair.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
from pathlib import Path
from typing import Any

from podlab.embedded.sandbox.launch import Zygote, launch
from podlab.embedded.sandbox.zygote import wire

_WAIT_MS = 15_000
_DOCKER = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …"


def facts() -> list[dict[str, Any]]:
    """
    Probe this machine.

    Returns:
        One row a fact: ``name``, ``ok`` (True, False, or None for "less, but enough"), ``text``, ``repair``.
    """
    if not sys.platform.startswith("linux"):
        text = f"{sys.platform} has no Linux namespaces: only the reduced mode (order, restarts, logs) works"
        return [_row("namespaces", False, text, "use a Linux machine or virtual machine, or --driver kind")]
    with tempfile.TemporaryDirectory(prefix="podlab-facts-") as folder:
        zygote = launch(folder, node_name="facts")
        try:
            return _ask(zygote)
        finally:
            _end(zygote)


def namespaces_work() -> str:
    """Return why no node can be made here; empty if one can."""
    row = facts()[0]
    return "" if row["ok"] else str(row["text"])


def _row(name: str, ok: bool | None, text: str, repair: str = "") -> dict[str, Any]:
    return {"name": name, "ok": ok, "text": text, "repair": repair}


def _ask(zygote: Zygote) -> list[dict[str, Any]]:
    outcome, value = _greeting(zygote)
    if outcome != "ready":
        return [_row("namespaces", False, f"the kernel refused a node of our own: {value[1]}", _repair())]
    rows = [_row("namespaces", True, "user, pid, net, mount, ipc and uts namespaces work")]
    rows.append(_proc_row(value["own_proc"]))
    rows.append(_services_row(zygote))
    rows.append(_net_admin_row(value["net_admin"]))
    rows.append(_cgroup_row(value["cgroups"]))
    rows.append(_ids_row())
    rows.append(_interpreter_row())
    return rows


def _greeting(zygote: Zygote) -> tuple[str, Any]:
    answer = _receive(zygote)
    return (answer[1], answer[2]) if answer else ("refused", (0, "the zygote ended or did not answer"))


def _receive(zygote: Zygote) -> tuple[int, str, Any] | None:
    assert zygote.control  # facts() asks on Linux only
    poll = select.poll()
    poll.register(zygote.control.fileno(), select.POLLIN)
    if not poll.poll(_WAIT_MS):
        return None
    received = wire.receive(zygote.control)
    if received is None:
        return None
    message: tuple[int, str, Any] = received[0]
    for descriptor in received[1]:
        os.close(descriptor)
    return message


def _proc_row(own: bool) -> dict[str, Any]:
    if own:
        return _row("proc", True, "each container has a /proc of its own")
    text = "something covers parts of /proc here, so containers see the processes of the node in theirs"
    return _row("proc", None, text, f"in a container: {_DOCKER}")


def _services_row(zygote: Zygote) -> dict[str, Any]:
    from podlab.embedded.network import nftables

    batch, acknowledgements = nftables.setup()
    assert zygote.control
    wire.send(zygote.control, (1, "netfilter", {"batch": batch, "acknowledgements": acknowledgements}))
    answer = _receive(zygote)
    refused = answer[2] if answer and answer[1] == "ok" else [0]
    if not refused:
        return _row("services", True, "nftables takes Service addresses")
    why = os.strerror(refused[0]) if refused[0] else "no answer"
    text = (
        f"no nftables here ({why}): names resolve, but Service addresses refuse; only headless Services work"
    )
    return _row("services", None, text, "sudo modprobe nf_tables nft_chain_nat nft_nat nft_masq nft_numgen")


def _net_admin_row(given: bool) -> dict[str, Any]:
    if given:
        return _row(
            "NET_ADMIN", True, "a Pod that asks may change the rules of its own network, as meshes do"
        )
    text = "no Pod gets NET_ADMIN here, for it could reach other Pods through /proc; the redirect of lab 08 cannot run"
    return _row("NET_ADMIN", None, text, f"in a container: {_DOCKER}")


def _cgroup_row(found: dict[str, Any]) -> dict[str, Any]:
    if found["memory"]:
        return _row(
            "memory limits", True, f"cgroups v{found['version']}: the kernel enforces limits (OOMKilled)"
        )
    text = "no cgroup may be made here: podlab itself watches the memory of containers with a limit, ten times a second"
    return _row(
        "memory limits", None, text, "run as root, or in a systemd user session with delegation (cgroups v2)"
    )


def _ids_row() -> dict[str, Any]:
    if os.geteuid() == 0:
        return _row("users", True, "runAsUser and fsGroup are real")
    text = "one user id can be mapped: runAsUser and fsGroup are recorded but have no effect"
    return _row("users", None, text, "run as root if a lesson needs them")


def _interpreter_row() -> dict[str, Any]:
    from podlab.embedded.images.toolbox import interpreter

    path = Path(interpreter())
    if os.access(path, os.X_OK) and os.access(sys.base_prefix, os.R_OK | os.X_OK):
        return _row("interpreter", True, f"{path} can be shown to containers")
    return _row("interpreter", False, f"{path} cannot be read by this user", f"chmod a+rX {sys.base_prefix}")


def _repair() -> str:
    """Return the setting that most likely refuses, read after the fact."""
    settings = (
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("user/max_net_namespaces", "0", "user.max_net_namespaces=15000"),
    )
    for name, bad, repair in settings:
        try:
            if Path("/proc/sys", name).read_text().strip() == bad:
                return f"sudo sysctl -w {repair}"
        except OSError:
            continue
    inside = any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))
    if inside or "Seccomp:\t2" in Path("/proc/self/status").read_text():
        return f"in a container, start it with: {_DOCKER}"
    return "podlab up --driver kind   (or another machine)"


def _end(zygote: Zygote) -> None:
    if zygote.control:
        zygote.control.close()
    os.close(zygote.life)
    try:
        os.waitpid(zygote.pid, 0)
    except ChildProcessError:
        pass
