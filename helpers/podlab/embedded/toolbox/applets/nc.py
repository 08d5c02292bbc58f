"""nc [-z] [-v] [-n] [-w SECONDS] HOST PORT  |  nc -l [-k] [-w SECONDS] [-s ADDRESS] -p PORT [-e PROGRAM]"""

import _socket
import os
import select
import sys

USAGE = (
    "BusyBox-like nc of podlab\n\n"
    "Usage: nc [-z] [-v] [-n] [-w SEC] HOST PORT - connect\n"
    "nc -l [-k] [-p PORT] [-s ADDR] [-e PROG] - listen\n"
)


def fail(text, code=1):
    sys.stderr.write("nc: " + text + "\n")
    sys.stderr.flush()
    os._exit(code)


def parse(arguments):
    options, places = {"z": 0, "v": 0, "l": 0, "n": 0, "k": 0, "u": 0}, []
    values = {"w": None, "p": None, "s": "", "e": None, "i": None, "q": None}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            places.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in options:
                options[letter] += 1
            elif letter in values:
                value = letters or (rest.pop(0) if rest else None)
                if value is None:
                    fail("option requires an argument -- '%s'" % letter)
                values[letter], letters = value, ""
                if letter == "e":
                    values["e"], rest = [value, *rest], []  # type: ignore[assignment]
            else:
                sys.stderr.write("nc: invalid option -- '%s'\n%s" % (letter, USAGE))
                os._exit(1)
    return options, values, places


def main():
    options, values, places = parse(sys.argv[1:])
    wait = float(values["w"]) if values["w"] else None
    if options["l"]:
        listen(options, values, places, wait)
        return
    if len(places) != 2:
        sys.stderr.write(USAGE)
        os._exit(1)
    connect(options, values, places, wait)


def connect(options, values, places, wait):
    host, port = places
    kind = _socket.SOCK_DGRAM if options["u"] else _socket.SOCK_STREAM
    if not port.isdigit() or int(port) > 65535:
        fail("bad port '%s'" % port)
    try:
        found = _socket.getaddrinfo(host, int(port), _socket.AF_INET, kind)
    except _socket.gaierror:
        fail("bad address '%s'" % host)
    address = found[0][4]
    sock = _socket.socket(_socket.AF_INET, kind)
    sock.settimeout(wait)
    label = "%s (%s:%s)" % (host, address[0], port)
    try:
        sock.connect(address)
    except (TimeoutError, _socket.timeout):
        fail("%s: Connection timed out" % label if options["v"] else "timed out")
    except ConnectionRefusedError:
        if options["v"]:
            fail("%s: Connection refused" % label)
        os._exit(1)
    except OSError as error:
        fail("%s: %s" % (label, os.strerror(error.errno or 0)))
    if options["v"]:
        sys.stderr.write("%s open\n" % label)
    if options["z"]:
        os._exit(0)
    sock.settimeout(None)
    if values["e"]:
        attach(sock, values["e"])
    os._exit(relay(sock, wait))


def listen(options, values, places, wait):
    port = values["p"] or (places[-1] if places else "0")
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    server.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    try:
        server.bind((values["s"] or "0.0.0.0", int(port)))
        server.listen(5)
    except OSError as error:
        fail("bind: %s" % os.strerror(error.errno or 0))
    while True:
        if wait is not None and not select.select([server.fileno()], [], [], wait)[0]:
            fail("timed out")
        descriptor, _address = server._accept()  # type: ignore[attr-defined]
        sock = _socket.socket(fileno=descriptor)
        if values["e"]:
            if options["k"] and os.fork():
                sock.close()
                continue
            attach(sock, values["e"])
        if not options["k"]:
            server.close()
        code = relay(sock, None if options["k"] else wait)
        sock.close()
        if not options["k"]:
            os._exit(code)


def attach(sock, command):
    for number in (0, 1, 2):
        os.dup2(sock.fileno(), number, True)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        fail("can't execute '%s': %s" % (command[0], os.strerror(error.errno or 0)), 127)


def relay(sock, wait):
    """Carry both ways until the other side ends; -w bounds the silence after the last byte was sent."""
    inputs = [0, sock.fileno()]
    while True:
        ready = select.select(inputs, [], [], wait)[0]
        if not ready:
            return 0 if 0 not in inputs else 1
        if 0 in ready:  # first: what there is to say is said, even if the other side has finished already
            data = os.read(0, 65536)
            try:
                if data:
                    sock.sendall(data)
                else:
                    inputs.remove(0)
                    sock.shutdown(_socket.SHUT_WR)
            except OSError:
                return 1
        if sock.fileno() in ready:
            try:
                data = sock.recv(65536)
            except ConnectionResetError:
                return 1
            if not data:
                return last_words(sock) if 0 in inputs else 0
            write(1, data)


def last_words(sock):
    """The other side sends no more; whatever stands on stdin by now still goes out."""
    try:
        while select.select([0], [], [], 0.05)[0]:
            data = os.read(0, 65536)
            if not data:
                break
            sock.sendall(data)
    except OSError:
        return 1
    return 0


def write(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


try:
    main()
except KeyboardInterrupt:
    os._exit(130)
except BrokenPipeError:
    os._exit(141)
