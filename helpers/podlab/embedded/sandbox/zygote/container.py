"""
The way of a new process from clone to exec: join, build its root, limit itself, become the program.

It speaks to the node through one pipe that exec closes: ``t<ns>`` just before exec, ``e<text>`` when something
failed, in the words that runc and containerd use, because lessons show them.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
import resource
import stat

from podlab.embedded import clock
from podlab.embedded.sandbox.zygote import linux, rootfs, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from podlab.embedded.sandbox.zygote.podsandbox import PodSandbox

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IGNORED: list[int] = []  # filled by the node: asking the kernel again for each container would cost more


def note_ignored_signals() -> None:
    """Take down which signals are ignored in this process, and so in every one that it starts."""
    with open("/proc/self/status") as lines:
        mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:"))
    _IGNORED[:] = [
        number for number in range(1, 65) if mask >> (number - 1) & 1 and number not in (9, 19, 32, 33)
    ]


class CannotStartError(Exception):
    """The program cannot be started; the text is the runtime's."""


def become(
    request: dict[str, Any], pod: PodSandbox, stage: str, devices: str, descriptors: Sequence[int]
) -> NoReturn:
    """Turn this fresh clone into the container. *descriptors*: stdin, stdout, stderr, report, cgroup files…"""
    report = descriptors[3]
    try:
        _settle(descriptors)
        linux.prctl(linux.PR_SET_PDEATHSIG, 9)
        os.setsid()
        join_pod(pod)
        _limit_pids(request["pids"])  # while /proc/sys is still the host's: the container's own is read-only
        _leave_host_behind()
        rootfs.enter(
            stage,
            devices,
            pod.memory,
            pod.terminals,
            request["root"],
            request["mounts"],
            request["groups_shown"],
            request["read_only"],
        )
        _finish(request, report, pod.users)
    except BaseException as error:
        _fail(report, error)


def become_exec(request: dict[str, Any], pidfd: int, users: int, descriptors: Sequence[int]) -> NoReturn:
    """Turn this fresh child into a command inside the running container behind *pidfd*."""
    report = descriptors[3]
    try:
        _settle(descriptors)
        os.setsid()
        kinds = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET | linux.CLONE_NEWUTS
        linux.setns(pidfd, kinds | linux.CLONE_NEWCGROUP)
        linux.own_keyring()
        _finish(request, report, users)
    except BaseException as error:
        _fail(report, error)


def _leave_host_behind() -> None:
    """Give up inherited links to the host: its control group and the session's keys."""
    linux.unshare(linux.CLONE_NEWCGROUP)
    linux.own_keyring()


def join_pod(pod: PodSandbox) -> None:
    """Enter the network, IPC and host name of the Pod."""
    linux.setns(pod.network, linux.CLONE_NEWNET)
    linux.setns(pod.ipc, linux.CLONE_NEWIPC)
    linux.setns(pod.uts, linux.CLONE_NEWUTS)


def _settle(descriptors: Sequence[int]) -> None:
    """Put the standard streams in place and enter the cgroups, whose files are the descriptors after the first four."""
    for control in descriptors[4:]:
        os.write(control, b"0")
    for wanted, given in enumerate(descriptors[:3]):
        os.dup2(given, wanted, inheritable=True)


def _finish(request: dict[str, Any], report: int, users: int) -> NoReturn:
    if request["tty"]:
        _take_terminal(request)
    if request["ids"]:
        _own_streams(request["uid"])
    _limit(request)
    if users >= 0:
        _enter_users(users, request["add"])
    for number in request["drop"]:
        linux.prctl(linux.PR_CAPBSET_DROP, number)
    if request["seccomp"] and seccomp.supported():
        seccomp.install()  # while this process still may; the filter refuses none of the calls below
    _change_user(request)
    if request["no_new_privileges"]:
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    _restore_signals()
    os.umask(0o022)
    _enter_folder(request["cwd"])
    argv: list[str] = request["argv"]
    environment = {os.fsencode(key): os.fsencode(value) for key, value in request["env"].items()}
    path = find_program(argv[0], request["env"].get("PATH", _DEFAULT_PATH))
    os.write(report, b"t%d" % clock.now_ns())
    try:
        os.execve(path, [os.fsencode(part) for part in argv], environment)
    except OSError as error:
        words = {8: "exec format error", 13: "permission denied", 2: "no such file or directory"}
        text = words.get(error.errno or 0, (error.strerror or "").lower())
        raise CannotStartError(f"exec {path}: {text}") from error


