"""
The AdmissionReview of a new object, and what a webhook's answer means. Pure.

Source: apiserver/pkg/admission/plugin/webhook/{request,mutating,errors} at v1.36.3.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from podlab.embedded.api.resources import Kind
from podlab.embedded.api.users import User
from podlab.embedded.api.verbs import patching
from podlab.embedded.fault import StatusError
from podlab.pods.raw import RawObject

API = "admission.k8s.io/v1"


class AnswerError(Exception):
    """A webhook's answer cannot be used; the text says why. ``failurePolicy`` decides what becomes of the request."""


def of_new(kind: Kind, obj: RawObject, user: User, *, uid: str, dry: bool) -> RawObject:
    """Return the review that asks about a new object."""
    meta = obj["metadata"]
    of_kind = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    resource = {"group": kind.group, "version": kind.version, "resource": kind.resource}
    request = {
        "uid": uid,
        "kind": of_kind,
        "resource": resource,
        "requestKind": of_kind,
        "requestResource": resource,
        "name": meta.get("name", ""),
        "namespace": meta.get("namespace", ""),
        "operation": "CREATE",
        "userInfo": user.info,
        "object": obj,
        "oldObject": None,
        "dryRun": dry,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return {
        "kind": "AdmissionReview",
        "apiVersion": API,
        "request": {key: value for key, value in request.items() if value != ""},
    }


def response(body: bytes, uid: str) -> RawObject:
    """
    Return the response in an answered review.

    Raises:
        AnswerError: It is no review, or the answer to another one.
    """
    try:
        review = json.loads(body)
    except ValueError as error:
        raise AnswerError(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise AnswerError("expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview")
    answer = review.get("response")
    if not isinstance(answer, dict):
        raise AnswerError("webhook response is missing")
    if answer.get("uid") != uid:
        raise AnswerError(f'expected response.uid="{uid}", got "{answer.get("uid", "")}"')
    return answer


def refusal(hook: str, answer: RawObject) -> StatusError | None:
    """Return an answer as a refusal; None if it allows the object."""
    if answer.get("allowed"):
        return None
    status = answer.get("status") or {}
    why = status.get("message") or status.get("reason")
    text = f'admission webhook "{hook}" denied the request'
    return StatusError(
        int(status.get("code") or 403), f"{text}: {why}" if why else f"{text} without explanation"
    )


def patched(obj: RawObject, answer: RawObject) -> Any:
    """
    Return the object as the answer's patch leaves it, not yet decoded.

    Raises:
        AnswerError: The patch is of another kind, cannot be read, or does not fit.
    """
    patch = answer.get("patch")
    if not patch:
        return obj
    if answer.get("patchType") != "JSONPatch":
        raise AnswerError(f'unsupported patch type "{answer.get("patchType", "")}"')
    try:
        return patching.json_patch(obj, json.loads(base64.b64decode(patch, validate=True)))
    except (binascii.Error, ValueError, patching.PatchError) as error:
        raise AnswerError(f"the patch cannot be applied: {error}") from None
