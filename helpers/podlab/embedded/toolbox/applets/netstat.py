"""netstat [-tulnap]"""

import sys

STATES = (
    "?",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
flags = {letter for word in sys.argv[1:] for letter in word.lstrip("-")}
kinds = [one for one in ("tcp", "tcp6", "udp", "udp6") if one[0] in flags or not flags & {"t", "u"}]


def place(text):
    address, port = text.split(":")
    if len(address) == 8:
        numbers = [str(int(address[i : i + 2], 16)) for i in (6, 4, 2, 0)]
        shown = ".".join(numbers)
    else:
        # four words, each in the machine's own byte order
        whole = "".join(address[i + j : i + j + 2] for i in (0, 8, 16, 24) for j in (6, 4, 2, 0))
        groups = ":".join("%x" % int(whole[i : i + 4], 16) for i in range(0, 32, 4))
        shown = {0: "::", 1: "::1"}.get(int(whole, 16), groups)
        if whole.startswith("00000000000000000000FFFF"):
            shown = "::ffff:" + ".".join(str(int(whole[i : i + 2], 16)) for i in (24, 26, 28, 30))
    number = int(port, 16)
    return "%s:%s" % (shown, number or "*")


only = "(only servers)" if "l" in flags else "(servers and established)" if "a" in flags else "(w/o servers)"
print("Active Internet connections " + only)
print("Proto Recv-Q Send-Q Local Address           Foreign Address         State       ")
for kind in kinds:
    try:
        with open("/proc/net/" + kind) as lines:
            rows = [line.split() for line in lines][1:]
    except OSError:
        continue
    for row in rows:
        state = STATES[int(row[3], 16)] if kind.startswith("tcp") else ""
        listening = state == "LISTEN" or (kind.startswith("udp") and row[2].endswith(":0000"))
        if ("l" in flags and not listening) or (listening and not flags & {"l", "a"}):
            continue
        send, receive = row[4].split(":")
        shown = (kind[:3], int(receive, 16), int(send, 16), place(row[1]), place(row[2]), state)
        print("%-5s %6d %6d %-23s %-23s %-12s" % shown)
