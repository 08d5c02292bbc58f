"""The volumes of a Pod: what each holds, and where on the node it lies. Writing the files is ``volumes.py``'s."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from podlab.embedded.kubelet import downward
from podlab.embedded.kubelet.environment import EnvironmentFacts, ObjectReader
from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject


class VolumeFile(NamedTuple):
    """A file of a volume."""

    content: bytes
    mode: int | None = None  # of its own; None: that of the volume
    uid: int | None = None  # its owner; None: root


Files = dict[str, VolumeFile]  # by path in the volume
MakeToken = Callable[[RawObject, list[str], int], str]

SOURCES = ("configMap", "secret", "downwardAPI", "projected")


class MountError(Exception):
    """A volume cannot be set up (yet); the text is the kubelet's."""


class VolumeWriter(Protocol):
    """The writer of volumes to the node's disk; see ``podlab.embedded.volumes``."""

    def materialise(
        self,
        pod_uid: str,
        name: str,
        files: Mapping[str, bytes],
        mode: int,
        modes: Mapping[str, int] | None = None,
        gid: int | None = None,
        owners: Mapping[str, int] | None = None,
    ) -> str:
        """Make the volume hold exactly these files, swapped in at once; returns its path on the node."""

    def empty_dir(
        self, pod_uid: str, name: str, medium: str, size_bytes: int | None, gid: int | None = None
    ) -> str:
        """Make an empty folder of the Pod, kept for its life; returns its path on the node."""

    def used_bytes(self, pod_uid: str, name: str) -> int:
        """Return bytes that a volume takes on disk."""

    def remove(self, pod_uid: str) -> None:
        """Remove all volumes of a Pod."""


def mounted_below(pod: RawObject, volume: str) -> set[str]:
    """
    Return the places inside *volume* at which containers mount other volumes, relative to it.

    A volume of objects is mounted read-only, so the folder for another mount has to be there before.
    Source: pkg/volume/util/nested_volumes.go.
    """
    found = set()
    for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
        mounts = container.get("volumeMounts") or ()
        paths = [(one["name"], PurePosixPath(one["mountPath"])) for one in mounts]
        for own in [path for name, path in paths if name == volume]:
            below = [path for _, path in paths if own in path.parents]
            found |= {str(path.relative_to(own)) for path in below if not set(below) & set(path.parents)}
    return found


class PodVolumes:
    """Sets up the volumes of Pods of one node."""

    def __init__(
        self,
        objects: ObjectReader,
        volumes: VolumeWriter,
        facts: Callable[[RawObject], EnvironmentFacts],
        make_token: MakeToken | None,
        allow_host_path: bool,
    ) -> None:
        self._objects, self._volumes, self._facts = objects, volumes, facts
        self._make_token, self._allow_host_path = make_token, allow_host_path
        self._tokens: dict[tuple[str, str, str], str] = {}

    def set_up(self, pod: RawObject, volume: RawObject) -> str:
        """Make one volume hold what it should hold now; its path on the node. Raises MountError."""
        uid, name, gid = pod["metadata"]["uid"], volume["name"], fs_group(pod)
        if "emptyDir" in volume:
            source = volume["emptyDir"] or {}
            limit = source.get("sizeLimit")
            size = quantity.value(limit) if limit is not None else None
            return self._volumes.empty_dir(uid, name, source.get("medium") or "", size, gid)
        if "hostPath" in volume:
            return self._host_path(volume["hostPath"])
        kind = next((k for k in SOURCES if k in volume), None)
        if kind is None:
            sort = next((k for k in volume if k != "name"), "none")
            raise MountError(f"volumes of type {sort} are not supported by the embedded cluster")
        source = volume[kind]
        parts = source.get("sources") or () if kind == "projected" else ({kind: source},)
        files: Files = {}
        for part in parts:
            files |= self._files(pod, part)
        contents = {path: file.content for path, file in files.items()}
        modes = {path: file.mode for path, file in files.items() if file.mode is not None}
        owners = {path: file.uid for path, file in files.items() if file.uid is not None}
        place = self._volumes.materialise(
            uid, name, contents, source.get("defaultMode", 0o644), modes, gid, owners
        )
        for below in mounted_below(pod, name):
            (Path(place) / below).mkdir(parents=True, exist_ok=True)
        return place

    def _host_path(self, source: RawObject) -> str:
        if not self._allow_host_path:
            raise MountError("hostPath volumes are not allowed on this embedded cluster")
        path, kind = Path(source["path"]), source.get("type") or ""
        if kind in ("DirectoryOrCreate", "FileOrCreate"):
            (path if kind == "DirectoryOrCreate" else path.parent).mkdir(parents=True, exist_ok=True)
            if kind == "FileOrCreate":
                path.touch()
        wrong = {"Directory": not path.is_dir(), "File": not path.is_file()}.get(kind, False)
        if wrong or (kind and not path.exists()):
            raise MountError(f"hostPath type check failed: {path} is not a {kind.lower()}")
        return str(path)

    def _files(self, pod: RawObject, part: RawObject) -> Files:
        """Return the files of one source; a projected volume has several."""
        if "configMap" in part:
            return self._object_files(pod, part["configMap"], "configmap")
        if "secret" in part:
            return self._object_files(pod, part["secret"], "secret")
        if "downwardAPI" in part:
            return self._downward_files(pod, part["downwardAPI"])
        if "serviceAccountToken" in part:
            source = part["serviceAccountToken"]
            return {source["path"]: _token_file(pod, self._token(pod, source))}
        raise MountError(f"unknown source {sorted(part)} in a projected volume")

    def _object_files(self, pod: RawObject, source: RawObject, kind: str) -> Files:
        name = source.get("secretName") or source.get("name") or ""
        found = self._objects.get(f"{kind}s", pod["metadata"]["namespace"], name)
        if found is None:
            if source.get("optional"):
                return {}
            raise MountError(f'{kind} "{name}" not found')
        data = _bytes(found, kind)
        items = source.get("items")
        if items is None:
            return {key: VolumeFile(content) for key, content in sorted(data.items())}
        missing = [i["key"] for i in items if i["key"] not in data]
        if missing and not source.get("optional"):
            what = "configmap references" if kind == "configmap" else "references"
            raise MountError(
                f"{what} non-existent {'config' if kind == 'configmap' else 'secret'} key: {missing[0]}"
            )
        return {i["path"]: VolumeFile(data[i["key"]], i.get("mode")) for i in items if i["key"] in data}

    def _downward_files(self, pod: RawObject, source: RawObject) -> Files:
        facts, files = self._facts(pod), dict[str, VolumeFile]()
        for item in source.get("items") or ():
            try:
                if "fieldRef" in item:
                    text = downward.field(pod, item["fieldRef"]["fieldPath"], facts.addresses)
                else:
                    text = downward.resource(pod, item["resourceFieldRef"], facts.allocatable)
            except downward.UnknownFieldError as error:
                raise MountError(str(error)) from error
            files[item["path"]] = VolumeFile(text.encode(), item.get("mode"))
        return files

    def _token(self, pod: RawObject, source: RawObject) -> str:
        """Return a token of the Pod's ServiceAccount, kept for the life of the Pod."""
        meta, audience = pod["metadata"], source.get("audience") or ""
        key = (meta["uid"], audience, source["path"])
        if key not in self._tokens:
            if self._make_token is None:
                raise MountError("no tokens are issued here")
            audiences = [audience] if audience else []
            try:
                token = self._make_token(pod, audiences, int(source.get("expirationSeconds") or 3600))
            except LookupError as error:  # its ServiceAccount is gone
                raise MountError(f"failed to fetch token: {error}") from error
            self._tokens[key] = token
        return self._tokens[key]

    def over_limit(self, pod: RawObject) -> str | None:
        """Return what an emptyDir on disk that outgrew its sizeLimit costs the Pod: the text of its eviction."""
        for volume in mounted(pod):
            source = volume.get("emptyDir") or {}
            limit = source.get("sizeLimit")
            if limit is None or source.get("medium"):
                continue
            if self._volumes.used_bytes(pod["metadata"]["uid"], volume["name"]) > quantity.value(limit):
                return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
        return None

    def disk_bytes(self, pod: RawObject) -> int:
        """Return bytes in the Pod's emptyDirs that lie on disk."""
        on_disk = [v for v in mounted(pod) if "emptyDir" in v and not (v["emptyDir"] or {}).get("medium")]
        return sum(self._volumes.used_bytes(pod["metadata"]["uid"], v["name"]) for v in on_disk)

    def forget(self, pod: RawObject) -> None:
        """The Pod is gone; its files are removed by ``Volumes.remove``."""
        uid = pod["metadata"]["uid"]
        self._tokens = {k: t for k, t in self._tokens.items() if k[0] != uid}


