"""From a container of a Pod to what the runtime needs: every name, variable, path and id resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType

from podlab.embedded.addresses import DNS_SERVICE
from podlab.embedded.kubelet import unsupported
from podlab.embedded.kubelet.environment import (
    EnvironmentFacts,
    MissingSourceError,
    ObjectReader,
    environment,
)
from podlab.embedded.kubelet.expansion import TextLimit, TooLongError, expand, expand_strictly, lenient
from podlab.embedded.kubelet.imagemanager import StartError
from podlab.embedded.kubelet.podfiles import PodFiles
from podlab.embedded.kubelet.podvolumes import SOURCES
from podlab.embedded.lifecycle import spec
from podlab.embedded.runtime import ContainerConfig, ImageRecord, Mount, RuntimeFault, SandboxConfig
from podlab.pods import quantity
from podlab.pods.raw import RawObject

FQDN_MOST = 64
SEARCHES = ("{}.svc.cluster.local", "svc.cluster.local", "cluster.local")


def sandbox_config(pod: RawObject, attempt: int) -> SandboxConfig:
    """Return what the Pod's containers share."""
    meta, of_pod = pod["metadata"], pod["spec"]
    security = of_pod.get("securityContext") or {}
    servers, searches, options = _dns(pod)
    return SandboxConfig(
        pod_uid=meta["uid"],
        namespace=meta["namespace"],
        name=meta["name"],
        hostname=kernel_hostname(pod),
        attempt=attempt,
        host_network=bool(of_pod.get("hostNetwork")),
        share_process_namespace=bool(of_pod.get("shareProcessNamespace")),
        dns_servers=servers,
        dns_searches=searches,
        dns_options=options,
        sysctls={s["name"]: s["value"] for s in security.get("sysctls") or ()},
        net_admin=unsupported.asks_net_admin(pod),
    )


def hostname(pod: RawObject) -> str:
    """Return the Pod's hostname: an override, its own, or its name; cut to 63 characters."""
    of_pod = pod["spec"]
    name = of_pod.get("hostnameOverride") or of_pod.get("hostname") or pod["metadata"]["name"]
    return str(name)[:63].rstrip("-.") if len(name) > 63 else str(name)


def host_domain(pod: RawObject) -> str:
    """Return the domain of the Pod's whole name; empty without a subdomain or with an override."""
    subdomain = pod["spec"].get("subdomain")
    if not subdomain or pod["spec"].get("hostnameOverride"):
        return ""
    return f"{subdomain}.{pod['metadata']['namespace']}.svc.cluster.local"


def kernel_hostname(pod: RawObject) -> str:
    """
    Return what ``hostname`` prints in a container.

    Raises:
        RuntimeFault: For a whole name that is longer than the kernel's 64 characters.
    """
    if pod["spec"].get("hostNetwork"):
        return str(pod["spec"].get("nodeName") or hostname(pod))
    name, domain = hostname(pod), host_domain(pod)
    if not (domain and pod["spec"].get("setHostnameAsFQDN")):
        return name
    whole = f"{name}.{domain}"
    if len(whole) > FQDN_MOST:
        text = f"failed to construct FQDN from pod hostname and cluster domain, FQDN {whole} is too long "
        text += f"({FQDN_MOST} characters is the max, {len(whole)} characters requested)"
        raise RuntimeFault("CreatePodSandboxError", text)
    return whole


def _dns(pod: RawObject) -> tuple[list[str], list[str], list[str]]:
    """Servers, searches, options; those of the Pod's dnsConfig come after the cluster's own."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    host = pod["spec"].get("hostNetwork") and policy == "ClusterFirst"
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet") and not host:
        searches = [s.format(pod["metadata"]["namespace"]) for s in SEARCHES]
        options = ["ndots:5"]
        servers = [DNS_SERVICE]
    own = pod["spec"].get("dnsConfig") or {}
    servers += [s for s in own.get("nameservers") or () if s not in servers]
    searches += [s for s in own.get("searches") or () if s not in searches]
    given = {o["name"]: o.get("value") for o in own.get("options") or ()}
    options = [o for o in options if o.partition(":")[0] not in given]
    return servers, searches, options + [n if v is None else f"{n}:{v}" for n, v in given.items()]


class ConfigMaker:
    """Makes ContainerConfigs. Faults are StartErrors with reason CreateContainerConfigError."""

    def __init__(self, objects: ObjectReader, files: PodFiles) -> None:
        self._objects, self._files = objects, files

    def make(
        self,
        pod: RawObject,
        container: RawObject,
        image: ImageRecord,
        attempt: int,
        volumes: Mapping[str, str],
        facts: EnvironmentFacts,
        images: Mapping[str, str] = MappingProxyType({}),
    ) -> ContainerConfig:
        """
        Return the configuration of the next run of a container.

        Args:
            volumes: Volume name -> path on the node.
            images: Volume name -> the image whose files it shows.
        """
        try:
            room = TextLimit()
            env = environment(pod, container, self._objects, facts, volumes, room)
            mounts = _mounts(pod, container, volumes, images, env, room)
            command, args = (_words(container.get(key) or (), env, room) for key in ("command", "args"))
        except TooLongError as error:
            raise StartError("CreateContainerError", str(error)) from error
        except (MissingSourceError, ValueError) as error:
            raise StartError("CreateContainerConfigError", str(error)) from error
        security = _security(pod, container)
        _refuse_root(pod, container, image, security)
        _refuse_stranger(image, security)
        _refuse_profile(security)
        name, address = container["name"], facts.addresses.get("status.podIP", "")
        mounts += self._own_files(pod, container, attempt, address, mounts)
        memory, cpu = limits(container)
        return ContainerConfig(
            name=name,
            image=container["image"],
            image_id=image.id,
            command=command or None,
            args=args or None,
            env={"HOSTNAME": kernel_hostname(pod)} | env,
            mounts=mounts,
            attempt=attempt,
            log_path=self._files.begin_log(pod, name, attempt),
            working_dir=container.get("workingDir") or None,
            run_as_user=security.get("runAsUser"),
            run_as_group=security.get("runAsGroup"),
            supplemental_groups=_groups(security),
            strict_groups=security.get("supplementalGroupsPolicy") == "Strict",
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
            drop_capabilities=tuple((security.get("capabilities") or {}).get("drop") or ()),
            add_capabilities=tuple((security.get("capabilities") or {}).get("add") or ()),
            no_new_privileges=security.get("allowPrivilegeEscalation") is False,
            default_seccomp=unsupported.asks_seccomp(pod, container),
            memory_limit_bytes=memory,
            cpu_limit_millis=cpu,
            tty=bool(container.get("tty")),
            stdin=bool(container.get("stdin")),
            ports=[int(p["containerPort"]) for p in container.get("ports") or ()],
        )

    def _own_files(
        self, pod: RawObject, container: RawObject, attempt: int, address: str, taken: list[Mount]
    ) -> list[Mount]:
        """Return the node's own files in the container: /etc/hosts and the termination message."""
        targets = {m.target.rstrip("/") for m in taken}
        mounts = []
        if "/etc/hosts" not in targets:
            hosts = self._files.hosts(pod, hostname(pod), host_domain(pod), address)
            mounts.append(Mount(hosts, "/etc/hosts"))
        path = container.get("terminationMessagePath") or "/dev/termination-log"
        message = self._files.begin_message(pod, container["name"], attempt)
        return [*mounts, Mount(message, path)]


