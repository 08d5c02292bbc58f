"""What a container is given: variables, commands, mounts, ids; kubelet-rules 1.16 and 1.17."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from podlab.embedded.kubelet import container_config, expansion, imagename, podvolumes
from podlab.embedded.kubelet.container_config import ConfigMaker
from podlab.embedded.kubelet.environment import (
    EnvironmentFacts,
    MissingSourceError,
    environment,
    service_variables,
)
from podlab.embedded.kubelet.expansion import expand, expand_strictly, lenient
from podlab.embedded.kubelet.imagemanager import StartError
from podlab.embedded.kubelet.podfiles import PodFiles, log_tail
from podlab.embedded.kubelet.podvolumes import MountError, PodVolumes
from podlab.embedded.runtime import (
    ContainerConfig,
    ContainerRecord,
    ContainerState,
    ImageRecord,
    RuntimeFault,
)
from podlab.embedded.store import Store
from podlab.embedded.volumes import Volumes

Json = dict[str, Any]
FACTS = EnvironmentFacts(
    {"status.podIP": "10.0.0.9", "status.hostIP": "10.0.0.1"}, {"cpu": "4", "memory": "8Gi"}
)
IMAGE = ImageRecord(id="sha256:1", names=("busybox:1.36",))


def pod(container: Json | None = None, **spec: Any) -> Json:
    """A Pod with one container."""
    meta = {"name": "web", "namespace": "ns", "uid": "u1", "labels": {"b": "2", "a": 'say "1"'}}
    app = {"name": "app", "image": "busybox:1.36", **(container or {})}
    return {"metadata": meta, "spec": {"containers": [app], "nodeName": "n1", **spec}}


@pytest.fixture
def store() -> Store:
    """A ConfigMap, a Secret and a Service."""
    made = Store()
    meta = {"namespace": "ns"}
    made.create("configmaps", {"metadata": {"name": "conf", **meta}, "data": {"A": "one", "B": "two"}})
    secret = {"password": base64.b64encode(b"pw1").decode()}
    made.create("secrets", {"metadata": {"name": "cred", **meta}, "data": secret})
    ports = [{"port": 5432, "name": "sql"}]
    made.create(
        "services",
        {"metadata": {"name": "my-db", **meta}, "spec": {"clusterIP": "10.96.0.7", "ports": ports}},
    )
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A $", "$A $"),
        ("$(A", "$(A"),
        ("$()", "$()"),
    ],
)
def test_references_are_expanded_and_unknown_ones_stay(text: str, expected: str) -> None:
    """``$$`` is one dollar."""
    assert expand(text, lenient({"A": "1"})) == expected


def test_strict_references_name_what_is_missing() -> None:
    """Of subPathExpr; what is empty is missing, too."""
    with pytest.raises(ValueError, match="missing value for B, E"):
        expand_strictly("$(A)/$(B)/$(E)", {"A": "1", "E": ""})


def env_of(of: Json, store: Store) -> dict[str, str]:
    """Its variables, without those of Services."""
    services = service_variables(of, store)
    return {
        k: v
        for k, v in environment(of, of["spec"]["containers"][0], store, FACTS).items()
        if k not in services
    }


def test_later_sources_win_and_env_wins_over_them(store: Store) -> None:
    """A value sees what stands before it, and nothing after."""
    sources = [{"configMapRef": {"name": "conf"}}, {"prefix": "P_", "secretRef": {"name": "cred"}}]
    env = [
        {"name": "EARLY", "value": "$(LATE) $(A)"},
        {"name": "LATE", "value": "late"},
        {"name": "B", "value": "$(EARLY)!"},
    ]

    assert env_of(pod({"envFrom": sources, "env": env}), store) == {
        "A": "one",
        "B": "$(LATE) one!",
        "P_password": "pw1",
        "EARLY": "$(LATE) one",
        "LATE": "late",
    }


def test_fields_and_resources_come_by_the_downward_api(store: Store) -> None:
    """A missing limit is the node's; values are rounded up to the divisor."""
    resources = {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}}
    fields = (
        "metadata.name",
        "metadata.labels['b']",
        "metadata.labels['none']",
        "status.podIP",
        "spec.nodeName",
    )
    env = [{"name": f"F{i}", "valueFrom": {"fieldRef": {"fieldPath": f}}} for i, f in enumerate(fields)]
    asked = (
        ("requests.cpu", None),
        ("limits.cpu", None),
        ("limits.memory", "1Mi"),
        ("requests.memory", None),
    )
    for i, (what, divisor) in enumerate(asked):
        reference = {"resource": what, **({"divisor": divisor} if divisor else {})}
        env.append({"name": f"R{i}", "valueFrom": {"resourceFieldRef": reference}})

    found = env_of(pod({"env": env, "resources": resources}), store)

    assert list(found.values()) == ["web", "2", "", "10.0.0.9", "n1", "1", "4", "64", "0"]


