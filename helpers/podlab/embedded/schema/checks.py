"""Rules that look at several fields at once; named in ``rules.json``, called by ``validation``."""

from __future__ import annotations

import re
from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
    unsupported,
)
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
NAME_RULES = {"subdomain": formats.subdomain, "label": formats.label, "label1035": formats.label1035,
              "path_segment": formats.path_segment}  # fmt: skip
STRATEGIES = ("Recreate", "RollingUpdate")
SYSCTL_SEGMENT = r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
SYSCTL = rf"({SYSCTL_SEGMENT}[\./])*{SYSCTL_SEGMENT}"
SYSCTL_LENGTH = 253
RESTARTS = ("Always", "Never", "OnFailure")
# Volume sources in upstream's order, with the path that it prints for a second one.
VOLUMES = ("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
           "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
           "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
           "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral", "image")  # fmt: skip
MISSPELT = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}
SOURCE_TYPES = {
    "configMap": "core/v1.ConfigMapVolumeSource",
    "secret": "core/v1.SecretVolumeSource",
    "emptyDir": "core/v1.EmptyDirVolumeSource",
    "hostPath": "core/v1.HostPathVolumeSource",
    "image": "core/v1.ImageVolumeSource",
    "downwardAPI": "core/v1.DownwardAPIVolumeSource",
    "projected": "core/v1.ProjectedVolumeSource",
    "persistentVolumeClaim": "core/v1.PersistentVolumeClaimVolumeSource",
}
HANDLERS = {
    "exec": "core/v1.ExecAction",
    "httpGet": "core/v1.HTTPGetAction",
    "tcpSocket": "core/v1.TCPSocketAction",
    "grpc": "core/v1.GRPCAction",
    "sleep": "core/v1.SleepAction",
}
FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
          "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")  # fmt: skip


def meta(context: ValidationContext, _path: str, obj: RawObject, rule: Any) -> None:
    """ObjectMeta of a whole object."""
    found = obj.get("metadata") or {}
    if found.get("generateName"):
        test = (
            found["generateName"].rstrip("-") if rule != "subdomain" else found["generateName"].rstrip("-.")
        )
        context.add(
            *(invalid("metadata.generateName", found["generateName"], t) for t in NAME_RULES[rule](test))
        )
    if not found.get("name"):
        context.add(required("metadata.name", "name or generateName is required"))
    else:
        context.add(*(invalid("metadata.name", found["name"], t) for t in NAME_RULES[rule](found["name"])))
    labels(context, "metadata.labels", found.get("labels") or {})
    annotation_keys(context, "metadata.annotations", found.get("annotations") or {})


