"""
The root of kube-proxy's image: iptables and what it loads, picked from the node's root.

Small on purpose. It is unpacked on every new node, and until kube-proxy runs nothing in the
cluster has a Service or a name.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .cache import Step
from .debian import NODE, root_step
from .failure import BuildError
from .packing import compress_layer
from .shell import need_root, run
from .versions import Versions

PICKED = (
    "bin", "sbin", "lib", "lib64", "usr/bin/sh", "usr/bin/dash", "usr/sbin/conntrack", "usr/sbin/ip*tables*",
    "usr/sbin/xtables-*", "etc/alternatives/ip*tables*", "usr/lib/*/xtables/*.so",
)  # fmt: skip


def proxy_root_step(node_root: Path, versions: Versions) -> Step:
    """The step that makes kube-proxy's root from the node's, whose folder is *node_root*."""
    inputs = {"node": root_step(NODE, versions).key, "picked": list(PICKED), "recipe": 1}
    return Step("proxy-root", inputs, lambda out: _pick(node_root, out))


def _pick(node_root: Path, out: Path) -> dict[str, Any]:
    need_root()
    source, target = out / "source", out / "target"
    source.mkdir()
    run(["tar", "-xzf", node_root / "layer.tar.gz", "-C", source])
    picked = [path for pattern in PICKED for path in sorted(source.glob(pattern))]
    if not any(path.name == "iptables-restore" for path in picked):
        raise BuildError("the node's root has no iptables-restore", cause=f"looked in {node_root}")
    for path in [*picked, *libraries(source, picked)]:
        _copy(path, source, target)
    (target / "run").mkdir(exist_ok=True)  # iptables keeps its lock there
    notes = compress_layer(target, out / "layer.tar.gz")
    shutil.rmtree(source)
    shutil.rmtree(target)
    return notes


def libraries(source: Path, picked: Iterable[Path]) -> list[Path]:
    """Return the shared libraries that the picked programs and modules load, asked inside the root *source*."""
    loaded: set[str] = set()
    for path in picked:
        if path.is_file() and not path.is_symlink() and path.open("rb").read(4) == b"\x7fELF":
            said = run(["chroot", source, "ldd", f"/{path.relative_to(source)}"])
            loaded.update(re.findall(r"(/\S+) \(0x", said))
    real = run(["chroot", source, "readlink", "-f", *sorted(loaded)]).split()
    return [source / name.lstrip("/") for name in sorted({*loaded, *real})]


def _copy(path: Path, source: Path, target: Path) -> None:
    """Copy one file, or one link as a link, to its place; the folders above are real ones or links."""
    place = target / Path(os.path.realpath(path.parent)).relative_to(os.path.realpath(source)) / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists() and not place.is_symlink():
        shutil.copy2(path, place, follow_symlinks=False)
