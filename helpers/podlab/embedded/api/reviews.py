"""``kubectl auth whoami`` and ``auth can-i``: who holds the token may do everything, anybody else nothing."""

from __future__ import annotations

from typing import Any

from podlab.embedded.api import auth, fault, writing
from podlab.embedded.api.codec import read_object
from podlab.embedded.api.request import Request, Response, Route

MINE = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")


def status_of(resource: str, user: str) -> dict[str, Any]:
    """What a review answers: all or nothing, for there are no roles here."""
    everything = user == auth.ADMIN
    if resource == MINE[0]:
        return {"userInfo": {"username": user, "groups": auth.groups_of(user)}}
    if resource == MINE[1]:
        reason = "the token of this cluster may do everything" if everything else ""
        return {"allowed": everything, **({"reason": reason} if reason else {})}
    return {
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            if everything
            else {
                "verbs": ["create"],
                "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
                "resources": list(MINE),
            }
        ],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}] if everything else [],
        "incomplete": False,
    }


async def answer(request: Request, route: Route, user: str) -> Response:
    """POST of a review: everybody may ask about himself."""
    if request.method != "POST" or route.name:
        raise fault.method_not_allowed()
    obj = writing.typed(request, route.kind, await read_object(request))
    obj["status"] = status_of(route.kind.resource, user)
    return writing.answer(request, route.kind, obj, 201)
