"""All of these tests once more as uid 65534 without a capability, which is how a learner runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_NOBODY = "65534"


def _closed_folder(path: str) -> str:
    """The highest folder on the way to *path* that another user may not enter; empty if there is none."""
    parts = Path(path).resolve()
    for folder in [*reversed(parts.parents), parts]:
        if not folder.stat().st_mode & 0o001:
            return str(folder)
    return ""


def _script(folder: str, command: str) -> str:
    """Open the way to this interpreter in a mount namespace of its own, drop everything, run *command*."""
    prefix = sys.base_prefix
    closed = _closed_folder(prefix)
    lines = ["set -e", "mount --make-rprivate /"]
    if closed:
        lines += [
            f"mkdir -p {folder}/python && mount --bind {prefix} {folder}/python",
            f"mount -t tmpfs -o mode=755 none {closed}",
            f"mkdir -p {prefix} && mount --bind {folder}/python {prefix}",
            f"umount {folder}/python",
        ]
    drop = f"setpriv --reuid {_NOBODY} --regid {_NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all"
    lines.append(f"exec {drop} {command}")
    return "\n".join(lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run unprivileged already")
@pytest.mark.parametrize("busybox", [True, False], ids=["busybox", "host programs"])
def test_everything_holds_without_root(busybox: bool) -> None:
    from podlab.embedded.images.toolbox import find_busybox

    found = find_busybox()
    if busybox and not found:
        pytest.skip("no busybox on this machine")
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("no setpriv or unshare to drop root with")
    with tempfile.TemporaryDirectory(prefix="podlab-nobody-") as folder:
        Path(folder).chmod(0o777)
        given = ""
        if busybox and found:
            given = shutil.copy(found, folder)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "PODLAB_HOME": folder,
            "PODLAB_BUSYBOX": given,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = (
            f"{sys.executable} -m pytest -q -p no:cacheprovider -c {_HERE.parents[3]}/pyproject.toml {_HERE}"
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", _script(folder, command)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        subprocess.run(["rm", "-rf", *(str(one) for one in Path(folder).iterdir())], check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
