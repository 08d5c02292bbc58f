"""
podlab: run Pods, see how their containers live, and be graded by it.

``import podlab`` loads this file alone: every public name is fetched from its module when it is first used, so a
notebook's first cell does not pay for plotting, and a command that prints a path does not pay for a client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from podlab.version import __version__ as __version__

# name -> module that defines it; kept sorted, and a test compares it with __all__
_HOMES = {
    "Client": "podlab.client",
    "Lab": "podlab.lab",
    "PodlabError": "podlab.errors",
    "Recording": "podlab.observe",
    "Timeline": "podlab.timeline",
    "open": "podlab.lab",
    "read_recording": "podlab.observe",
    "simulate": "podlab.simulation.simulate",
}

__all__ = [
    "Client",
    "Lab",
    "PodlabError",
    "Recording",
    "Timeline",
    "open",
    "read_recording",
    "simulate",
]

if TYPE_CHECKING:
    from podlab.client import Client
    from podlab.errors import PodlabError
    from podlab.lab import Lab, open
    from podlab.observe import Recording, read_recording
    from podlab.simulation.simulate import simulate
    from podlab.timeline import Timeline


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'podlab' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