def _bytes(found: RawObject, kind: str) -> dict[str, bytes]:
    binary = found.get("binaryData" if kind == "configmap" else "data") or {}
    decoded = {k: base64.b64decode(v or "") for k, v in binary.items()}
    if kind == "secret":
        return decoded
    return decoded | {k: str(v).encode() for k, v in (found.get("data") or {}).items()}


def fs_group(pod: RawObject) -> int | None:
    """Return the group that owns the Pod's volumes, None if none is asked for."""
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)


def fs_user(pod: RawObject) -> int | None:
    """
    Return the one user that all containers run as by their manifest; None if one names no user or two differ.

    Source: ``FsUserFrom`` in pkg/volume/util/util.go at v1.36.3.
    """
    of_pod = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    listed = [container for group in (roles.INIT, roles.APP) for container in roles.group(pod, group)]
    users = {(c.get("securityContext") or {}).get("runAsUser", of_pod) for c in listed}
    return users.pop() if len(users) == 1 else None


def _token_file(pod: RawObject, token: str) -> VolumeFile:
    """
    Give a token to the only user of the Pod, where the manifest names a user or group.

    Source: ``collectData`` in pkg/volume/projected/projected.go at v1.36.3.
    """
    user = fs_user(pod)
    private = user is not None or fs_group(pod) is not None
    return VolumeFile(token.encode(), 0o600 if private else None, user)


def mounted(pod: RawObject) -> list[RawObject]:
    """Return the volumes that some container mounts; others are never set up."""
    wanted = {m["name"] for _, c in roles.every_container(pod) for m in c.get("volumeMounts") or ()}
    return [v for v in pod["spec"].get("volumes") or () if v["name"] in wanted]


def sources(pod: RawObject) -> set[tuple[str, str]]:
    """Return the ConfigMaps and Secrets that a Pod refers to: ``("configmaps", name)``."""
    found: set[tuple[str, str]] = set()
    for volume in pod["spec"].get("volumes") or ():
        parts = (volume.get("projected") or {}).get("sources") or (volume,)
        for part in parts:
            if "configMap" in part:
                found.add(("configmaps", part["configMap"].get("name", "")))
            if "secret" in part:
                source = part["secret"]
                found.add(("secrets", source.get("secretName") or source.get("name") or ""))
    for _, container in roles.every_container(pod):
        for entry in (*(container.get("envFrom") or ()), *_value_sources(container)):
            for key, resource in _REFERENCES.items():
                if entry.get(key):
                    found.add((resource, entry[key]["name"]))
    return found


_REFERENCES = {
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
}


def _value_sources(container: RawObject) -> list[RawObject]:
    return [e["valueFrom"] for e in container.get("env") or () if e.get("valueFrom")]
