"""``serviceaccounts/NAME/token``: make a token for an account."""

from __future__ import annotations

from podlab.embedded import fault
from podlab.embedded.api.access import jwt
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import dumps, read_object
from podlab.embedded.api.http.request import Request, Response
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import writing
from podlab.embedded.schema import fielderror
from podlab.embedded.store import timestamp
from podlab.pods.raw import RawObject

SHORTEST_S, LONGEST_S = 600, 1 << 32
REQUEST = {"group": "authentication.k8s.io", "resource": "tokenrequests", "kind": "TokenRequest", "short": [],
           "type": "authentication/v1.TokenRequest"}  # fmt: skip


async def answer(backend: Backend, request: Request, account: RawObject) -> Response:
    """
    POST of a TokenRequest.

    Source: ``TokenREST.Create`` of pkg/registry/core/serviceaccount/storage/token.go at v1.36.3.

    Raises:
        StatusError: 404 for an object to bind to that is not there, 409 for one of another uid, 400 for another kind.
    """
    obj = writing.typed(request, Kind(REQUEST), await read_object(request))
    meta, spec = account["metadata"], obj.setdefault("spec", {})
    _same_account(obj.get("metadata") or {}, meta)
    lasts_s = int(spec.setdefault("expirationSeconds", 3600))
    if not SHORTEST_S <= lasts_s <= LONGEST_S:
        bound = "less than 10 minutes" if lasts_s < SHORTEST_S else "larger than 2^32 seconds"
        why = fielderror.invalid("spec.expirationSeconds", lasts_s, f"may not specify a duration {bound}")
        raise fault.invalid("TokenRequest", "authentication.k8s.io", "", [why])
    now = backend.store.clock()
    audiences = spec.get("audiences") or [jwt.ISSUER]
    bound_to = _bound_to(backend, account, spec.get("boundObjectRef") or {})
    token = jwt.make(backend.tokens[0], account, now=now, lasts_s=lasts_s, audiences=audiences, **bound_to)
    obj["metadata"] = {key: meta[key] for key in ("name", "namespace", "uid")}
    obj["metadata"]["creationTimestamp"] = timestamp(now)
    spec |= {"audiences": audiences, "boundObjectRef": spec.get("boundObjectRef")}
    obj["status"] = {"token": token, "expirationTimestamp": timestamp(now + lasts_s)}
    return Response(dumps(obj), 201)


def _same_account(asked: RawObject, meta: RawObject) -> None:
    """Refuse a body that names another account than the path."""
    for key in ("name", "namespace"):
        if asked.get(key) and asked[key] != meta[key]:
            text = f"must match the service account {key} if specified"
            why = fielderror.invalid(f"metadata.{key}", asked[key], text)
            raise fault.invalid("TokenRequest", "authentication.k8s.io", meta["name"], [why])
    if asked.get("uid") and asked["uid"] != meta["uid"]:
        text = f"the UID in the token request ({asked['uid']}) does not match the UID of the service account "
        raise fault.conflict("TokenRequest", "authentication.k8s.io", meta["name"], f"{text}({meta['uid']})")


def _bound_to(backend: Backend, account: RawObject, ref: RawObject) -> dict[str, RawObject]:
    """Return the object that ends the token, by its argument of ``jwt.make``; with a Pod, its node too."""
    if not ref:
        return {}
    kind, version, name = ref.get("kind") or "", ref.get("apiVersion") or "", ref.get("name") or ""
    if "/" in version or kind not in ("Pod", "Secret", "Node"):
        group, _, version = version.rpartition("/")
        raise fault.bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    resource = f"{kind.lower()}s"
    found = backend.store.get(resource, "" if kind == "Node" else account["metadata"]["namespace"], name)
    if found is None:
        raise fault.not_found(resource, "", name)
    if kind == "Pod" and found["spec"].get("serviceAccountName") != account["metadata"]["name"]:
        text = f'cannot bind token for serviceaccount "{account["metadata"]["name"]}" to pod running with different'
        raise fault.bad_request(f"{text} serviceaccount name.")
    if ref.get("uid") and ref["uid"] != found["metadata"]["uid"]:
        text = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
        raise fault.conflict(
            resource, "", name, f"{text}The object might have been deleted and then recreated"
        )
    bound = {kind.lower(): found}
    if kind == "Pod" and (node := backend.store.get("nodes", "", found["spec"].get("nodeName") or "")):
        bound["node"] = node
    return bound
