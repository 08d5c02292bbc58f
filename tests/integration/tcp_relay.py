"""A proxy between a client and a real API server that can cut every connection, or fall silent like a sleeping host."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from podlab.client import Client


class Relay:
    """Carries bytes both ways; ``client`` reaches the same server, with the same credentials, through it."""

    def __init__(self, client: Client) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._frozen, self._closed = threading.Event(), False
        # As ``proxy-url`` of a kubeconfig, so that the server is still spoken to by its own name.
        address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = client.config
        self.client = Client(config._replace(cluster={**config.cluster, "proxy-url": address}))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection that is open now; new ones are carried as before."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    end.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Carry nothing any more, and answer no new connection, but leave all of them open."""
        self._frozen.set()

    def close(self) -> None:
        """End everything."""
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(1)
            if self._frozen.is_set():
                self._pairs.append((near, near))  # held open, never answered
                return
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            far = socket.create_connection((host, int(port)))
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._frozen.is_set():
                    return
                sink.sendall(data)
        if not self._frozen.is_set():
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
