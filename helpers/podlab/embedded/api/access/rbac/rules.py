"""
Whether a PolicyRule allows a request, and whether some rules cover others.

Pure. Source: pkg/apis/rbac/v1/evaluation_helpers.go, pkg/registry/rbac/validation/policy_compact.go and
component-helpers/auth/rbac/validation/policy_comparator.go at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from podlab.embedded.api.access.rbac.attributes import Attributes

Rule = dict[str, Any]
FIELDS = (("APIGroups", "apiGroups"), ("Resources", "resources"), ("NonResourceURLs", "nonResourceURLs"),
          ("ResourceNames", "resourceNames"), ("Verbs", "verbs"))  # fmt: skip


def allows(rule: Rule, asked: Attributes) -> bool:
    """True when one rule is enough for a request."""
    if not _has(rule, "verbs", asked.verb):
        return False
    if asked.path:
        return any(_path_matches(path, asked.path) for path in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule, "apiGroups", asked.group)
        and _resource_matches(rule.get("resources") or (), asked.whole_resource, asked.sub)
        and (not names or asked.name in names)
    )


def _has(rule: Rule, field: str, value: str) -> bool:
    found = rule.get(field) or ()
    return "*" in found or value in found


def _resource_matches(resources: Sequence[str], whole: str, sub: str) -> bool:
    return "*" in resources or whole in resources or bool(sub and f"*/{sub}" in resources)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in ("*", path):
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


def missing(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """Those parts of *wanted* that *held* does not cover, as rules of one verb and one resource each."""
    parts = [part for rule in wanted for part in _parts(rule)]
    return [part for part in parts if not any(_covers(rule, part) for rule in held)]


def _parts(rule: Rule) -> Iterator[Rule]:
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield {"nonResourceURLs": [url], "verbs": [verb]}
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames")
                yield from [{**part, "resourceNames": [name]} for name in names] if names else [part]


def _covers(rule: Rule, part: Rule) -> bool:
    if not _has(rule, "verbs", part["verbs"][0]):
        return False
    if "nonResourceURLs" in part:
        return any(
            _path_matches(path, part["nonResourceURLs"][0]) for path in rule.get("nonResourceURLs") or ()
        )
    resource = part["resources"][0]
    names, wanted = rule.get("resourceNames"), part.get("resourceNames")
    return (
        _has(rule, "apiGroups", part["apiGroups"][0])
        and _resource_matches(rule.get("resources") or (), resource, resource.partition("/")[2])
        and (not names or bool(wanted and wanted[0] in names))
    )


def described(parts: Sequence[Rule]) -> list[str]:
    """Rules as a refusal lists them: those that differ by verb alone are joined, all are sorted."""
    joined: dict[str, Rule] = {}
    for part in parts:
        key = json.dumps({k: v for k, v in part.items() if k != "verbs" or "nonResourceURLs" in part})
        known = joined.setdefault(key, {**part, "verbs": []})
        known["verbs"] = [*known["verbs"], *part["verbs"]]
    return sorted(_text(rule) for rule in joined.values())


def _text(rule: Rule) -> str:
    shown = [f"{label}:{go_list(rule[field])}" for label, field in FIELDS if rule.get(field)]
    return "{" + ", ".join(shown) + "}"


def go_list(values: Iterable[str]) -> str:
    """Strings as Go prints a slice of them with ``%q``."""
    return "[" + " ".join(json.dumps(value, ensure_ascii=False) for value in values) + "]"
