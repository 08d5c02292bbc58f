"""
The OpenAPI documents: what ``kubectl explain`` prints and ``kubectl apply`` validates by.

They are upstream's own, cut to the resources served, kept compressed and sent as they lie on disk to clients
that take gzip. The hash in the index is part of the path, so clients may keep a document for ever.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib

from podlab.embedded.api.http.request import Request, Response
from podlab.embedded.fault import no_such_path
from podlab.embedded.schema.typetable import DATA, VERSION

FOLDER = os.path.join(DATA, "openapi")
_index: dict[str, str] = {}


PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def answer_v2(request: Request) -> Response:
    """
    ``/openapi/v2``: a valid document that describes nothing.

    kubectl asks for it when version 3 does not know a kind, and says "no matches for kind" only when it has read it.
    """
    if "protobuf" in request.headers.get("accept", ""):
        return Response(_message(1, b"2.0") + _message(2, _message(1, b"Kubernetes") + _message(2, VERSION.encode())),
                        kind=PROTOBUF_V2)  # fmt: skip
    info = {"title": "Kubernetes", "version": VERSION}
    return Response(json.dumps({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}).encode())


def _message(number: int, data: bytes) -> bytes:
    """One field of a protobuf message: text or a message of less than 128 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def _load_index() -> dict[str, str]:
    """Group version path -> hash of its document."""
    if not _index:
        for file in sorted(os.listdir(FOLDER)):
            _index[file.removesuffix(".json.gz").replace("__", "/")] = f"{zlib.crc32(_bytes(file)):08X}"
    return _index


def _bytes(file: str) -> bytes:
    with open(os.path.join(FOLDER, file), "rb") as handle:
        return handle.read()


def answer(request: Request) -> Response:
    """``/openapi/v3`` and the documents below it."""
    path = request.path.removeprefix("/openapi/v3").strip("/")
    index = _load_index()
    if not path:
        paths = {
            name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"} for name, digest in index.items()
        }
        return Response(json.dumps({"paths": paths}).encode())
    if path not in index:
        raise no_such_path()
    data = _bytes(path.replace("/", "__") + ".json.gz")
    headers: tuple[tuple[str, str], ...] = (("etag", f'"{index[path]}"'), ("vary", "accept-encoding"))
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(data, headers=(*headers, ("content-encoding", "gzip")))
    return Response(gzip.decompress(data), headers=headers)
