"""
The records of the clusters that podlab made: a folder for each, holding ``cluster.json`` and
``kubeconfig``.

The folder is 0700 and its files 0600, because a kubeconfig is a password. ``cluster.json`` is written
before the cluster is, with state ``making``: so whatever kills podlab in between, the next command knows
what to clean up. Its ``id`` is also written on the cluster itself, which is how a driver tells its own
cluster from one that only has the same name.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.drivers.base import Cluster, Progress, Status, silent
from podlab.errors import DriverError
from podlab.files import PRIVATE, make_folder, take_lock, write_whole

Record = dict[str, Any]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def check_name(name: str) -> str:
    """
    Return *name* if it can name a cluster: a DNS label of at most 40 characters.

    The limit leaves room for ``podlab-`` before it and ``-control-plane`` behind it in a host name of 63.
    """
    if not _NAME.fullmatch(name):
        raise DriverError(
            f"{name!r} is not a valid name for a cluster",
            cause="1 to 40 lower-case letters, digits and '-'; a letter or digit at both ends",
            hint="podlab up --cluster lab",
        )
    return name


def new_record(driver: str, name: str, **more: Any) -> Record:
    """Return the record of a cluster that is about to be made."""
    return {
        "schema": 1,
        "driver": driver,
        "name": check_name(name),
        "id": os.urandom(8).hex(),
        "state": "making",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        **more,
    }


def folder(name: str) -> Path:
    """Return the folder of a cluster; the name is checked, so it cannot lead elsewhere."""
    return paths.cluster_folder(check_name(name))


def write_private(path: Path, text: str, *, durable: bool = True) -> None:
    """Write *text* to *path* with mode 0600, all of it or nothing; *durable*: also if the power fails just after."""
    write_whole(path, text, mode=PRIVATE, durable=durable)


def _make(home: Path) -> None:
    try:
        make_folder(home)
    except OSError as error:
        raise DriverError(
            f"the folder for clusters cannot be created: {home.parent}",
            cause=error.strerror or str(error),
            hint="name a folder that is yours: export PODLAB_HOME=/path/to/it",
        ) from error


def save(record: Record, *, durable: bool = True) -> None:
    """
    Write the record of a cluster, and make its folder if need be.

    Args:
        durable: The cluster outlives the machine's power, and so its record has to. Waiting for a busy disk takes
            longer than an embedded cluster's whole start.
    """
    home = folder(record["name"])
    _make(home)
    home.chmod(0o700)
    write_private(home / "cluster.json", json.dumps(record, indent=1, sort_keys=True) + "\n", durable=durable)


def read(name: str) -> Record | None:
    """Return the record of a cluster, or None when podlab made none of that name."""
    path = folder(name) / "cluster.json"
    try:
        record = json.loads(path.read_text())
        if not isinstance(record, dict) or not {"driver", "name", "id", "state"} <= record.keys():
            raise ValueError("fields are missing")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DriverError(
            f"cluster {name!r}: its record cannot be read",
            cause=f"{path}: {error}",
            hint=f"check the file, or remove the folder to forget the cluster: rm -r {path.parent}",
        ) from error
    return record


def ready(name: str, driver: str) -> Record | None:
    """Return the record of a cluster that *driver* made to the end, or None if absent."""
    record = read(name)
    if record is None or record["driver"] != driver or record["state"] != "ready":
        return None
    return record


def need_driver(record: Record, driver: str) -> None:
    """
    Refuse a record of another driver.

    Raises:
        DriverError: It is not *driver* that made this cluster.
    """
    if record["driver"] != driver:
        raise DriverError(
            f"cluster {record['name']!r} already exists",
            cause=f"driver {record['driver']} created it, and a cluster keeps its driver",
            hint=f"podlab down --cluster {record['name']}, or another --cluster",
        )


def cluster(record: Record) -> Cluster:
    """Return the cluster that a record speaks of."""
    config = folder(record["name"]) / "kubeconfig"
    namespace = record.get("namespace", "default")
    return Cluster(record["driver"], record["name"], config, record["context"], namespace)


def status(record: Record, *, running: bool, **more: Any) -> Status:
    """Return how a cluster is: what its record tells, and what its driver found (*more*)."""
    found = cluster(record)
    return Status(
        found.driver,
        found.name,
        running,
        kubeconfig=str(found.kubeconfig),
        context=found.context,
        namespace=found.namespace,
        created_at=record["created_at"],
        **more,
    )


def names() -> list[str]:
    """Return the names of all clusters that podlab made and has not stopped, sorted."""
    found = (paths.state_folder() / "clusters").glob("*/cluster.json")
    return sorted(path.parent.name for path in found if _NAME.fullmatch(path.parent.name))


def forget(name: str) -> None:
    """Remove the folder of a cluster with everything in it."""
    import shutil  # with lzma and bz2: 5 ms that only this needs

    home = folder(name)
    try:
        shutil.rmtree(home)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DriverError(
            f"cluster {name!r}: its folder could not be removed",
            cause=str(error),
            hint=f"see what keeps it busy, then: rm -rf {home}",
        ) from error


@contextlib.contextmanager
def locked(name: str, *, deadline_s: float = 5.0, progress: Progress = silent) -> Iterator[Path]:
    """
    Hold the cluster's folder, so that two commands never make or stop the same cluster at once.

    The lock is on the folder itself: it goes when the process goes, and leaves no file behind. A folder
    that is still empty at the end is removed.

    Raises:
        DriverError: Somebody else held it for *deadline_s*.
    """
    home = folder(name)
    descriptor = _lock(home, name, time.monotonic() + deadline_s, progress)
    try:
        yield home
    finally:
        with contextlib.suppress(OSError):
            home.rmdir()  # succeeds only when nothing was made in it
        os.close(descriptor)


def _lock(home: Path, name: str, deadline: float, progress: Progress) -> int:
    said = False
    while True:
        _make(home)
        try:
            descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            taken = take_lock(descriptor)
            # The holder before us may have removed the folder: then our lock is on nothing, and we start
            # again.
            if taken and os.path.exists(home) and os.path.samestat(os.fstat(descriptor), os.stat(home)):  # noqa: PTH110, PTH116
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise DriverError(
                f"cluster {name!r} is being created or stopped by another podlab command",
                hint="wait for it to end, then: podlab status",
            )
        if not said:
            progress(f"another podlab command is creating or stopping {name}: waiting for it")
            said = True
        time.sleep(0.05)
