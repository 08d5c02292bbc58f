"""
Tokens of service accounts: signed JWTs with the claims of real ones.

Who holds one is known by name; what the account may do is for RBAC to say. A token that was made for a Pod ends
with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from podlab.embedded.store import uid
from podlab.pods.raw import RawObject

ISSUER = "https://kubernetes.default.svc.cluster.local"
LONGEST = 8192
MOUNTED_S, YEAR_S = 3607, 365 * 24 * 3600


def _part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _sign(secret: str, head: str) -> str:
    return _part(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())


def make(
    key: str,
    account: RawObject,
    *,
    now: float,
    lasts_s: int,
    pod: RawObject | None = None,
    secret: RawObject | None = None,
    node: RawObject | None = None,
    audiences: Sequence[str] = (),
) -> str:
    """
    Return a token for *account*, signed with *key* (HS256); without *audiences* it is for the API server.

    Args:
        pod, secret: What the token ends with.
        node: Where that Pod runs; without a Pod, what the token ends with.
    """
    meta = account["metadata"]
    bound: RawObject = {
        "namespace": meta["namespace"],
        "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
    }
    for name, obj in (("pod", pod), ("secret", secret), ("node", node)):
        if obj is not None:
            bound[name] = {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
    claims = {
        "aud": list(audiences) or [ISSUER], "exp": int(now) + lasts_s, "iat": int(now), "iss": ISSUER,
        "jti": uid(), "nbf": int(now),
        "kubernetes.io": bound, "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }  # fmt: skip
    head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{head}.{_sign(key, head)}"


def claims(secret: str, token: str, *, now: float) -> RawObject | None:
    """Return what a token says that was signed with *secret* and has not expired; None otherwise."""
    head, _, signature = token.rpartition(".")
    if len(token) > LONGEST or not hmac.compare_digest(_sign(secret, head).encode(), signature.encode()):
        return None
    text = head.partition(".")[2]
    found: RawObject = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found if found["exp"] > now else None
