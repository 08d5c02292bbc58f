"""
The attributes of a request, in the terms of RBAC: verb, API group, resource, name and namespace; or verb and path.

Source: apiserver/pkg/endpoints/request/requestinfo.go and handlers/responsewriters/errors.go at v1.36.3.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from podlab.embedded.api.http.request import Request
from podlab.embedded.api.users import User
from podlab.embedded.fault import StatusError

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NAMESPACE_SUBRESOURCES = ("status", "finalize")
HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Attributes(NamedTuple):
    """A request to be judged. ``path`` is set for requests that are not about a resource."""

    verb: str
    group: str = ""
    resource: str = ""
    sub: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""

    @property
    def whole_resource(self) -> str:
        """``pods/log`` for a subresource."""
        return f"{self.resource}/{self.sub}" if self.sub else self.resource


def of(request: Request) -> Attributes:
    """
    Return the attributes of an HTTP request, whether or not its path leads anywhere.

    The path is taken apart as ``route`` does it: whatever one of them left out, such as an empty part, would be judged
    as another request than is answered.
    """
    parts = request.path.strip("/").split("/")
    if parts[:1] == ["api"] and len(parts) > 2:
        return _of_resource(request, "", parts[2:])
    if parts[:1] == ["apis"] and len(parts) > 3:
        return _of_resource(request, parts[1], parts[3:])
    return Attributes(request.method.lower(), path=request.path)


def _of_resource(request: Request, group: str, parts: list[str]) -> Attributes:
    namespace = parts[1] if parts[0] == "namespaces" and len(parts) > 1 else ""
    if namespace and len(parts) > 2 and parts[2] not in NAMESPACE_SUBRESOURCES:
        parts = parts[2:]
    resource, name, sub = [*parts, "", ""][:3]
    verb = VERBS.get(request.method, "")
    if not name and verb == "get":
        verb = "watch" if request.flag("watch") else "list"
        name = _one_name(request)
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(verb, group, resource, sub, name, namespace)


def _one_name(request: Request) -> str:
    """A list of the object with one name asks for that object alone: ``kubectl wait job/x`` lists so."""
    for term in request.one("fieldSelector").split(","):
        field, _, value = term.partition("=")
        if field.strip() == "metadata.name":
            return value.strip("= ")
    return ""


def refusal(user: User, asked: Attributes, reason: str = "") -> StatusError:
    """403, in upstream's words."""
    named = json.dumps(user.name, ensure_ascii=False)
    if asked.path:
        text = f"User {named} cannot {asked.verb} path {json.dumps(asked.path)}".translate(HTML)
        return StatusError(403, f"forbidden: {text}{_because(reason)}", details={})
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    group = f'in API group "{asked.group}"'
    text = f'User {named} cannot {asked.verb} resource "{asked.whole_resource}" {group} {scope}'.translate(
        HTML
    )
    kind = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    subject = f'{kind} "{asked.name}"' if asked.name else kind
    return StatusError(403, f"{subject} is forbidden: {text}{_because(reason)}", details=details)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
