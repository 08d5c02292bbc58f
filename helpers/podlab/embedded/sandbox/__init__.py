"""
The process sandbox: Pods as real processes in real Linux namespaces, without root, Docker or set-uid programs.

    launch.py     starts the zygote, as early as the caller can
    link.py       requests to the node and its events, on asyncio
    opening.py    the runtime, on a node of its own or in the reduced mode
    process_runtime.py  ``ProcessRuntime``: the runtime that the kubelet calls, in parts by use:
                  sandbox_lifecycle, container_lifecycle, container_streams (exec, attach), node_sockets
    runningnode.py  the node's processes, its link and its folder;  records.py: sandboxes and containers
    startrequest.py  a container's configuration as a request;  volumes_of.py: its mounts
    program.py    words, environment, user and capabilities of a container's first program
    logfiles.py   stdout and stderr to CRI log lines
    eventlog.py   the exact moment of every event, for the recorder
    execs.py      streams and ends of commands in running containers
    reduced.py    plain processes, where this machine refuses a node
    machine.py    the abilities of this machine, for ``podlab doctor``
    zygote/       the small process that starts everything

``launch.launch(folder)`` before the heavy imports of a daemon, ``await open_runtime(folder, ...)`` when its loop runs.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podlab.embedded.sandbox.machine import facts as facts
    from podlab.embedded.sandbox.opening import open_runtime as open_runtime

_HOMES = {"facts": "machine", "open_runtime": "opening"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
