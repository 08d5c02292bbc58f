"""
Rules for the webhooks of a configuration.

Source: pkg/apis/admissionregistration/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import duplicate, invalid, required, unsupported
from podlab.embedded.schema.walk import ValidationContext
from podlab.pods.raw import RawObject

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
POLICIES = ("Fail", "Ignore")
EFFECTS = ("None", "NoneOnDryRun")


def webhooks(context: ValidationContext, _path: str, configuration: RawObject, _argument: Any) -> None:
    """Names, rules, policies and where each is called."""
    seen = set()
    for place, hook in enumerate(configuration.get("webhooks") or ()):
        path, name = f"webhooks[{place}]", hook.get("name", "")
        _name(context, f"{path}.name", name)
        if name in seen:
            context.add(duplicate(f"{path}.name", name))
        seen.add(name)
        _one(context, path, hook)


def _name(context: ValidationContext, path: str, name: str) -> None:
    if not name:
        context.add(required(path, ""))
        return
    context.add(*(invalid(path, name, text) for text in formats.subdomain(name)))
    if name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        context.add(invalid(path, name, text))


def _one(context: ValidationContext, path: str, hook: RawObject) -> None:
    for place, rule in enumerate(hook.get("rules") or ()):
        _rule(context, f"{path}.rules[{place}]", rule)
    if hook.get("failurePolicy") not in POLICIES:
        context.add(unsupported(f"{path}.failurePolicy", hook.get("failurePolicy"), POLICIES))
    if "sideEffects" not in hook or hook["sideEffects"] is None:
        context.add(required(f"{path}.sideEffects", f"must specify one of {', '.join(EFFECTS)}"))
    elif hook["sideEffects"] not in EFFECTS:
        context.add(unsupported(f"{path}.sideEffects", hook["sideEffects"], EFFECTS))
    if not 1 <= hook.get("timeoutSeconds", 0) <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        context.add(invalid(f"{path}.timeoutSeconds", hook.get("timeoutSeconds"), text))
    _versions(context, f"{path}.admissionReviewVersions", hook.get("admissionReviewVersions") or [])
    _client(context, f"{path}.clientConfig", hook.get("clientConfig") or {})


def _rule(context: ValidationContext, path: str, rule: RawObject) -> None:
    if not rule.get("operations"):
        context.add(required(f"{path}.operations", ""))
    for place, one in enumerate(rule.get("operations") or ()):
        if one not in OPERATIONS:
            context.add(unsupported(f"{path}.operations[{place}]", one, OPERATIONS))
    for field in ("apiGroups", "apiVersions", "resources"):
        if not rule.get(field):
            context.add(required(f"{path}.{field}", ""))


def _versions(context: ValidationContext, path: str, versions: list[str]) -> None:
    if not versions:
        context.add(required(path, "must specify one of v1, v1beta1"))
    elif "v1" not in versions and "v1beta1" not in versions:
        text = "must include at least one of v1, v1beta1"
        context.add(invalid(path, versions, text))


def _client(context: ValidationContext, path: str, client: RawObject) -> None:
    service, url = client.get("service"), client.get("url")
    if (service is None) == (url is None):
        context.add(required(path, "exactly one of url or service is required"))
    elif service is not None:
        for field in ("name", "namespace"):
            if not service.get(field):
                context.add(required(f"{path}.service.{field}", f"service {field} is required"))


CHECKS = {check.__name__: check for check in (webhooks,)}
