"""
Who may ask: whoever holds the token of this cluster, from a program and not from a web page.

The server listens on loopback only, but every program and every page in a browser on the machine can reach
loopback. So the token is required on every path, also on those that a real server answers to anybody; a
request that a browser sent for a page of another origin is refused even with the token, and a Host header
that is not ours is too (a name that an attacker points at 127.0.0.1 would otherwise make his page "same
origin").
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from podlab.embedded.api import users
from podlab.embedded.api.access import jwt
from podlab.embedded.api.access.rbac import authorizer
from podlab.embedded.api.access.rbac.attributes import Attributes
from podlab.embedded.api.http.request import Request
from podlab.embedded.api.users import ADMIN, User
from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store

WEBSOCKET_TOKEN = "base64url.bearer.authorization.k8s.io."
LEEWAY_S = 60  # so long after its deletion an object that a finalizer holds still vouches for its tokens


def check(headers: dict[str, str], tokens: Collection[str], hosts: Collection[str], store: Store) -> User:
    """
    Let the request pass or refuse it.

    Args:
        tokens: What is accepted as bearer token.
        hosts: What is accepted as Host, with port.
        store: Where the service accounts are.

    Returns:
        Who asks: ``ADMIN``, or the service account whose token was made here.

    Raises:
        StatusError: 401 without a good token, 403 for a foreign origin or host.
    """
    host = headers.get("host", "")
    if host not in hosts:
        raise StatusError(403, f'host "{host[:100]}" is not this server', reason="Forbidden")
    origin = headers.get("origin")
    # The Python client sends its own address as Origin on WebSockets; a page cannot send ours.
    if origin is not None and origin.partition("://")[2] not in hosts:
        raise StatusError(403, "requests from web pages of another origin are refused", reason="Forbidden")
    user = holder(bearer(headers), tokens, store)
    if user is None:
        raise StatusError(401, "Unauthorized")
    return user


def holder(
    given: str, tokens: Collection[str], store: Store, audiences: Collection[str] = (jwt.ISSUER,)
) -> User | None:
    """Return the user of a token; None for a foreign token, or one for other *audiences*."""
    matches = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens]
    if any(matches):
        return ADMIN if jwt.ISSUER in audiences else None
    if given.count(".") != 2:
        return None
    claims = jwt.claims(next(iter(tokens)), given, now=store.clock())
    if claims is None or not set(claims["aud"]) & set(audiences):
        return None
    return _account(claims, store)


def _account(claims: dict[str, Any], store: Store) -> User | None:
    """
    Return the account of a token, as long as it, and the object that the token is bound to, exist.

    Source: ``Validate`` in pkg/serviceaccount/claims.go at v1.36.3.
    """
    bound = claims["kubernetes.io"]
    namespace, account = bound["namespace"], bound["serviceaccount"]
    extra = [("authentication.kubernetes.io/credential-id", f"JTI={claims['jti']}")]
    if not _lives(store, "serviceaccounts", namespace, account):
        return None
    # Of a token that is bound to a Pod the node is information alone.
    kind = next((kind for kind in ("pod", "secret", "node") if kind in bound), None)
    if kind and not _lives(store, f"{kind}s", "" if kind == "node" else namespace, bound[kind]):
        return None
    for kind in ("pod", "node"):
        if kind in bound:
            extra += [
                (f"authentication.kubernetes.io/{kind}-{key}", bound[kind][key]) for key in ("name", "uid")
            ]
    return users.account(namespace, account["name"], uid=account["uid"], extra=tuple(extra))


def _lives(store: Store, resource: str, namespace: str, named: dict[str, str]) -> bool:
    found = store.get(resource, namespace, named["name"])
    if found is None or found["metadata"]["uid"] != named["uid"]:
        return False
    deleted = found["metadata"].get("deletionTimestamp")  # of a Pod: when its grace is over
    return not deleted or datetime.fromisoformat(deleted).timestamp() >= store.clock() - LEEWAY_S


def acting_as(request: Request, user: User, store: Store) -> User:
    """
    Who is meant by ``kubectl --as``; *user* needs the right to impersonate him and each of his groups.

    Source: apiserver/pkg/endpoints/filters/impersonation/impersonation.go at v1.36.3.

    Raises:
        StatusError: 403 without that right, 400 for groups of nobody.
    """
    name, groups = request.headers.get("impersonate-user", ""), request.all("impersonate-group")
    if not name:
        if groups:
            text = f"requested {json.dumps(groups)} without impersonating a user"
            raise StatusError(500, f"Internal Server Error: {text}", reason="InternalError")
        return user
    kind, _, account = name.removeprefix(users.PREFIX).partition(":")
    asked = Attributes("impersonate", "", "users", "", name)
    if name.startswith(users.PREFIX) and account:
        asked = Attributes("impersonate", "", "serviceaccounts", "", account, kind)
    for one in (asked, *(Attributes("impersonate", "", "groups", "", group) for group in groups)):
        authorizer.require(store, user, one)
    if not groups and asked.resource == "serviceaccounts":
        groups = list(users.groups_of_accounts(kind))
    return User(name, tuple(dict.fromkeys((*groups, users.AUTHENTICATED))))


def bearer(headers: dict[str, str]) -> str:
    """Return the bearer token of a request; empty if absent."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    for protocol in headers.get("sec-websocket-protocol", "").split(","):
        if protocol.strip().startswith(WEBSOCKET_TOKEN):
            text = protocol.strip().removeprefix(WEBSOCKET_TOKEN)
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            except ValueError:
                return ""
    return ""
