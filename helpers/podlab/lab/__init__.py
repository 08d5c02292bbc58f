"""
The lab: a cluster and a namespace for a notebook.

    lab = podlab.open(namespace="podlab-01")     a cluster and a namespace, found or made
    run = lab.record("flaky")                    apply, record, draw; returns the timeline
    lab.logs(...), lab.exec(...), lab.events()   kubectl's verbs
    lab.close()                                  tidy up

    core         Lab, whose verbs stand by their use in
                 objects (create, change, delete), observing (record, and ask the recording),
                 inspecting (ask the cluster), answering (predictions, facts, exercises); workplace: what they share
    lab_namespace  the namespace: made, emptied, deleted;  namespacelock: by one notebook at a time
    progressline the line below a cell that waits
    recording    running the recorder with a growing picture
    factsheet    facts in a fixed form, beside what was predicted
"""

from __future__ import annotations

import os
import re

from podlab.errors import DriverError, PodlabError
from podlab.lab.core import Lab

__all__ = ["Lab", "current", "open"]

_current: list[Lab] = []


def open(name: str | None = None, *, driver: str | None = None, namespace: str | None = None) -> Lab:
    """
    Find or make a cluster, take a namespace of it, say so in one line, and return the lab.

    Args:
        name: The cluster's name; None for ``PODLAB_CLUSTER``, else ``lab``. One that runs is used.
        driver: kind, context or embedded; None leaves the choice to ``PODLAB_DRIVER`` and the machine.
        namespace: Made, or emptied if it is there. Where another notebook works in it, the next free one is taken
            instead, such as ``podlab-04-2``. On a context the context's own namespace is used.
    """
    from podlab import drivers
    from podlab.drivers import state
    from podlab.lab import namespacelock

    lines: list[str] = []
    wanted = name or os.environ.get("PODLAB_CLUSTER") or drivers.DEFAULT_NAME
    try:
        cluster = drivers.make(wanted, driver=driver, progress=lines.append)
    except DriverError as error:
        error.hint = _in_python(error.hint)
        raise
    given = cluster.driver == "context"
    space, holder = cluster.namespace, ""
    if not given:
        space, holder = namespacelock.hold(
            state.folder(cluster.name) / "namespaces", namespace or "podlab-lab"
        )
    lab = Lab(cluster, space, own=not given)
    lab.space.prepare()
    _current[:] = [lab]
    print(f"{lab}" + (f"; {lines[0]}" if lines else ""))
    if holder:
        print(
            f"note: {namespace or 'podlab-lab'} is in use by {holder}, another notebook; this one works in {space}"
        )
    note = drivers.get(cluster.driver).status(cluster.name).note if cluster.driver == "embedded" else ""
    if note:
        print(f"note: {note}")
    return lab


def _in_python(hint: str | None) -> str | None:
    """Return a hint of the command line as what is to be written in Python, where there is such a thing."""
    if hint is None:
        return None
    hint = re.sub(r"^--driver (\S+)$", r'podlab.open(driver="\1")', hint)
    hint = re.sub(r"(, or) another --cluster$", r'\1 another name: podlab.open("second")', hint)
    return re.sub(r"\bpodlab down --cluster (\S+?)(?=,|$)", r"!podlab down --cluster \1", hint)


def current() -> Lab:
    """Return the lab that was opened last; PodlabError before the first."""
    if not _current:
        raise PodlabError("no lab is open", hint="lab = podlab.open()")
    return _current[0]
