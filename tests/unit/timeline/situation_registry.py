"""
A registry that refuses images, each in the way that its name says: ``python situation_registry.py PORT TLS_PORT``.

It runs in the network of a kind node, so that the node's containerd asks it without TLS at 127.0.0.1, and with a
certificate that nobody trusts at the node's own address. ``situation_recorder.py`` starts it.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def index_for_arm() -> bytes:
    """An index whose only image is for another machine."""
    image = {"mediaType": MANIFEST, "size": 2, "digest": "sha256:" + hashlib.sha256(b"{}").hexdigest(),
             "platform": {"os": "linux", "architecture": "s390x"}}  # fmt: skip
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]}).encode()


class Refuses(BaseHTTPRequestHandler):
    """Answers as the distribution specification has it, and as Docker Hub does where that is silent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = "{}:{}".format(*self.connection.getsockname())
        if self.path.startswith("/token"):
            return self._send(200, json.dumps({"token": "t", "access_token": "t"}).encode())
        if "/private/" in self.path:
            asked = (
                f'Bearer realm="http://{address}/token",service="{address}",scope="repository:private:pull"'
            )
            if self.headers.get("Authorization"):
                asked += ',error="insufficient_scope"'
            return self._refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": asked})
        if "/busy/" in self.path:
            return self._refuse(
                429, "TOOMANYREQUESTS", "toomanyrequests: You have reached your pull rate limit"
            )
        if "/arm/" in self.path:
            body = index_for_arm()
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            return self._send(200, body, {"Content-Type": INDEX, "Docker-Content-Digest": digest})
        return self._refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _refuse(self, code: int, word: str, message: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": word, "message": message}]}).encode()
        self._send(code, body, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main(port: int, tls_port: int) -> None:
    """Serve both until the process is ended."""
    plain = ThreadingHTTPServer(("127.0.0.1", port), Refuses)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key"), Path(folder, "certificate")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry.corp", "-days", "2",
             "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    secret = ThreadingHTTPServer(("0.0.0.0", tls_port), Refuses)  # noqa: S104 - the network of a node in a container
    secret.socket = context.wrap_socket(secret.socket, server_side=True)
    print("ready", flush=True)
    secret.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
