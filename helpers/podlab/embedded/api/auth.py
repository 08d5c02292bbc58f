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
import time
from collections.abc import Collection

from podlab.embedded.api import jwt as tokens_of_accounts
from podlab.embedded.api.fault import Fault
from podlab.embedded.api.request import Request, Route

ADMIN = "podlab-admin"
MASTERS, AUTHENTICATED = "system:masters", "system:authenticated"
WEBSOCKET_TOKEN = "base64url.bearer.authorization.k8s.io."


def check(headers: dict[str, str], tokens: Collection[str], hosts: Collection[str]) -> str:
    """
    Let the request pass or refuse it.

    Args:
        tokens: What is accepted as bearer token.
        hosts: What is accepted as Host, with port.

    Returns:
        Who asks: ``ADMIN``, or the user name of a service account whose token was made here.

    Raises:
        Fault: 401 without a good token, 403 for a foreign origin or host.
    """
    host = headers.get("host", "")
    if host not in hosts:
        raise Fault(403, f'host "{host[:100]}" is not this server', reason="Forbidden")
    origin = headers.get("origin")
    # The Python client sends its own address as Origin on WebSockets; a page cannot send ours.
    if origin is not None and origin.partition("://")[2] not in hosts:
        raise Fault(403, "requests from web pages of another origin are refused", reason="Forbidden")
    given = bearer(headers)
    matches = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens]
    if any(matches):
        return ADMIN
    account = (
        tokens_of_accounts.user(next(iter(tokens)), given, now=time.time()) if given.count(".") == 2 else ""
    )
    if not account:
        raise Fault(401, "Unauthorized")
    return account


def acting_as(headers: dict[str, str], user: str) -> str:
    """
    Who is meant by ``kubectl --as``: only who may do everything may act as somebody else.

    Raises:
        Fault: 403, for anybody else.
    """
    other = headers.get("impersonate-user", "")
    if not other:
        return user
    if user != ADMIN:
        text = f'users "{other}" is forbidden: User "{user}" cannot impersonate resource "users" in API group "" '
        raise Fault(403, text + "at the cluster scope", details={"name": other, "kind": "users"})
    groups = [group.strip() for group in headers.get("impersonate-group", "").split(",")]
    return ADMIN if other == ADMIN or MASTERS in groups else other


def groups_of(user: str) -> list[str]:
    """The groups of a user that this server knows of."""
    if user == ADMIN:
        return [MASTERS, AUTHENTICATED]
    kind, _, account = user.removeprefix("system:").partition(":")
    if not user.startswith("system:serviceaccount:"):
        return [AUTHENTICATED]
    return [f"system:{kind}s", f"system:{kind}s:{account.partition(':')[0]}", AUTHENTICATED]


def bearer(headers: dict[str, str]) -> str:
    """The bearer token of a request; empty when there is none."""
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


VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def refuse_account(user: str, request: Request, where: Route) -> Fault:
    """What RBAC says to an account without rights: this server knows no other accounts."""
    kind, verb = where.kind, VERBS.get(request.method, request.method.lower())
    if verb == "get" and not where.name:
        verb = "watch" if request.flag("watch") else "list"
    elif verb == "delete" and not where.name:
        verb = "deletecollection"
    resource = f"{kind.resource}/{where.sub}" if where.sub else kind.resource
    scope = f'in the namespace "{where.namespace}"' if where.namespace else "at the cluster scope"
    named = f'{kind.resource} "{where.name}"' if where.name else kind.resource
    text = f'User "{user}" cannot {verb} resource "{resource}" in API group "{kind.group}" {scope}'
    details = {"name": where.name, "group": kind.group, "kind": kind.resource}
    return Fault(403, f"{named} is forbidden: {text}", details=details)