def test_a_limit_of_the_pod_stands_for_a_missing_one(store: Store) -> None:
    """Before the node's."""
    source = {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}
    wanted = pod({"env": [{"name": "CPU", "valueFrom": source}]}, resources={"limits": {"cpu": "300m"}})

    assert env_of(wanted, store)["CPU"] == "300"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k"}}}]},
         'configmap "no" not found'),
        ({"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "k"}}}]},
         "couldn't find key k in ConfigMap ns/conf"),
        ({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "cred", "key": "k"}}}]},
         "couldn't find key k in Secret ns/cred"),
        ({"envFrom": [{"secretRef": {"name": "no"}}]}, 'secret "no" not found'),
    ],
)  # fmt: skip
def test_a_missing_source_is_named(store: Store, source: Json, text: str) -> None:
    """With the kubelet's own words."""
    with pytest.raises(MissingSourceError) as caught:
        env_of(pod(source), store)

    assert str(caught.value) == text


def test_an_optional_source_that_is_missing_leaves_the_variable_out(store: Store) -> None:
    """Nor is it empty."""
    reference = {"name": "no", "key": "k", "optional": True}
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": reference}}]
    from_ = [{"configMapRef": {"name": "no", "optional": True}}]

    assert env_of(pod({"env": env, "envFrom": from_}), store) == {}


def test_services_of_the_namespace_are_variables(store: Store) -> None:
    """Without enableServiceLinks only the API server's."""
    found = service_variables(pod(), store)

    assert found["MY_DB_SERVICE_HOST"] == "10.96.0.7"
    assert found["MY_DB_SERVICE_PORT_SQL"] == found["MY_DB_PORT_5432_TCP_PORT"] == "5432"
    assert found["MY_DB_PORT"] == "tcp://10.96.0.7:5432"
    assert service_variables(pod(enableServiceLinks=False), store) == {}


def config_of(of: Json, store: Store, folder: Path, image: ImageRecord = IMAGE) -> ContainerConfig:
    """The configuration of its container."""
    maker = ConfigMaker(store, PodFiles(folder))
    return maker.make(of, of["spec"]["containers"][0], image, 0, volumes={"v": "/vol"}, facts=FACTS)


def test_commands_are_expanded_with_the_final_environment(store: Store, tmp_path: Path) -> None:
    """No command at all means the image's own."""
    wanted = pod({"command": ["echo", "$(X)"], "args": ["$(Y)"], "env": [{"name": "X", "value": "1"}]})

    made = config_of(wanted, store, tmp_path)

    assert (made.command, made.args) == (["echo", "1"], ["$(Y)"])
    assert config_of(pod(), store, tmp_path).command is None


@pytest.mark.parametrize(
    ("mount", "text"),
    [
        ({"subPath": "../x"}, "unable to provision SubPath `../x`: must not contain '..'"),
        ({"subPath": "/x"}, "error SubPath `/x` must not be an absolute path"),
        ({"subPathExpr": "$(NOT_SET)"}, "missing value for NOT_SET"),
        (
            {"readOnly": True, "recursiveReadOnly": "Enabled"},
            'failed to resolve recursive read-only mode: volume "v" requested recursive read-only mode, '
            "but it is not supported by the runtime",
        ),
    ],
)
def test_a_bad_sub_path_keeps_the_container_from_being_made(
    store: Store, tmp_path: Path, mount: Json, text: str
) -> None:
    """Reason CreateContainerConfigError."""
    wanted = pod({"volumeMounts": [{"name": "v", "mountPath": "/m", **mount}]})

    with pytest.raises(StartError) as caught:
        config_of(wanted, store, tmp_path)

    assert (caught.value.reason, caught.value.message) == ("CreateContainerConfigError", text)


