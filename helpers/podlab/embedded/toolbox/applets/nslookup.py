"""nslookup [-type=A|AAAA|SRV|PTR] HOST [SERVER]"""

import _socket
import os
import sys

KINDS = {"a": 1, "ptr": 12, "aaaa": 28, "srv": 33, "any": 255}


def configuration():
    servers, searches, ndots = [], [], 1
    try:
        with open("/etc/resolv.conf") as lines:
            for line in lines:
                words = line.split()
                if words[:1] == ["nameserver"]:
                    servers.append(words[1])
                elif words[:1] in (["search"], ["domain"]):
                    searches = words[1:]
                elif words[:1] == ["options"]:
                    for word in words[1:]:
                        if word.startswith("ndots:"):
                            ndots = int(word[6:])
    except OSError:
        pass
    return servers or ["127.0.0.1"], searches, ndots


def ask(server, name, kind):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split(".") if part)
    query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + labels + b"\0" + bytes([0, kind, 0, 1])
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    sock.settimeout(5)
    try:
        sock.sendto(query, (server, 53))
        return sock.recv(4096)
    except OSError:
        return None


def read_name(data, offset):
    labels, end = [], None
    while data[offset]:
        length = data[offset]
        if length >= 0xC0:
            end = end or offset + 2
            offset = (length & 0x3F) << 8 | data[offset + 1]
            continue
        labels.append(data[offset + 1 : offset + 1 + length].decode("latin-1"))
        offset += 1 + length
    return ".".join(labels), end or offset + 1


def records(data):
    count = data[6] << 8 | data[7]
    _name, offset = read_name(data, 12)
    offset += 4
    for _number in range(count):
        name, offset = read_name(data, offset)
        kind = data[offset] << 8 | data[offset + 1]
        length = data[offset + 8] << 8 | data[offset + 9]
        start = offset + 10
        offset = start + length
        if kind == 1:
            yield "Name:\t%s\nAddress: %s\n" % (name, ".".join(str(one) for one in data[start:offset]))
        elif kind == 12:
            yield "%s\tname = %s\n" % (name, read_name(data, start)[0])
        elif kind == 33:
            numbers = [data[start + i] << 8 | data[start + i + 1] for i in (0, 2, 4)]
            yield "%s\tservice = %d %d %d %s\n" % (name, *numbers, read_name(data, start + 6)[0])


def main():
    kind, places = None, []
    for word in sys.argv[1:]:
        if word.startswith(("-type=", "-querytype=", "-q=")):
            kind = KINDS.get(word.split("=")[1].lower(), 1)
        elif not word.startswith("-"):
            places.append(word)
    if not places:
        sys.stderr.write("Usage: " + __doc__ + "\n")
        return 1
    servers, searches, ndots = configuration()
    server = places[1] if len(places) > 1 else servers[0]
    host = places[0]
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() for part in parts):
        host, kind = ".".join(reversed(parts)) + ".in-addr.arpa.", 12
    names = [host] if host.endswith(".") else [host + "." + one for one in searches]
    if not host.endswith("."):
        names.insert(0 if host.count(".") >= ndots else len(names), host)
    sys.stdout.write("Server:\t\t%s\nAddress:\t%s:53\n\n" % (server, server))
    for name in names:
        found: list[str] = []
        code = 3
        for one in [kind] if kind else [1, 28]:
            reply = ask(server, name, one)
            if reply is None:
                sys.stdout.write(";; connection timed out; no servers could be reached\n\n")
                return 1
            code = reply[3] & 15 if not found else 0
            found += list(records(reply))
        if found or code == 0:
            sys.stdout.write("\n".join(found) + "\n" if found else "*** Can't find %s: No answer\n\n" % host)
            return 0 if found else 1
    sys.stdout.write("** server can't find %s: NXDOMAIN\n\n" % (names[-1] or host).strip("."))
    return 1


code = main()
sys.stdout.flush()
os._exit(code)
