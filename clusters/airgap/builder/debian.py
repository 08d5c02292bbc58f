"""
Root filesystems made of Debian packages, and source packages.

debootstrap checks the archive's signed Release file against the Debian keyring and every package
against the hashes below it; apt does the same for sources. The mirror is the one that this
machine's own apt uses, unless PODLAB_DEBIAN_MIRROR names another.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cache import Step
from .failure import BuildError
from .packing import compress_layer
from .shell import need, need_root, run
from .versions import Versions

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# Left out of every root: nothing in a container reads them, and they are a third of its size.
TRIMMED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/common-licenses",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/cache/debconf",
    "var/log",
    "usr/lib/python3.11/test",
    "usr/lib/systemd",
    "lib/systemd",
    "dev",
)


@dataclass(frozen=True)
class Root:
    """A minimal Debian system with *packages*; becomes one image layer."""

    name: str
    packages: tuple[str, ...]


NODE = Root(
    "node",
    (
        "iptables",
        "iproute2",
        "kmod",
        "procps",
        "mount",
        "util-linux",
        "conntrack",
        "ethtool",
        "socat",
        "ca-certificates",
        "runc",
        "containernetworking-plugins",
        "jq",
    ),
)
PYTHON = Root("python", ("python3", "ca-certificates"))
ROOTS = {root.name: root for root in (NODE, PYTHON)}


def root_step(root: Root, versions: Versions) -> Step:
    """The step that makes ``layer.tar.gz``; its stamp notes the digest of the layer before compression."""
    inputs = {
        "suite": versions.suite,
        "architecture": versions.architecture,
        "packages": list(root.packages),
        "trimmed": list(TRIMMED),
        "recipe": 1,
    }
    return Step(f"debian-{root.name}", inputs, lambda out: _bootstrap(root, versions, out))


def mirror() -> str:
    """
    The Debian mirror of this machine.

    Raises:
        BuildError: If apt knows none (not a Debian machine) and the variable is not set.
    """
    chosen = os.environ.get("PODLAB_DEBIAN_MIRROR")
    if chosen:
        return chosen
    need("apt-get")
    lines = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(SUITE)|$(REPO_URI)"]).splitlines()
    for line in lines:
        origin, suite, uri = line.split("|", 2)
        if origin == "Debian" and "security" not in suite and "updates" not in suite:
            return uri
    raise BuildError(
        "no Debian mirror is known",
        cause="apt has no list of Debian's own archive (never updated, or not a Debian machine)",
        hint="apt-get update, or set PODLAB_DEBIAN_MIRROR to the address of a mirror",
    )


def _bootstrap(root: Root, versions: Versions, out: Path) -> dict[str, Any]:
    need("debootstrap", "tar")
    need_root()
    target = out / "root"
    command: list[str | Path] = [
        "debootstrap",
        "--variant=minbase",
        f"--arch={versions.architecture}",
        f"--include={','.join(root.packages)}",
    ]
    if KEYRING.exists():
        command += [f"--keyring={KEYRING}", "--force-check-gpg"]
    run(
        [*command, versions.suite, target, mirror()],
        hint="the last words above come from debootstrap; PODLAB_DEBIAN_MIRROR chooses another mirror",
    )
    installed = run(["dpkg-query", f"--admindir={target}/var/lib/dpkg", "-W"])
    (out / "packages.txt").write_text(installed)
    for name in TRIMMED:
        shutil.rmtree(target / name, ignore_errors=True)
    for name in ("dev", "proc", "sys", "var/log"):
        (target / name).mkdir(exist_ok=True)
    notes = compress_layer(target, out / "layer.tar.gz")
    shutil.rmtree(target)
    return notes


def fetch_source(package: str, suite: str, out: Path) -> Path:
    """
    Fetch and unpack Debian's source of *package*; return the unpacked folder.

    apt is given lists of its own below *out*, so the machine's sources stay as they are.
    """
    need("apt-get", "dpkg-source")
    for name in ("lists/partial", "archives/partial", "parts"):
        (out / "apt" / name).mkdir(parents=True)
    (out / "apt" / "list").write_text(f"deb-src [signed-by={KEYRING}] {mirror()} {suite} main\n")
    options = [
        "-o",
        f"Dir::Etc::sourcelist={out}/apt/list",
        "-o",
        f"Dir::Etc::sourceparts={out}/apt/parts",
        "-o",
        f"Dir::State::lists={out}/apt/lists",
        "-o",
        f"Dir::Cache={out}/apt",
        "-o",
        "APT::Sandbox::User=root",
    ]
    run(["apt-get", *options, "update"])
    run(["apt-get", *options, "source", "--only-source", "--download-only", package], cwd=out)
    (description,) = out.glob("*.dsc")
    run(["dpkg-source", "--no-check", "-x", description, "source"], cwd=out)  # apt has checked its hash
    return out / "source"
