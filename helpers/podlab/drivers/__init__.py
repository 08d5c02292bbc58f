"""
Clusters: choose a driver, then make, find or stop.

    driver, why = choose()                 # kind if it works here, else embedded; says why
    cluster = make("lab")                  # the running one of that name, or a new one
    cluster = find("lab")                  # any driver's
    stop("lab")

Each driver (``kind``, ``context``, ``embedded``) is imported when it is first used. ``base`` is their interface, and
``recorded`` holds the steps that they share.
"""

from __future__ import annotations

import os
from importlib import import_module

from podlab.drivers import state
from podlab.drivers.base import DEFAULT_NAME, Cluster, Driver, Profile, Progress, Status, silent
from podlab.errors import DriverError
from podlab.nearest import nearest

__all__ = [
    "DEFAULT_NAME",
    "DRIVERS",
    "Cluster",
    "Driver",
    "Profile",
    "Progress",
    "Status",
    "choose",
    "find",
    "get",
    "make",
    "need",
    "statuses",
    "stop",
]

DRIVERS = {
    "kind": ("podlab.drivers.kind", "KindDriver"),
    "context": ("podlab.drivers.context", "ContextDriver"),
    "embedded": ("podlab.drivers.embedded", "EmbeddedDriver"),
}


def get(name: str) -> Driver:
    """Return the driver of that name; nothing is started or asked."""
    if name not in DRIVERS:
        near = nearest(name, DRIVERS)
        raise DriverError(
            f"unknown driver {name!r}",
            cause=f"drivers: {', '.join(DRIVERS)}",
            hint=f"--driver {near or 'kind'}",
        )
    module, kind = DRIVERS[name]
    driver: Driver = getattr(import_module(module), kind)()
    return driver


def choose(driver: str | None = None) -> tuple[Driver, str]:
    """
    Return the driver for a new cluster, and why, in one line.

    *driver* decides, else the variable ``PODLAB_DRIVER``, else kind where a Docker engine answers and a
    node image can be had, else embedded.
    """
    if driver:
        return get(driver), f"driver {driver}: you asked for it"
    wanted = os.environ.get("PODLAB_DRIVER")
    if wanted:
        return get(wanted), f"driver {wanted}: PODLAB_DRIVER says so"
    from podlab.drivers.kind_choice import kind_is_possible

    possible, why = kind_is_possible()
    chosen = "kind" if possible else "embedded"
    return get(chosen), f"driver {chosen}: {why}"


def make(
    name: str = DEFAULT_NAME,
    *,
    driver: str | None = None,
    profile: Profile | None = None,
    progress: Progress = silent,
) -> Cluster:
    """
    Return the cluster of that name, made now if absent; *progress* reports which driver and why.

    A cluster that exists keeps its driver: ``PODLAB_DRIVER`` and what the machine could run do not matter
    then, and only a *driver* that differs is an error.
    """
    record = state.read(name)
    chosen, why = choose(driver) if record is None or driver else (get(record["driver"]), "")
    if record is None:
        progress(why)
    return chosen.make((profile or Profile())._replace(name=name), progress=progress)


def find(name: str = DEFAULT_NAME) -> Cluster | None:
    """Return the cluster of that name, whichever driver made it, or None."""
    record = state.read(name)
    return None if record is None else get(record["driver"]).find(name)


def need(name: str = DEFAULT_NAME) -> Cluster:
    """
    Return the cluster of that name.

    Raises:
        DriverError: There is none; the hint names a near miss or the command that makes one.
    """
    cluster = find(name)
    if cluster is not None:
        return cluster
    known = state.names()
    if name in known:
        raise _ended(name)
    near = nearest(name, known)
    # Most likely meant: ./start --name made it, and the next command did not say so.
    if not near and len(known) == 1:
        near = f"{known[0]}, or export PODLAB_CLUSTER={known[0]}"
    again = "podlab up" if name == DEFAULT_NAME else f"podlab up --cluster {name}"
    raise DriverError(
        f"no cluster {name!r} is running",
        cause=f"clusters that podlab created: {', '.join(known) or 'none'}",
        hint=f"--cluster {near}" if near else again,
    )


def _ended(name: str) -> DriverError:
    """Return the error for a cluster that was made and does not run now."""
    record = state.read(name) or {}
    embedded = record.get("driver") == "embedded" and record.get("state") == "ready"
    return DriverError(
        f"cluster {name!r} does not run",
        cause="its daemon has ended" if embedded else "it was never completed, or its nodes are gone",
        hint="podlab up" if name == DEFAULT_NAME else f"podlab up --cluster {name}",
    )


def stop(name: str = DEFAULT_NAME, *, progress: Progress = silent) -> bool:
    """Stop the cluster of that name, whichever driver made it; False if absent."""
    record = state.read(name)
    if record is None:
        return False
    return get(record["driver"]).stop(name, progress=progress)


def statuses(names: list[str] | None = None) -> list[Status]:
    """Return how each cluster is now, sorted by name; by default all that podlab made."""
    found = []
    for name in names if names is not None else state.names():
        record = state.read(name)
        if record is not None:
            found.append(get(record["driver"]).status(name))
    return found
