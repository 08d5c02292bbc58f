"""The record that every handler of the API server gets: the objects, the tokens, and the way to the node."""

from __future__ import annotations

from collections.abc import Sequence

from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.store import Store


class Backend:
    """
    The services that handlers use; it holds no state of a request.

    Attributes:
        store: The objects.
        tokens: The accepted bearer tokens; the first is the administrator's.
        hosts: Accepted Host headers, such as ``127.0.0.1:6443``.
        node: The way to the node: logs, exec, attach and port-forward.
    """

    __slots__ = ("hosts", "node", "store", "tokens")

    def __init__(self, store: Store, tokens: list[str], hosts: Sequence[str], node: NodeConnection) -> None:
        self.store, self.tokens, self.hosts, self.node = store, tokens, list(hosts), node
