"""ps: every process of this container, as busybox lists them"""

import os

print("PID   USER     TIME  COMMAND")
for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
    try:
        with open("/proc/%d/stat" % pid) as file:
            text = file.read()
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        owner = os.stat("/proc/%d" % pid).st_uid
    except OSError:
        continue
    fields = text.rpartition(")")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) // 100
    name = words or "[%s]" % text.partition("(")[2].rpartition(")")[0]
    user = "root" if owner == 0 else str(owner)
    print("%5d %-8s %2d:%02d %s" % (pid, user, seconds // 60, seconds % 60, name))
