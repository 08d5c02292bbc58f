"""Container statuses: state, lastState, restart count, reasons; from what the runtime shows and was said before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from podlab.embedded.lifecycle import restartall
from podlab.embedded.lifecycle.actions import should_container_be_restarted
from podlab.embedded.lifecycle.probes import ProbeResults
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject

ID_PREFIX = "podlab://"
LOST = "The container could not be located when the pod was terminated"
LOST_WHILE_RUNNING = (
    "The container could not be located when the pod was deleted.  The container used to be Running"
)
CRASH_LOOP = "CrashLoopBackOff"
MESSAGE_BYTES = 4096
POD_MESSAGE_BYTES = 12 * 1024


class StartFailure(NamedTuple):
    """Why the last attempt to start a container came to nothing: CamelCase reason and message."""

    reason: str
    message: str

    @property
    def waits(self) -> bool:
        """Whether nothing was tried, because the wait after a crash is not over."""
        return self.reason == CRASH_LOOP


def rfc3339(ns: int) -> str:
    """Return an instant as the API writes it: UTC, cut to whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // 1_000_000_000))


def lost(message: str = LOST) -> RawObject:
    """Return the terminated state of a container whose end nobody saw."""
    return {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": message,
        "startedAt": None,
        "finishedAt": None,
    }


def statuses(
    pod: RawObject,
    key: str,
    view: PodView,
    old: Mapping[str, RawObject],
    failures: Mapping[str, StartFailure],
    *,
    restarting: bool = False,
) -> list[RawObject]:
    """
    Return the statuses of one list of containers (``key`` as in the spec), before ``ready`` and ``started``.

    Args:
        old: The statuses written last, by container name.
        failures: Why the last start of a container failed, by container name.
        restarting: All containers are being restarted in place.

    Returns:
        Init containers in the order of the spec, all others sorted by name.
    """
    waiting = "PodInitializing" if roles.group(pod, roles.INIT) else "ContainerCreating"
    result = []
    for container in roles.group(pod, key):
        name = container["name"]
        status = _of_one(pod, container, view, old.get(name), waiting, restarting)
        _show_failure(pod, key, container, view, failures.get(name), status)
        result.append(status)
    return result if key == roles.INIT else sorted(result, key=lambda s: str(s["name"]))


def _of_one(
    pod: RawObject, container: RawObject, view: PodView, old: RawObject | None, waiting: str, restarting: bool
) -> RawObject:
    records = view.of(container["name"])
    if not records and restarting and old and "waiting" not in old["state"]:
        return _reset(container, old)
    if not records:
        return _without_record(pod, container, old, waiting)
    status = _from_record(container, records[0], view, old)
    if len(records) > 1:
        status["lastState"] = _state(records[1], view, old)
    return status


def _blank(container: RawObject) -> RawObject:
    status: RawObject = {
        "name": container["name"],
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": False,
    }
    mounts = [_mount_status(m) for m in container.get("volumeMounts") or ()]
    if mounts:
        status["volumeMounts"] = mounts
    return status


def _mount_status(mount: RawObject) -> RawObject:
    kept: RawObject = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        kept |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return kept


def _without_record(pod: RawObject, container: RawObject, old: RawObject | None, waiting: str) -> RawObject:
    """Return the status of a container that the runtime does not know (yet, or any more)."""
    if old and (old.get("state") or {}).get("terminated"):
        return dict(old)
    status = _blank(container)
    status["state"] = {"waiting": {"reason": waiting}}
    if not old:
        return status
    status["restartCount"], status["lastState"] = old.get("restartCount", 0), old.get("lastState") or {}
    if (old.get("state") or {}).get("running") is not None and not status["lastState"].get("terminated"):
        # It ran and its record is gone: keep the Pod from falling back to Pending for a container that has run.
        status["lastState"] = {"terminated": lost(LOST_WHILE_RUNNING)}
        if not pod["metadata"].get("deletionTimestamp"):
            status["restartCount"] += 1
    return status


def _reset(container: RawObject, old: RawObject) -> RawObject:
    """A container that was removed because all are restarted: one that had ended keeps what is known of it."""
    status = {**_blank(container), **(old if "terminated" in old["state"] else {})}
    status["state"] = {"waiting": {"reason": restartall.REASON, "message": restartall.MESSAGE}}
    ended = {**lost(restartall.MESSAGE), "reason": restartall.REASON}
    status["lastState"], status["restartCount"] = {"terminated": ended}, old.get("restartCount", 0) + 1
    return status


