"""hostname [-s|-f|-i|-d]"""

import _socket
import os
import sys

name = os.uname().nodename
flag = sys.argv[1] if len(sys.argv) > 1 else ""
try:
    if flag in ("-f", "-d", "-i"):
        full = _socket.getaddrinfo(name, None, _socket.AF_INET, _socket.SOCK_STREAM, 0, _socket.AI_CANONNAME)[
            0
        ]
        longest = name
        address = str(full[4][0])
        found = _socket.gethostbyaddr(address)
        longest = max([longest, found[0], *found[1]], key=len)
        name = {"-f": longest, "-i": address, "-d": longest.partition(".")[2]}[flag]
    elif flag == "-s":
        name = name.partition(".")[0]
except OSError:
    sys.stderr.write("hostname: %s: Unknown host\n" % name)
    os._exit(1)
print(name)
