"""
A private root file system for one container, built in its own mount namespace and entered with pivot_root.

Two kinds. ``scratch``: a tmpfs with a skeleton, into which folders of the host or of a prepared image are bound
read-only; everything else is writable and private. ``overlay``: an unpacked image below a writable layer. The new
root is entered first and the rest is mounted from the old one, so that links inside an image, absolute ones too,
resolve inside and never on the host. Of the volumes, which other containers may change meanwhile, detached copies are
taken; the old root is gone before the first is put in its place, so that no link can lead there: its name could be read
by a container that shares the process namespace.
"""

from __future__ import annotations

import os
import stat

from podlab.embedded.sandbox.zygote import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
# What the kubelet asks every runtime for (kubernetes pkg/securitycontext/util.go). It is more than tidiness where the
# cluster was started by root: the kernel asks nothing of /proc/sys/kernel/core_pattern but to be the host's root,
# and root in the container is.
_READ_ONLY_PROC = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_MASKED_PROC = (
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
)
_SKELETON = (
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/tmp", 0o1777),
    ("var/log", 0o755),
    ("var/run", 0o755),
    ("run", 0o755),
    ("root", 0o700),
    ("home", 0o755),
    ("etc", 0o755),
    ("opt", 0o755),
    ("mnt", 0o755),
    ("srv", 0o755),
    ("usr", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("dev", 0o755),
)


class BadMountError(Exception):
    """A mount of the Pod cannot be made; the text names source and target."""


def prepare_devices(folder: str) -> None:
    """
    Make the /dev that all containers share: device files bound from the host, and all of it read-only.

    A device is written to all the same; but its mode, owner and times are the host's, and root in a container is its
    owner where root started the cluster.
    """
    os.makedirs(folder, exist_ok=True)
    linux.mount("dev", folder, "tmpfs", linux.MS_NOSUID, "mode=755,size=64k")
    for name in _DEVICES:
        if not os.path.exists("/dev/" + name):
            continue
        _touch(f"{folder}/{name}")
        linux.bind("/dev/" + name, f"{folder}/{name}", read_only=True)
    for name, target in _DEVICE_LINKS:
        os.symlink(target, f"{folder}/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"{folder}/{name}")
    _touch(f"{folder}/termination-log")
    _touch(f"{folder}/console")
    linux.mount("", folder, "", linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID)


def prepare_terminals(folder: str) -> None:
    """Terminals of their own: a file system that gives none of its names to others."""
    os.makedirs(folder, exist_ok=True)
    flags = linux.MS_NOSUID | linux.MS_NOEXEC
    linux.mount("devpts", folder, "devpts", flags, "newinstance,ptmxmode=0666,mode=0620")


def enter(
    stage: str,
    devices: str,
    memory: str,
    terminals: str,
    root: dict[str, Any],
    mounts: Sequence[dict[str, Any]],
    groups: Sequence[tuple[str, str]],
    read_only: bool,
) -> None:
    """
    Make this mount namespace's root the container's own.

    Args:
        stage: Empty folder to build on.
        devices: What ``prepare_devices`` made.
        memory: The Pod's shared memory, for /dev/shm.
        terminals: The Pod's terminals, for /dev/pts.
        root: ``kind``, and for scratch ``binds`` (source, target), ``links``, ``files`` (path, bytes, mode);
            for overlay ``layers`` (topmost first) and ``upper`` (folder for the writable layer, None: memory).
        mounts: ``source``, ``target``, ``sub_path`` (inside the source, or empty), ``read_only``; of an image
            ``existing`` (nothing is made at ``sub_path``) and, for one that is put together, ``root`` as above.
        groups: The container's control groups, (target, source); they are shown read-only, or not at all.
        read_only: Whether the root itself may not be written.
    """
    # Behind the new root a link with an absolute target would lead into the container's own files.
    root, mounts = _without_links(root), [_mount_without_links(one) for one in mounts]
    devices, memory, terminals = map(os.path.realpath, (devices, memory, terminals))
    if root["kind"] == "overlay":
        _overlay(stage, root)
    else:
        linux.mount("root", stage, "tmpfs", linux.MS_NOSUID, "mode=755,size=512m")
    os.umask(0)
    old = "/." + os.urandom(12).hex()
    os.mkdir(stage + old, 0o700)
    linux.pivot_root(stage, stage + old)
    os.chdir("/")
    if root["kind"] == "overlay":
        for name in ("proc", "dev", "sys", "etc"):
            _folder("/" + name)
    else:
        _skeleton(root, old, "")
    _mount_devices(old + devices, [one["target"] for one in mounts])
    _system_mounts(memory, terminals, old)
    trees = [_copy_of(one, old) for one in mounts]
    # A Pod that mounts something into /sys decides itself what is seen there.
    own_sys = any(f"{one['target']}/".startswith("/sys/") for one in mounts)
    wanted = [] if own_sys else groups
    seen = [(target, tree) for target, source in wanted if (tree := _read_only_copy(old + source)) >= 0]
    linux.umount(old)
    os.rmdir(old)
    for one, tree in zip(mounts, trees, strict=True):
        _put(one, tree)
    _show(seen)
    if read_only:
        linux.mount("", "/", "", linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID)


def _without_links(root: dict[str, Any]) -> dict[str, Any]:
    """Return *root* with the sources of its binds as real paths of the host."""
    return {**root, "binds": [(os.path.realpath(source), target) for source, target in root.get("binds", ())]}


def _mount_without_links(one: dict[str, Any]) -> dict[str, Any]:
    """Return a mount with ``real``, where its source lies; messages name ``source``, as the Pod's owner knows it."""
    found = {**one, "real": os.path.realpath(one["source"])}
    if "root" in one:
        found["root"] = _without_links(one["root"])
    return found


def _skeleton(root: dict[str, Any], old: str, at: str) -> None:
    """Put a scratch root together below *at*."""
    ways = [target for _source, target in root["binds"]]
    for name, mode in _SKELETON:
        # An interpreter that lies in root's home is for every user of the container: they may pass.
        passing = 0o011 if any(target.startswith(f"/{name}/") for target in ways) else 0
        os.mkdir(f"{at}/{name}", mode | passing)
    for path, content, mode in root["files"]:
        descriptor = os.open(at + path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        os.write(descriptor, content)
        os.close(descriptor)
    for source, target in root["binds"]:
        if os.path.isdir(old + source):
            _folder(at + target)
        else:
            _touch(at + target)
        linux.bind(old + source, at + target, read_only=True)
    for path, target in root["links"]:
        parent = os.path.dirname(path)
        if parent != "/":
            _folder(at + parent)
        os.symlink(target, at + path)


def _overlay(stage: str, root: dict[str, Any]) -> None:
    """On the writable layer's own disk if it can be one (no overlay on an overlay), else in memory."""
    layers = ":".join(one.replace("\\", "\\\\").replace(":", "\\:") for one in root["layers"])
    for given in (root["upper"], None):
        upper = given or stage + "-upper"
        if given is None:
            linux.mount("upper", upper, "tmpfs", linux.MS_NOSUID, "mode=755,size=1g")
        for name in ("up", "work"):
            os.makedirs(f"{upper}/{name}", exist_ok=True)
        for extra in (",userxattr", ""):
            try:
                options = f"lowerdir={layers},upperdir={upper}/up,workdir={upper}/work{extra}"
                linux.mount("overlay", stage, "overlay", 0, options)
            except OSError as error:
                failure = error
            else:
                return
    raise BadMountError(f"overlay of the image: {failure.strerror}")


def _mount_devices(shared: str, targets: Sequence[str]) -> None:
    """
    Put the shared /dev into the container.

    The shared one is read-only: a container with a mount at a path below /dev that is not there, such as a
    terminationMessagePath of its own, gets a /dev of its own with the same entries.
    """
    below = [target.removeprefix("/dev/") for target in targets if target.startswith("/dev/")]
    if all(os.path.lexists(f"{shared}/{name}") for name in below):
        linux.mount(shared, "/dev", "", linux.MS_BIND | linux.MS_REC)
        return
    linux.mount("dev", "/dev", "tmpfs", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=755,size=64k")
    for name in os.listdir(shared):
        source, target = f"{shared}/{name}", f"/dev/{name}"
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            os.mkdir(target)
        else:
            _touch(target)
            linux.mount(source, target, "", linux.MS_BIND)


def _system_mounts(memory: str, terminals: str, old: str) -> None:
    linux.mount(old + terminals, "/dev/pts", "", linux.MS_BIND)
    linux.mount(old + memory, "/dev/shm", "", linux.MS_BIND)
    flags = linux.MS_NOSUID | linux.MS_NOEXEC | linux.MS_NODEV
    try:
        linux.mount("proc", "/proc", "proc", flags)
    except PermissionError:
        # Something is mounted over a part of the host's /proc, as container engines do: the outer one has to serve.
        linux.bind(old + "/proc", "/proc")
    _guard_proc()


def _guard_proc() -> None:
    """Take from the container what in /proc belongs to the whole machine."""
    present = set(os.listdir("/proc"))
    for name in _READ_ONLY_PROC:
        if name in present:
            linux.bind("/proc/" + name, "/proc/" + name, read_only=True)
    for name in _MASKED_PROC:
        if name in present:
            path = "/proc/" + name
            linux.bind("/sys" if os.path.isdir(path) else "/dev/null", path, read_only=True)


def _copy_of(one: dict[str, Any], old: str) -> int:
    """Return a detached copy of the mounts of a volume, or of what lies below it. Raises BadMountError."""
    source, place, held = old + one["real"], "", -1
    try:
        if "root" in one:
            source = place = _put_together(one["root"], old)
        if one["sub_path"]:
            held = _below(source, one["sub_path"], old, make=not one.get("existing"))
            source = f"{old}/proc/self/fd/{held}"
        tree = linux.open_tree(source)
        one["late"] = one["read_only"] and not linux.tree_read_only(tree)
    except (OSError, ValueError) as error:
        raise _bad(one, error) from error
    finally:
        if held >= 0:
            os.close(held)
        if place:
            linux.umount(place)
            os.rmdir(place)
    return tree


def _read_only_copy(source: str) -> int:
    """Return a detached copy that cannot be written; -1 where the kernel gives none."""
    try:
        tree = linux.open_tree(source)
    except OSError:
        return -1
    try:
        if linux.tree_read_only(tree):
            return tree
    except OSError:
        pass
    os.close(tree)
    return -1


def _show(seen: Sequence[tuple[str, int]]) -> None:
    """
    Put control groups into a read-only /sys; a program can do without, so what cannot be mounted is left out.

    The folder below this mount masks parts of /proc, and has to stay empty.
    """
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    try:
        if seen:
            linux.mount("sys", "/sys", "tmpfs", flags, "mode=555,size=16k")
        for path, tree in seen:
            target = _target(path, folder=True)
            linux.attach_tree(tree, target)
            os.close(target)
        if seen:
            linux.mount("", "/sys", "", linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | flags)
    except OSError:
        pass
    finally:
        for _path, tree in seen:
            os.close(tree)


def _put_together(root: dict[str, Any], old: str) -> str:
    """Mount the files of a scratch image in a place of their own, until a copy of the mounts is taken."""
    place = "/." + os.urandom(12).hex()
    os.mkdir(place, 0o700)
    linux.mount("image", place, "tmpfs", linux.MS_NOSUID, "mode=755,size=16m")
    _skeleton(root, old, place)
    return place


def _put(one: dict[str, Any], tree: int) -> None:
    """Mount a volume. Raises BadMountError."""
    try:
        target = _target(one["target"], folder=stat.S_ISDIR(os.fstat(tree).st_mode))
        linux.attach_tree(tree, target)
        os.close(target)
        if one["late"]:
            linux.make_read_only(one["target"])
    except (OSError, ValueError) as error:
        raise _bad(one, error) from error
    finally:
        os.close(tree)


def _bad(one: dict[str, Any], error: OSError | ValueError) -> BadMountError:
    why = error.strerror if isinstance(error, OSError) else "invalid argument"  # ValueError: a NUL in a path
    return BadMountError(f'error mounting "{one["source"]}" to rootfs at "{one["target"]}": {why}')


def _target(path: str, *, folder: bool) -> int:
    """Open the place of a mount, which is made where it is missing."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        try:
            return linux.open_in_root(root, path, os.O_PATH)
        except FileNotFoundError:
            pass
        parts = [part for part in path.split("/") if part]
        for count in range(1, len(parts) + folder):
            _make_folder(root, "/".join(parts[: count - 1]), parts[count - 1])
        if folder:
            return linux.open_in_root(root, path, os.O_PATH)
        # Also behind a link that leads nowhere yet, such as that of an image's /etc/hosts.
        return linux.open_in_root(root, path, os.O_WRONLY | os.O_CREAT, 0o644)
    finally:
        os.close(root)


def _make_folder(root: int, parent: str, name: str) -> None:
    _make_in(linux.open_in_root(root, parent or ".", os.O_PATH), name)


def _make_in(parent: int, name: str) -> None:
    """Make the folder unless it exists, and close *parent*."""
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        pass
    finally:
        os.close(parent)


def _below(source: str, sub_path: str, old: str, *, make: bool) -> int:
    """
    Open *sub_path* inside *source*; links that a container has put there must not lead out of the volume.

    With *make*, folders that are missing are made: the last with the mode of the volume, so that whoever may write
    there may write here, those before it with 0755. Raises OSError (EXDEV for a link that leads out).
    """
    folder = os.open(source, os.O_PATH | os.O_CLOEXEC)
    try:
        try:
            return linux.open_beneath(folder, sub_path, os.O_PATH)
        except FileNotFoundError:
            if not make:
                raise
        made = ""
        for part in sub_path.strip("/").split("/"):
            _make_in(linux.open_beneath(folder, made or ".", os.O_PATH), part)
            made = f"{made}/{part}" if made else part
        held = linux.open_beneath(folder, sub_path, os.O_PATH)
        os.chmod(f"{old}/proc/self/fd/{held}", os.fstat(folder).st_mode & 0o7777)
        return held
    finally:
        os.close(folder)


def _folder(path: str) -> None:
    if not os.path.isdir(path):
        os.makedirs(path, 0o755, exist_ok=True)


def _touch(path: str) -> None:
    if os.path.lexists(path) and not os.path.islink(path):
        return
    _folder(os.path.dirname(path))
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