def template_meta(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Labels and annotations of a Pod template, which upstream names without their ``metadata``."""
    step = path.removesuffix(".metadata")
    labels(context, f"{step}.labels", value.get("labels") or {})
    annotation_keys(context, f"{step}.annotations", value.get("annotations") or {})


def labels(context: ValidationContext, path: str, value: RawObject) -> None:
    """Keys and values of labels."""
    for key, text in sorted(value.items()):
        context.add(*(invalid(path, key, message) for message in formats.qualified(key)))
        context.add(*(invalid(path, text, message) for message in formats.label_value(text)))


def annotation_keys(context: ValidationContext, path: str, value: RawObject) -> None:
    """Keys of annotations, and their size."""
    for key in sorted(value):
        context.add(*(invalid(path, key, message) for message in formats.qualified(key.lower())))
    if sum(len(k.encode()) + len(v.encode()) for k, v in value.items()) > 256 * 1024:
        context.add(FieldError("FieldValueTooLong", path, "Too long: may not be more than 262144 bytes"))


def no_ephemeral(context: ValidationContext, _path: str, pod: RawObject, _argument: Any) -> None:
    """Ephemeral containers come later, by their subresource."""
    if pod["spec"].get("ephemeralContainers"):
        context.add(forbidden("spec.ephemeralContainers", "cannot be set on create"))


def no_ephemeral_template(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """Templates have none."""
    if spec.get("ephemeralContainers"):
        context.add(
            forbidden(f"{path}.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )


# -- containers ----------------------------------------------------------------------------------------------


def containers(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """The regular containers."""
    if not value:
        context.add(required(path))
    seen: set[str] = set()
    for place, container in enumerate(value or []):
        step = f"{path}[{place}]"
        run(context, "core/v1.Container", step, container)
        if container.get("name", "") in seen:
            context.add(duplicate(f"{step}.name", container.get("name", "")))
        seen.add(container.get("name", ""))
        run(context, "core/v1.Container+long", step, container)
        _restart_rules(context, step, container)
    context.regular = seen


def init_containers(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """The init containers, sidecars among them."""
    seen: set[str] = set(context.regular)
    for place, container in enumerate(value):
        step = f"{path}[{place}]"
        run(context, "core/v1.Container", step, container)
        _restart_rules(context, step, container)
        name = container.get("name", "")
        if name in seen:
            context.add(duplicate(f"{step}.name", name))
        elif name:
            seen.add(name)
        sidecar = roles.is_sidecar(container)
        run(context, f"core/v1.Container+{'long' if sidecar else 'short'}", step, container)


def _restart_rules(context: ValidationContext, path: str, container: RawObject) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None:
        if rules:
            text = "must specify restartPolicy when restart rules are used"
            context.add(required(f"{path}.restartPolicy", text))
            if not path.startswith("spec.containers"):
                return
        else:
            return
    elif policy not in RESTARTS:
        context.add(unsupported(f"{path}.restartPolicy", policy, RESTARTS))
    if len(rules) > 20:
        text = f"Too many: {len(rules)}: must have at most 20 items"
        context.add(FieldError("FieldValueTooMany", f"{path}.restartPolicyRules", text))
    for place, rule in enumerate(rules):
        step = f"{path}.restartPolicyRules[{place}]"
        if rule.get("action") not in ("Restart", "RestartAllContainers"):
            context.add(
                unsupported(f"{step}.action", rule.get("action", ""), ("Restart", "RestartAllContainers"))
            )
        codes = rule.get("exitCodes")
        if codes is None:
            context.add(required(f"{step}.exitCodes", "must be specified"))
        elif codes.get("operator") not in ("In", "NotIn"):
            context.add(unsupported(f"{step}.exitCodes.operator", codes.get("operator", ""), ("In", "NotIn")))


def volume_mounts(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Mounts name volumes that exist, at paths of their own."""
    seen: set[str] = set()
    for place, mount in enumerate(value):
        step = f"{path}[{place}]"
        if not mount.get("name"):
            context.add(required(f"{step}.name"))
        if mount.get("name") not in context.volumes:
            context.add(not_found(f"{step}.name", mount.get("name", "")))
        where = mount.get("mountPath", "")
        if not where:
            context.add(required(f"{step}.mountPath"))
        if where in seen:
            context.add(invalid(f"{step}.mountPath", where, "must be unique"))
        seen.add(where)
        for key in ("subPath", "subPathExpr"):
            if mount.get(key):
                context.add(
                    *(invalid(f"{path}.{key}", mount[key], t) for t in formats.descending(mount[key]))
                )
        if mount.get("subPath") and mount.get("subPathExpr"):
            text = "subPathExpr and subPath are mutually exclusive"
            context.add(invalid(f"{step}.subPathExpr", mount["subPathExpr"], text))


def resources(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Amounts are not negative, requests not above limits."""
    limits = value.get("limits") or {}
    for key in ("limits", "requests"):
        for name, amount in sorted((value.get(key) or {}).items()):
            step = f"{path}.{key}[{name}]"
            if (
                name not in ("cpu", "memory", "ephemeral-storage")
                and "/" not in name
                and (not name.startswith("hugepages-"))
            ):
                context.add(invalid(step, name, "must be a standard resource type or fully qualified"))
                context.add(invalid(step, name, "must be a standard resource for containers"))
            if quantity.nanos(amount) < 0:
                context.add(invalid(step, amount, "must be greater than or equal to 0"))
            if key == "requests" and name in limits and quantity.nanos(amount) > quantity.nanos(limits[name]):
                text = f"must be less than or equal to {name} limit of {limits[name]}"
                context.add(invalid(f"{path}.requests", amount, text))


# -- environment ---------------------------------------------------------------------------------------------


def value_from(context: ValidationContext, path: str, variable: RawObject, _argument: Any) -> None:
    """One source, and no value beside it."""
    source = variable.get("valueFrom")
    if source is None:
        return
    step = f"{path}.valueFrom"
    given = [name for name in SOURCES if source.get(name) is not None]
    if "fileKeyRef" in given:
        run(context, "core/v1.FileKeySelector", f"{step}.fileKeyRef", source["fileKeyRef"])
    for name, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if name in given:
            run(context, f"core/v1.{kind}KeySelector", f"{step}.{name}", source[name])
    if "fieldRef" in given:
        _field_ref(context, f"{step}.fieldRef", source["fieldRef"])
    if not given:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        context.add(invalid(step, "", text))
    elif variable.get("value"):
        context.add(invalid(step, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        context.add(invalid(step, "", "may not have more than one field specified at a time"))


def _field_ref(context: ValidationContext, path: str, value: RawObject) -> None:
    where = value.get("fieldPath", "")
    subscripted = where.endswith("']") and where.startswith(("metadata.labels['", "metadata.annotations['"))
    if not where:
        context.add(required(f"{path}.fieldPath"))
    elif where.split(".")[0] not in ("metadata", "spec", "status") or (
        where not in FIELDS and not subscripted
    ):
        text = f"error converting fieldPath: field label not supported: {where}"
        context.add(invalid(f"{path}.fieldPath", where, text))


def file_keys(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """Files of variables lie in emptyDirs."""
    sources = {volume.get("name"): volume for volume in spec.get("volumes") or []}
    for group in (roles.INIT, roles.APP):
        for place, container in enumerate(spec.get(group) or []):
            for number, variable in enumerate(container.get("env") or []):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                name = reference.get("volumeName", "")
                step = f"{path}.{group}[{place}].env[{number}].valueFrom.fileKeyRef.volumeName"
                if name not in sources:
                    context.add(not_found(step, name))
                elif sources[name].get("emptyDir") is None:
                    context.add(invalid(step, name, "referenced volume must be of type emptyDir"))


def hostname_override(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """An override stands alone."""
    override, step = spec.get("hostnameOverride"), f"{path}.hostnameOverride"
    if override is None:
        return
    if spec.get("setHostnameAsFQDN"):
        context.add(forbidden(step, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        context.add(forbidden(step, "may not be specified when hostNetwork is true"))
    if len(override) > 64:
        context.add(FieldError("FieldValueTooLong", step, "Too long: may not be more than 64 bytes"))
    context.add(*(invalid(step, override, text) for text in formats.subdomain(override)))


def env_from(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """One source for a whole set of variables."""
    given = [key for key in ("configMapRef", "secretRef") if value.get(key) is not None]
    for key in given:
        run(
            context,
            f"core/v1.{'ConfigMap' if key == 'configMapRef' else 'Secret'}EnvSource",
            f"{path}.{key}",
            value[key],
        )
    if not given:
        context.add(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        context.add(invalid(path, "", "may not have more than one field specified at a time"))


# -- volumes, handlers ---------------------------------------------------------------------------------------


def volumes(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Each volume has a name of its own and one source; bad ones do not count for mounts."""
    for place, volume in enumerate(value):
        step, before = f"{path}[{place}]", len(context.errors)
        given = [name for name in VOLUMES if volume.get(name) is not None]
        for position, name in enumerate(given):
            if position:
                context.add(
                    forbidden(f"{step}.{MISSPELT.get(name, name)}", "may not specify more than 1 volume type")
                )
            elif name in SOURCE_TYPES:
                run(context, SOURCE_TYPES[name], f"{step}.{name}", volume[name])
        name = volume.get("name", "")
        if not name:
            context.add(required(f"{step}.name"))
        else:
            context.add(*(invalid(f"{step}.name", name, text) for text in formats.label(name)))
        if name in context.volumes:
            context.add(duplicate(f"{step}.name", name))
        if len(context.errors) == before:
            context.volumes.add(name)


def handler(context: ValidationContext, path: str, value: RawObject, kinds: Any) -> None:
    """Exactly one way to probe or to act."""
    given = [name for name in kinds if value.get(name) is not None]
    for position, name in enumerate(given):
        if position:
            context.add(forbidden(f"{path}.{name}", "may not specify more than 1 handler type"))
        else:
            run(context, HANDLERS[name], f"{path}.{name}", value[name])
    if not given:
        context.add(required(path, "must specify a handler type"))


def sleep(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """A sleep hook fits into the grace period."""
    seconds, grace = value.get("seconds", 0), context.grace
    if grace is not None and not 0 <= seconds <= grace:
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        context.add(invalid(path, seconds, text))


def toleration(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """Operator and value go together."""
    operator = value.get("operator") or "Equal"
    if not value.get("key") and operator != "Exists":
        text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        context.add(invalid(f"{path}.operator", operator, text))
    if operator == "Exists" and value.get("value"):
        text = "value must be empty when `operator` is 'Exists'"
        context.add(invalid(f"{path}.operator", value, text))
    if operator in ("Lt", "Gt"):  # TaintTolerationComparisonOperators, off in the release
        context.add(unsupported(f"{path}.operator", operator, ("Equal", "Exists", "Lt", "Gt")))
    elif operator not in ("Equal", "Exists"):
        context.add(unsupported(f"{path}.operator", operator, ("Equal", "Exists")))
    effect = value.get("effect")
    if effect and effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        context.add(unsupported(f"{path}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute")))


def sysctls(context: ValidationContext, path: str, value: Any, _argument: Any) -> None:
    """Names of kernel parameters; whether a node allows them is decided there."""
    seen = set()
    for index, given in enumerate(value or ()):
        name, field = given.get("name") or "", f"{path}[{index}].name"
        if not name:
            context.add(required(field))
        elif len(name) > SYSCTL_LENGTH or not re.fullmatch(SYSCTL, name):
            text = f"must have at most {SYSCTL_LENGTH} characters and match regex ^{SYSCTL}$"
            context.add(invalid(field, name, text))
        elif name in seen:
            context.add(duplicate(field, name))
        seen.add(name)


# -- other kinds ---------------------------------------------------------------------------------------------


def service_ports(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """There are some, unless the Service has no address of its own; several need names."""
    value, path = spec.get("ports") or [], f"{path}.ports"
    if not value and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        context.add(required(path))
    for place, port in enumerate(value):
        if len(value) > 1 and not port.get("name"):
            context.add(required(f"{path}[{place}].name"))
    seen: set[tuple[Any, ...]] = set()
    for place, port in enumerate(value):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            context.add(
                duplicate(f"{path}[{place}]", {"port": port.get("port"), "protocol": port.get("protocol")})
            )
        seen.add(key)


def always(context: ValidationContext, path: str, template: RawObject, kind: Any) -> None:
    """Pods of a workload restart always and have no deadline."""
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        context.add(unsupported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        named = "ReplicaSet" if kind == "Deployment" else kind
        text = f"activeDeadlineSeconds in {named} is not Supported"
        context.add(forbidden(f"{path}.spec.activeDeadlineSeconds", text))


def progress_deadline(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A rollout must be able to make progress before its deadline."""
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        context.add(
            invalid(f"{path}.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )


def recreate(context: ValidationContext, path: str, value: RawObject, _argument: Any) -> None:
    """The strategy is one of two, and Recreate has nothing to roll."""
    if value.get("type") not in STRATEGIES:
        shown = {"Type": value.get("type"), "RollingUpdate": value.get("rollingUpdate")}
        context.add(unsupported(path, shown, STRATEGIES))
    if value.get("type") == "Recreate" and value.get("rollingUpdate") is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        context.add(forbidden(f"{path}.rollingUpdate", text))
    elif value.get("type") == "RollingUpdate":
        _rolling_update(context, f"{path}.rollingUpdate", value.get("rollingUpdate") or {})


def _rolling_update(context: ValidationContext, path: str, value: RawObject) -> None:
    given = {name: value.get(name, "25%") for name in ("maxUnavailable", "maxSurge")}
    for name, amount in given.items():
        if isinstance(amount, str):
            context.add(*(invalid(f"{path}.{name}", amount, text) for text in formats.percent(amount)))
        elif amount < 0:
            context.add(invalid(f"{path}.{name}", amount, "must be greater than or equal to 0"))
    most = given["maxUnavailable"]
    if not any(_amount(amount) for amount in given.values()):
        context.add(invalid(f"{path}.maxUnavailable", most, "may not be 0 when `maxSurge` is 0"))
    if isinstance(most, str) and not formats.percent(most) and _amount(most) > 100:
        context.add(invalid(f"{path}.maxUnavailable", most, "must not be greater than 100%"))


def _amount(value: int | str) -> int:
    """A number, or that of a percentage; 0 for a text that is neither."""
    if isinstance(value, int):
        return value
    return 0 if formats.percent(value) else int(value[:-1][:18])


def job_restart(context: ValidationContext, path: str, template: RawObject, _argument: Any) -> None:
    """Pods of a Job end some time."""
    policy = (template or {}).get("spec", {}).get("restartPolicy", "")
    step = f"{path}.spec.restartPolicy"
    if policy in ("Always", ""):
        context.add(required(step, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        context.add(unsupported(step, policy, ("OnFailure", "Never")))


_EVENT_LONGEST = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}


def event(context: ValidationContext, _path: str, obj: RawObject, kind: Any) -> None:
    """
    An Event, as ``v1`` spells it: it lies in the namespace of what it is about, and one with an eventTime says who
    reported what.

    Source: pkg/apis/core/validation/events.go at v1.36.3.
    """
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    namespace, core = obj["metadata"].get("namespace", ""), kind == "core/v1.Event"
    if obj.get("eventTime"):
        fits = bool(about) or namespace in ("default", "kube-system")
    else:
        fits = namespace == (about or "default")
    if not fits:
        context.add(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if obj.get("eventTime"):
        _event_reporter(context, obj, "reportingComponent" if core else "reportingController")
    if core and not obj["metadata"].get("name"):
        context.add(required("metadata.name", "name or generateName is required"))


def _event_reporter(context: ValidationContext, obj: RawObject, reporter: str) -> None:
    name = obj.get("reportingComponent", "")
    if not name:
        context.add(required(reporter))
    context.add(*(invalid(reporter, name, text) for text in formats.qualified(name)))
    for field, longest in _EVENT_LONGEST.items():
        text = obj.get(field) or ""
        if not text and field != "message":
            context.add(required(field))
        if len(text.encode()) > longest:
            context.add(invalid(field, "", f"can have at most {longest} characters"))


def new_event(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """Check the additional fields that events.k8s.io requires of a new Event."""
    if not obj.get("eventTime"):
        context.add(required("eventTime"))
    if obj.get("type") not in ("Normal", "Warning"):
        context.add(invalid("type", "", f"has invalid value: {obj.get('type') or ''}"))
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if obj.get(field):
            context.add(invalid(field, "", "needs to be unset"))


CHECKS: dict[str, Rule] = {
    check.__name__: check
    for check in (
        meta, template_meta, no_ephemeral, no_ephemeral_template, containers, init_containers, volume_mounts,
        resources, value_from, file_keys, hostname_override,
        env_from, volumes, handler, sleep, toleration, sysctls, service_ports, always,
        progress_deadline, recreate, job_restart, event, new_event,
    )
}  # fmt: skip
