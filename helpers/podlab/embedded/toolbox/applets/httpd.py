"""httpd [-f] [-v] [-p [ADDRESS:]PORT] [-h FOLDER]: serve files; in the background unless -f"""

import os
import sys

arguments, port, address, home = sys.argv[1:], 80, "0.0.0.0", "."
foreground = verbose = False
while arguments:
    word = arguments.pop(0)
    if word.startswith("-p"):
        value = word[2:] or arguments.pop(0)
        address, _colon, number = value.rpartition(":")
        address, port = address or "0.0.0.0", int(number)
    elif word.startswith("-h"):
        home = word[2:] or arguments.pop(0)
    else:
        foreground = foreground or "f" in word
        verbose = verbose or "v" in word

from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer  # noqa: E402


class Handler(SimpleHTTPRequestHandler):
    """Files below the folder, as busybox serves them: no listings, silent unless -v."""

    protocol_version = "HTTP/1.1"

    def log_message(self, form, *values):
        if verbose:
            sys.stderr.write("%s: %s\n" % (self.client_address[0], form % values))

    def list_directory(self, path):
        self.send_error(404)


try:
    os.chdir(home)
    server = ThreadingHTTPServer((address, port), Handler)
except OSError as error:
    sys.stderr.write(
        "httpd: %s: %s\n" % ("bind" if os.path.isdir(home) else home, os.strerror(error.errno or 0))
    )
    sys.exit(1)
if not foreground and os.fork():
    os._exit(0)
server.serve_forever()
