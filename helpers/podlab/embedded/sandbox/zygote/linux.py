"""
The system calls that Python 3.11 does not offer, through ctypes: clone, setns, mounts, pidfds.

All functions raise OSError with the kernel's errno. Platform code lives here and nowhere else.
"""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP = 0x10000000, 0x20000000, 0x40000000, 0x02000000
_CLONE_PIDFD, _SIGCHLD = 0x1000, 17

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_RESOLVE_NO_MAGICLINKS, _RESOLVE_BENEATH, _RESOLVE_IN_ROOT = 0x02, 0x08, 0x10
_OPEN_TREE_CLONE, _AT_EMPTY_PATH, _MOVE_BOTH_EMPTY = 1, 0x1000, 0x44
_MOUNT_ATTR_RDONLY, _AT_RECURSIVE, _AT_FDCWD = 1, 0x8000, -100
# statvfs f_flag -> mount flags that a user namespace may not drop when it remounts.
_LOCKED = {1: MS_RDONLY, 2: MS_NOSUID, 4: MS_NODEV, 8: MS_NOEXEC, 1024: 1024, 2048: 2048, 4096: 1 << 21}

TIOCSCTTY, TIOCSPTLCK, TIOCGPTN = 0x540E, 0x40045431, 0x80045430

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_DUMPABLE, PR_SET_NAME, PR_CAPBSET_READ = 1, 24, 4, 15, 23
PR_SET_NO_NEW_PRIVS = 38
# What container engines leave to root inside: the default set of runc and containerd.
KEPT_CAPABILITIES = frozenset((0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))

_NUMBERS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "keyctl": 250},
    "aarch64": {"clone": 220, "pivot_root": 41, "keyctl": 219},
    "riscv64": {"clone": 220, "pivot_root": 41, "keyctl": 219},
}
_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
_SYS = _NUMBERS.get(_MACHINE, _NUMBERS["aarch64"])
_SYS_PIDFD_SEND_SIGNAL, _SYS_PIDFD_OPEN, _SYS_OPENAT2, _SYS_MOUNT_SETATTR = 424, 434, 437, 442
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT = 428, 429

_libc = ctypes.PyDLL(
    None, use_errno=True
)  # PyDLL keeps the GIL: nothing may run between clone and the fork hooks
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_python = ctypes.pythonapi


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def clone(flags: int) -> tuple[int, int]:
    """
    Fork with new namespaces.

    Returns:
        ``(pid, pidfd)`` in the parent, ``(0, -1)`` in the child.
    """
    pidfd = ctypes.c_int(-1)
    _python.PyOS_BeforeFork()
    pid = _syscall(
        ctypes.c_long(_SYS["clone"]),
        ctypes.c_ulong(flags | _CLONE_PIDFD | _SIGCHLD),
        ctypes.c_ulong(0),
        ctypes.byref(pidfd),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
    number = ctypes.get_errno()
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0, -1
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, os.strerror(number), "clone")
    return int(pid), int(pidfd.value)


def setns(descriptor: int, kinds: int) -> None:
    """Join the namespaces *kinds* behind a namespace descriptor or a pidfd."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kinds)), "setns")


def unshare(kinds: int) -> None:
    """Leave the namespaces *kinds* for new ones."""
    _checked(_libc.unshare(ctypes.c_int(kinds)), "unshare")


def sethostname(name: str) -> None:
    """Set the host name of the present UTS namespace."""
    raw = name.encode()
    _checked(_libc.sethostname(raw, ctypes.c_size_t(len(raw))), "sethostname")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); the error names the target."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _checked(result, target)


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2), lazily unless told otherwise."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), target)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Bind *source* with everything mounted below it to *target*."""
    mount(source, target, "", MS_BIND | MS_REC)
    if read_only:
        make_read_only(target)


def make_read_only(target: str) -> None:
    """Make the mounts at and below *target* read-only, whatever flags the host locked on them."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(32),
    )
    if result < 0:  # before Linux 5.12: the top mount only, and locked flags have to be repeated
        present = os.statvfs(target).f_flag
        locked = 0
        for seen, flag in _LOCKED.items():
            locked |= flag if present & seen else 0
        mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def open_tree(path: str) -> int:
    """Return a detached copy of the mount at *path* with everything mounted below it (Linux 5.2)."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    result = _syscall(
        ctypes.c_long(_SYS_OPEN_TREE), ctypes.c_int(_AT_FDCWD), os.fsencode(path), ctypes.c_uint(flags)
    )
    return _checked(result, path)