@pytest.mark.parametrize(
    ("source", "read_only"),
    [
        ({"emptyDir": {}}, False),
        ({"configMap": {"name": "conf"}}, True),
        ({"secret": {"secretName": "cred"}}, True),
        ({"downwardAPI": {}}, True),
        ({"projected": {"sources": []}}, True),
    ],
)
def test_a_volume_that_the_node_writes_is_read_only_in_the_container(
    store: Store, tmp_path: Path, source: Json, read_only: bool
) -> None:
    """Whatever the manifest says: the node follows the links in it when it writes it again."""
    mounts = [{"name": "v", "mountPath": "/m"}, {"name": "v", "mountPath": "/n", "subPath": "a"}]
    wanted = pod({"volumeMounts": mounts}, volumes=[{"name": "v", **source}])

    made = {m.target: m.read_only for m in config_of(wanted, store, tmp_path).mounts}

    assert (made["/m"], made["/n"], made["/etc/hosts"]) == (read_only, read_only, False)


def test_root_is_refused_where_the_manifest_says_so(store: Store, tmp_path: Path) -> None:
    """By the image's user, unless the manifest names another."""
    wanted = pod({"securityContext": {"runAsNonRoot": True}})
    harmless = pod({"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}})

    with pytest.raises(StartError, match="container has runAsNonRoot and image will run as root"):
        config_of(wanted, store, tmp_path)
    assert config_of(harmless, store, tmp_path).run_as_user == 1000


def test_the_hosts_file_names_the_pod_and_its_aliases(store: Store, tmp_path: Path) -> None:
    """With a subdomain by its whole name first."""
    aliases = [{"ip": "192.0.2.1", "hostnames": ["old", "older"]}]
    wanted = pod(hostname="box", subdomain="inner", hostAliases=aliases)

    mounts = {m.target: m.source for m in config_of(wanted, store, tmp_path).mounts}
    text = Path(mounts["/etc/hosts"]).read_text()

    assert "10.0.0.9\tbox.inner.ns.svc.cluster.local\tbox\n" in text
    assert "192.0.2.1\told\tolder\n" in text


def test_on_the_nodes_network_the_hosts_file_is_the_nodes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a head that says who wrote it, and the Pod's aliases."""
    (tmp_path / "hosts").write_text("127.0.0.1\tlocalhost\n")
    monkeypatch.setattr("podlab.embedded.kubelet.podfiles.NODE_HOSTS", tmp_path / "hosts")
    wanted = pod(hostNetwork=True, hostAliases=[{"ip": "192.0.2.1", "hostnames": ["old"]}])

    made = config_of(wanted, store, tmp_path)

    text = Path({m.target: m.source for m in made.mounts}["/etc/hosts"]).read_text()
    assert text.startswith("# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n")
    assert "192.0.2.1\told\n" in text
    assert made.env["HOSTNAME"] == "n1"


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "web"),
        ({"hostname": "box", "subdomain": "inner"}, "box"),
        (
            {"hostname": "box", "subdomain": "inner", "setHostnameAsFQDN": True},
            "box.inner.ns.svc.cluster.local",
        ),
        ({"setHostnameAsFQDN": True}, "web"),
        ({"hostname": "box", "subdomain": "inner", "hostnameOverride": "other.example"}, "other.example"),
        ({"hostNetwork": True}, "n1"),
    ],
)
def test_the_kernel_is_told_a_hostname(spec: Json, name: str) -> None:
    """Short, whole, overridden, or that of the node."""
    assert container_config.sandbox_config(pod(**spec), 0).hostname == name


