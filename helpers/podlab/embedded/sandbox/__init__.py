"""
The process sandbox: Pods as real processes in real Linux namespaces, without root, Docker or set-uid programs.

    launch.py     starts the zygote, as early as the caller can
    link.py       requests to the node and its events, on asyncio
    opening.py    the runtime, on a node of its own or in the reduced mode
    process_runtime.py  ``ProcessRuntime``: what the kubelet sees
    program.py    what the first program of a container is given
    logs.py       stdout and stderr to CRI log lines
    execs.py      commands in running containers
    machine.py    what of all this works on this machine, for ``podlab doctor``
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
