"""Templates and the Pods made from them: hash, Pod, availability, order of deletion."""

from __future__ import annotations

import json
import zlib

from podlab.embedded.controllers.objects import condition, reference_to, seconds
from podlab.pods.phase import is_ready
from podlab.pods.raw import RawObject

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: RawObject) -> str:
    """Return ten letters and digits, the same for the same template."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    number = zlib.crc32(text) << 16 | zlib.adler32(text) & 0xFFFF
    letters = []
    for _ in range(10):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def available_in(pod: RawObject, min_ready_s: int, now: float) -> float | None:
    """Return the seconds until a Pod counts as available: 0 if it does now, None while it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    since = seconds(found.get("lastTransitionTime"))
    return max(0.0, since + min_ready_s - now) if min_ready_s else 0.0


def expendable(pod: RawObject) -> tuple[bool, int, bool, float]:
    """Return a sort key; the Pods to delete first come first: unscheduled, pending, not ready, youngest."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    phase = phases.get(str((pod.get("status") or {}).get("phase")), 0)
    return (
        bool(pod["spec"].get("nodeName")),
        phase,
        is_ready(pod),
        -seconds(pod["metadata"]["creationTimestamp"]),
    )


def pod_from(template: RawObject, owner: RawObject, prefix: str) -> RawObject:
    """Return a Pod made from *template* for *owner*; *prefix* becomes ``generateName``."""
    meta = template.get("metadata") or {}
    made: RawObject = {
        "generateName": prefix,
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(meta.get("labels") or {}),
        "ownerReferences": [reference_to(owner)],
    }
    if meta.get("annotations"):
        made["annotations"] = dict(meta["annotations"])
    if meta.get("finalizers"):
        made["finalizers"] = list(meta["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}