def test_a_whole_name_that_is_too_long_makes_no_sandbox() -> None:
    """The kernel takes 64 characters."""
    with pytest.raises(RuntimeFault) as caught:
        container_config.sandbox_config(pod(subdomain="s" * 50, setHostnameAsFQDN=True), 0)

    assert "is too long (64 characters is the max, 75 characters requested)" in caught.value.message


FILE = """# of an init container
  EMPTY= 'not this'
MODE='fast' # said who?
LONG='one
two'
"""


@pytest.mark.parametrize(
    ("key", "optional", "expected"),
    [("MODE", False, "fast"), ("LONG", False, "one\ntwo"), ("NONE", True, None)],
)
def test_a_variable_comes_from_a_file_of_a_volume(
    store: Store, tmp_path: Path, key: str, optional: bool, expected: str | None
) -> None:
    """A value stands in single quotes; one that is not there may be left out."""
    (tmp_path / "app.env").write_text(FILE)
    reference = {"volumeName": "v", "path": "app.env", "key": key, "optional": optional}
    wanted = pod({"env": [{"name": "X", "valueFrom": {"fileKeyRef": reference}}]})

    found = environment(wanted, wanted["spec"]["containers"][0], store, FACTS, {"v": str(tmp_path)})

    assert found.get("X") == expected


@pytest.mark.parametrize("what", ["pipe", "folder", "large"])
def test_what_is_no_file_of_variables_is_not_waited_for(store: Store, tmp_path: Path, what: str) -> None:
    """A container makes it: a pipe that nobody writes to would stop the whole node."""
    if what == "pipe":
        os.mkfifo(tmp_path / "f")
    elif what == "folder":
        (tmp_path / "f").mkdir()
    else:
        (tmp_path / "f").write_bytes(b"X='1'\n" + b"#" * (1 << 20))
    reference = {"volumeName": "v", "path": "f", "key": "X"}
    wanted = pod({"env": [{"name": "X", "valueFrom": {"fileKeyRef": reference}}]})
    with pytest.raises(MissingSourceError, match="couldn't parse env file"):
        environment(wanted, wanted["spec"]["containers"][0], store, FACTS, {"v": str(tmp_path)})


@pytest.mark.parametrize(
    ("volume", "text", "says"),
    [
        ("w", FILE, 'cannot find the volume "w" referenced by FileKeyRef'),
        ("v", "MODE=fast", "couldn't parse env file"),
        ("v", None, "couldn't parse env file"),
        (
            "v",
            "EMPTY= 'x'\nMODE='fast'\n",
            'environment variable key "EMPTY" not found in file "/var/lib/kubelet',
        ),
    ],
)
def test_a_file_without_the_variable_is_told(
    store: Store, tmp_path: Path, volume: str, text: str | None, says: str
) -> None:
    """The container waits, as for a ConfigMap that is missing."""
    if text is not None:
        (tmp_path / "app.env").write_text(text)
    reference = {"volumeName": volume, "path": "app.env", "key": "EMPTY"}
    wanted = pod({"env": [{"name": "X", "valueFrom": {"fileKeyRef": reference}}]})

    with pytest.raises(MissingSourceError) as caught:
        environment(wanted, wanted["spec"]["containers"][0], store, FACTS, {"v": str(tmp_path)})

    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (["10.96.0.10"], ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"], ["ndots:5"])),
        ({"dnsConfig": {"nameservers": ["192.0.2.53", "10.96.0.10"]}}, (["10.96.0.10", "192.0.2.53"],
          ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"], ["ndots:5"])),
        ({"dnsPolicy": "Default"}, ([], [], [])),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"], "searches": ["corp"],
          "options": [{"name": "ndots", "value": "2"}]}}, (["192.0.2.53"], ["corp"], ["ndots:2"])),
    ],
)  # fmt: skip
def test_dns_follows_the_policy(spec: Json, expected: tuple[list[str], list[str], list[str]]) -> None:
    """Servers, searches, options."""
    made = container_config.sandbox_config(pod(**spec), 0)

    assert (made.dns_servers, made.dns_searches, made.dns_options) == expected


