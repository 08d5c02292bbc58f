"""
Try, in a child process, each namespace that the embedded cluster is built of. What the kernel's settings
say and what it then allows are two things, so nothing is inferred: it is done, and the child ends with all
that it made.
"""

from __future__ import annotations

import json
import sys

from podlab.doctor.machine import SandboxTrial
from podlab.drivers import process

_CODE = r"""
import ctypes, errno, json, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
found = {}

def word(name, ok):
    found[name] = "" if ok else errno.errorcode.get(ctypes.get_errno(), "refused")
    return ok

uid, gid = os.getuid(), os.getgid()
if word("user", libc.unshare(0x10000000) == 0):
    try:
        for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{path}", "w") as file:
                file.write(text)
    except OSError as error:
        found["user"] = errno.errorcode.get(error.errno, str(error))
    flags = {"mount": 0x20000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000, "pid": 0x20000000}
    for name, flag in flags.items():
        word(name, libc.unshare(flag) == 0)
else:
    found |= dict.fromkeys(("mount", "net", "ipc", "uts", "pid"), found["user"])

def new_table():
    # One batch: begin, NEWTABLE inet podlab, end; then the kernel's answer.
    attribute = struct.pack("HH", 4 + 7, 1) + b"podlab\0" + b"\0"
    begin = struct.pack("IHHII", 20, 16, 1, 1, 0) + struct.pack(">BBH", 0, 0, 10)
    table = struct.pack("IHHII", 20 + len(attribute), 0xA00, 0x405, 2, 0) + struct.pack(">BBH", 1, 0, 0)
    table += attribute
    end = struct.pack("IHHII", 20, 17, 1, 3, 0) + struct.pack(">BBH", 0, 0, 10)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as link:
        link.settimeout(2)
        link.bind((0, 0))
        link.send(begin + table + end)
        answer = link.recv(4096)
        kind, code = struct.unpack_from("H", answer, 4)[0], struct.unpack_from("i", answer, 16)[0]
        return 0 if kind != 2 else -code

if not found["net"]:
    try:
        code = new_table()
        found["nftables"] = "" if not code else errno.errorcode.get(code, str(code))
    except OSError as error:
        found["nftables"] = errno.errorcode.get(error.errno, "no answer")
if not found["pid"] and not found["mount"]:
    reader, writer = os.pipe()
    if os.fork() == 0:
        libc.mount(b"none", b"/", None, 0x44000, None)
        done = libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0
        os.write(writer, b"ok" if done else errno.errorcode.get(ctypes.get_errno(), "refused").encode())
        os._exit(0)
    os.wait()
    said = os.read(reader, 64).decode()
    found["proc"] = "" if said == "ok" else said
print(json.dumps(found))
"""


def run(*, timeout_s: float = 10.0) -> SandboxTrial | None:
    """
    Return what worked, or None where it could not be tried (another system than Linux, or the child died).
    """
    if sys.platform != "linux":
        return None
    code, out, _ = process.run([sys.executable, "-I", "-S", "-c", _CODE], timeout_s=timeout_s)
    try:
        return SandboxTrial(**json.loads(out)) if code == 0 else None
    except (ValueError, TypeError):
        return None
