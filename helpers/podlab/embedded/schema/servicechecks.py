"""
Rules for Services: what each type may have, and must.

Source: validateService and what it calls in pkg/apis/core/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats, metachecks
from podlab.embedded.schema.defaults import is_external
from podlab.embedded.schema.endpointchecks import check_address
from podlab.embedded.schema.fielderror import duplicate, forbidden, invalid, required, unsupported
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods.raw import RawObject

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
LONGEST_AFFINITY_S = 86400
FAMILIES = ("IPv4", "IPv6")
POLICIES = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
NOT_FOR_NAMES = "may not be set for ExternalName services"
BALANCERS_ONLY = "may only be used when `type` is 'LoadBalancer'"


def service(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """All of a Service's spec, in upstream's order."""
    kind, headless = spec.get("type", ""), spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and kind != "ExternalName":
        context.add(required(f"{path}.ports"))
    if headless and kind in ("LoadBalancer", "NodePort"):
        text = f"may not be set to 'None' for {kind} services"
        context.add(invalid(f"{path}.clusterIPs[0]", "None", text))
    if kind == "ExternalName":
        _name(context, path, spec)
    _ports(context, f"{path}.ports", spec.get("ports") or [])
    if spec.get("selector") is not None:
        metachecks.labels(context, f"{path}.selector", spec["selector"])
    _affinity(context, path, spec)
    if kind != "ExternalName":
        _addresses(context, path, spec)
    for place, address in enumerate(spec.get("externalIPs") or ()):
        check_address(context, f"{path}.externalIPs[{place}]", address)
    if kind not in TYPES:
        context.add(unsupported(f"{path}.type", kind, TYPES) if kind else required(f"{path}.type"))
    _numbers(context, f"{path}.ports", spec.get("ports") or [], internal=kind == "ClusterIP")
    _balancer(context, path, spec)
    _policies(context, path, spec)


def _name(context: ValidationContext, path: str, spec: RawObject) -> None:
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            context.add(forbidden(f"{path}.{field}", NOT_FOR_NAMES))
    name = str(spec.get("externalName") or "").removesuffix(".")
    step = f"{path}.externalName"
    context.add(
        *([invalid(step, name, text) for text in formats.subdomain(name)] if name else [required(step)])
    )


def _ports(context: ValidationContext, path: str, ports: list[RawObject]) -> None:
    names: set[str] = set()
    for place, port in enumerate(ports):
        name, step = port.get("name") or "", f"{path}[{place}].name"
        if len(ports) > 1 and not name:
            context.add(required(step))
        context.add(*(invalid(step, name, text) for text in formats.label(name) if name))
        if name and name in names:
            context.add(duplicate(step, name))
        names.add(name)
        run(context, "core/v1.ServicePort", f"{path}[{place}]", port)


def _affinity(context: ValidationContext, path: str, spec: RawObject) -> None:
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        step = f"{path}.sessionAffinity"
        context.add(unsupported(step, affinity, ("ClientIP", "None")) if affinity else required(step))
    given = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    seconds = given.get("timeoutSeconds")
    if affinity == "ClientIP" and seconds is not None and not 0 < seconds <= LONGEST_AFFINITY_S:
        text = f"must be greater than 0 and less than {LONGEST_AFFINITY_S}"
        context.add(invalid(f"{path}.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, text))


def _addresses(context: ValidationContext, path: str, spec: RawObject) -> None:
    families, found = spec.get("ipFamilies") or [], spec.get("clusterIPs") or []
    for place, family in enumerate(families):
        if family not in FAMILIES:
            context.add(unsupported(f"{path}.ipFamilies[{place}]", family, FAMILIES))
        if family in families[:place]:
            context.add(duplicate(f"{path}.ipFamilies[{place}]", family))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if spec.get("ipFamilyPolicy") is not None and spec["ipFamilyPolicy"] not in policies:
        context.add(unsupported(f"{path}.ipFamilyPolicy", spec["ipFamilyPolicy"], policies))
    addresses = [(place, address) for place, address in enumerate(found) if address and address != "None"]
    wrong = [
        invalid(f"{path}.clusterIPs[{n}]", address, text)
        for n, address in addresses
        for text in formats.ip(address)
    ]
    context.add(*wrong)
    for place, address in [] if wrong else addresses:
        family = families[place] if place < len(families) else None
        if family in FAMILIES and (":" in address) != (family == "IPv6"):
            text = f"expected an {family} value as indicated by `ipFamilies[{place}]`"
            context.add(invalid(f"{path}.clusterIPs[{place}]", address, text))


def _numbers(context: ValidationContext, path: str, ports: list[RawObject], *, internal: bool) -> None:
    if internal:
        text = "may not be used when `type` is 'ClusterIP'"
        context.add(
            *(
                forbidden(f"{path}[{n}].nodePort", text)
                for n, port in enumerate(ports)
                if port.get("nodePort")
            )
        )
    for name in ("nodePort", "port"):
        seen: set[tuple[Any, Any]] = set()
        for place, port in enumerate(ports):
            key = (port.get("protocol"), port.get(name))
            if key in seen and key[1]:
                shown = {"port": port.get("port"), "protocol": port.get("protocol")}
                step = f"{path}[{place}]"
                context.add(
                    duplicate(f"{step}.nodePort", key[1]) if name == "nodePort" else duplicate(step, shown)
                )
            seen.add(key)


def _balancer(context: ValidationContext, path: str, spec: RawObject) -> None:
    ranges, balanced, step = (
        spec.get("loadBalancerSourceRanges") or [],
        spec.get("type") == "LoadBalancer",
        path,
    )
    if ranges and not balanced:
        context.add(forbidden(f"{step}.LoadBalancerSourceRanges", BALANCERS_ONLY))
    for place, text in enumerate(ranges):
        if not _is_cidr(text.strip()):
            fault = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            context.add(invalid(f"{step}.LoadBalancerSourceRanges[{place}]", text.strip(), fault))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        context.add(forbidden(f"{step}.allocateLoadBalancerNodePorts", BALANCERS_ONLY))


def _is_cidr(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _policies(context: ValidationContext, path: str, spec: RawObject) -> None:
    kind, outer, inner = (
        spec.get("type"),
        spec.get("externalTrafficPolicy"),
        spec.get("internalTrafficPolicy"),
    )
    if outer and not is_external(spec):
        text = "may only be set for externally-accessible services"
        context.add(invalid(f"{path}.externalTrafficPolicy", outer, text))
    elif outer and outer not in POLICIES:
        context.add(unsupported(f"{path}.externalTrafficPolicy", outer, POLICIES))
    if spec.get("healthCheckNodePort") and not (kind == "LoadBalancer" and outer == "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        context.add(invalid(f"{path}.healthCheckNodePort", spec["healthCheckNodePort"], text))
    if inner is not None and inner not in POLICIES:
        context.add(unsupported(f"{path}.internalTrafficPolicy", inner, POLICIES))
    way = spec.get("trafficDistribution")
    if way is not None and way not in DISTRIBUTIONS:
        context.add(unsupported(f"{path}.trafficDistribution", way, DISTRIBUTIONS))


CHECKS: dict[str, Rule] = {"service": service}
