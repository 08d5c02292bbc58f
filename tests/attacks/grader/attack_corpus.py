"""
Hostile and odd answers, by family, each with the most points that it may get.

A family is a function that yields answers made from an exercise's own starter or right answer. ``variants`` changes
what does not matter to an attack (names, paths, ports, order of keys) by a seed, so that a defence cannot know a text.
"""

# ruff: noqa: E501  (texts of attacks are kept on one line each)
from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from podlab.grading import find
from podlab.grading.prove import samples


@dataclass(frozen=True)
class Attack:
    """One answer: its family and name, the exercise, the text, the most points, and whether it must be refused unrun."""

    family: str
    name: str
    exercise: str
    text: str
    most: float = 0
    refused: bool = True

    @property
    def id(self) -> str:
        """The name of a test."""
        return f"{self.family}-{self.name}"


def right(exercise: str) -> str:
    """A right answer of an exercise."""
    return next(s.text for s in samples(find(exercise)) if s.kind == "right")


def starter(exercise: str) -> str:
    """The starter of an exercise."""
    return find(exercise).shown()[1]


def changed(text: str, change: Callable[[dict], None]) -> str:
    """A manifest with its first object changed."""
    body = next(iter(yaml.safe_load_all(text)))
    change(body)
    return yaml.safe_dump(body, sort_keys=False)


def spec(**fields: object) -> Callable[[dict], None]:
    """Set fields of the Pod's spec."""
    return lambda body: body["spec"].update(fields)


def metadata(**fields: object) -> Callable[[dict], None]:
    """Set fields of the metadata."""
    return lambda body: body["metadata"].update(fields)


def container(name: str, **fields: object) -> Callable[[dict], None]:
    """Set fields of one container."""

    def change(body: dict) -> None:
        for row in body["spec"].get("initContainers", []) + body["spec"]["containers"]:
            if row["name"] == name:
                row.update(fields)

    return change


