"""Requests that an API server refuses, or accepts with a remark: the corpus behind ``refusals.json``."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def container(**fields: Any) -> Object:
    """A container that is right but for *fields*."""
    return {"name": "c", "image": "busybox:1.36", **fields}


def pod(spec: Object | None = None, meta: Object | None = None, **fields: Any) -> Object:
    """A Pod with one container that is right but for what is given."""
    base = {"containers": [container()]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", **(meta or {})},
        "spec": {**base, **(spec or {})},
        **fields,
    }


def one(**fields: Any) -> Object:
    """A Pod whose only container has *fields*."""
    return pod({"containers": [container(**fields)]})


def init(**fields: Any) -> Object:
    """A Pod with one init container that has *fields*."""
    return pod({"initContainers": [container(name="i", **fields)]})


def probe(**fields: Any) -> Object:
    """A probe that is right but for *fields*."""
    return {"exec": {"command": ["true"]}, **fields}


POD = "/api/v1/namespaces/default/pods"
PODS: dict[str, Object] = {
    "no containers": pod({"containers": []}),
    "containers is an object": pod({"containers": {}}),
    "no name": {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [container()]}},
    "bad name": pod(meta={"name": "A_b"}),
    "container without name": pod({"containers": [{"image": "x:1"}]}),
    "container without image": pod({"containers": [{"name": "c"}]}),
    "init without image": pod({"initContainers": [{"name": "i"}]}),
    "container name in capitals": one(name="A_b"),
    "container name too long": one(name="a" * 64),
    "two containers of one name": pod({"containers": [container(), container()]}),
    "init and app of one name": pod({"initContainers": [container()]}),
    "restartPolicy in small letters": pod({"restartPolicy": "always"}),
    "restartPolicy is a number": pod({"restartPolicy": 5}),
    "init restartPolicy in small letters": init(restartPolicy="always"),
    "app restartPolicy wrong": one(restartPolicy="Sometimes"),
    "restart rules without policy": one(
        restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
    ),
    "restart rule without codes": one(restartPolicy="Never", restartPolicyRules=[{"action": "Restart"}]),
    "restart rule with a wrong action": one(
        restartPolicy="Never",
        restartPolicyRules=[{"action": "Explode", "exitCodes": {"operator": "Some", "values": [1]}}],
    ),
    "mount of an unknown volume": one(volumeMounts=[{"name": "data", "mountPath": "/d"}]),
    "two mounts at one path": pod({
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [container(volumeMounts=[{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}])],
    }),
    "mount without path": pod({"volumes": [{"name": "v"}], "containers": [container(volumeMounts=[{"name": "v"}])]}),
    "two volumes of one name": pod({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]}),
    "volume with two sources": pod({"volumes": [{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]}),
    "volume with a bad name": pod({"volumes": [{"name": "V_", "emptyDir": {}}]}),
    "configMap volume without name": pod({"volumes": [{"name": "v", "configMap": {}}]}),
    "secret volume without name": pod({"volumes": [{"name": "v", "secret": {}}]}),
    "bad volume that is mounted": pod({
        "volumes": [{"name": "v", "secret": {}}],
        "containers": [container(volumeMounts=[{"name": "v", "mountPath": "/x"}])],
    }),
    "plain init with a liveness probe": init(livenessProbe=probe()),
    "plain init with a readiness probe": init(readinessProbe=probe()),
    "plain init with a startup probe": init(startupProbe=probe()),
    "plain init with hooks": init(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
    "sidecar with a liveness threshold of 2": init(restartPolicy="Always", livenessProbe=probe(successThreshold=2)),
    "liveness threshold of 2": one(livenessProbe=probe(successThreshold=2)),
    "startup threshold of 2": one(startupProbe=probe(successThreshold=2)),
    "readiness probe with a grace": one(readinessProbe=probe(terminationGracePeriodSeconds=5)),
    "liveness probe with a grace of 0": one(livenessProbe=probe(terminationGracePeriodSeconds=0)),
    "probe without a handler": one(livenessProbe={"periodSeconds": 1}),
    "probe with two handlers": one(livenessProbe=probe(tcpSocket={"port": 80})),
    "probe without a command": one(livenessProbe={"exec": {}}),
    "probe with negative numbers": one(
        livenessProbe=probe(initialDelaySeconds=-1, timeoutSeconds=-1, periodSeconds=-1, failureThreshold=-1)
    ),
    "http probe at port 0": one(livenessProbe={"httpGet": {"port": 0}}),
    "http probe at a bad port name": one(livenessProbe={"httpGet": {"port": "UPPER_CASE_NAME_TOO_LONG"}}),
    "http probe with a bad scheme": one(livenessProbe={"httpGet": {"port": 80, "scheme": "ftp"}}),
    "hook without a handler": one(lifecycle={"preStop": {}}),
    "sleep longer than the grace": one(lifecycle={"preStop": {"sleep": {"seconds": 40}}}),
    "sleep of less than nothing": one(lifecycle={"preStop": {"sleep": {"seconds": -1}}}),
    "request above limit": one(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
    "memory request above limit": one(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
    "negative limit": one(resources={"limits": {"cpu": "-1"}}),
    "quantity that is none": one(resources={"limits": {"cpu": "much"}}),
    "unknown resource": one(resources={"limits": {"gold": "1"}}),
    "deadline of 0": pod({"activeDeadlineSeconds": 0}),
    "ephemeral containers at create": pod({"ephemeralContainers": [container(name="e")]}),
    "env with value and source": one(
        env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    ),
    "env with two sources": one(env=[{"name": "A", "valueFrom": {
        "fieldRef": {"fieldPath": "metadata.name"}, "configMapKeyRef": {"name": "c", "key": "k"}}}]),
    "env without a source": one(env=[{"name": "A", "valueFrom": {}}]),
    "env without a name": one(env=[{"value": "1"}]),
    "env name with an equals sign": one(env=[{"name": "A=B", "value": "1"}]),
    "env from an unknown field": one(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.color"}}}]),
    "env key reference without key": one(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c"}}}]),
    "env is an object": one(env={"A": "1"}),
    "env value is a number": one(env=[{"name": "A", "value": 1}]),
    "env value is a bool": one(env=[{"name": "A", "value": True}]),
    "command is a string": one(command="sleep 1"),
    "args hold a number": one(args=["sleep", 1]),
    "port is text": one(ports=[{"containerPort": "http"}]),
    "port is too high": one(ports=[{"containerPort": 70000}]),
    "port is missing": one(ports=[{"name": "http"}]),
    "port name is bad": one(ports=[{"name": "Not_A_Port_Name_At_All", "containerPort": 80}]),
    "two ports of one name": one(ports=[{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}]),
    "port protocol is bad": one(ports=[{"containerPort": 80, "protocol": "ICMP"}]),
    "pull policy is bad": one(imagePullPolicy="Sometimes"),
    "message policy is bad": one(terminationMessagePolicy="Nowhere"),
    "dns policy is bad": pod({"dnsPolicy": "Magic"}),
    "label key is bad": pod(meta={"labels": {"a b": "c"}}),
    "label value is bad": pod(meta={"labels": {"a": "b c"}}),
    "label value is a number": pod(meta={"labels": {"a": 1}}),
    "annotation key is bad": pod(meta={"annotations": {"a b": "c"}}),
    "grace is text": pod({"terminationGracePeriodSeconds": "30"}),
    "grace is a fraction": pod({"terminationGracePeriodSeconds": 1.5}),
    "hostname is bad": pod({"hostname": "Not A Host"}),
    "account is unknown": pod({"serviceAccountName": "nobody"}),
    "tolerations are bad": pod({"tolerations": [{"operator": "Maybe", "key": "a", "effect": "Vanish"}]}),
    "metadata is a list": {"apiVersion": "v1", "kind": "Pod", "metadata": [], "spec": {}},
    "spec is a list": pod() | {"spec": []},
    "spec is missing": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}},
    "kind is another": pod() | {"kind": "Service"},
    "kind is unknown": pod() | {"kind": "Spaceship"},
    "version is another": pod() | {"apiVersion": "v2"},
    "namespace is another": pod(meta={"namespace": "kube-public"}),
    "resourceVersion at create": pod(meta={"resourceVersion": "1"}),
    "time that is none": pod(meta={"creationTimestamp": "yesterday"}),
    "unknown field": pod({"colour": "blue"}),
    "unknown fields": one(colour="blue", probes=[]) | {"extra": 1},
    "sysctl of the network of the host": pod({"hostNetwork": True, "securityContext": {
        "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}, {"name": "kernel.sem", "value": "1"}]}}),
    "sysctl of the memory of the host": pod({"hostIPC": True, "securityContext": {
        "sysctls": [{"name": "kernel/shm_rmid_forced", "value": "1"}]}}),
    "windows options for linux": pod({
        "os": {"name": "linux"}, "securityContext": {"windowsOptions": {"runAsUserName": "x"}},
        "containers": [container(securityContext={"windowsOptions": {"runAsUserName": "x"}})]}),
    "fields of linux for windows": pod({
        "os": {"name": "windows"}, "hostPID": True, "securityContext": {"fsGroup": 2, "runAsUser": 1},
        "containers": [container(securityContext={"runAsUser": 1, "privileged": False})]}),
    "unknown system": pod({"os": {"name": "beos"}}),
    "system without a name": pod({"os": {"name": ""}}),
    "several faults": pod({
        "restartPolicy": "x", "containers": [container(name="A"), {"name": "b"}],
        "volumes": [{"name": "v"}, {"name": "v"}],
    }),
}  # fmt: skip

DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {
        "selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [container()]}},
    },
}
JOB: Object = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "j"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}},
}
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"ports": [{"port": 80}]},
}


def changed(base: Object, **spec: Any) -> Object:
    """*base* with other fields in its spec; None takes one away."""
    merged = {k: v for k, v in {**base["spec"], **spec}.items() if v is not None}
    return {**base, "spec": merged}


def named(kind: str, **fields: Any) -> Object:
    """A core object named ``x``."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **fields}


DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
SERVICES = "/api/v1/namespaces/default/services"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TEMPLATE = DEPLOYMENT["spec"]["template"]
OTHERS: dict[str, tuple[str, Object]] = {
    "deployment without selector": (DEPLOYMENTS, changed(DEPLOYMENT, selector=None)),
    "deployment with an empty selector": (DEPLOYMENTS, changed(DEPLOYMENT, selector={})),
    "deployment whose selector does not match": (
        DEPLOYMENTS, changed(DEPLOYMENT, selector={"matchLabels": {"app": "x"}})),
    "deployment without template": (DEPLOYMENTS, changed(DEPLOYMENT, template=None)),
    "deployment with negative replicas": (DEPLOYMENTS, changed(DEPLOYMENT, replicas=-1)),
    "deployment with text for replicas": (DEPLOYMENTS, changed(DEPLOYMENT, replicas="3")),
    "deployment of Pods that never restart": (DEPLOYMENTS, changed(DEPLOYMENT, template={
        **TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}})),
    "deployment with a bad strategy": (DEPLOYMENTS, changed(DEPLOYMENT, strategy={"type": "Magic"})),
    "deployment with recreate and rolling": (DEPLOYMENTS, changed(DEPLOYMENT, strategy={
        "type": "Recreate", "rollingUpdate": {"maxSurge": 1}})),
    "deployment whose container has no image": (DEPLOYMENTS, changed(DEPLOYMENT, template={
        **TEMPLATE, "spec": {"containers": [{"name": "c"}]}})),
    "job that restarts always": (JOBS, changed(JOB, template={"spec": {"containers": [container()]}})),
    "job with a bad policy": (JOBS, changed(JOB, template={
        "spec": {"restartPolicy": "x", "containers": [container()]}})),
    "job with negative numbers": (JOBS, changed(JOB, completions=-1, parallelism=-1, backoffLimit=-1)),
    "service without ports": (SERVICES, {**SERVICE, "spec": {}}),
    "service with two ports without names": (SERVICES, changed(SERVICE, ports=[{"port": 80}, {"port": 81}])),
    "service at port 0": (SERVICES, changed(SERVICE, ports=[{"port": 0}])),
    "service with a bad type": (SERVICES, changed(SERVICE, type="Magic")),
    "service with a bad name": (SERVICES, {**SERVICE, "metadata": {"name": "1s"}}),
    "service with a bad address": (SERVICES, changed(SERVICE, clusterIP="192.168.1.1")),
    "config map with a bad key": (CONFIGMAPS, named("ConfigMap", data={"a b": "c"})),
    "config map with a number": (CONFIGMAPS, named("ConfigMap", data={"a": 1})),
    "secret that is not base64": ("/api/v1/namespaces/default/secrets", named("Secret", data={"a": "%%%"})),
    "namespace with a bad name": ("/api/v1/namespaces", {**named("Namespace"), "metadata": {"name": "A.b"}}),
    "pod in a namespace that is not there": ("/api/v1/namespaces/nowhere/pods", pod()),
    "path that leads nowhere": ("/api/v1/namespaces/default/spaceships", pod()),
}  # fmt: skip


