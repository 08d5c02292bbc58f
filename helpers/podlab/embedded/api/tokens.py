"""
``serviceaccounts/NAME/token``: a token in the form that Pods expect.

It is a signed JWT with the claims of a real one, and it opens nothing: on a real cluster an account without
rights may ask almost nothing either, and rights come from RBAC, which this server does not have.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from podlab.embedded.api import writing
from podlab.embedded.api.codec import dumps, read_object
from podlab.embedded.api.registry import Kind
from podlab.embedded.api.request import Request, Response
from podlab.embedded.store import timestamp

if TYPE_CHECKING:
    from podlab.embedded.api.app import App

Object = dict[str, Any]
ISSUER = "https://kubernetes.default.svc.cluster.local"
REQUEST = {"group": "authentication.k8s.io", "resource": "tokenrequests", "kind": "TokenRequest", "short": [],
           "type": "authentication/v1.TokenRequest"}  # fmt: skip


def _part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def make(secret: str, account: Object, *, now: float, lasts_s: int, pod: Object | None = None) -> str:
    """A token for *account*, signed with *secret* (HS256)."""
    meta = account["metadata"]
    bound: Object = {
        "namespace": meta["namespace"],
        "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
    }
    if pod is not None:
        bound["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    claims = {
        "aud": [ISSUER], "exp": int(now) + lasts_s, "iat": int(now), "iss": ISSUER, "nbf": int(now),
        "kubernetes.io": bound, "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }  # fmt: skip
    head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{head}.{_part(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"


async def answer(app: App, request: Request, account: Object) -> Response:
    """POST of a TokenRequest."""
    kind = Kind(REQUEST)
    obj = writing.typed(request, kind, await read_object(request))
    lasts_s = int((obj.get("spec") or {}).get("expirationSeconds") or 3600)
    now = app.store.clock()
    token = make(app.tokens[0], account, now=now, lasts_s=lasts_s)
    obj["status"] = {"token": token, "expirationTimestamp": timestamp(now + lasts_s)}
    return Response(dumps(obj), 201)
