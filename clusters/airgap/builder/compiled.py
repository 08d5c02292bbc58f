"""Small programs in C: the pause container, the node's NXDOMAIN responder, and busybox."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from .cache import Step, tree_digest
from .debian import fetch_source
from .failure import BuildError
from .gobuild import GoPart
from .shell import need, run
from .versions import HOME, Versions

NXDOMAIN = HOME / "node" / "podlab-nxdomain.c"

# Beside busybox's own defaults: one static file, the full `nc` (the lesson's `nc -z db 5432`), and a `cp` that writes
# into a file that exists: one that unlinks it first fails on a mount point such as /dev/termination-log.
BUSYBOX_SETTINGS = {
    "CONFIG_STATIC": "y",
    "CONFIG_NC_110_COMPAT": "y",
    "CONFIG_FEATURE_NON_POSIX_CP": "n",
}


def pause_step(kubernetes: GoPart, versions: Versions) -> Step:
    """Kubernetes' own pause.c, taken from its module (whose digest is in go.sum)."""
    inputs = {
        "module": f"{kubernetes.module}@{kubernetes.version}",
        "pause": versions.pause,
        "recipe": tree_digest(kubernetes.recipe),
    }
    return Step(f"pause-{versions.pause}", inputs, lambda out: _pause(kubernetes, versions, out))


def nxdomain_step() -> Step:
    return Step(
        "nxdomain", {"source": tree_digest(NXDOMAIN)}, lambda out: _static(NXDOMAIN, out / "podlab-nxdomain")
    )


def busybox_step(versions: Versions, more: dict[str, str] | None = None) -> Step:
    """
    Return the step of a busybox from Debian's source package, with musl: it looks names up without glibc's plug-ins.

    Args:
        more: Settings beside those of the node image.
    """
    settings = {**BUSYBOX_SETTINGS, **(more or {})}
    inputs = {"suite": versions.suite, "settings": settings, "recipe": 1}
    return Step("busybox", inputs, lambda out: _busybox(versions, settings, out))


def _pause(kubernetes: GoPart, versions: Versions, out: Path) -> None:
    need("go")
    env = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": kubernetes.toolchain or "local"}
    answer = run(["go", "mod", "download", "-json", kubernetes.module], cwd=kubernetes.recipe, env=env)
    source = Path(json.loads(answer)["Dir"]) / "build" / "pause" / "linux" / "pause.c"
    _static(source, out / "pause", f"-DVERSION={versions.pause}")


def _static(source: Path, target: Path, *flags: str) -> None:
    run(
        ["gcc", "-Os", "-Wall", "-static", "-s", *flags, "-o", target, source],
        hint="apt-get install -y gcc libc6-dev",
    )


def _busybox(versions: Versions, settings: dict[str, str], out: Path) -> dict[str, Any]:
    need("musl-gcc", "make", "gcc")
    source = fetch_source("busybox", versions.suite, out)
    headers = _kernel_headers(out / "include")
    run(["make", "defconfig"], cwd=source)
    _configure(source / ".config", settings)
    run(["make", "oldconfig"], cwd=source, stdin=b"\n" * 100)
    run(["nice", "make", "-j2", "CC=musl-gcc", f"EXTRA_CFLAGS=-idirafter {headers}"], cwd=source)
    shutil.move(source / "busybox", out / "busybox")
    applets = run([out / "busybox", "--list-full"]).split()
    (out / "applets").write_text("\n".join(applets) + "\n")
    version = run([out / "busybox"]).split()[1]
    for name in ("source", "apt", "include"):
        shutil.rmtree(out / name)
    for rest in [*out.glob("busybox_*")]:
        rest.unlink()
    return {"version": version, "applets": len(applets)}


def _kernel_headers(folder: Path) -> Path:
    """musl's compiler leaves the kernel's headers out; give it those, and nothing else of the host's."""
    folder.mkdir()
    for name in ("linux", "asm-generic", "mtd"):
        (folder / name).symlink_to(Path("/usr/include") / name)
    for asm in Path("/usr/include").glob("*-linux-gnu/asm"):
        (folder / "asm").symlink_to(asm)
        return folder
    raise BuildError(
        "busybox cannot be built: no kernel headers",
        cause="/usr/include/*-linux-gnu/asm is missing",
        hint="apt-get install -y linux-libc-dev",
    )


def _configure(config: Path, settings: dict[str, str]) -> None:
    text = config.read_text()
    for key, value in settings.items():
        text, found = re.subn(rf"^(# {key} is not set|{key}=.*)$", f"{key}={value}", text, flags=re.M)
        if not found:
            raise BuildError(
                f"busybox no longer has the setting {key}",
                cause="its defconfig does not name it",
                hint="look for its new name in busybox's Config.in files",
            )
    config.write_text(text)