def tree_read_only(tree: int) -> bool:
    """Make all mounts of a detached tree read-only; False where the kernel is older than 5.12."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = _AT_RECURSIVE | _AT_EMPTY_PATH
    result = _syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR), ctypes.c_int(tree), b"", ctypes.c_uint(flags), attributes,
        ctypes.c_size_t(32),
    )  # fmt: skip
    if result < 0 and ctypes.get_errno() == 38:
        return False
    _checked(result, "mount_setattr")
    return True


def attach_tree(tree: int, target: int) -> None:
    """Mount a detached tree on the place behind the descriptor *target*; its name may lead elsewhere by now."""
    result = _syscall(
        ctypes.c_long(_SYS_MOVE_MOUNT), ctypes.c_int(tree), b"", ctypes.c_int(target), b"",
        ctypes.c_uint(_MOVE_BOTH_EMPTY),
    )  # fmt: skip
    _checked(result, "move_mount")


def open_in_root(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """Open *path* as if the folder behind *folder* were the root: no link leads out, those of /proc lead nowhere."""
    how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    result = _syscall(
        ctypes.c_long(_SYS_OPENAT2), ctypes.c_int(folder), os.fsencode(path), how, ctypes.c_size_t(24)
    )
    return _checked(result, path)


def own_keyring() -> None:
    """A session keyring of this process's own: what is in the one that was inherited is the starter's."""
    nothing: Any = None
    _syscall(
        ctypes.c_long(_SYS["keyctl"]), ctypes.c_long(1), nothing
    )  # KEYCTL_JOIN_SESSION_KEYRING; ENOSYS without keys


def pivot_root(new: str, put_old: str) -> None:
    """Make *new* the root of this mount namespace and *put_old* (below it) the place of the former one."""
    _checked(
        _syscall(ctypes.c_long(_SYS["pivot_root"]), os.fsencode(new), os.fsencode(put_old)), "pivot_root"
    )


def open_beneath(folder: int, path: str, flags: int) -> int:
    """Open *path* below the folder behind *folder*; a link that leads out of it is EXDEV (openat2, Linux 5.6)."""
    how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
    result = _syscall(
        ctypes.c_long(_SYS_OPENAT2), ctypes.c_int(folder), os.fsencode(path), how, ctypes.c_size_t(24)
    )
    return _checked(result, path)


def prctl(option: int, value: int = 0, second: int = 0) -> int:
    """prctl(2) with one number or two."""
    nothing = ctypes.c_ulong(0)
    return _checked(
        _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), ctypes.c_ulong(second), nothing, nothing),
        "prctl",
    )


def drop_capabilities(kept: Collection[int] = KEPT_CAPABILITIES) -> None:
    """Take from the bounding set all but *kept*, as container engines do; exec as root then keeps the rest only."""
    for number in range(64):
        if number in kept:
            continue
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == 22:  # past the last capability of this kernel
                return
            raise


def pidfd_open(pid: int) -> int:
    """Return a descriptor of a process that cannot come to mean another one."""
    return _checked(
        _syscall(ctypes.c_long(_SYS_PIDFD_OPEN), ctypes.c_int(pid), ctypes.c_uint(0)), "pidfd_open"
    )


def pidfd_send_signal(pidfd: int, signal: int) -> bool:
    """Send *signal*; False if the process is gone."""
    nothing: Any = None
    result = _syscall(
        ctypes.c_long(_SYS_PIDFD_SEND_SIGNAL),
        ctypes.c_int(pidfd),
        ctypes.c_int(signal),
        nothing,
        ctypes.c_uint(0),
    )
    if result < 0 and ctypes.get_errno() == 3:
        return False
    _checked(result, "pidfd_send_signal")
    return True


def address_of(buffer: bytearray) -> int:
    """Return the address of a buffer that the caller keeps alive (for prctl calls that take text)."""
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


def set_title(text: str) -> None:
    """Show *text* as this process's command line, over the memory of its arguments; nothing where that fails."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[45]), int(fields[46])
    except (OSError, IndexError, ValueError):
        return
    if end - start < 2:
        return
    raw = text.encode()[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, raw, len(raw))


def write_file(path: str, text: str | bytes) -> None:
    """Write a file of /proc or of a control group by one call, as the kernel wants its settings. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode() if isinstance(text, str) else text)
    finally:
        os.close(descriptor)