def _from_record(
    container: RawObject, record: ContainerRecord, view: PodView, old: RawObject | None
) -> RawObject:
    status = _blank(container)
    status |= _remembered(record, old or {})
    status |= {
        "image": canonical_image(record.image),
        "imageID": record.image_id,
        "containerID": ID_PREFIX + record.id,
        "state": _state(record, view, old),
        "resources": container.get("resources") or {},
    }
    if record.user is not None:
        user = record.user
        status["user"] = {
            "linux": {"uid": user.uid, "gid": user.gid, "supplementalGroups": list(user.groups)}
        }
    if requests := (container.get("resources") or {}).get("requests"):
        status["allocatedResources"] = requests
    return status


def _remembered(record: ContainerRecord, old: RawObject) -> RawObject:
    """Restart count and lastState: what was said before outlives records that were removed."""
    count, before = old.get("restartCount", 0), (old.get("state") or {}).get("terminated")
    last = (old.get("lastState") or {}).get("terminated")
    if before and old.get("containerID") != ID_PREFIX + record.id:
        last = before
    again = record.state is ContainerState.RUNNING and before and count >= record.attempt
    return {
        "restartCount": count + 1 if again else max(count, record.attempt),
        "lastState": {"terminated": last} if last else {},
    }


def canonical_image(name: str) -> str:
    """Return the whole name of an image, as a container runtime reports it: ``docker.io/library/busybox:1.36``."""
    if name.startswith("sha256:"):
        return name
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in name else f"{name}:latest"


def _state(record: ContainerRecord, view: PodView, old: RawObject | None) -> RawObject:
    if record.state is ContainerState.RUNNING:
        return {"running": {"startedAt": rfc3339(record.started_at or record.created_at)}}
    if record.state is ContainerState.EXITED:
        return {"terminated": _ended(record, view.messages.get(record.id, ""))}
    before = (old or {}).get("state") or {}
    if record.state is ContainerState.UNKNOWN and before.get("running"):
        return {"terminated": {**lost(), "startedAt": before["running"]["startedAt"]}}
    if record.state is ContainerState.UNKNOWN and before.get("terminated"):
        return dict(before)
    return {"waiting": {}}


def _ended(record: ContainerRecord, message: str) -> RawObject:
    ended: RawObject = {
        "exitCode": record.exit_code or 0,
        "reason": record.reason or ("Completed" if not record.exit_code else "Error"),
        "startedAt": rfc3339(record.started_at) if record.started_at else "1970-01-01T00:00:00Z",
        "finishedAt": rfc3339(record.finished_at or record.created_at),
        "containerID": ID_PREFIX + record.id,
    }
    if message:
        ended["message"] = message
    return ended


def _show_failure(
    pod: RawObject,
    key: str,
    container: RawObject,
    view: PodView,
    failure: StartFailure | None,
    status: RawObject,
) -> None:
    """A container that should run and could not be started is Waiting, and its last end moves to lastState."""
    record = view.latest(container["name"])
    if key == roles.INIT and record and record.state is ContainerState.EXITED and record.exit_code == 0:
        return  # also of a sidecar: it stays Completed during its back-off
    if failure is None or not should_container_be_restarted(pod, container, view):
        return
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    status["state"] = {"waiting": {"reason": failure.reason, "message": failure.message}}


def mark_ready(pod: RawObject, key: str, listed: list[RawObject], probes: ProbeResults) -> None:
    """Fill in ``started`` and ``ready`` of the statuses of one list."""
    by_name = {c["name"]: c for c in roles.group(pod, key)}
    for status in listed:
        name, running = status["name"], "running" in status["state"]
        identity = str(status.get("containerID") or "").removeprefix(ID_PREFIX)
        started = running and (key == roles.EPHEMERAL or probes.started(name, identity))
        status["started"] = started
        if key == roles.EPHEMERAL:
            status["started"] = False
        elif key == roles.INIT and not roles.is_sidecar(by_name[name]):
            ended = status["state"].get("terminated")
            # One that was reset keeps the word from its end: nobody takes it back.
            status["ready"] = bool(status["ready"] or (ended and ended["exitCode"] == 0))
        else:
            status["ready"] = started and probes.ready(name, identity)


def shorten_messages(listed: list[RawObject]) -> None:
    """Cut termination messages so that those of one Pod stay below 12 KiB together."""
    share = min(MESSAGE_BYTES, POD_MESSAGE_BYTES // max(1, len(listed)))
    for status in listed:
        for where in ("state", "lastState"):
            ended = status[where].get("terminated")
            if ended and len(ended.get("message", "").encode()) > share:
                text = ended["message"].encode()[:share].decode("utf-8", "ignore")
                status[where] = {"terminated": {**ended, "message": text}}  # the old one may be in the store