def _words(given: Sequence[str], env: Mapping[str, str], room: TextLimit) -> list[str]:
    """Return the words of a command with the variables in them. Raises TooLongError."""
    lookup = lenient(env)
    return [room.take(expand(word, lookup)) for word in given]


def limits(container: RawObject) -> tuple[int | None, int | None]:
    """Return a container's limits of memory (bytes) and CPU (thousandths), None if absent."""
    given = (container.get("resources") or {}).get("limits") or {}
    memory = quantity.value(given["memory"]) if "memory" in given else None
    return memory, quantity.milli(given["cpu"]) if "cpu" in given else None


def _mounts(
    pod: RawObject,
    container: RawObject,
    volumes: Mapping[str, str],
    images: Mapping[str, str],
    env: Mapping[str, str],
    room: TextLimit,
) -> list[Mount]:
    mounts = []
    # What the node writes it also follows and removes, links too: nobody else may put any there.
    kept_by_node = {v["name"] for v in pod["spec"].get("volumes") or () if any(k in v for k in SOURCES)}
    for mount in container.get("volumeMounts") or ():
        sub_path = mount.get("subPath") or ""
        if mount.get("subPathExpr"):
            sub_path = room.take(expand_strictly(mount["subPathExpr"], env))
        if sub_path.startswith("/"):
            raise ValueError(f"error SubPath `{sub_path}` must not be an absolute path")
        if ".." in PurePosixPath(sub_path).parts:
            raise ValueError(f"unable to provision SubPath `{sub_path}`: must not contain '..'")
        target = mount["mountPath"]
        target = target if target.startswith("/") else f"/{target}"
        name = mount["name"]
        if mount.get("recursiveReadOnly") == "Enabled":
            text = (
                f"failed to resolve recursive read-only mode: volume {json.dumps(name)} requested recursive "
            )
            raise ValueError(text + "read-only mode, but it is not supported by the runtime")
        if name in images:
            mounts.append(Mount("", target, True, sub_path, images[name]))
            continue
        read_only = bool(mount.get("readOnly")) or name in kept_by_node
        mounts.append(Mount(volumes[name], target, read_only, sub_path))
    return mounts


def _security(pod: RawObject, container: RawObject) -> RawObject:
    """Return the Pod's security settings under the container's own."""
    return {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}


def _refuse_profile(security: RawObject) -> None:
    """Nobody has put seccomp profiles on this node. Raises StartError."""
    profile = security.get("seccompProfile") or {}
    if profile.get("type") == "Localhost":
        path = f"/var/lib/kubelet/seccomp/{profile.get('localhostProfile', '')}"
        text = f'cannot load seccomp profile "{path}": open {path}: no such file or directory'
        raise StartError("CreateContainerError", f"failed to create containerd container: {text}")


def _refuse_stranger(image: ImageRecord, security: RawObject) -> None:
    """A user that the image names and does not have. Raises StartError."""
    name = image.user.partition(":")[0]
    unknown = image.ids is None and name not in ("", "root") and not name.isdigit()
    if unknown and security.get("runAsUser") is None:
        text = f"failed to create containerd container: unable to find user {name}: no matching entries in passwd file"
        raise StartError("CreateContainerError", text)


def _groups(security: RawObject) -> list[int]:
    groups = [int(g) for g in security.get("supplementalGroups") or ()]
    if security.get("fsGroup") is not None:
        groups.append(int(security["fsGroup"]))
    return groups


def _refuse_root(pod: RawObject, container: RawObject, image: ImageRecord, security: RawObject) -> None:
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