def _enter_users(users: int, added: Sequence[int]) -> None:
    """Last of all namespaces, for the mounts are the node's; the capabilities that come with it are taken at once."""
    linux.setns(users, linux.CLONE_NEWUSER)
    linux.drop_capabilities(linux.KEPT_CAPABILITIES.union(added))


def find_program(name: str, path: str) -> str:
    """Return the file to execute, looked for as a shell would. Raises CannotStartError with runc's words."""
    if "/" in name:
        try:
            status = os.stat(name)
        except OSError as error:
            text = (error.strerror or "").lower()
            raise CannotStartError(f'exec: "{name}": stat {name}: {text}') from error
        if os.path.isdir(name) or not status.st_mode & 0o111:
            raise CannotStartError(f'exec: "{name}": permission denied')
        return name
    for folder in path.split(":"):
        candidate = f"{folder or '.'}/{name}"
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise CannotStartError(f'exec: "{name}": executable file not found in $PATH')


def _enter_folder(path: str) -> None:
    try:
        os.makedirs(path, 0o755, exist_ok=True)
        os.chdir(path)
    except OSError as error:
        text = (error.strerror or "").lower()
        raise CannotStartError(f'chdir to cwd ("{path}") set in config.json failed: {text}') from error


def _take_terminal(request: dict[str, Any]) -> None:
    """Make the terminal the controlling one, reopened by its name in the container, and give it to the user."""
    status = os.fstat(0)
    try:
        here = os.open(f"/dev/pts/{os.minor(status.st_rdev)}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        here = -1  # the image has a /dev of its own making; the terminal is as good without a name
    if here >= 0:
        if os.path.samestat(status, os.fstat(here)):
            for stream in range(3):
                os.dup2(here, stream, inheritable=True)
        os.close(here)
    if request["ids"]:
        os.fchown(0, request["uid"], -1)
    fcntl.ioctl(0, linux.TIOCSCTTY, 0)


def _own_streams(uid: int) -> None:
    """Give the pipes to the container's user, as runc does: a program may open ``/dev/stdout`` by its name."""
    for stream in range(3):
        if stat.S_ISFIFO(os.fstat(stream).st_mode):
            os.fchown(stream, uid, -1)


def _limit(request: dict[str, Any]) -> None:
    for kind, pair in request["limits"]:
        resource.setrlimit(kind, pair)


def _limit_pids(most: int) -> None:
    if not most:
        return
    try:  # since Linux 6.14 each pid namespace has its own limit, which needs no cgroup
        descriptor = os.open("/proc/sys/kernel/pid_max", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(descriptor, b"%d" % max(301, most))
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _change_user(request: dict[str, Any]) -> None:
    uid, gid = request["uid"], request["gid"]
    if request["ids"]:
        os.setgroups(request["groups"])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def _restore_signals() -> None:
    """Reset signals that this interpreter, the janitor or the daemon's parent ignores."""
    _signal.set_wakeup_fd(-1)
    for number in _IGNORED:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def _fail(report: int, error: BaseException) -> NoReturn:
    text = str(error) or type(error).__name__
    if isinstance(error, OSError):
        text = f"{error.filename or 'start'}: {error.strerror}"
    try:
        os.write(report, b"e" + text.encode("utf-8", "replace")[:4000])
    finally:
        os._exit(128)
