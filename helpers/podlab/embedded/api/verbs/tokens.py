"""``serviceaccounts/NAME/token``: make a token for an account."""

from __future__ import annotations

from podlab.embedded import fault
from podlab.embedded.api.access import jwt
from podlab.embedded.api.http.codec import dumps, read_object
from podlab.embedded.api.http.request import Request, Response
from podlab.embedded.api.registry import Kind
from podlab.embedded.api.services import Services
from podlab.embedded.api.verbs import writing
from podlab.embedded.schema import fielderror
from podlab.embedded.store import timestamp
from podlab.pods.raw import RawObject

SHORTEST_S, LONGEST_S = 600, 1 << 32
REQUEST = {"group": "authentication.k8s.io", "resource": "tokenrequests", "kind": "TokenRequest", "short": [],
           "type": "authentication/v1.TokenRequest"}  # fmt: skip


async def answer(services: Services, request: Request, account: RawObject) -> Response:
    """POST of a TokenRequest."""
    obj = writing.typed(request, Kind(REQUEST), await read_object(request))
    lasts_s = int((obj.get("spec") or {}).get("expirationSeconds") or 3600)
    if not SHORTEST_S <= lasts_s <= LONGEST_S:
        bound = "less than 10 minutes" if lasts_s < SHORTEST_S else "larger than 2^32 seconds"
        why = fielderror.invalid("spec.expirationSeconds", lasts_s, f"may not specify a duration {bound}")
        raise fault.invalid("TokenRequest", "authentication.k8s.io", "", [why])
    now = services.store.clock()
    audiences = (obj.get("spec") or {}).get("audiences") or []
    token = jwt.make(services.tokens[0], account, now=now, lasts_s=lasts_s, audiences=audiences)
    obj["status"] = {"token": token, "expirationTimestamp": timestamp(now + lasts_s)}
    return Response(dumps(obj), 201)
