"""
The images on the node, and pulling.

Images of the catalogue are like images loaded onto a node before class: present under exactly the names that they
list, and never pulled. A pull asks the registry that the name says, as on any node; where none answers it fails, and
the message lists what is present.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cached_property
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.embedded.images import catalogue, toolbox
from podlab.embedded.images.names import ImageName, parse
from podlab.embedded.runtime import ImageError, ImageRecord

_LOADER_FOLDERS = ("/lib", "/lib32", "/lib64", "/libx32")
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUP = b"root:x:0:\nnogroup:x:65534:\n"
_NSSWITCH = b"passwd: files\ngroup: files\nhosts: files dns\n"


class CatalogueImage:
    """An image of the catalogue: a private root with the toolbox as its /bin."""

    def __init__(self, entry: catalogue.CatalogueEntry) -> None:
        self.entry = entry
        self.record = ImageRecord(
            id=entry.id,
            names=entry.names,
            entrypoint=entry.entrypoint,
            command=entry.command,
            env=entry.environment,
        )

    def root(self, _layer: str) -> dict[str, Any]:
        """Return a scratch root; everything outside of what is bound is private and writable."""
        return {key: list(value) for key, value in self._root.items() if key != "kind"} | {"kind": "scratch"}

    @cached_property
    def _root(self) -> dict[str, Any]:
        if self.entry.kind == "host":
            return _host_root()
        return _toolbox_root(toolbox.build(), self.entry.kind)

    def says(self) -> str:
        """Return what really stands behind the name."""
        if self.entry.kind == "host":
            return f"{self.entry.says} ({self.entry.program} of this machine)"
        return f"{self.entry.says} ({toolbox.build().says})"


class ImageStore:
    """The images of one node."""

    def __init__(self, folder: Path, catalogue_file: Path | None = None) -> None:
        self.folder = folder
        self._entries = [
            CatalogueImage(one) for one in catalogue.load(catalogue_file, paths.cache_folder() / "catalogue")
        ]
        self._by_name: dict[str, CatalogueImage] = {}
        for image in self._entries:
            for name in image.entry.names:
                self._by_name.setdefault(name, image)
        self._by_id = {image.record.id: image for image in self._entries}

    def find(self, name: str) -> Any | None:
        """Return the image behind *name* (or an image id) if it is present. Raises ImageError(InvalidImageName)."""
        if name.startswith("sha256:"):
            return self._by_id.get(name)
        wanted = parse(name)
        unpacked = self._unpacked(wanted)
        return unpacked or self._by_name.get(str(wanted))

    def _unpacked(self, name: ImageName) -> Any | None:
        index = self.folder / "index.json"
        if not index.exists():
            return None
        from podlab.embedded.images import archive

        return archive.find(self.folder, name)

    async def pull(self, name: str) -> Any:
        """Ask the name's registry. Raises ImageError(ErrImagePull)."""
        wanted = parse(name)
        from podlab.embedded.images import registry

        try:
            await registry.pull(wanted, self.folder)
        except registry.PullError as error:
            text = (
                f'failed to pull and unpack image "{wanted}": {error}; present on this node: {self.present()}'
            )
            raise ImageError("ErrImagePull", text) from error
        found = self.find(name)
        if found is None:
            raise ImageError("ErrImagePull", f'failed to pull and unpack image "{wanted}": it was not stored')
        return found

    def present(self) -> str:
        """Return the names that need no pull, for a message."""
        return ", ".join(sorted(row["name"] for row in self.rows(quick=True)))

    def rows(self, *, quick: bool = False) -> list[dict[str, str]]:
        """For ``podlab images``: ``name``, ``id``, ``kind`` and ``says`` of every image that is present."""
        found = []
        for name, image in self._by_name.items():
            says = image.entry.says if quick else image.says()
            familiar = parse(name).familiar
            found.append({"name": familiar, "id": image.record.id, "kind": image.entry.kind, "says": says})
        if (self.folder / "index.json").exists():
            from podlab.embedded.images import archive

            real = archive.rows(self.folder)
            names = {row["name"] for row in real}
            found = [row for row in found if row["name"] not in names] + real
        return found


