"""``kubectl auth whoami`` and ``auth can-i``: who holds the token may do everything."""

from __future__ import annotations

from typing import Any

from podlab.embedded.api import fault, writing
from podlab.embedded.api.codec import read_object
from podlab.embedded.api.request import Request, Response, Route

USER = {"username": "podlab-admin", "groups": ["system:masters", "system:authenticated"]}
EVERYTHING: dict[str, dict[str, Any]] = {
    "selfsubjectreviews": {"userInfo": USER},
    "selfsubjectaccessreviews": {"allowed": True, "reason": "the token of this cluster may do everything"},
    "selfsubjectrulesreviews": {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    },
}


async def answer(request: Request, route: Route) -> Response:
    """POST of a review."""
    if request.method != "POST" or route.name:
        raise fault.method_not_allowed()
    obj = writing.typed(request, route.kind, await read_object(request))
    obj["status"] = EVERYTHING[route.kind.resource]
    return writing.answer(request, route.kind, obj, 201)
