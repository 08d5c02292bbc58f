"""
The daemon of one embedded cluster: store, API server, controllers, kubelet and node in one process.

``python -S -I -c … main([...])`` is how the driver starts it. The order counts: the zygote is forked before
anything heavy is imported, so that both load at the same time and the zygote stays small; the certificate
comes from disk.

It ends by SIGTERM, by the idle time-out, or when its folder is taken away; its Pods end with it.
"""

from __future__ import annotations

import gc
import os
import sys
import time

from podlab.embedded import pki
from podlab.embedded.settings import Settings

USAGE = "usage: podlab.embedded.daemon --folder F --name N [--ready-fd FD] [--port P] [--idle-s S] [--pace P]"
_VALUES = ("folder", "name", "ready-fd", "port", "idle-s", "pace")
_FLAGS = ("allow-host-path", "no-node")


def parse(arguments: list[str]) -> Settings:
    """
    Read the command line.

    Raises:
        SystemExit: With the usage, when it cannot be read.
    """
    found: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        name, _, value = word.removeprefix("--").partition("=")
        if name in _FLAGS and not value:
            found[name] = "yes"
        elif word.startswith("--") and name in _VALUES:
            found[name] = value or next(rest, "")
        else:
            raise SystemExit(f"{USAGE}\npodlab: unknown argument {word!r}")
    if not found.get("folder"):
        raise SystemExit(USAGE)
    return Settings(
        folder=os.path.abspath(found["folder"]),
        name=found.get("name", "lab"),
        ready_fd=int(found["ready-fd"]) if found.get("ready-fd") else None,
        port=int(found.get("port") or 0),
        idle_s=float(found.get("idle-s") or 0),
        pace=found.get("pace", "prompt"),
        allow_host_path="allow-host-path" in found,
        node="no-node" not in found,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon until it is told to stop; returns the exit code."""
    began = time.monotonic()
    settings = parse(sys.argv[1:] if arguments is None else arguments)
    settings.began = began
    gc.disable()  # until the cluster has settled: all that is made until then stays, and is walked for nothing
    os.umask(0o077)
    os.makedirs(settings.folder, mode=0o700, exist_ok=True)
    pki.begin(f"{settings.folder}/pki")
    zygote = None
    if settings.node:
        from podlab.embedded.sandbox.launch import launch

        zygote = launch(
            settings.folder,
            node_name=settings.node_name,
            remove=[f"{settings.folder}/pods", f"{settings.folder}/volumes"],
        )

    import asyncio

    from podlab.embedded.cluster import run
    from podlab.errors import PodlabError

    try:
        return asyncio.run(run(settings, zygote))
    except PodlabError as error:
        print(f"podlab: {error}", file=sys.stderr, flush=True)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
