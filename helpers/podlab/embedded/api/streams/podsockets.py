"""Sockets to ports on a Pod's localhost, for both forms of port-forward."""

from __future__ import annotations

import socket as sockets

from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.fault import StatusError
from podlab.pods.raw import RawObject


async def connect(node: NodeConnection, pod: RawObject, port: int) -> sockets.socket:
    """
    Return a connected, non-blocking socket to a port on the Pod's localhost.

    Raises:
        OSError: As connect() does, or ConnectionRefusedError in place of a refusal by the node.
    """
    try:
        descriptor = await node.connect(pod, port)
    except StatusError as refusal:
        raise ConnectionRefusedError(str(refusal)) from None
    found = sockets.socket(fileno=descriptor)
    found.setblocking(False)
    return found


def refusal_text(pod: RawObject, port: int, error: OSError) -> str:
    """Return what the kubelet says when the port does not answer."""
    name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}"
    reason = "connection refused" if isinstance(error, ConnectionRefusedError) else str(error)
    return (
        f"error forwarding port {port} to pod {pod['metadata']['uid']}, uid : failed to execute portforward in "
        f'network namespace of "{name}": failed to connect to localhost:{port} inside namespace: '
        f"dial tcp4 127.0.0.1:{port}: connect: {reason}"
    )