# ------------------------------------------------------------------------------------------------------- volumes


def volumes_of(store: Store, folder: Path) -> PodVolumes:
    """Volumes on this machine's disk."""
    return PodVolumes(store, Volumes(folder), lambda _: FACTS, lambda *_: "token", False)


def test_a_mount_inside_a_volume_that_the_node_writes_has_a_folder(store: Store, tmp_path: Path) -> None:
    """The volume is read-only, so the container's start could not make it; one further down is that volume's matter."""
    names = {"c": "/etc/in", "a": "/etc/in/a", "b": "/etc/in/a/b", "d": "/etc/in/d/e", "f": "/etc/inside"}
    mounts = [{"name": name, "mountPath": path} for name, path in names.items()]
    volume = {"name": "c", "configMap": {"name": "conf"}}

    made = Path(volumes_of(store, tmp_path).set_up(pod({"volumeMounts": mounts}, volumes=[volume]), volume))

    assert sorted(p.name for p in made.iterdir() if p.is_dir() and p.name[0] != ".") == ["a", "d"]
    assert (made / "d/e").is_dir()
    assert not (made / "a/b").exists()


def test_a_projected_volume_gathers_its_sources(store: Store, tmp_path: Path) -> None:
    """Labels are sorted and quoted; a mode of its own is kept."""
    items = [{"key": "password", "path": "sub/pw", "mode": 0o440}]
    labels = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    sources = [
        {"configMap": {"name": "conf"}},
        {"secret": {"name": "cred", "items": items}},
        {"downwardAPI": {"items": labels}},
        {"serviceAccountToken": {"path": "token"}},
    ]

    path = volumes_of(store, tmp_path).set_up(pod(), {"name": "v", "projected": {"sources": sources}})

    assert (Path(path) / "A").read_text() == "one"
    assert (Path(path) / "sub/pw").read_text() == "pw1"
    assert (Path(path) / "sub/pw").stat().st_mode & 0o777 == 0o440
    assert (Path(path) / "labels").read_text() == 'a="say \\"1\\""\nb="2"'
    assert (Path(path) / "token").read_text() == "token"


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        ({"configMap": {"name": "conf", "items": [{"key": "k", "path": "p"}]}},
         "configmap references non-existent config key: k"),
        ({"secret": {"secretName": "cred", "items": [{"key": "k", "path": "p"}]}},
         "references non-existent secret key: k"),
        ({"hostPath": {"path": "/etc"}}, "hostPath volumes are not allowed on this embedded cluster"),
        ({"nfs": {"server": "x"}}, "volumes of type nfs are not supported by the embedded cluster"),
    ],
)  # fmt: skip
def test_a_volume_that_cannot_be_set_up_says_why(
    store: Store, tmp_path: Path, volume: Json, text: str
) -> None:
    """The text of FailedMount."""
    with pytest.raises(MountError) as caught:
        volumes_of(store, tmp_path).set_up(pod(), {"name": "v", **volume})

    assert str(caught.value) == text


