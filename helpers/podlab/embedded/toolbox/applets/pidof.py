"""pidof NAME..."""

import os
import sys

found = []
for pid in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
        with open("/proc/%d/comm" % pid) as file:
            names = {
                file.read().strip(),
                *(os.path.basename(one.decode("utf-8", "replace")) for one in words[:1]),
            }
    except OSError:
        continue
    if names & set(sys.argv[1:]) and pid != os.getpid():
        found.append(str(pid))
if found:
    print(" ".join(found))
sys.exit(0 if found else 1)
