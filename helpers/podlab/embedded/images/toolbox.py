"""
The folder that becomes /bin of the catalogue's images, made once per machine and kept in the cache.

First choice is a busybox that this machine has, for it is what the lessons' image holds; its applets are probed, not
assumed, because builds differ (Debian's lacks ``nc -z``). Otherwise the host's own shell and core programs are copied
and the missing ones are Python programs of ours that say what busybox would say.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from podlab import paths
from podlab.files import SHARED, make_folder, write_whole

_APPLETS = Path(__file__).parent.parent / "toolbox" / "applets"
_SEARCH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")
_SHELLS = ("dash", "busybox", "bash", "sh")
# What busybox has and a host without one is likely to have, by the same names.
_HOST_PROGRAM_NAMES = """
[ arch awk base64 basename bash cat chgrp chmod chown clear cmp comm cp cut date dd df diff dirname du echo egrep env
expand expr factor false fgrep find fold free getopt grep groups gunzip gzip head hostid id install ip join kill
killall less link ln ls md5sum mkdir mkfifo mktemp more mount mountpoint mv nice nl nohup nproc od paste pgrep pidof
pkill printenv printf pwd readlink realpath rm rmdir sed seq setsid sha1sum sha256sum sha512sum shred shuf sleep sort
split stat stty sum sync tac tail tar tee test timeout top touch tr true truncate tty uname unexpand uniq unlink uptime
vi watch wc which who whoami xargs yes zcat
"""
# Always ours where busybox is not used: the host's differ in options and in what they say.
_OURS = ("nc", "wget", "nslookup", "httpd", "netstat", "hostname", "ps")
_OURS_IF_MISSING = ("pidof", "killall")


class Toolbox(NamedTuple):
    """A finished /bin; ``needs_libraries`` and ``needs_python`` say what its programs want beside it."""

    folder: Path
    says: str
    needs_libraries: bool
    needs_python: bool


def find_busybox() -> Path | None:
    """Return a busybox of this machine: ``PODLAB_BUSYBOX``, on the PATH, or the one that the air-gapped build made."""
    given = os.environ.get("PODLAB_BUSYBOX")
    if given is not None:
        return Path(given) if given and os.access(given, os.X_OK) else None
    found = shutil.which("busybox", path=os.environ.get("PATH", "") + ":" + ":".join(_SEARCH))
    if found:
        return Path(os.path.realpath(found))
    built = sorted(paths.cache_folder().glob("airgap/busybox-*/busybox"), key=lambda one: one.stat().st_mtime)
    return built[-1] if built else None


def build(cache: Path | None = None) -> Toolbox:
    """Make the toolbox, or find it in the cache. Raises OSError if it cannot be written."""
    busybox = find_busybox()
    key = _key(busybox)
    base = (cache or paths.cache_folder()) / "toolbox" / key
    if not (base / "done").exists():
        _make(base, busybox)
    lines = (base / "done").read_text().split("\n")
    return Toolbox(base / "bin", lines[0], lines[1] == "libraries", lines[2] == "python")


def _key(busybox: Path | None) -> str:
    facts = [sys.executable, sys.version, *(_stamp(one) for one in sorted(_APPLETS.iterdir()))]
    facts.append(_stamp(Path(__file__)))
    if busybox:
        facts += [str(busybox), _stamp(busybox)]
    else:
        facts += [_stamp(Path(folder)) for folder in _SEARCH if os.path.isdir(folder)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _make(base: Path, busybox: Path | None) -> None:
    """Build beside and rename, so that a half-made folder is never used."""
    work = base.with_name(f"{base.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    make_folder(work / "bin", 0o755)
    for folder in (work, work / "bin"):
        folder.chmod(0o755)  # whatever the umask: a container's user need not be ours
    says, libraries, python = _with_busybox(work / "bin", busybox) if busybox else _from_host(work / "bin")
    facts = f"{says}\n{'libraries' if libraries else ''}\n{'python' if python else ''}"
    write_whole(work / "done", facts, mode=SHARED)
    try:
        work.rename(base)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not (base / "done").exists():
            raise


def _with_busybox(target: Path, busybox: Path) -> tuple[str, bool, bool]:
    program = target / "busybox"
    shutil.copy2(busybox, program)
    program.chmod(0o755)
    listed = _output([str(program), "--list"]).split()
    for name in listed:
        if name != "busybox" and "/" not in name:
            (target / name).symlink_to("busybox")
    ours = []
    if not _knows_z(program):
        ours.append("nc")
    ours += [name for name in ("wget", "nslookup", "httpd", "netstat") if name not in listed]
    if "wget" in listed and not _knows_timeout(program):
        ours.append("wget")
    if _is_dynamic(busybox) and "nslookup" not in ours:
        ours.append("nslookup")  # Debian's ends with 1 although a search domain answers
    for name in ours:
        _put_applet(target, name)
    version = (_output([str(program)]).split("\n")[0].split(" (")[0] or "busybox").replace(
        "BusyBox", "busybox"
    )
    also = f", {', '.join(ours)} written in Python" if ours else ""
    return f"{version} of this machine{also}", _is_dynamic(busybox), bool(ours)


def _knows_z(program: Path) -> bool:
    """Return whether its nc has -z: asked with an address that refuses at once, not read from a list."""
    try:
        done = subprocess.run(
            [program, "nc", "-z", "-w", "1", "127.0.0.1", "1"], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"nvalid option" not in done.stderr and b"sage" not in done.stderr


def _knows_timeout(program: Path) -> bool:
    """Return whether its wget bears -T: one in circulation dies of a segmentation fault."""
    try:
        done = subprocess.run(
            [program, "wget", "-T", "1", "-q", "-O", "-", "http://127.0.0.1:1/"],
            capture_output=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode >= 0 and b"sage" not in done.stderr


def _is_dynamic(program: Path) -> bool:
    """Return whether it names an interpreter (the loader), that is, needs the host's libraries."""
    with program.open("rb") as file:
        return b"ld-linux" in file.read(4096) or b"ld-musl" in program.read_bytes()[:4096]


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout or done.stderr


def _from_host(target: Path) -> tuple[str, bool, bool]:
    shell = next((found for name in _SHELLS if (found := _host(name))), None)
    if shell is None:
        raise OSError(2, "no shell found on this machine")
    _copy(shell, target / "sh")
    for name in _HOST_PROGRAM_NAMES.split():
        found = _host(name)
        if found and name not in _OURS:
            _copy(found, target / name)
    for name in (*_OURS, *_OURS_IF_MISSING):
        if not (target / name).exists():
            _put_applet(target, name)
    return (
        f"{Path(os.path.realpath(shell)).name} and core programs of this machine, the rest in Python",
        True,
        True,
    )


def _host(name: str) -> str | None:
    for folder in _SEARCH:
        path = f"{folder}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _copy(source: str, target: Path) -> None:
    shutil.copyfile(os.path.realpath(source), target)
    target.chmod(0o755)


def _put_applet(target: Path, name: str) -> None:
    source = _APPLETS / f"{name}.py"
    if not source.exists():
        return
    place = target / name
    place.unlink(missing_ok=True)
    body = source.read_text()
    place.write_text(f"#!{interpreter()} -SI\n{body}")
    place.chmod(0o755)


def interpreter() -> str:
    """Return the interpreter's own file, past all links of environments."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
