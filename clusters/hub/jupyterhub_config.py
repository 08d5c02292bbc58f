"""
The configuration of the local hub: accounts of this machine, a server and an embedded cluster for each.

``clusters/hub/start`` sets ``PODLAB_HUB_AT`` (its folder), ``PODLAB_HUB_PORT`` and ``PODLAB_HUB_ADDRESS``.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Any

AT = Path(os.environ["PODLAB_HUB_AT"])
PORT = int(os.environ["PODLAB_HUB_PORT"])
VENV = AT / "venv"
PATH = f"{VENV / 'bin'}:/usr/local/bin:/usr/bin:/bin"
DOWN_S = 30.0


def folder_of_sockets() -> Path:
    """
    Make this hub's folder for kernels' sockets, and remove the one that a killed hub of the same ``--at`` left.

    The path of a Unix socket has 107 characters at most, and ``--at`` may be deep: so it lies in /tmp.
    """
    note = AT / "hub" / "sockets"
    if note.is_symlink():
        shutil.rmtree(note.readlink(), ignore_errors=True)
        note.unlink()
    folder = Path(tempfile.mkdtemp(prefix="podlab-hub-", dir="/tmp"))
    folder.chmod(0o711)
    note.symlink_to(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


SOCKETS = folder_of_sockets()


def give_folder_of_sockets(spawner: Any) -> None:
    """Make a folder for the sockets of a student's kernels: nobody else can open it, or take its name before."""
    account = pwd.getpwnam(spawner.user.name)
    folder = SOCKETS / account.pw_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.chown(folder, account.pw_uid, account.pw_gid)
    spawner.environment = {**spawner.environment, "JUPYTER_RUNTIME_DIR": str(folder)}


async def take_cluster_down(spawner: Any) -> None:
    """End the student's cluster, as the student: a daemon outlives the server that started it."""
    account = pwd.getpwnam(spawner.user.name)
    down = await asyncio.create_subprocess_exec(
        VENV / "bin" / "podlab",
        "down",
        cwd=account.pw_dir,
        env={"PATH": PATH, "HOME": account.pw_dir, "USER": account.pw_name},
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
    )
    try:
        await asyncio.wait_for(down.wait(), DOWN_S)
    except TimeoutError:
        down.kill()
        spawner.log.warning("the cluster of %s did not end in %g s", spawner.user.name, DOWN_S)


c = get_config()  # type: ignore[name-defined]  # noqa: F821  (JupyterHub puts it here)

# Who may come in: accounts that accounts.py made. Neither root nor the machine's other people, and no admins: an admin
# of a hub can open every student's server.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"podlab-hub"}
c.PAMAuthenticator.open_sessions = False  # sessions are for terminals, not for servers

# Where it listens. The hub's and the proxy's own ports are for this machine alone.
c.JupyterHub.bind_url = f"http://{os.environ['PODLAB_HUB_ADDRESS']}:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 1}"
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = f"http://127.0.0.1:{PORT + 2}"

# What each student gets: a process of the student's own Unix user.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = [str(AT / "user-server")]
c.Spawner.default_url = "/lab/tree/course/notebooks/00-start-here.ipynb"
c.Spawner.args = [
    # Other accounts can connect to a kernel's TCP ports, and its output channel asks nobody for a key. Sockets in the
    # student's folder cannot be opened by them.
    "--KernelManager.transport=ipc",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
c.Spawner.env_keep = ["LANG", "LC_ALL"]
c.Spawner.environment = {"PATH": PATH}
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.Spawner.pre_spawn_hook = give_folder_of_sockets
c.Spawner.post_stop_hook = take_cluster_down
c.JupyterHub.cleanup_servers = True
