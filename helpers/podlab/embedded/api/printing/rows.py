"""
Table cells of everything but Pods; the columns they fill are in ``table``.

Source: pkg/printers/internalversion/printers.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded import clock
from podlab.embedded.api.printing.ages import age, epoch, human
from podlab.pods.raw import RawObject

DAEMON_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)
SHOWN = 3  # endpoints named before "+ N more..."
JOB_WORDS = (("Complete", "Complete"), ("Failed", "Failed"))
JOB_WORDS_LATER = (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget"),
                   ("SuccessCriteriaMet", "SuccessCriteriaMet"))  # fmt: skip


def _name(obj: RawObject) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: RawObject) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _pairs(labels: RawObject | None) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "<none>"


def _selector(selector: RawObject | None) -> str:
    """Return a LabelSelector as text, requirements included."""
    parts = [f"{k}={v}" for k, v in sorted(((selector or {}).get("matchLabels") or {}).items())]
    for rule in (selector or {}).get("matchExpressions") or []:
        values = ",".join(sorted(rule.get("values") or []))
        word = {"In": f"{rule['key']} in ({values})", "NotIn": f"{rule['key']} notin ({values})",
                "Exists": rule["key"], "DoesNotExist": f"!{rule['key']}"}  # fmt: skip
        parts.append(word.get(rule["operator"], "<error>"))
    return ",".join(parts) or "<none>"


def _template(obj: RawObject) -> tuple[str, str]:
    containers = obj["spec"]["template"]["spec"].get("containers") or []
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def _more(found: list[str]) -> str:
    if not found:
        return "<unset>"
    rest = len(found) - SHOWN
    return ",".join(found[:SHOWN]) + (f" + {rest} more..." if rest > 0 else "")


def created_at(obj: RawObject) -> list[Any]:
    """Return the columns of a kind without a printer of its own."""
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def event(obj: RawObject) -> list[Any]:
    """LAST SEEN, TYPE, REASON, OBJECT and the rest."""
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = age(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    if obj.get("series"):
        last, count = age(obj["series"].get("lastObservedTime")), obj["series"].get("count", 0)
    regarding, source = obj.get("involvedObject") or {}, obj.get("source") or {}
    target = regarding.get("kind", "").lower()
    if regarding.get("name"):
        target += f"/{regarding['name']}"
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    reporter = f"{component}, {instance}" if instance else component
    message = (obj.get("message") or "").strip()
    shown = [last, obj.get("type", ""), obj.get("reason", ""), target, regarding.get("fieldPath", "")]
    return [*shown, reporter, message, first, count, _name(obj)]


def _port(port: RawObject) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def service(obj: RawObject) -> list[Any]:
    """Return the cells of a Service."""
    spec = obj["spec"]
    addresses = spec.get("clusterIPs") or []
    kind = spec.get("type", "ClusterIP")
    external = ",".join(spec.get("externalIPs") or []) or "<none>"
    if kind == "LoadBalancer" and external == "<none>":
        external = "<pending>"
    if kind == "ExternalName":
        external = spec.get("externalName", "")
    ports = ",".join(_port(p) for p in spec.get("ports") or []) or "<none>"
    address = addresses[0] if addresses else "<none>"
    return [_name(obj), kind, address, external, ports, _age(obj), _pairs(spec.get("selector"))]


def endpoints(obj: RawObject) -> list[Any]:
    """Endpoints."""
    found: list[str] = []
    for subset in obj.get("subsets") or []:
        addresses = [a["ip"] for a in subset.get("addresses") or []]
        ports = subset.get("ports") or []
        found += addresses if not ports else [f"{a}:{p['port']}" for p in ports for a in addresses]
    rest = len(found) - SHOWN
    text = ",".join(found[:SHOWN]) + (f" + {rest} more..." if rest > 0 else "")
    return [_name(obj), text if obj.get("subsets") else "<none>", _age(obj)]


def endpoint_slice(obj: RawObject) -> list[Any]:
    """Return the cells of an EndpointSlice."""
    ports = [str(p.get("port") or p.get("name") or "*") for p in obj.get("ports") or []]
    addresses = [a for e in obj.get("endpoints") or [] for a in e.get("addresses") or []]
    return [_name(obj), obj.get("addressType", ""), _more(ports), _more(addresses), _age(obj)]


def namespace(obj: RawObject) -> list[Any]:
    """Return the cells of a Namespace."""
    return [_name(obj), (obj.get("status") or {}).get("phase", ""), _age(obj)]


def node(obj: RawObject) -> list[Any]:
    """Return the cells of a Node."""
    status = obj.get("status") or {}
    info = status.get("nodeInfo") or {}
    ready = {c["type"]: c["status"] for c in status.get("conditions") or []}.get("Ready")
    words = ["Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"]
    if obj["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(k.removeprefix(prefix) for k in labels if k.startswith(prefix))
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or []}
    kernel = info.get("kernelVersion") or "<unknown>"
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    shown = [
        _name(obj),
        ",".join(words),
        ",".join(roles) or "<none>",
        _age(obj),
        info.get("kubeletVersion", ""),
    ]
    return [*shown, addresses.get("InternalIP", "<none>"), addresses.get("ExternalIP", "<none>"),
            info.get("osImage") or "<unknown>", kernel,
            info.get("containerRuntimeVersion") or "<unknown>"]  # fmt: skip


def config_map(obj: RawObject) -> list[Any]:
    """Return the cells of a ConfigMap."""
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj)]


def secret(obj: RawObject) -> list[Any]:
    """Return the cells of a Secret."""
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or {}), _age(obj)]


def service_account(obj: RawObject) -> list[Any]:
    """Return the cells of a ServiceAccount."""
    return [_name(obj), _age(obj)]


def deployment(obj: RawObject) -> list[Any]:
    """Return the cells of a Deployment."""
    status = obj.get("status") or {}
    names, images = _template(obj)
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj), names, images, _selector(obj["spec"].get("selector"))]


def scale(obj: RawObject) -> list[Any]:
    """Return the scale subresource of a Deployment or ReplicaSet."""
    return [_name(obj), obj["spec"]["replicas"], obj["status"]["replicas"], _age(obj)]


def replica_set(obj: RawObject) -> list[Any]:
    """Return the cells of a ReplicaSet."""
    status = obj.get("status") or {}
    names, images = _template(obj)
    counts = [obj["spec"].get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), names, images, _selector(obj["spec"].get("selector"))]


def replication_controller(obj: RawObject) -> list[Any]:
    """Return the cells of a ReplicationController: those of a ReplicaSet with a plain selector."""
    return [*replica_set(obj)[:-1], _pairs(obj["spec"].get("selector"))]


def daemon_set(obj: RawObject) -> list[Any]:
    """Return the cells of a DaemonSet."""
    status = obj.get("status") or {}
    names, images = _template(obj)
    counts = [status.get(key, 0) for key in DAEMON_COUNTS]
    where = _pairs(obj["spec"]["template"]["spec"].get("nodeSelector"))
    return [_name(obj), *counts, where, _age(obj), names, images, _selector(obj["spec"].get("selector"))]


def _job_word(obj: RawObject) -> str:
    true = {c["type"] for c in (obj.get("status") or {}).get("conditions") or [] if c["status"] == "True"}
    for kind, word in JOB_WORDS:
        if kind in true:
            return word
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for kind, word in JOB_WORDS_LATER:
        if kind in true:
            return word
    return "Running"


def job(obj: RawObject) -> list[Any]:
    """Return the cells of a Job."""

    status, spec = obj.get("status") or {}, obj["spec"]
    done, parallel = status.get("succeeded", 0), spec.get("parallelism") or 0
    wanted = f"1 of {parallel}" if parallel > 1 else "1"
    completions = f"{done}/{spec['completions'] if spec.get('completions') is not None else wanted}"
    duration = ""
    if status.get("startTime"):
        end = epoch(status["completionTime"]) if status.get("completionTime") else clock.now_s()
        duration = human(end - epoch(status["startTime"]))
    names, images = _template(obj)
    selector = _selector(spec.get("selector"))
    return [_name(obj), _job_word(obj), completions, duration, _age(obj), names, images, selector]


def stateful_set(obj: RawObject) -> list[Any]:
    """Return the cells of a StatefulSet."""
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    return [_name(obj), f"{ready}/{obj['spec'].get('replicas', 0)}", _age(obj), *_template(obj)]


def controller_revision(obj: RawObject) -> list[Any]:
    """Return the cells of a ControllerRevision."""
    owner = next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None)
    named = "<none>"
    if owner:
        group = owner["apiVersion"].rpartition("/")[0]
        named = f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"
    return [_name(obj), named, obj["revision"], _age(obj)]


def cron_job(obj: RawObject) -> list[Any]:
    """Return the cells of a CronJob."""
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _template(spec["jobTemplate"])
    last = age(status["lastScheduleTime"]) if status.get("lastScheduleTime") else "<none>"
    shown = [_name(obj), spec["schedule"], spec.get("timeZone") or "<none>", str(bool(spec.get("suspend")))]
    selector = spec["jobTemplate"]["spec"].get("selector")
    rest = [last, _age(obj), names, images, _selector(selector) if selector else "<none>"]
    return [*shown, len(status.get("active") or ()), *rest]


def pod_disruption_budget(obj: RawObject) -> list[Any]:
    """Return the cells of a PodDisruptionBudget."""
    bounds = [obj["spec"].get(key) for key in ("minAvailable", "maxUnavailable")]
    shown = ["N/A" if bound is None else str(bound) for bound in bounds]
    return [_name(obj), *shown, (obj.get("status") or {}).get("disruptionsAllowed", 0), _age(obj)]


def resource_quota(obj: RawObject) -> list[Any]:
    """Return the cells of a ResourceQuota."""
    status = obj.get("status") or {}
    used = status.get("used") or {}
    request: list[str] = []
    limit: list[str] = []
    for name, hard in sorted((status.get("hard") or {}).items()):
        (limit if name.startswith("limits.") else request).append(f"{name}: {used.get(name, '0')}/{hard}")
    return [_name(obj), ", ".join(request), ", ".join(limit), _age(obj)]


def network_policy(obj: RawObject) -> list[Any]:
    """Return the cells of a NetworkPolicy."""
    return [_name(obj), _selector(obj["spec"].get("podSelector")), _age(obj)]


def role_binding(obj: RawObject) -> list[Any]:
    """Return the cells of a RoleBinding or ClusterRoleBinding."""
    named: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        home = f"{subject.get('namespace', '')}/" if subject["kind"] == "ServiceAccount" else ""
        named.setdefault(subject["kind"], []).append(home + subject["name"])
    role = f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"
    shown = [", ".join(named[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [_name(obj), role, _age(obj), *shown]


def lease(obj: RawObject) -> list[Any]:
    """Return the cells of a Lease."""
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity", ""), _age(obj)]
