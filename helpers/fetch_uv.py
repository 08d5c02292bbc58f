"""
Fetch uv's one program from a package index, without pip: ``python helpers/fetch_uv.py VERSION TARGET``.

uv's page in the index lists thousands of files, and pip judges each of them: two processor seconds, on the way to the
first timeline. This asks for the same page as JSON (PEP 691), takes the wheel of one version for this machine, checks
its SHA-256 and writes the program to TARGET. Whatever is unusual (an index without JSON, a login, another machine)
ends it with 1, and ``install.sh`` asks pip. The index is ``UV_DEFAULT_INDEX``, else PyPI.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

JSON = "application/vnd.pypi.simple.v1+json"
TIMEOUT_S = 15.0


def wheel(page: dict[str, Any], version: str) -> dict[str, Any]:
    """
    Return the index's entry of the wheel for this machine.

    Raises:
        LookupError: The page lists none with a SHA-256.
    """
    machine = {"AMD64": "x86_64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    system = {"linux": libc, "darwin": "macosx"}.get(sys.platform, "other")
    for entry in page["files"]:
        name, _, tags = str(entry["filename"]).partition("-py3-none-")
        fits = any(
            tag.startswith(system) and tag.endswith(machine) for tag in tags.removesuffix(".whl").split(".")
        )
        if name == f"uv-{version}" and fits and (entry.get("hashes") or {}).get("sha256"):
            return dict(entry)
    raise LookupError(f"no wheel of uv {version} for {system} on {machine}")


def fetch(version: str, target: Path) -> None:
    """
    Write the program to *target*.

    Raises:
        OSError: The index, or the file, cannot be had.
        ValueError, LookupError: The index answers something else, or the wheel is not the one that it lists.
    """
    index = os.environ.get("UV_DEFAULT_INDEX") or "https://pypi.org/simple"
    url = index.rstrip("/") + "/uv/"
    with urlopen(Request(url, headers={"Accept": JSON}), timeout=TIMEOUT_S) as answer:
        entry = wheel(json.load(answer), version)
        url = urljoin(answer.url, entry["url"])
    with urlopen(url, timeout=TIMEOUT_S) as answer:
        body = answer.read()
    if hashlib.sha256(body).hexdigest() != entry["hashes"]["sha256"]:
        raise ValueError(f"{entry['filename']} is not the file that the index lists")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        program = archive.read(f"uv-{version}.data/scripts/uv")
    part = target.with_suffix(f".{os.getpid()}")
    part.write_bytes(program)
    part.chmod(0o755)
    part.replace(target)


def main() -> int:
    """Fetch it; say in one line why not."""
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except (OSError, ValueError, LookupError) as error:
        print(f"uv is left to pip: {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
