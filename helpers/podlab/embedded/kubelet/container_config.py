"""From a container of a Pod to what the runtime needs: every name, variable, path and id resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from podlab.embedded.kubelet.environment import Facts, MissingSourceError, Objects, environment
from podlab.embedded.kubelet.expansion import expand, lenient, strict
from podlab.embedded.kubelet.images import StartError
from podlab.embedded.kubelet.podfiles import PodFiles
from podlab.embedded.lifecycle import spec
from podlab.embedded.runtime import ContainerConfig, ImageRecord, Mount, SandboxConfig
from podlab.embedded.schema import quantity

Json = dict[str, Any]
SEARCHES = ("{}.svc.cluster.local", "svc.cluster.local", "cluster.local")


def sandbox_config(pod: Json, attempt: int) -> SandboxConfig:
    """What the Pod's containers share."""
    meta, of_pod = pod["metadata"], pod["spec"]
    security = of_pod.get("securityContext") or {}
    servers, searches, options = _dns(pod)
    return SandboxConfig(
        pod_uid=meta["uid"],
        namespace=meta["namespace"],
        name=meta["name"],
        hostname=hostname(pod),
        attempt=attempt,
        host_network=bool(of_pod.get("hostNetwork")),
        share_process_namespace=bool(of_pod.get("shareProcessNamespace")),
        dns_servers=servers,
        dns_searches=searches,
        dns_options=options,
        sysctls={s["name"]: s["value"] for s in security.get("sysctls") or ()},
    )


def hostname(pod: Json) -> str:
    """The Pod's hostname: its own or its name, cut to 63 characters."""
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])[:63].rstrip("-.")


def _dns(pod: Json) -> tuple[list[str], list[str], list[str]]:
    """Servers, searches, options; no servers mean the cluster's own."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    host = pod["spec"].get("hostNetwork") and policy == "ClusterFirst"
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet") and not host:
        searches = [s.format(pod["metadata"]["namespace"]) for s in SEARCHES]
        options = ["ndots:5"]
    own = pod["spec"].get("dnsConfig") or {}
    servers += own.get("nameservers") or ()
    searches += [s for s in own.get("searches") or () if s not in searches]
    given = {o["name"]: o.get("value") for o in own.get("options") or ()}
    options = [o for o in options if o.partition(":")[0] not in given]
    return servers, searches, options + [n if v is None else f"{n}:{v}" for n, v in given.items()]


class ConfigMaker:
    """Makes ContainerConfigs. Faults are StartErrors with reason CreateContainerConfigError."""

    def __init__(self, objects: Objects, files: PodFiles) -> None:
        self._objects, self._files = objects, files

    def make(
        self,
        pod: Json,
        container: Json,
        image: ImageRecord,
        attempt: int,
        volumes: Mapping[str, str],
        facts: Facts,
    ) -> ContainerConfig:
        """
        The configuration of the next run of a container.

        Args:
            volumes: Volume name -> path on the node.
        """
        try:
            env = environment(pod, container, self._objects, facts)
            mounts = _mounts(container, volumes, env)
        except (MissingSourceError, ValueError) as error:
            raise StartError("CreateContainerConfigError", str(error)) from error
        security = _security(pod, container)
        _refuse_root(pod, container, image, security)
        name, address = container["name"], facts.addresses.get("status.podIP", "")
        mounts += self._own_files(pod, container, attempt, address, mounts)
        lookup = lenient(env)
        command, args = ([expand(w, lookup) for w in container.get(k) or ()] for k in ("command", "args"))
        limits = (container.get("resources") or {}).get("limits") or {}
        return ContainerConfig(
            name=name,
            image=container["image"],
            image_id=image.id,
            command=command or None,
            args=args or None,
            env={"HOSTNAME": hostname(pod)} | env,
            mounts=mounts,
            attempt=attempt,
            log_path=str(self._files.begin_log(pod, name, attempt)),
            working_dir=container.get("workingDir") or None,
            run_as_user=security.get("runAsUser"),
            run_as_group=security.get("runAsGroup"),
            supplemental_groups=_groups(security),
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
            memory_limit_bytes=quantity.value(limits["memory"]) if "memory" in limits else None,
            cpu_limit_millis=quantity.milli(limits["cpu"]) if "cpu" in limits else None,
            tty=bool(container.get("tty")),
            stdin=bool(container.get("stdin")),
            ports=[int(p["containerPort"]) for p in container.get("ports") or ()],
        )

    def _own_files(
        self, pod: Json, container: Json, attempt: int, address: str, taken: list[Mount]
    ) -> list[Mount]:
        """The node's own files in the container: /etc/hosts and the termination message."""
        targets = {m.target.rstrip("/") for m in taken}
        mounts = []
        if "/etc/hosts" not in targets and not pod["spec"].get("hostNetwork"):
            hosts = self._files.hosts(pod, hostname(pod), address)
            mounts.append(Mount(str(hosts), "/etc/hosts"))
        path = container.get("terminationMessagePath") or "/dev/termination-log"
        message = self._files.begin_message(pod, container["name"], attempt)
        return [*mounts, Mount(str(message), path)]


def _mounts(container: Json, volumes: Mapping[str, str], env: Mapping[str, str]) -> list[Mount]:
    mounts = []
    for mount in container.get("volumeMounts") or ():
        sub_path = mount.get("subPath") or ""
        if mount.get("subPathExpr"):
            sub_path = expand(mount["subPathExpr"], strict(env))
        if sub_path.startswith("/"):
            raise ValueError(f"error SubPath `{sub_path}` must not be an absolute path")
        if ".." in PurePosixPath(sub_path).parts:
            raise ValueError(f"unable to provision SubPath `{sub_path}`: must not contain '..'")
        target = mount["mountPath"]
        target = target if target.startswith("/") else f"/{target}"
        mounts.append(Mount(volumes[mount["name"]], target, bool(mount.get("readOnly")), sub_path))
    return mounts


def _security(pod: Json, container: Json) -> Json:
    """The Pod's security settings under the container's own."""
    return {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}


def _groups(security: Json) -> list[int]:
    groups = [int(g) for g in security.get("supplementalGroups") or ()]
    if security.get("fsGroup") is not None:
        groups.append(int(security["fsGroup"]))
    return groups


def _refuse_root(pod: Json, container: Json, image: ImageRecord, security: Json) -> None:
    if not security.get("runAsNonRoot"):
        return
    where = f'(pod: "{spec.full_name(pod)}", container: {container["name"]})'
    user = security.get("runAsUser")
    if user == 0:
        text = f"container's runAsUser breaks non-root policy {where}"
    elif user is None and image.user.partition(":")[0] in ("", "0", "root"):
        text = f"container has runAsNonRoot and image will run as root {where}"
    elif user is None and not image.user.partition(":")[0].isdigit():
        text = f"container has runAsNonRoot and image has non-numeric user ({image.user}), "
        text += f"cannot verify user is non-root {where}"
    else:
        return
    raise StartError("CreateContainerConfigError", text)
