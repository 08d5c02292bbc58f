"""
Reviews: questions about tokens and rights. They are answered and never stored.

Source: pkg/registry/{authentication,authorization} at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable

from podlab.embedded import fault
from podlab.embedded.api.access import auth, jwt
from podlab.embedded.api.access.rbac import authorizer
from podlab.embedded.api.access.rbac.attributes import Attributes
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import read_object
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.users import User
from podlab.embedded.api.verbs import writing
from podlab.embedded.schema import fielderror
from podlab.pods.raw import RawObject

ASKED = ("verb", "group", "resource", "subresource", "name", "namespace")
RULE_FIELDS = ("verbs", "apiGroups", "resources", "resourceNames")


async def answer(backend: Backend, request: Request, route: Route) -> Response:
    """POST of a review."""
    if request.method != "POST" or route.name or bool(route.namespace) is not route.kind.namespaced:
        raise fault.method_not_allowed()
    obj = writing.typed(request, route.kind, await read_object(request))
    obj["status"] = _ANSWERS[route.kind.resource](backend, request.user, obj, route)
    return writing.answer(request, route.kind, obj, 201)


def _who(_backend: Backend, user: User, _obj: RawObject, _route: Route) -> RawObject:
    return {"userInfo": user.info}


def _token(backend: Backend, _user: User, obj: RawObject, _route: Route) -> RawObject:
    spec = obj.get("spec") or {}
    if not spec.get("token"):
        raise fault.bad_request("token is required for TokenReview in authentication")
    audiences = spec.get("audiences") or [jwt.ISSUER]
    found = auth.holder(spec["token"], backend.tokens, backend.store, audiences)
    if found is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": found.info, "audiences": audiences}


# -- access --------------------------------------------------------------------------------------------------


def _own_access(backend: Backend, user: User, obj: RawObject, _route: Route) -> RawObject:
    return _access(backend, user, obj, _faults(obj["spec"]))


def _access_of(backend: Backend, _user: User, obj: RawObject, route: Route) -> RawObject:
    spec, errors = obj["spec"], _faults(obj["spec"])
    if not spec.get("user") and not spec.get("groups"):
        why = "at least one of user or group must be specified"
        errors.append(fielderror.invalid("spec.user", spec.get("user", ""), why))
    asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if route.namespace and asked != route.namespace:
        why = "must match metadata.namespace"
        errors.append(fielderror.invalid("spec.resourceAttributes.namespace", asked, why))
    user = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
    return _access(backend, user, obj, errors)


def _faults(spec: RawObject) -> list[fielderror.FieldError]:
    of_resource, of_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (of_resource is None) is not (of_path is None):
        return []
    if of_path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        return [fielderror.invalid("spec.nonResourceAttributes", of_path, why)]
    why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    return [fielderror.invalid("spec.resourceAttributes", None, why)]


def _access(backend: Backend, user: User, obj: RawObject, errors: list[fielderror.FieldError]) -> RawObject:
    if errors:
        raise fault.invalid(obj["kind"], "authorization.k8s.io", "", errors)
    spec = obj["spec"]
    if spec.get("nonResourceAttributes") is not None:
        about = spec["nonResourceAttributes"]
        asked = Attributes(about.get("verb", ""), path=about.get("path", "") or "/")
    else:
        asked = Attributes(*(spec["resourceAttributes"].get(key, "") for key in ASKED))
    allowed, reason = authorizer.authorize(backend.store, user, asked)
    return {"allowed": allowed, **({"reason": reason} if reason else {})}


def _own_rules(backend: Backend, user: User, obj: RawObject, _route: Route) -> RawObject:
    namespace = (obj.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise fault.bad_request("no namespace on request")
    found = list(authorizer.rules_of(backend.store, user, namespace))
    rules = [one.rule for one in found if one.rule is not None]
    errors = [one.error for one in found if one.rule is None]
    status: RawObject = {
        "resourceRules": [
            {key: rule[key] for key in RULE_FIELDS if rule.get(key)}
            for rule in rules
            if rule.get("resources")
        ],
        "nonResourceRules": [
            {key: rule[key] for key in ("verbs", "nonResourceURLs")}
            for rule in rules
            if rule.get("nonResourceURLs")
        ],
        "incomplete": False,
    }
    return {**status, "evaluationError": authorizer.aggregate(errors)} if errors else status


_ANSWERS: dict[str, Callable[[Backend, User, RawObject, Route], RawObject]] = {
    "selfsubjectreviews": _who,
    "tokenreviews": _token,
    "selfsubjectaccessreviews": _own_access,
    "subjectaccessreviews": _access_of,
    "localsubjectaccessreviews": _access_of,
    "selfsubjectrulesreviews": _own_rules,
}