def test_only_mounted_volumes_are_set_up() -> None:
    """A volume that no container mounts may be broken."""
    wanted = pod({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[{"name": "v"}, {"name": "w"}])

    assert [v["name"] for v in podvolumes.mounted(wanted)] == ["v"]


# ----------------------------------------------------------------------------------------------- messages and names


def _ended(code: int) -> ContainerRecord:
    return ContainerRecord(
        "c1", "s1", "u1", "app", "i", "i", 0, ContainerState.EXITED, 1, 1, 2, exit_code=code
    )


@pytest.mark.parametrize(
    ("policy", "file", "code", "expected"),
    [
        ("File", "written", 1, "written"),
        ("File", "", 1, ""),
        ("FallbackToLogsOnError", "", 1, "one\ntwo\n"),
        ("FallbackToLogsOnError", "", 0, ""),
        ("FallbackToLogsOnError", "written", 1, "written"),
        ("File", "x" * 5000, 0, "x" * 4096),
    ],
)
def test_the_termination_message_is_the_file_or_the_end_of_the_log(
    tmp_path: Path, policy: str, file: str, code: int, expected: str
) -> None:
    """The log only where the policy says so, the file is empty and the run failed."""
    of, files = pod({"terminationMessagePolicy": policy}), PodFiles(tmp_path)
    Path(files.begin_message(of, "app", 0)).write_text(file)
    log = "2026-01-01T00:00:00.0Z stdout F one\n2026-01-01T00:00:00.1Z stderr P tw\n2026-01-01T00:00:00.2Z stderr F o\n"
    place = Path(files.begin_log(of, "app", 0))
    place.parent.mkdir(parents=True)
    place.write_text(log)

    assert files.message(of, _ended(code)) == expected


def test_of_a_log_the_last_80_lines_are_taken(tmp_path: Path) -> None:
    """At most 2048 bytes."""
    path = tmp_path / "0.log"
    path.write_text("".join(f"2026-01-01T00:00:00Z stdout F row {i}\n" for i in range(120)))

    lines = log_tail(str(path)).splitlines()

    assert (len(lines), lines[0], lines[-1]) == (80, "row 40", "row 119")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busybox:1.36", None),
        ("registry.example:5000/a/b@sha256:" + "0" * 64, None),
        ("No//Such Image", "invalid reference format: repository name (/Such Image) must be lowercase"),
        ("busybox:", "invalid reference format"),
        ("a b", "invalid reference format"),
    ],
)
def test_what_is_no_image_name_is_told_so(name: str, expected: str | None) -> None:
    """With the parser's text."""
    assert imagename.fault(name) == expected


def test_a_hosts_file_that_is_right_already_is_left_alone(tmp_path: Path) -> None:
    """Emptied and written again at each container's start, it would be missing for a moment to those that run."""
    files, of = PodFiles(tmp_path), pod({})
    path = Path(files.hosts(of, "box", "", "10.244.0.7"))
    before = path.stat().st_mtime_ns

    files.hosts(of, "box", "", "10.244.0.7")

    assert path.stat().st_mtime_ns == before
    assert "10.244.0.7\tbox" in path.read_text()


def test_an_expansion_that_doubles_ends_before_it_fills_the_memory() -> None:
    """Forty variables, each twice the one before: 10 GB from 40 lines, and an API server that was dead meanwhile."""
    values, name = {"V0": "x" * 1000}, "V0"
    with pytest.raises(expansion.TooLongError, match="argument list too long"):
        for number in range(1, 41):
            values[f"V{number}"] = expand(f"$({name})$({name})", lenient(values))
            name = f"V{number}"
    assert sum(map(len, values.values())) < 4 * expansion.LONGEST
    with pytest.raises(expansion.TooLongError):
        expand("$(V0)" * 100_000, lenient(values))
    assert len(expand("$(V0)" * 100, lenient(values))) == 100_000


MANY = ["$(A)"] * 1000


@pytest.mark.parametrize(
    "held",
    [
        {"command": ["true", *MANY]},
        {"args": MANY},
        {"env": [{"name": f"B{n}", "value": text} for n, text in enumerate(MANY)]},
        {
            "volumeMounts": [
                {"name": "v", "mountPath": f"/{n}", "subPathExpr": text} for n, text in enumerate(MANY)
            ]
        },
        {"envFrom": [{"prefix": f"P{n}", "configMapRef": {"name": "big"}} for n in range(1000)]},
    ],
    ids=lambda held: next(iter(held)),
)
def test_a_long_text_that_many_hold_ends_before_it_fills_the_memory(
    store: Store, tmp_path: Path, held: Json
) -> None:
    """Each is short enough for a program; together they were gigabytes from a manifest of a few kilobytes."""
    text = "x" * 100_000
    wanted = pod({"command": ["true"], **held, "env": [{"name": "A", "value": text}, *held.get("env", ())]})
    meta = {"name": "big", "namespace": wanted["metadata"]["namespace"]}
    store.create("configmaps", {"metadata": meta, "data": {"a": text}})

    with pytest.raises(StartError, match="argument list too long"):
        config_of(wanted, store, tmp_path)
