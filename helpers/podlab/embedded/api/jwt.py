"""
Tokens of service accounts: signed JWTs with the claims of real ones.

Who holds one is known by name and may read discovery and nothing else: rights come from RBAC, which this
server does not have, and on a real cluster the account ``default`` has none either.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

Object = dict[str, Any]
ISSUER = "https://kubernetes.default.svc.cluster.local"
LONGEST = 8192


def _part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _sign(secret: str, head: str) -> str:
    return _part(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())


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
    return f"{head}.{_sign(secret, head)}"


def user(secret: str, token: str, *, now: float) -> str:
    """The user name in a token that was signed with *secret* and has not expired; empty otherwise."""
    head, _, signature = token.rpartition(".")
    if len(token) > LONGEST or not hmac.compare_digest(_sign(secret, head).encode(), signature.encode()):
        return ""
    text = head.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return str(claims["sub"]) if claims["exp"] > now else ""