def _toolbox_root(box: toolbox.Toolbox, kind: str) -> dict[str, Any]:
    binds = [(str(box.folder), "/bin")]
    links = [
        ("/usr/bin/env", "/bin/env"),
        ("/usr/sbin", "../bin"),
        ("/sbin", "bin"),
    ]
    files = _etc_files()
    if box.needs_libraries or box.needs_python or kind != "toolbox":
        library_binds, library_links = _libraries()
        binds += library_binds
        links += library_links
    if box.needs_python or kind != "toolbox":
        binds += _python_binds()
    if kind != "toolbox":
        links += [("/usr/local/bin/python3", toolbox.interpreter()), ("/usr/local/bin/python", "python3")]
    if kind == "app":
        binds += _app_binds()
        files += [("/opt/podlab-app", _APP.encode() % toolbox.interpreter().encode(), 0o755)]
        links += [("/usr/local/bin/podlab-app", "/opt/podlab-app")]
    return {"kind": "scratch", "binds": _unique(binds), "links": links, "files": files}


# -S: the program needs the standard library alone, and what lies in the host's site-packages takes time to start.
_APP = """#!%s -S
import runpy
import sys

sys.path.insert(0, "/opt/podlab")
sys.argv[0] = "podlab-app"
runpy.run_module("podlab.app", run_name="__main__", alter_sys=True)
"""


def _app_binds() -> list[tuple[str, str]]:
    """Only ``podlab.app``: a name space package, so that nothing else of podlab is in the container."""
    return [(str(Path(__file__).parents[2] / "app"), "/opt/podlab/podlab/app")]


def _etc_files() -> list[tuple[str, bytes, int]]:
    return [
        ("/etc/passwd", _PASSWD, 0o644),
        ("/etc/group", _GROUP, 0o644),
        ("/etc/nsswitch.conf", _NSSWITCH, 0o644),
    ]


def _libraries() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the loader's folders, real ones bound and links copied, whatever the layout of this machine."""
    binds: list[tuple[str, str]] = [("/usr/lib", "/usr/lib")] if os.path.isdir("/usr/lib") else []
    links: list[tuple[str, str]] = []
    for path in _LOADER_FOLDERS:
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
            real = os.path.realpath(path)
            if real != "/usr/lib" and os.path.isdir(real):
                binds.append((real, real))
        elif os.path.isdir(path):
            binds.append((path, path))
    for store in ("/nix/store", "/gnu/store"):
        if os.path.isdir(store):
            binds.append((store, store))
    if os.path.isfile("/etc/ld.so.cache"):
        binds.append(("/etc/ld.so.cache", "/etc/ld.so.cache"))
    return binds, links


def _python_binds() -> list[tuple[str, str]]:
    """Return the interpreter, its standard library and its shared library, at the paths that it was built for."""
    executable = toolbox.interpreter()
    if sys.base_prefix == "/usr":
        return [(executable, executable)]
    binds = [(sys.base_prefix, sys.base_prefix)]
    if not executable.startswith(sys.base_prefix + "/"):
        binds.append((executable, executable))
    shared = sysconfig.get_config_var("LIBDIR") or ""
    if shared and not shared.startswith((sys.base_prefix, "/usr/lib")) and os.path.isdir(shared):
        binds.append((shared, shared))
    return binds


def _host_root() -> dict[str, Any]:
    """Return the machine's own /usr and what belongs to it, read-only."""
    binds = [("/usr", "/usr")]
    links = []
    for path in ("/bin", "/sbin", *_LOADER_FOLDERS):
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
        elif os.path.isdir(path):
            binds.append((path, path))
    for path in (
        "/etc/alternatives",
        "/etc/ld.so.cache",
        "/etc/ssl",
        "/etc/localtime",
        "/nix/store",
        "/gnu/store",
    ):
        if os.path.exists(path):
            binds.append((os.path.realpath(path), path))
    return {
        "kind": "scratch",
        "binds": _unique(binds + _python_binds()),
        "links": links,
        "files": _etc_files(),
    }


def _unique(binds: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without doubles, and without what an earlier bind covers already."""
    kept: list[tuple[str, str]] = []
    for source, target in binds:
        if not any(source == one and target == other for one, other in kept) and not any(
            source.startswith(one + "/") and target == other + source.removeprefix(one) for one, other in kept
        ):
            kept.append((source, target))
    return kept
