"""
The Pod Security Standards: what a Pod spec must not ask for at the levels ``baseline`` and ``restricted``.

Pure. Each check returns nothing, or its reason and the detail behind it, in upstream's words.

Source: pod-security-admission/policy at v0.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from podlab.embedded.api.verbs import strategy
from podlab.pods.raw import RawObject
from podlab.pods.roles import in_spec

Finding = tuple[str, str]
Check = Callable[[RawObject, int], Finding | None]
LATEST = 1000  # newer than any minor version
DEFAULT_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
# Name -> the minor version since which it is allowed.
SYSCTLS = {
    "kernel.shm_rmid_forced": 0, "net.ipv4.ip_local_port_range": 0, "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0, "net.ipv4.ip_unprivileged_port_start": 0, "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29, "net.ipv4.tcp_fin_timeout": 29, "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29, "net.ipv4.tcp_rmem": 32, "net.ipv4.tcp_wmem": 32,
}  # fmt: skip
SELINUX_TYPES = {
    "": 0,
    "container_t": 0,
    "container_init_t": 0,
    "container_kvm_t": 0,
    "container_engine_t": 31,
}
PROFILES = ("RuntimeDefault", "Localhost")
VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


def violations(level: str, minor: int, pod: RawObject) -> list[Finding]:
    """
    Return what a Pod asks for beyond *level* of the standards of v1.*minor*; none for ``privileged``.

    Args:
        pod: A Pod, or the template of Pods: ``metadata`` and ``spec``.
    """
    chosen = [] if level == "privileged" else [c for c in CHECKS if level in c.levels and minor >= c.since]
    found = [check.run(pod if check.whole else pod["spec"], minor) for check in chosen]
    return [one for one in found if one is not None]


def told(findings: Iterable[Finding]) -> str:
    """Findings as a refusal lists them."""
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in findings)


# -- words ---------------------------------------------------------------------------------------------------


def _context(owner: RawObject) -> RawObject:
    return owner.get("securityContext") or {}


def _quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def _named(names: list[str], word: str = "container") -> str:
    return f"{word}{'' if len(names) == 1 else 's'} {_quoted(names)}"


def _setters(pod: bool, names: list[str]) -> str:
    return " and ".join([*(["pod"] if pod else []), *([_named(names)] if names else [])])


def _windows(spec: RawObject, minor: int) -> bool:
    return minor >= 25 and (spec.get("os") or {}).get("name") == "windows"


def _own_users(spec: RawObject, minor: int) -> bool:
    return minor >= 35 and spec.get("hostUsers") is False


# -- baseline ------------------------------------------------------------------------------------------------


def _app_armor(pod: RawObject, _minor: int) -> Finding | None:
    spec = pod["spec"]

    def bad(owner: RawObject) -> str:
        profile = _context(owner).get("appArmorProfile")
        kind = str((profile or {}).get("type", ""))
        return kind if profile is not None and kind not in PROFILES else ""

    names = [c["name"] for c in in_spec(spec) if bad(c)]
    values = sorted({kind for owner in (spec, *in_spec(spec)) if (kind := bad(owner))})
    annotations = _app_armor_annotations(pod)
    if not values and not annotations:
        return None
    setters = [_setters(bool(bad(spec)), names)] if values else []
    if annotations:
        setters.append("annotation" if len(annotations) == 1 else "annotations")
    values += annotations
    reason = "forbidden AppArmor profile" + ("" if len(values) == 1 else "s")
    return reason, f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(values)}"


def _app_armor_annotations(pod: RawObject) -> list[str]:
    """Annotations of before v1.30 that set a profile which is not allowed, as ``key="value"``."""
    found = ((pod.get("metadata") or {}).get("annotations") or {}).items()
    return sorted(
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in found
        if key.startswith(strategy.APP_ARMOR_ANNOTATION)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )


def _capabilities(spec: RawObject, _minor: int) -> Finding | None:
    bad = {c["name"]: added for c in in_spec(spec) if (added := _added(c) - DEFAULT_CAPABILITIES)}
    if not bad:
        return None
    names = _quoted(sorted(set().union(*bad.values())))
    detail = f"{_named(list(bad))} must not include {names} in securityContext.capabilities.add"
    return "non-default capabilities", detail


def _added(container: RawObject) -> set[str]:
    return set((_context(container).get("capabilities") or {}).get("add") or ())


def _host_namespaces(spec: RawObject, _minor: int) -> Finding | None:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return ("host namespaces", ", ".join(found)) if found else None


def _host_paths(spec: RawObject, _minor: int) -> Finding | None:
    names = [v["name"] for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return ("hostPath volumes", _named(names, "volume")) if names else None


def _host_ports(spec: RawObject, _minor: int) -> Finding | None:
    bad = {c["name"]: ports for c in in_spec(spec) if (ports := _ports(c))}
    if not bad:
        return None
    numbers = sorted(set().union(*bad.values()))
    verb, word = "uses" if len(bad) == 1 else "use", "hostPort" if len(numbers) == 1 else "hostPorts"
    return "hostPort", f"{_named(list(bad))} {verb} {word} {', '.join(numbers)}"


def _ports(container: RawObject) -> set[str]:
    return {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}


def _hosts(spec: RawObject, _minor: int) -> Finding | None:
    bad = {c["name"]: hosts for c in in_spec(spec) if (hosts := set(_hosts_of(c)))}
    if not bad:
        return None
    known = sorted(set().union(*bad.values()))
    verb, word = "uses" if len(bad) == 1 else "use", "host" if len(known) == 1 else "hosts"
    return (
        "probe or lifecycle host",
        f"{_named(sorted(bad))} {verb} probe or lifecycle {word} {_quoted(known)}",
    )


def _hosts_of(container: RawObject) -> Iterator[str]:
    handlers = [container.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [(container.get("lifecycle") or {}).get(key) for key in ("postStart", "preStop")]
    for handler in handlers:
        for way in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(way) or {}).get("host")
            if host:
                yield str(host)


def _privileged(spec: RawObject, _minor: int) -> Finding | None:
    names = [c["name"] for c in in_spec(spec) if _context(c).get("privileged")]
    return ("privileged", f"{_named(names)} must not set securityContext.privileged=true") if names else None


def _proc_mount(spec: RawObject, minor: int) -> Finding | None:
    return None if _own_users(spec, minor) else _strict_proc_mount(spec, minor)


def _strict_proc_mount(spec: RawObject, _minor: int) -> Finding | None:
    bad = {
        c["name"]: kind
        for c in in_spec(spec)
        if (kind := _context(c).get("procMount")) not in (None, "Default")
    }
    if not bad:
        return None
    kinds = _quoted(sorted(set(bad.values())))
    return "procMount", f"{_named(list(bad))} must not set securityContext.procMount to {kinds}"


def _selinux(spec: RawObject, minor: int) -> Finding | None:
    allowed = {name for name, since in SELINUX_TYPES.items() if minor >= since}
    faults = {id(owner): _selinux_faults(owner, allowed) for owner in (spec, *in_spec(spec))}
    types = sorted({text for found in faults.values() for text in found[0]})
    data = [f"type{'' if len(types) == 1 else 's'} {_quoted(types)}"] if types else []
    data += [
        f"{word} may not be set"
        for place, word in ((1, "user"), (2, "role"))
        if any(f[place] for f in faults.values())
    ]
    if not data:
        return None
    names = [c["name"] for c in in_spec(spec) if any(faults[id(c)])]
    setters = _setters(any(faults[id(spec)]), names)
    return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def _selinux_faults(owner: RawObject, allowed: set[str]) -> tuple[list[str], bool, bool]:
    options = _context(owner).get("seLinuxOptions")
    if options is None:
        return [], False, False
    kind = options.get("type", "")
    return [] if kind in allowed else [kind], bool(options.get("user")), bool(options.get("role"))


def _seccomp(spec: RawObject, _minor: int) -> Finding | None:
    names = [c["name"] for c in in_spec(spec) if _bad_seccomp(c)]
    values = sorted({kind for owner in (spec, *in_spec(spec)) if (kind := _bad_seccomp(owner))})
    if not values:
        return None
    setters = _setters(bool(_bad_seccomp(spec)), names)
    return (
        "seccompProfile",
        f"{setters} must not set securityContext.seccompProfile.type to {_quoted(values)}",
    )


def _bad_seccomp(owner: RawObject) -> str:
    kind = str((_context(owner).get("seccompProfile") or {}).get("type", ""))
    return "" if kind in PROFILES else kind


def _sysctls(spec: RawObject, minor: int) -> Finding | None:
    names = [one["name"] for one in _context(spec).get("sysctls") or ()]
    bad = [name for name in names if SYSCTLS.get(name, LATEST + 1) > minor]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(spec: RawObject, _minor: int) -> Finding | None:
    def bad(owner: RawObject) -> bool:
        return bool((_context(owner).get("windowsOptions") or {}).get("hostProcess"))

    setters = _setters(bad(spec), [c["name"] for c in in_spec(spec) if bad(c)])
    return (
        ("hostProcess", f"{setters} must not set securityContext.windowsOptions.hostProcess=true")
        if setters
        else None
    )


# -- restricted ----------------------------------------------------------------------------------------------


def _escalation(spec: RawObject, minor: int) -> Finding | None:
    names = [c["name"] for c in in_spec(spec) if _context(c).get("allowPrivilegeEscalation") is not False]
    if not names or _windows(spec, minor):
        return None
    detail = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", detail


def _few_capabilities(spec: RawObject, minor: int) -> Finding | None:
    if _windows(spec, minor):
        return None
    keep = [c["name"] for c in in_spec(spec) if "ALL" not in _dropped(c)]
    adds = {c["name"]: added for c in in_spec(spec) if (added := _added(c) - {"NET_BIND_SERVICE"})}
    details = [f'{_named(keep)} must set securityContext.capabilities.drop=["ALL"]'] if keep else []
    if adds:
        names = _quoted(sorted(set().union(*adds.values())))
        details.append(f"{_named(list(adds))} must not include {names} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(details)) if details else None


def _dropped(container: RawObject) -> list[str]:
    return (_context(container).get("capabilities") or {}).get("drop") or []


def _volume_types(spec: RawObject, _minor: int) -> Finding | None:
    bad = {
        v["name"]: kinds for v in spec.get("volumes") or () if not (kinds := v.keys() - {"name"}) & VOLUMES
    }
    if not bad:
        return None
    kinds = sorted({kind for found in bad.values() for kind in found}) or ["unknown"]
    verb, word = "uses" if len(bad) == 1 else "use", "type" if len(kinds) == 1 else "types"
    detail = f"{_named(list(bad), 'volume')} {verb} restricted volume {word} {_quoted(kinds)}"
    return "restricted volume types", detail


def _non_root(spec: RawObject, minor: int) -> Finding | None:
    if _own_users(spec, minor):
        return None
    of_pod = _context(spec).get("runAsNonRoot")
    stated = {c["name"]: _context(c).get("runAsNonRoot") for c in in_spec(spec)}
    setters = _setters(of_pod is False, [name for name, value in stated.items() if value is False])
    silent = [name for name, value in stated.items() if value is None]
    reason = "runAsNonRoot != true"
    if setters:
        return reason, f"{setters} must not set securityContext.runAsNonRoot=false"
    if silent and not of_pod:
        return reason, f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true"
    return None


def _user_zero(spec: RawObject, minor: int) -> Finding | None:
    names = [c["name"] for c in in_spec(spec) if _context(c).get("runAsUser") == 0]
    setters = _setters(_context(spec).get("runAsUser") == 0, names)
    if not setters or _own_users(spec, minor):
        return None
    return "runAsUser=0", f"{setters} must not set runAsUser=0"


def _some_seccomp(spec: RawObject, minor: int) -> Finding | None:
    bad = _seccomp(spec, minor)
    if bad or _windows(spec, minor):
        return None if _windows(spec, minor) else bad
    silent = [c["name"] for c in in_spec(spec) if _context(c).get("seccompProfile") is None]
    if not silent or _context(spec).get("seccompProfile") is not None:
        return None
    detail = f'pod or {_named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return "seccompProfile", detail


class Rule(NamedTuple):
    """A check, the levels that it belongs to, and the minor version that brought it."""

    run: Check
    levels: tuple[str, ...]
    since: int = 0
    whole: bool = False  # judges the Pod with its metadata, not its spec alone


BOTH, BASELINE, RESTRICTED = ("baseline", "restricted"), ("baseline",), ("restricted",)
# In upstream's order: those of baseline by their ids, then those of restricted.
CHECKS = (
    Rule(_app_armor, BOTH, whole=True),
    Rule(_capabilities, BASELINE),
    Rule(_host_namespaces, BOTH),
    Rule(_host_paths, BASELINE),
    Rule(_host_ports, BOTH),
    Rule(_hosts, BOTH, 34),
    Rule(_privileged, BOTH),
    Rule(_proc_mount, BASELINE),
    Rule(_selinux, BOTH),
    Rule(_seccomp, BASELINE, 19),
    Rule(_sysctls, BOTH),
    Rule(_host_process, BOTH),
    Rule(_escalation, RESTRICTED, 8),
    Rule(_few_capabilities, RESTRICTED, 22),
    Rule(_strict_proc_mount, RESTRICTED),
    Rule(_volume_types, RESTRICTED),
    Rule(_non_root, RESTRICTED),
    Rule(_user_zero, RESTRICTED, 23),
    Rule(_some_seccomp, RESTRICTED, 19),
)
