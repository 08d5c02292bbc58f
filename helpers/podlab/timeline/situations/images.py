"""A container whose image cannot be pulled: a missing pull secret, a wrong name, a registry that does not answer."""

from __future__ import annotations

import re

from podlab.manifests import confusables
from podlab.timeline.events import short
from podlab.timeline.situations.observed import ObservedContainer
from podlab.timeline.situations.table import Details, Situation, hint_for

REASONS = frozenset((
    "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
    "RegistryUnavailable", "SignatureValidationFailed", "ErrImageNeverPullWithCreds",
))  # fmt: skip
# What the runtime says of a pull -> what to try after the name itself.
_PULLS = (
    (r"no match for platform|exec format", "it is not made for the node's kind of machine: use a tag that is"),
    (r"toomanyrequests|\b429\b", "the registry limits how often you may pull: wait, log in, or use a mirror"),
    (r"\b40[13]\b|unauthori[sz]ed|authori[sz]ation failed|access denied|denied:|no basic auth",
     "it is private or not there: give the Pod imagePullSecrets with a right to it"),
    (r"short-name", "write its registry before the name: docker.io/…"),
    (r"lookup ([^\s:]+)[^:]*:", "the node finds no address of its registry {0}"),
    (r"server gave HTTP response to HTTPS|first record does not look like a TLS handshake",
     "its registry speaks HTTP, and the node asks for HTTPS: give the registry a certificate, "
     "or let the node's runtime ask it by HTTP"),
    (r"x509|certificate", "its registry is not trusted by the node"),
    (r"connection refused|i/o timeout|deadline exceeded|connection reset|TLS handshake",
     "its registry does not answer: see whether the node reaches it"),
    (r"not found|manifest unknown|no such (?:image|manifest)|NotFound", "that name or tag is not in its registry"),
    (r"no space left", "the disk of the node is full: free some"),
)  # fmt: skip


def _why(c: ObservedContainer) -> str:
    said = c.message or c.says("Failed", "InspectFailed", "ErrImageNeverPull")
    told = c.says("Failed")
    # "Back-off pulling image" says nothing of the cause, which the Event of the try before it names.
    if "ErrImagePull" not in said and c.reason == "ImagePullBackOff" and told.startswith("Failed to pull"):
        return f"{said}: {told}"
    return said


def _named(c: ObservedContainer) -> dict[str, str]:
    """Whose image it is, and its name: that of a volume of the container, where the message names that one."""
    own, said = str(c.spec.get("image") or "?"), _why(c)
    mounted = {mount.get("name") for mount in c.spec.get("volumeMounts") or ()}
    for volume in c.of.spec.get("volumes") or ():
        reference = (volume.get("image") or {}).get("reference")
        if (
            reference
            and volume.get("name") in mounted
            and f'"{reference}"' in said
            and f'"{own}"' not in said
        ):
            return {"name": f"the volume {volume['name']}", "image": reference, "policy": "pullPolicy"}
    return {"name": c.name, "image": own, "policy": "imagePullPolicy"}


def _no_secret(c: ObservedContainer) -> Details | None:
    said = c.of.says("FailedToRetrieveImagePullSecret") if c.reason in REASONS else ""
    if not said:
        return None
    names = re.search(r"\(([^)]*)\)", said)
    what = f"the Secret {names[1]}" if names else "the pull secret"
    return {"at": c.standing, "reason": c.reason, "said": short(said, 200), "why": short(_why(c)), "secret": what,
            **_named(c)}  # fmt: skip


def _never(c: ObservedContainer) -> Details | None:
    return _facts(c) if c.reason == "ErrImageNeverPull" else None


def _bad_name(c: ObservedContainer) -> Details | None:
    if c.reason != "InvalidImageName":
        return None
    facts = _facts(c)
    quotes = confusables.quotes_in(facts["image"])
    return {**facts, "hint": f"; {quotes}" if quotes else ""}


def _pulled(c: ObservedContainer) -> Details | None:
    if c.reason not in REASONS:
        return None
    hint = hint_for(_why(c), _PULLS, otherwise="", any_case=True)
    return {**_facts(c), "hint": f"; {hint}" if hint else ""}


def _facts(c: ObservedContainer) -> dict[str, str]:
    return {"at": c.standing, "reason": c.reason, "why": short(_why(c)), **_named(c)}


TABLE: tuple[Situation[ObservedContainer], ...] = (
    Situation(
        "a pull secret that is not there", _no_secret,
        "{at}: {reason}", "{said}; {why}",
        "create {secret} in this namespace, then check the image name of {name}: {image}",
    ),
    Situation(
        "an image that may not be pulled", _never,
        "{at}: {reason}", "{why}",
        "take {policy}: Never away, or load the image: podlab images --load {image}",
    ),
    Situation(
        "a name that no image can have", _bad_name,
        "{at}: {reason}", "{why}", "check the image name of {name}: {image}{hint}",
    ),
    Situation(
        "an image that cannot be pulled", _pulled,
        "{at}: {reason}", "{why}", "check the image name of {name}: {image}{hint}",
    ),
)  # fmt: skip
