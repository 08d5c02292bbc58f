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


def cases() -> dict[str, tuple[str, Object]]:
    """Every case: path and body."""
    return {**{name: (POD, body) for name, body in PODS.items()}, **OTHERS}
