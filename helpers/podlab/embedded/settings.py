"""The settings of a daemon from its command line; apart, because it is read before anything heavy is loaded."""

from __future__ import annotations

import time


class Settings:
    """The settings of a daemon; ``began`` is the monotonic time of the start."""

    def __init__(
        self,
        *,
        folder: str,
        name: str = "lab",
        ready_fd: int | None = None,
        port: int = 0,
        idle_s: float = 0,
        pace: str = "prompt",
        allow_host_path: bool = False,
        node: bool = True,
    ) -> None:
        self.folder, self.name, self.ready_fd, self.port = folder, name, ready_fd, port
        self.idle_s, self.pace, self.allow_host_path, self.node = idle_s, pace, allow_host_path, node
        self.node_name = f"{name}-control-plane"
        self.began = time.monotonic()