# -- templates: the same faults in every kind that has one ----------------------------------------------------


def _workload(group: str, kind: str, plural: str, **spec: Any) -> tuple[str, Object]:
    version = f"{group}/v1" if group else "v1"
    path = f"/{'apis' if group else 'api'}/{version}/namespaces/default/{plural}"
    return path, {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


SELECTOR: Object = {"matchLabels": {"app": "d"}}
LASTING: Object = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [container()]}}
ENDING: Object = {"spec": {"restartPolicy": "Never", "containers": [container()]}}
WORKLOADS: dict[str, tuple[str, Object]] = {
    "deployment": _workload("apps", "Deployment", "deployments", selector=SELECTOR, template=LASTING),
    "replica set": _workload("apps", "ReplicaSet", "replicasets", selector=SELECTOR, template=LASTING),
    "daemon set": _workload("apps", "DaemonSet", "daemonsets", selector=SELECTOR, template=LASTING),
    "stateful set": _workload("apps", "StatefulSet", "statefulsets", selector=SELECTOR, template=LASTING,
                              serviceName="d"),
    "replication controller": _workload("", "ReplicationController", "replicationcontrollers", selector={"app": "d"},
                                        template=LASTING),
    "job": _workload("batch", "Job", "jobs", template=ENDING),
    "cron job": _workload("batch", "CronJob", "cronjobs", schedule="0 0 * * *",
                          jobTemplate={"spec": {"template": ENDING}}),
}  # fmt: skip


