"""
The image catalogue: data in ``clusters/embedded/catalogue.yaml``, read, checked, and kept as JSON in the cache.

Reading YAML costs more than starting three containers, so it is read when it changed and not at every start.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from podlab.embedded.images.names import parse
from podlab.errors import SandboxError
from podlab.files import SHARED, make_folder, write_whole

_FILE = Path(__file__).with_name("catalogue.yaml")
KINDS = ("toolbox", "python", "app", "host")
_KEYS = {"names", "kind", "program", "entrypoint", "command", "environment", "says"}


class CatalogueEntry(NamedTuple):
    """One image of the catalogue; ``names`` are in full."""

    names: tuple[str, ...]
    kind: str
    says: str
    program: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})

    @property
    def id(self) -> str:
        """A digest of what the entry says, in the form of an image id."""
        facts = [
            self.names,
            self.kind,
            self.program,
            self.entrypoint,
            self.command,
            self.environment,
            sys.version,
        ]
        return "sha256:" + hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def load(path: Path | None = None, cache: Path | None = None) -> tuple[CatalogueEntry, ...]:
    """
    Read the catalogue.

    Args:
        path: The file; ``PODLAB_CATALOGUE`` or the one of this package by default.
        cache: Folder for the JSON copy; None keeps none.

    Raises:
        SandboxError: If the file cannot be read or an entry is wrong; all faults are named.
    """
    file = path or Path(os.environ.get("PODLAB_CATALOGUE") or _FILE)
    raw = _raw(file, cache)
    faults: list[str] = []
    entries = tuple(entry for number, one in enumerate(raw) if (entry := _entry(number, one, faults)))
    if faults:
        raise SandboxError(
            f"{file.name}: {len(faults)} faults in the image catalogue", cause="; ".join(faults)
        )
    return entries


def _raw(file: Path, cache: Path | None) -> list[Any]:
    try:
        status = file.stat()
        copy = cache / f"catalogue-{status.st_mtime_ns}-{status.st_size}.json" if cache else None
        if copy and copy.exists():
            found: list[Any] = json.loads(copy.read_text())
            return found
        return _read(file, copy)
    except (OSError, ValueError) as error:
        raise SandboxError(f"the image catalogue {file} cannot be read", cause=str(error)) from error


def _read(file: Path, copy: Path | None) -> list[Any]:
    import yaml

    try:
        content = yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError("it must hold a list `images`")
    found: list[Any] = content["images"]
    if copy:
        make_folder(copy.parent, 0o755)
        write_whole(copy, json.dumps(found), mode=SHARED)
    return found


def _entry(number: int, raw: Any, faults: list[str]) -> CatalogueEntry | None:
    where = f"images[{number}]"
    if not isinstance(raw, dict) or not raw.get("names") or raw.get("kind") not in KINDS:
        faults.append(f"{where}: needs `names` and a `kind` of {', '.join(KINDS)}")
        return None
    unknown = set(raw) - _KEYS
    if unknown:
        faults.append(f"{where}: unknown {', '.join(sorted(unknown))}")
        return None
    if raw["kind"] == "host" and not raw.get("program"):
        faults.append(f"{where}: kind host needs `program`")
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    names = dict.fromkeys(str(parse(name.replace("{python}", version))) for name in raw["names"])
    return CatalogueEntry(
        names=tuple(names),
        kind=raw["kind"],
        says=str(raw.get("says", "")),
        program=str(raw.get("program", "")),
        entrypoint=tuple(raw.get("entrypoint", ())),
        command=tuple(raw.get("command", ())),
        environment={str(key): str(value) for key, value in raw.get("environment", {}).items()},
    )
