"""wget [-qS] [-O FILE] [-T SECONDS] [-t TRIES] [--spider] [--header H] [--post-data D] [-P DIR] URL"""

import _socket
import os
import sys

VALUES = {"-O", "-T", "-t", "-P", "-U", "-Y", "-o", "-a"}
LONG = {
    "--output-document": "-O",
    "--timeout": "-T",
    "--tries": "-t",
    "--header": "--header",
    "--post-data": "--post-data",
    "--user-agent": "-U",
}


def fail(text):
    sys.stderr.write("wget: " + text + "\n")
    sys.stderr.flush()
    os._exit(1)


def parse(arguments):
    found, headers, urls, rest = {}, [], [], list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            name, has_value, value = word.partition("=")
            if name in LONG:
                value = value if has_value else rest.pop(0)
                if name == "--header":
                    headers.append(value)
                else:
                    found[LONG[name]] = value
            else:
                found[{"--quiet": "-q", "--server-response": "-S"}.get(name, name)] = True
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                flag, letters = "-" + letters[0], letters[1:]
                if flag in VALUES:
                    found[flag], letters = (letters or rest.pop(0)), ""
                else:
                    found[flag] = True
        else:
            urls.append(word)
    return found, headers, urls


def split(url):
    rest = url
    if "://" in url:
        scheme, rest = url.split("://", 1)
        if scheme != "http":
            fail("not an http or ftp url: " + url)
    place, _slash, path = rest.partition("/")
    host, _colon, port = place.partition(":")
    if port and not port.isdigit():
        fail("bad port '%s'" % port)
    return host, int(port or 80), "/" + path


def connect(host, port, seconds, quiet):
    try:
        found = _socket.getaddrinfo(host, port, _socket.AF_INET, _socket.SOCK_STREAM)
    except _socket.gaierror:
        fail("bad address '%s'" % host)
    address = found[0][4]
    if not quiet:
        label = host if port == 80 else "%s:%d" % (host, port)
        sys.stderr.write("Connecting to %s (%s:%d)\n" % (label, address[0], port))
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(address)
    except (TimeoutError, _socket.timeout):
        fail("download timed out")
    except OSError as error:
        fail("can't connect to remote host (%s): %s" % (address[0], os.strerror(error.errno or 0)))
    return sock


class ReplyReader:
    """Bytes of one reply."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (TimeoutError, _socket.timeout):
            fail("download timed out")
        except OSError as error:
            fail("error getting response: %s" % os.strerror(error.errno or 0))
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\n" not in self.buffer:
            if not self.more():
                if not self.buffer:
                    fail("error getting response")
                break
        line, _newline, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def chunks(self, length, chunked):
        if chunked:
            while True:
                size = int(self.line().split(";")[0] or "0", 16)
                if size == 0:
                    return
                for part in self.exactly(size):
                    yield part
                self.line()
        elif length is not None:
            for part in self.exactly(length):
                yield part
        else:
            while self.buffer or self.more():
                part, self.buffer = self.buffer, b""
                yield part

    def exactly(self, length):
        while length > 0:
            if not self.buffer and not self.more():
                fail("connection closed prematurely")
            part, self.buffer = self.buffer[:length], self.buffer[length:]
            length -= len(part)
            yield part


def fetch(url, options, headers, hops=0):
    quiet = "-q" in options
    host, port, path = split(url)
    seconds = float(options.get("-T", 900))
    sock = connect(host, port, seconds, quiet)
    body = options.get("--post-data")
    method = "POST" if body is not None else "GET"
    names = {header.split(":")[0].lower() for header in headers}
    lines = ["%s %s HTTP/1.1" % (method, path)]
    if "host" not in names:
        lines.append("Host: " + (host if port == 80 else "%s:%d" % (host, port)))
    if "user-agent" not in names:
        lines.append("User-Agent: " + options.get("-U", "Wget"))
    lines += ["Connection: close", *headers]
    if body is not None:
        if "content-type" not in names:
            lines.append("Content-Type: application/x-www-form-urlencoded")
        lines.append("Content-Length: %d" % len(body.encode()))
    try:
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n" + (body or "")).encode())
    except OSError as error:
        fail("error sending request: %s" % os.strerror(error.errno or 0))
    return answer(ReplyReader(sock), host, port, path, options, headers, hops)


def read_head(reader, shown):
    status = reader.line()
    if shown:
        sys.stderr.write("  %s\n" % status)
    given: dict[str, str] = {}
    while True:
        line = reader.line()
        if not line:
            return status, given
        if shown:
            sys.stderr.write("  %s\n" % line)
        name, _colon, value = line.partition(":")
        given[name.strip().lower()] = value.strip()


def answer(reader, host, port, path, options, headers, hops):
    quiet = "-q" in options
    status, given = read_head(reader, "-S" in options)
    code = status.split(" ")[1] if " " in status else ""
    if code[:1] == "3" and "location" in given and hops < 5:
        target = given["location"]
        if target.startswith("/"):
            target = "http://%s:%d%s" % (host, port, target)
        return fetch(target, options, headers, hops + 1)
    if code[:1] != "2":
        fail("server returned error: " + status)
    if "--spider" in options:
        if not quiet:
            sys.stderr.write("remote file exists\n")
        return 0
    return store(path, reader, given, options, quiet)


def write(output, data):
    while data:
        data = data[os.write(output, data) :]


def store(path, reader, given, options, quiet):
    name = options.get("-O")
    if name is None:
        name = path.split("?")[0].rsplit("/", 1)[-1] or "index.html"
        name = os.path.join(options.get("-P", "."), name)
        if os.path.exists(name):
            fail("can't open '%s': File exists" % name)
    try:
        output = 1 if name == "-" else os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError as error:
        fail("can't open '%s': %s" % (name, os.strerror(error.errno or 0)))
    if not quiet:
        sys.stderr.write("writing to stdout\n" if name == "-" else "saving to '%s'\n" % name)
    length = int(given["content-length"]) if given.get("content-length", "").isdigit() else None
    for part in reader.chunks(length, given.get("transfer-encoding", "").lower() == "chunked"):
        write(output, part)
    if not quiet:
        sys.stderr.write("written to stdout\n" if name == "-" else "'%s' saved\n" % name)
    return 0


def main():
    options, headers, urls = parse(sys.argv[1:])
    if not urls:
        sys.stderr.write("BusyBox-like wget of podlab\n\nUsage: " + __doc__ + "\n")
        os._exit(1)
    for url in urls:
        fetch(url, options, headers)
    sys.stderr.flush()
    os._exit(0)


try:
    main()
except KeyboardInterrupt:
    os._exit(130)
except BrokenPipeError:
    os._exit(141)
