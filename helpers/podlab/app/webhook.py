"""The role ``injector``: a mutating admission webhook that brings Pods into the lab's mesh."""

from __future__ import annotations

import argparse
import base64
import json
from typing import Any

from . import injecting
from .journal import Journal
from .life import ProcessLife
from .servers import OK, Request, Response, WebServer, port_of


def injector(options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Answer AdmissionReviews with the patch of ``--template``, over TLS with the certificate in ``--tls``."""
    if options.template is None or options.tls is None:
        raise SystemExit("injector: --template FILE and --tls FOLDER say what is added, and who answers")
    template = json.loads(options.template.read_text())
    form = injecting.OLDER if options.older else injecting.NATIVE

    def respond(request: Request) -> Response:
        if request.method != "POST":
            return OK
        asked = json.loads(request.body)["request"]
        response = answer(asked, template, form)
        journal.say(
            "review",
            operation=asked["operation"],
            kind=asked["kind"]["kind"],
            of=_named(asked["object"]["metadata"]),
            namespace=asked.get("namespace", ""),
            operations=len(json.loads(base64.b64decode(response.get("patch", "W10=")))),
        )
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return Response(json.dumps(body).encode(), content_type="application/json")

    server = WebServer(options.listen, port_of(options, 8443), respond, journal, quiet=True, tls=options.tls)
    journal.say("listening", port=server.port, form=form)
    life.wait()
    server.close()


def _named(meta: dict[str, Any]) -> str:
    return str(meta.get("name") or meta.get("generateName", ""))


def answer(asked: dict[str, Any], template: dict[str, Any], form: str) -> dict[str, Any]:
    """Return the response to one review's request."""
    pod, found = asked["object"], {"uid": asked["uid"], "allowed": True}
    operations = injecting.patch(pod, template, form)
    if not operations:
        return {**found, "warnings": [f"not brought into the mesh: {injecting.why_not(pod)}"]}
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {**found, "patchType": "JSONPatch", "patch": text}