def in_template(base: Object, *, meta: Object | None = None, **spec: Any) -> Object:
    """*base* with other fields in its template's metadata and spec; None takes one away."""
    owner = base["spec"].get("jobTemplate", base)
    template = changed(owner["spec"]["template"], **spec)
    if meta is not None:
        template = {**template, "metadata": meta}
    owner = changed(owner, template=template)
    return changed(base, jobTemplate=owner) if "jobTemplate" in base["spec"] else owner


IN_TEMPLATE: dict[str, Object] = {
    "a container without a name": {"containers": [{"image": "busybox:1.36"}]},
    "a container without an image": {"containers": [{"name": "c"}]},
    "a container without both": {"containers": [{}]},
    "no containers": {"containers": []},
    "no list of containers": {"containers": None},
    "a bad name": {"containers": [container(name="My_App")]},
    "two containers of one name": {"containers": [container(), container()]},
    "an init container without an image": {"initContainers": [{"name": "i"}]},
    "an init container of the same name": {"initContainers": [container()]},
    "an unknown field in a container": {"containers": [container(imagePolicy="Always", prots=[])]},
    "an unknown field": {"restartpolicy": "Never"},
    "text for a port": {"containers": [container(ports=[{"containerPort": "80"}])]},
    "a number for text": {"containers": [container(env=[{"name": "A", "value": 1}])]},
    "a port out of range": {"containers": [container(ports=[{"containerPort": 0}, {"containerPort": 70000}])]},
    "a mount without its volume": {"containers": [container(volumeMounts=[{"name": "v", "mountPath": "/v"}])]},
    "a bad policy of restarts": {"restartPolicy": "Sometimes"},
    "a bad policy of pulls": {"containers": [container(imagePullPolicy="Sometimes")]},
    "more asked for than allowed": {"containers": [
        container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})]},
    "a probe without a handler": {"containers": [container(readinessProbe={"periodSeconds": 1})]},
    "a probe of an init container": {"initContainers": [container(name="i", readinessProbe=probe())]},
    "a variable without a name": {"containers": [container(env=[{"value": "x"}])]},
    "a limit of its time": {"activeDeadlineSeconds": 60},
    "an ephemeral container": {"ephemeralContainers": [container(name="e")]},
    "two volumes of one name": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
    "a bad label": {"meta": {"labels": {"app": "d", "b c": "d e"}}},
    "an unknown field of its metadata": {"meta": {"labels": {"app": "d"}, "lables": {}}},
    "labels that are no map": {"meta": {"labels": ["app"]}},
}  # fmt: skip
SELECTORS: dict[str, Any] = {
    "no selector": None,
    "an empty map for a selector": {},
    "a selector that does not match": {"matchLabels": {"app": "x"}},
    "a selector with a bad key": {"matchLabels": {"a b": "d"}},
    "a selector with a bad value": {"matchLabels": {"app": "d d"}},
    "a selector with a bad operator": {"matchLabels": {"app": "d"},
                                       "matchExpressions": [{"key": "app", "operator": "Is"}]},
    "a selector without values": {"matchLabels": {"app": "d"}, "matchExpressions": [{"key": "app", "operator": "In"}]},
    "a selector with values too many": {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["d"]}]},
    "a selector that is a list": ["app"],
    "a selector written as a service's": {"app": "d"},
}  # fmt: skip
BARE: dict[str, tuple[str, Object]] = {
    f"{kind} without labels": (path, in_template(base, meta={})) for kind, (path, base) in WORKLOADS.items()
}
NUMBERS: dict[str, tuple[str, Object]] = {
    f"{kind} with {name}": (WORKLOADS[kind][0], changed(WORKLOADS[kind][1], **spec))
    for kind, rows in {
        "deployment": {
            "no room to roll": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "a surge that is not a number": {"strategy": {"rollingUpdate": {"maxSurge": "some"}}},
            "more unavailable than there are": {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            "a deadline before it counts": {"minReadySeconds": 60, "progressDeadlineSeconds": 30},
            "a negative history": {"revisionHistoryLimit": -1},
            "negative seconds": {"minReadySeconds": -1, "progressDeadlineSeconds": -1},
            "an unknown field": {"replica": 3},
        },
        "replica set": {"negative numbers": {"replicas": -1, "minReadySeconds": -1}},
        "replication controller": {
            "negative numbers": {"replicas": -1, "minReadySeconds": -1},
            "a selector that does not match": {"selector": {"app": "x"}},
        },
        "daemon set": {
            "a bad strategy": {"updateStrategy": {"type": "Magic"}},
            "no room to roll": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}},
            "both at once": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}},
            "shares that are none": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "some", "maxSurge": -1}}},
            "more than all": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "101%", "maxSurge": 0}}},
            "a strategy that rolls and does not": {"updateStrategy": {
                "type": "Magic", "rollingUpdate": {"maxUnavailable": 2, "maxSurge": "10%"}}},
            "negative numbers": {"minReadySeconds": -1, "revisionHistoryLimit": -1},
        },
        "stateful set": {
            "a bad strategy": {"updateStrategy": {"type": "Magic"}},
            "a partition where none is read": {"updateStrategy": {
                "type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            "a negative partition": {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
            "a bad policy": {"podManagementPolicy": "Magic"},
            "negative numbers": {"replicas": -1, "minReadySeconds": -1, "ordinals": {"start": -1}},
            "no service": {"serviceName": None},
            "a bad service": {"serviceName": "My_Service"},
        },
        "job": {
            "numbers below zero": {"completions": -1, "parallelism": -1, "backoffLimit": -1,
                                 "ttlSecondsAfterFinished": -1, "activeDeadlineSeconds": -1},
            "an index without a number": {"completionMode": "Indexed"},
            "a bad mode": {"completionMode": "Magic"},
            "a limit for each index that it lacks": {"backoffLimitPerIndex": 1},
            "a success that it cannot count": {"successPolicy": {"rules": [{"succeededCount": 1}]}},
            "a rule without an action": {"podFailurePolicy": {"rules": [
                {"onExitCodes": {"operator": "In", "values": [1]}}]}},
            "a rule for code 0": {"podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}]}},
            "a rule with two questions": {"podFailurePolicy": {"rules": [
                {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]},
                 "onPodConditions": [{"type": "DisruptionTarget"}]}]}},
            "a bad replacement": {"podReplacementPolicy": "Never"},
            "a bad manager": {"managedBy": "me"},
            "a selector by hand that does not match": {
                "manualSelector": True, "selector": {"matchLabels": {"app": "x"}}},
            "too many at once": {"parallelism": 200_000, "completions": 200_000, "completionMode": "Indexed"},
            "a rule for an index without a limit for each": {"podFailurePolicy": {"rules": [
                {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}}]}},
            "a rule for a container that is not there": {"podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"containerName": "x", "operator": "In", "values": [1]}}]}},
            "codes without order": {"podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [3, 1, 1]}}]}},
            "a rule without codes": {"podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "Is", "values": []}}]}},
            "a rule that asks nothing": {"podFailurePolicy": {"rules": [{"action": "Retry"}]}},
            "a rule for a bad condition": {"podFailurePolicy": {"rules": [
                {"action": "Count", "onPodConditions": [{"type": "a b", "status": "Maybe"}]}]}},
            "too many rules": {"podFailurePolicy": {"rules": [
                {"action": "Count", "onPodConditions": [{"type": "DisruptionTarget"}]}] * 21}},
            "a policy and restarts": {
                "podFailurePolicy": {"rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]},
                "template": {"spec": {"restartPolicy": "OnFailure", "containers": [container()]}}},
            "a policy and a replacement": {
                "podReplacementPolicy": "TerminatingOrFailed",
                "podFailurePolicy": {"rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}},
            "no rules of success": {"completionMode": "Indexed", "completions": 3, "successPolicy": {"rules": []}},
            "a success of more than all": {"completionMode": "Indexed", "completions": 3, "successPolicy": {
                "rules": [{"succeededCount": 4}, {}]}},
            "a success of more than named": {"completionMode": "Indexed", "completions": 5, "successPolicy": {
                "rules": [{"succeededIndexes": "0,2-3", "succeededCount": 4}]}},
            "indexes that are not there": {"completionMode": "Indexed", "completions": 3, "successPolicy": {
                "rules": [{"succeededIndexes": "1-7"}, {"succeededIndexes": "2,1"}, {"succeededIndexes": "a"},
                          {"succeededIndexes": "0-1-2"}, {"succeededIndexes": "2-1"}]}},
            "more failures than work": {"completionMode": "Indexed", "completions": 3, "backoffLimitPerIndex": 1,
                                        "maxFailedIndexes": 4},
            "very many indexes": {"completionMode": "Indexed", "completions": 150_000, "backoffLimitPerIndex": 1,
                                  "parallelism": 20_000},
            "a manager with a bad host": {"managedBy": "Me_Too/x y"},
            "a manager with a long name": {"managedBy": "example.com/" + "x" * 60},
            "a bad selector by hand": {"manualSelector": True, "selector": {"matchExpressions": [
                {"key": "app", "operator": "In"}]}},
            "failures beyond what is counted": {"maxFailedIndexes": 3},
        },
        "cron job": {
            "no schedule": {"schedule": ""},
            "a schedule of four fields": {"schedule": "0 0 * *"},
            "a schedule that never was": {"schedule": "61 25 * * *"},
            "a schedule of letters": {"schedule": "a * * * *"},
            "a schedule that ends before it begins": {"schedule": "0 9-5 * * *"},
            "a schedule without steps": {"schedule": "*/0 * * * *"},
            "a schedule of two hyphens": {"schedule": "1-2-3 * * * *"},
            "a schedule of two strokes": {"schedule": "*/2/3 * * * *"},
            "a schedule of the day 0": {"schedule": "0 0 0 * *"},
            "a schedule of an unknown word": {"schedule": "@fortnightly"},
            "a schedule with its zone": {"schedule": "TZ=UTC 0 0 * * *"},
            "a zone that nobody knows": {"timeZone": "Mars/Olympus"},
            "a bad policy": {"concurrencyPolicy": "Magic"},
            "negative numbers": {"successfulJobsHistoryLimit": -1, "failedJobsHistoryLimit": -1,
                                 "startingDeadlineSeconds": -1},
            "no template": {"jobTemplate": None},
        },
    }.items()
    for name, spec in rows.items()
}  # fmt: skip


def templates() -> dict[str, tuple[str, Object]]:
    """Every fault in every template, and every wrong selector where there is one."""
    found = {
        f"{kind} with {name}": (path, in_template(base, **fields))
        for kind, (path, base) in WORKLOADS.items()
        for name, fields in IN_TEMPLATE.items()
    }
    for kind in ("deployment", "replica set", "daemon set", "stateful set"):
        path, base = WORKLOADS[kind]
        found |= {
            f"{kind} with {name}": (path, changed(base, selector=one)) for name, one in SELECTORS.items()
        }
    return {**found, **BARE, **NUMBERS}


def cases() -> dict[str, tuple[str, Object]]:
    """Every case: path and body."""
    return {**{name: (POD, body) for name, body in PODS.items()}, **OTHERS, **templates()}


# -- changes of what is stored: merge patches ---------------------------------------------------------------


def _object(path: str, version: str, kind: str, **fields: Any) -> tuple[str, Object]:
    return path, {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **fields}


_CORE = "/api/v1/namespaces/default/"
STORED: dict[str, tuple[str, Object]] = {
    **WORKLOADS,
    "service": (SERVICES, {**SERVICE, "metadata": {"name": "x"}}),
    "frozen config map": (CONFIGMAPS, named("ConfigMap", data={"a": "1"}, immutable=True)),
    "frozen secret": (_CORE + "secrets", named("Secret", data={"a": "eA=="}, immutable=True)),
    "secret": (_CORE + "secrets", named("Secret", data={"a": "eA=="})),
    "budget": _object("/apis/policy/v1/namespaces/default/poddisruptionbudgets", "policy/v1", "PodDisruptionBudget",
                      spec={"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}),
    "quota": (_CORE + "resourcequotas", named("ResourceQuota", spec={"hard": {"configmaps": "100"}})),
    "limit range": (_CORE + "limitranges", named("LimitRange", spec={"limits": [
        {"type": "Container", "default": {"cpu": "1"}}]})),
    "lease": _object("/apis/coordination.k8s.io/v1/namespaces/default/leases", "coordination.k8s.io/v1", "Lease",
                     spec={"holderIdentity": "a", "leaseDurationSeconds": 10}),
}  # fmt: skip
OTHER_LABELS: Object = {
    "selector": {"matchLabels": {"app": "e"}},
    "template": {"metadata": {"labels": {"app": "e"}}},
}
CHANGES: dict[str, list[Object]] = {
    "deployment": [{"selector": {"matchLabels": {"app": "e"}}}, OTHER_LABELS, {"replicas": -1},
                   {"template": {"spec": {"containers": []}}}, {"strategy": {"type": "Recreate"}}],
    "replica set": [{"selector": {"matchLabels": {"app": "e"}}}, OTHER_LABELS],
    "daemon set": [OTHER_LABELS, {"updateStrategy": {"type": "Magic"}}],
    "stateful set": [{"serviceName": "other"}, {"podManagementPolicy": "Parallel"}, OTHER_LABELS, {"replicas": -2},
                     {"ordinals": {"start": 2}}],
    "replication controller": [{"selector": {"app": "e"}}, {"replicas": -1}],
    "job": [{"completions": 5}, {"completionMode": "Indexed"}, {"backoffLimit": 9}, {"managedBy": "a.b/c"},
            {"podFailurePolicy": {"rules": []}}, {"backoffLimitPerIndex": 2}, {"activeDeadlineSeconds": 0},
            {"successPolicy": {"rules": [{"succeededCount": 1}]}}, {"ttlSecondsAfterFinished": 5}, {"suspend": True}],
    "cron job": [{"schedule": "x"}, {"timeZone": "Mars/X"}, {"timeZone": "Local"}, {"timeZone": ""},
                 {"timeZone": "../x"}, {"schedule": "TZ=UTC x"}, {"jobTemplate": {"spec": {"completions": -1}}},
                 {"jobTemplate": {"spec": {"manualSelector": True}}},
                 {"jobTemplate": {"spec": {"selector": {"matchLabels": {"a": "b"}}}}}],
    "service": [{"clusterIP": "10.96.77.7"}, {"clusterIP": "None"}, {"ports": []}, {"type": "ExternalName"},
                {"sessionAffinity": "Magic"}, {"ports": [{"port": 80, "nodePort": 30000}]}, {"externalIPs": ["x"]},
                {"selector": {"a b": "c"}}, {"externalName": "a_b", "type": "ExternalName"},
                {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
                {"internalTrafficPolicy": "Magic"}, {"externalTrafficPolicy": "Local"}, {"healthCheckNodePort": 30999},
                {"ports": [{"port": 80, "targetPort": "a_b"}]}, {"ports": [{"port": 80, "targetPort": 0}]},
                {"loadBalancerSourceRanges": ["x"]}, {"trafficDistribution": "Near"}, {"externalIPs": ["127.0.0.1"]},
                {"externalIPs": ["::"]}, {"ipFamilies": ["IPv5"]}, {"ipFamilyPolicy": "Both"},
                {"allocateLoadBalancerNodePorts": False}, {"type": "NodePort", "clusterIP": "None"},
                {"ports": [{"port": 80, "name": "A"}, {"port": 81, "name": "b"}, {"port": 82, "name": "b"}]}],
    "budget": [{"maxUnavailable": 1}, {"selector": {"matchLabels": {"c": "d"}}}, {"minAvailable": "101%"},
               {"unhealthyPodEvictionPolicy": "Magic"}, {"selector": {"matchLabels": {"a b": "c"}}},
               {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}],
    "quota": [{"hard": {"pods": "-1"}}, {"hard": {"pods": "1.5"}}, {"scopes": ["Magic"]}],
    "limit range": [{"limits": [{"type": "Magic"}]},
                    {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]},
                    {"limits": [{"type": "Pod", "default": {"cpu": "2"}}]},
                    {"limits": [{"type": "Container", "defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}}]}],
    "lease": [{"leaseDurationSeconds": 0}, {"leaseTransitions": -1}],
}  # fmt: skip
WHOLE_CHANGES: dict[str, list[Object]] = {
    "frozen config map": [{"data": {"a": "2"}}, {"immutable": False}, {"binaryData": {"a": "eA=="}},
                          {"metadata": {"labels": {"a": "b"}}}],
    "frozen secret": [{"data": {"a": "eQ=="}}, {"immutable": False}, {"type": "x"}],
    "secret": [{"type": "kubernetes.io/tls"}, {"type": "kubernetes.io/basic-auth"}, {"data": {"..": "eA=="}}],
    "service": [{"metadata": {"finalizers": ["bad"]}}, {"metadata": {"finalizers": ["a b/c"]}},
                {"metadata": {"ownerReferences": [{"apiVersion": "", "kind": "", "name": "x"}]}},
                {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n,
                                                   "controller": True} for n in ("p", "q")]}}],
}  # fmt: skip


def changes() -> dict[str, tuple[str, Object, Object]]:
    """Every change: path of the collection, the object as it is created, and the merge patch."""
    found = {
        f"{kind}: spec {patch}": (*STORED[kind], {"spec": patch})
        for kind, rows in CHANGES.items()
        for patch in rows
    }
    return found | {
        f"{kind}: {patch}": (*STORED[kind], patch) for kind, rows in WHOLE_CHANGES.items() for patch in rows
    }
