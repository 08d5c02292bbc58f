"""
The embedded driver: a Kubernetes node in Python, as one daemon process for each cluster.

This module starts, finds and ends the daemon; what it does inside is ``podlab.embedded``. The daemon is
ended by pid only after its start time has been compared, so a pid that the kernel has given to another
program is never signalled.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podlab.drivers import kubeconfig, process, state
from podlab.drivers.base import Cluster, Profile, Progress, Status, silent
from podlab.drivers.recorded import RecordedDriver
from podlab.errors import DriverError, PodlabError, SandboxError

MODULE = "podlab.embedded.daemon"
STOP_GRACE_S = 20.0
REDUCED = "podlab.dev/reduced-mode"  # annotation of a node that isolates nothing; embedded.bootstrap sets it
"""The daemon ends its Pods before itself; after this it is killed, and its namespaces end with it."""

# -I and -S skip what a daemon has no use for (site, .pth files, user packages), which is a third of
# Python's start; so the import path is handed over as it is here.
_STARTER = "import sys; sys.path[:] = {path!r}; from {module} import main; sys.exit(main({arguments!r}))"


class EmbeddedDriver(RecordedDriver):
    """Makes embedded clusters; several can run side by side."""

    name = "embedded"

    def stop(self, name: str, *, progress: Progress = silent) -> bool:
        """End the daemon with all its Pods and remove its folder; False if absent."""
        with state.locked(name):
            record = state.read(name)
            if record is None:
                return False
            progress(f"stopping embedded cluster {name}")
            with process.not_interrupted():
                _remove(record)
            return True

    def status(self, name: str) -> Status:
        """Look for the daemon, and ask it for its version."""
        record = state.read(name)
        if record is None:
            return Status(self.name, name, running=False, note="podlab created no cluster of this name")
        runs = _runs(record)
        version, note = None, "its daemon has ended: podlab up starts it anew"
        nodes: list[str] = []
        if runs:
            version, nodes, note = _ask(state.cluster(record))
        pids = {"daemon": record["daemon"]["pid"]} if runs else {}
        found = {"version": version, "nodes": nodes, "pids": pids, "note": note}
        return state.status(record, running=version is not None, **found)

    def load_images(self, name: str, images: Sequence[str], *, progress: Progress = silent) -> None:
        """Unpack image archives (files that ``docker save`` wrote) for this cluster; running Pods keep theirs."""
        if self.find(name) is None:
            raise DriverError(
                f"no embedded cluster {name!r} is running",
                hint=f"podlab up --driver embedded --cluster {name}",
            )
        missing = [image for image in images if not Path(image).is_file()]
        if missing:
            raise DriverError(
                f"file {missing[0]} does not exist",
                cause="the embedded cluster loads image archives; it cannot ask a Docker engine",
                hint=f"docker save {missing[0]} -o image.tar, then: podlab images --load image.tar",
            )
        from podlab.embedded.images import archive

        for image in images:
            progress(f"unpacking {image}")
            try:
                names = archive.load(Path(image), state.folder(name) / "images")
            except SandboxError as error:  # no sandbox had a part in it: the file is at fault
                raise DriverError(error.summary, cause=error.cause, hint=error.hint) from error
            progress(f"loaded {', '.join(names)}")

    def _has_not_ended(self, record: state.Record) -> bool:
        return _runs(record)

    def _revive(self, record: state.Record, profile: Profile, progress: Progress) -> Cluster | None:
        if record["state"] == "ready" and _runs(record):
            return state.cluster(record)
        progress(f"the earlier daemon of {profile.name!r} has ended; cleaning up")
        with process.not_interrupted():
            _remove(record)
        return None

    def _make_new(self, profile: Profile, progress: Progress) -> Cluster:
        record = state.new_record(self.name, profile.name, context=f"podlab-{profile.name}")
        home = state.folder(profile.name)
        began = time.monotonic()
        daemon: subprocess.Popen[bytes] | None = None
        try:
            state.save(record, durable=False)
            with process.not_interrupted():
                daemon, reader = _spawn(home, profile)
                record["daemon"] = process.identity(daemon.pid)
                state.save(record, durable=False)
            _load_client()
            _wait_ready(daemon, reader, home, min(profile.deadline_s, 60.0))
            record["context"] = _current_context(home / "kubeconfig") or record["context"]
            if profile.merge:
                kubeconfig.merge(record)
            record["state"] = "ready"
            state.save(record, durable=False)
        except BaseException:
            with process.not_interrupted():
                if daemon is not None:
                    process.end_group(daemon, grace_s=STOP_GRACE_S)
                _remove(record)
            raise
        progress(f"ready after {time.monotonic() - began:.1f} s")
        daemon.returncode = 0  # ours no longer: it outlives this command, and Popen would warn about that
        return state.cluster(record)


def _spawn(home: Path, profile: Profile) -> tuple[subprocess.Popen[bytes], int]:
    reader, writer = os.pipe()
    arguments = ["--folder", str(home), "--name", profile.name, "--ready-fd", str(writer), *profile.options]
    code = _STARTER.format(path=_import_path(), module=MODULE, arguments=arguments)
    log = os.open(home / "daemon.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        daemon = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(writer,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(reader)
        raise DriverError("the embedded cluster's daemon could not be started", cause=str(error)) from error
    finally:
        os.close(writer)
        os.close(log)
    return daemon, reader


def _load_client() -> None:
    """Load what the first request needs, while the daemon is busy with its own start."""
    import urllib3  # noqa: F401

    import podlab.client.transport  # noqa: F401


def _import_path() -> list[str]:
    home = str(Path(__file__).resolve().parents[2])
    return [home, *(entry for entry in sys.path if entry and entry != home and os.path.isabs(entry))]  # noqa: PTH117


def _wait_ready(daemon: subprocess.Popen[bytes], reader: int, home: Path, deadline_s: float) -> None:
    deadline = time.monotonic() + deadline_s
    heard = b""
    try:
        while b"ready\n" not in heard:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _failed(home, f"was not ready after {deadline_s:g} s")
            if select.select([reader], [], [], left)[0]:
                data = os.read(reader, 4096)
                if not data:
                    raise _failed(home, f"ended while starting (exit code {_exit_code(daemon)})")
                heard += data
    finally:
        os.close(reader)
    if not (home / "kubeconfig").exists():
        raise _failed(home, "said that it was ready but wrote no kubeconfig")


def _exit_code(daemon: subprocess.Popen[bytes]) -> int | str:
    try:
        return daemon.wait(2)
    except subprocess.TimeoutExpired:
        return "none: it closed its pipe"


def _failed(home: Path, what: str) -> DriverError:
    lines = (
        (home / "daemon.log").read_text(errors="replace").splitlines()
        if (home / "daemon.log").exists()
        else []
    )
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    # Its last lines go into the error: the folder, log and all, is about to be removed.
    return DriverError(
        f"the embedded cluster's daemon {what}", cause=said or "its log is empty", hint="podlab doctor"
    )


def _runs(record: state.Record) -> bool:
    return process.is_same(record.get("daemon"))


def _remove(record: state.Record) -> None:
    process.end(record.get("daemon"), grace_s=STOP_GRACE_S)
    kubeconfig.unmerge(record)
    state.forget(record["name"])


def _ask(cluster: Cluster) -> tuple[str | None, list[str], str]:
    from podlab.client import resources

    try:
        client = cluster.client()
        version = client.version()
        nodes = client.get(resources.path("nodes"))["items"]
        return version, [node["metadata"]["name"] for node in nodes], _reduced_note(nodes)
    except PodlabError as error:
        return None, [], f"its daemon runs but does not answer: {error.summary}"


def _reduced_note(nodes: list[dict[str, Any]]) -> str:
    """Return what a node in the reduced mode cannot do, nothing of a node that is one."""
    reasons = [(node["metadata"].get("annotations") or {}).get(REDUCED) for node in nodes]
    return next((f"reduced mode, nothing is isolated: {reason}" for reason in reasons if reason), "")


def _current_context(path: Path) -> str:
    """
    Return the kubeconfig's current context without a YAML parser: the daemon writes JSON or one plain line.
    """
    text = path.read_text()
    if text.lstrip().startswith("{"):
        return str(json.loads(text).get("current-context") or "")
    found = (line.split(":", 1)[1] for line in text.splitlines() if line.startswith("current-context:"))
    return next(found, "").strip().strip("'\"")


def daemon_facts(name: str) -> dict[str, Any]:
    """Return the fields of ``daemon.json`` (pid, port, started_at); empty if the file is missing."""
    try:
        return dict(json.loads((state.folder(name) / "daemon.json").read_text()))
    except (OSError, ValueError):
        return {}