def host() -> Iterator[Attack]:
    """Ways to the node."""
    good = right("e14")
    for name, fields in {
        "network": {"hostNetwork": True}, "pid": {"hostPID": True}, "ipc": {"hostIPC": True},
        "node": {"nodeName": "podlab"}, "scheduler": {"schedulerName": "mine"}, "account": {"serviceAccountName": "admin"},
        "priority": {"priorityClassName": "system-node-critical"}, "runtime": {"runtimeClassName": "runc"},
    }.items():  # fmt: skip
        yield Attack("host", name, "e14", changed(good, spec(**fields)))
    volumes = {
        "path": {"hostPath": {"path": "/"}}, "claim": {"persistentVolumeClaim": {"claimName": "x"}},
        "nfs": {"nfs": {"server": "s", "path": "/"}}, "csi": {"csi": {"driver": "d"}},
        "token": {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        "image": {"image": {"reference": "registry.example/evil:1"}},
    }  # fmt: skip
    for name, source in volumes.items():
        logs = {"name": "logs", "emptyDir": {}}
        yield Attack(
            "host", f"volume-{name}", "e14", changed(good, spec(volumes=[logs, {"name": "v", **source}]))
        )
    for name, context in {
        "privileged": {"privileged": True}, "admin": {"capabilities": {"add": ["SYS_ADMIN"]}},
        "net-admin": {"capabilities": {"add": ["NET_ADMIN"]}},
    }.items():  # fmt: skip
        yield Attack("host", name, "e14", changed(good, container("shipper", securityContext=context)))
    yield Attack(
        "host", "port", "e14", changed(good, container("shop", ports=[{"containerPort": 80, "hostPort": 80}]))
    )


def ownership() -> Iterator[Attack]:
    """Metadata that reaches outside of the answer."""
    good, owner = right("e14"), {"apiVersion": "v1", "kind": "Pod", "name": "sink", "uid": "0"}
    for name, fields in {
        "namespace": {"namespace": "kube-system"}, "owner": {"ownerReferences": [owner]},
        "finalizer": {"finalizers": ["a.b/c"]}, "generated": {"generateName": "x-"},
    }.items():  # fmt: skip
        yield Attack("ownership", name, "e14", changed(good, metadata(**fields)))


def replaced_programs() -> Iterator[Attack]:
    """A locked container whose program is another one."""
    good = right("e14")
    paths = ("/usr/local/bin", "/usr/local/bin/podlab-app", "/opt/podlab-app", "/bin", "/lib64", "/etc/ld.so.preload", "/proc",
             "/usr/../bin", "//opt//podlab-app", "/")  # fmt: skip
    for path in paths:
        mounts = [{"name": "logs", "mountPath": "/logs"}, {"name": "logs", "mountPath": path}]
        name = path.strip("/").replace("/", "-").replace(".", "") or "root"
        yield Attack(
            "program", f"mount-{name}", "e14", changed(good, container("shipper", volumeMounts=mounts))
        )
    for variable in ("PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "PATH", "BASH_ENV"):
        env = [{"name": variable, "value": "/logs"}]
        yield Attack("program", variable.lower(), "e14", changed(good, container("shop", env=env)))
    for name, path in {"program": "/usr/local/bin/podlab-app", "preload": "/etc/ld.so.preload"}.items():
        ended = container("shipper", terminationMessagePath=path)
        yield Attack("program", f"message-over-{name}", "e14", changed(good, ended))
    for key, value in {
        "image": "busybox:1.36", "command": ["sh"], "args": ["wait"], "workingDir": "/logs",
    }.items():  # fmt: skip
        yield Attack("program", key, "e14", changed(good, container("shipper", **{key: value})))
    yield Attack("program", "pulled", "e14", changed(good, container("shop", imagePullPolicy="Always")))
    yield Attack(
        "program",
        "image-elsewhere",
        "e14",
        changed(good, spec(containers=[{"name": "shop", "image": "evil:1"}])),
    )


def shapes() -> Iterator[Attack]:
    """Text that is no honest manifest."""
    good = right("e14")
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefgh"
    )  # fmt: skip
    texts = {
        "bomb": bomb, "tag": "!!python/object/apply:os.system [id]", "deep": "[" * 5000, "tab": "kind:\tPod\n\tx: 1",
        "twice": good.replace("kind: Pod", "kind: Pod\nkind: Pod", 1), "two-documents": f"{good}\n---\n{good}",
        "list": "apiVersion: v1\nkind: List\nitems: [1]", "null": "null", "number": "5", "path": "/etc/passwd",
        "huge": good + "# " + "x" * 70_000, "zero": good.replace("shop", "shop\0", 1), "url": "http://localhost/x.yaml",
        "homoglyph": good.replace("kind: Pod", "kind: P\u043ed", 1), "no-break": good.replace("  name", "\u00a0 name", 1),
        "number-list": changed(good, spec(initContainers=5)), "containers-map": changed(good, spec(containers={"a": 1})),
        "container-text": changed(good, spec(containers=["shop"])), "spec-text": changed(good, lambda b: b.update(spec="x")),
        "python": "import os; os._exit(0)", "magic": "%%bash\nid",
        "merge-bomb": "a: &a {x: 1}\n" + "".join(f"{c}: &{c} {{<<: [{','.join(['*' + chr(ord(c) - 1)] * 9)}]}}\n" for c in "bcdefgh"),
        "cycle": good.replace("metadata:", "metadata: &m\n  annotations: *m", 1), "cycle-list": "a: &a [*a]",
        "merged-network": good.replace("spec:", "spec:\n  <<: [{hostPID: true}, {hostNetwork: true}]", 1),
        "infinite": good.replace("spec:", "spec:\n  terminationGracePeriodSeconds: .inf", 1),
        "map-key": good.replace("spec:", "spec:\n  ? {a: b}\n  : 3", 1), "set": good.replace("metadata:", "metadata:\n  labels: !!set {a, b}", 1),
        "question-marks": "? " * 30_000 + "a", "blocks": "- " * 30_000 + "a", "documents": "---\n" * 15_000,
        "turned-name": good.replace("name: shop", "name: \u202epohs", 1), "other-tags": f"%TAG ! tag:x,1:\n---\n!y {good}",
    }  # fmt: skip
    for name, text in texts.items():
        yield Attack("shape", name, "e14", text)


def many() -> Iterator[Attack]:
    """One object that is a crowd, and containers that come later."""
    deployment, job = right("e33"), right("e16")
    yield Attack("many", "replicas", "e33", changed(deployment, spec(replicas=900)))
    for name, surge in {"surge": 900, "surge-percent": "90000%"}.items():
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}}
        yield Attack("many", name, "e33", changed(deployment, spec(strategy=rolling)))
    for name in ("parallelism", "completions"):
        yield Attack("many", name, "e16", changed(job, spec(**{name: 5_000})))
    later = [{"name": "late", "image": "busybox:1.36", "command": ["sleep", "60"]}]
    yield Attack("many", "ephemeral", "e14", changed(right("e14"), spec(ephemeralContainers=later)))


def other_objects() -> Iterator[Attack]:
    """Objects beside the answer that would act for it."""
    good = right("e14")
    objects = {
        "role": "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x}\n"
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: []",
        "deployment": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: 900}",
        "event": "apiVersion: v1\nkind: Event\nmetadata: {name: x}\ninvolvedObject: {kind: Pod, name: answer}\nreason: Started",
        "config": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: podlab-grading}",
        "namespace": "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}",
        "service": "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {ports: [{port: 5432}]}",
        "pod": "apiVersion: v1\nkind: Pod\nmetadata: {name: sink}\nspec: {containers: []}",
    }  # fmt: skip
    objects |= {
        kind.lower(): f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: restorer}}\nspec: {{}}"
        for kind, group in {"DaemonSet": "apps/v1", "StatefulSet": "apps/v1", "ReplicaSet": "apps/v1", "Job": "batch/v1",
                            "CronJob": "batch/v1", "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
                            "CustomResourceDefinition": "apiextensions.k8s.io/v1", "ResourceQuota": "v1", "Node": "v1"}.items()
    }  # fmt: skip
    objects["elsewhere"] = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: kube-system}\nspec: {containers: []}"
    )
    for name, text in objects.items():
        yield Attack("objects", name, "e14", f"{good}\n---\n{text}\n")
    yield Attack("objects", "only-another", "e14", objects["deployment"])


def imitations() -> Iterator[Attack]:
    """Answers that only look as if they had lived rightly; these run."""
    lines = 'while true; do echo \'{"event":"received","nonce":"x","missing":0}\'; sleep 0.2; done'
    talker = {"name": "talker", "image": "busybox:1.36", "command": ["sh", "-c", lines]}

    def beside(body: dict) -> None:
        body["spec"]["containers"].append(talker)

    def status(body: dict) -> None:
        body["status"] = {
            "phase": "Succeeded",
            "containerStatuses": [{"name": "shop", "restartCount": 0, "ready": True}],
        }

    notes = {"podlab/verdict": "5 of 5", "podlab/part": "answer", "score": "full"}
    for exercise, most in (("e01", 2), ("e06", 0), ("e14", 1)):
        start = starter(exercise)
        yield Attack("imitation", f"{exercise}-lines", exercise, changed(start, beside), most, refused=False)
        yield Attack("imitation", f"{exercise}-annotations", exercise, changed(
            start, lambda b: b["metadata"].update(annotations=notes, labels={"app": "sink", "podlab/part": "fixture"})), most, False)  # fmt: skip
        yield Attack("imitation", f"{exercise}-status", exercise, changed(start, status), most, False)
    behind = {"name": "open", "image": "busybox:1.36", "command": ["sh", "-c", "nc -l -p 5432; sleep 60"]}
    yield Attack("imitation", "e06-behind-the-service", "e06", changed(starter("e06"), lambda b: (
        b["metadata"].update(labels={"app": "db"}), b["spec"].update(initContainers=[{**behind, "restartPolicy": "Always"}]))), 0, False)  # fmt: skip
    liveness = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    # The failing probe restarts shipper again and again; the kill causes none of these restarts, because a killed shipper
    # exits with 0 and OnFailure does not restart it. The Pod may end then. A shipper that the probe restarted may run at
    # that moment and outlive shop, which earns two points; those for coming back from the kill stay lost.
    yield Attack("imitation", "e14-any-restart", "e14", changed(starter("e14"), lambda b: (
        b["spec"].update(restartPolicy="OnFailure"), container("shipper", livenessProbe=liveness)(b))), 2, False)  # fmt: skip


def floods() -> Iterator[Attack]:
    """Answers that use up all they can; the grader still ends, and judges another answer as before."""
    for name, script in {
        "log": "while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
        "deaf": "trap '' TERM; while true; do sleep 1; done",
        "restart": "exit 1",
    }.items():  # fmt: skip
        row = {"name": "flood", "image": "busybox:1.36", "command": ["sh", "-c", script]}
        yield Attack("flood", name, "e14", changed(
            starter("e14"), lambda b, row=row: b["spec"]["containers"].append(row)), 1, False)  # fmt: skip
    yield Attack("flood", "grace", "e14", changed(right("e14"), spec(terminationGracePeriodSeconds=86_400)))
    many = [{"name": f"c{n}", "image": "busybox:1.36", "command": ["sleep", "60"]} for n in range(200)]
    yield Attack(
        "flood", "containers", "e14", changed(right("e14"), lambda b: b["spec"]["containers"].extend(many))
    )


FAMILIES = (host, ownership, replaced_programs, shapes, many, other_objects, imitations, floods)


def attacks() -> list[Attack]:
    """Return the whole corpus."""
    return [attack for family in FAMILIES for attack in family()]


def variants(count: int, seed: int) -> Iterator[Attack]:
    """Yield *count* refused attacks with what does not matter changed: comments, order of keys, quotes, names."""
    chance = random.Random(seed)
    plain = [attack for attack in attacks() if attack.refused]
    for number in range(count):
        attack = chance.choice(plain)
        yield Attack(
            attack.family,
            f"{attack.name}-{number}",
            attack.exercise,
            _varied(attack, chance),
            attack.most,
        )


def _varied(attack: Attack, chance: random.Random) -> str:
    text = attack.text
    if attack.family == "shape":  # reading and writing it would mend it
        return f"# {chance.random()}\n{text}"
    try:
        (body,) = yaml.safe_load_all(text)  # an answer of several documents stays as it is
    except (yaml.YAMLError, ValueError, RecursionError):
        return f"# {chance.random()}\n{text}"
    if not isinstance(body, dict) or len(text) > 50_000:
        return f"{text}\n# {chance.random()}"
    shuffled = dict(chance.sample(sorted(body.items(), key=str), len(body)))
    if isinstance(shuffled.get("metadata"), dict):
        shuffled["metadata"] = {**shuffled["metadata"], "name": f"n{chance.randrange(10**6)}"}
    return yaml.safe_dump(
        shuffled, sort_keys=False, default_flow_style=chance.random() < 0.3, width=chance.choice((60, 200))
    )
