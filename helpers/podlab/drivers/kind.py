"""
The kind driver: real Kubernetes, its nodes as containers of a Docker engine.

A cluster is podlab's own only if ``cluster.json`` here and a mount on its node containers carry the same
id. The mount is there from the moment a container exists, is seen without the API server, and cannot be
there by accident: so clean-up after an interrupted making is safe, and a cluster that somebody else called
``podlab-lab`` is left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podlab.drivers import docker, kind_binary, kind_config, kubeconfig, process, state
from podlab.drivers.base import Cluster, Profile, Progress, Status, silent
from podlab.drivers.recorded import RecordedDriver
from podlab.errors import DriverError, PodlabError

PREFIX = "podlab-"
DELETE_AGAIN_AFTER_S = (2.0, 10.0)

_HINTS = (
    (
        r"permission denied.*docker|docker.*permission denied",
        'sudo usermod -aG docker "$USER", then log in again',
    ),
    (
        r"port is already allocated|address already in use",
        "podlab doctor: it names the port and who holds it",
    ),
    (
        r"too many open files|inotify",
        "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
    ),
    (r"no space left", "docker system prune"),
    (
        r"failed to pull image|manifest unknown|pull access denied",
        "podlab airgap build, or: podlab up --driver embedded",
    ),
    (r"could not find a log line|cgroup", "podlab doctor: see the lines cgroup, inotify and docker"),
)


class KindDriver(RecordedDriver):
    """Makes kind clusters, called ``podlab-<name>``, one folder of state each."""

    name = "kind"

    def stop(self, name: str, *, progress: Progress = silent) -> bool:
        """Delete the cluster, its kubeconfig and its folder; False if absent."""
        with state.locked(name):
            record = state.read(name)
            if record is None:
                _refuse_foreign(name)
                return False
            progress(f"deleting kind cluster {PREFIX}{name}")
            with process.not_interrupted():
                self._remove(record)
            return True

    def status(self, name: str) -> Status:
        """Ask the engine for the nodes and the API server for its version."""
        record = state.read(name)
        if record is None:
            return Status(self.name, name, running=False, note="podlab created no cluster of this name")
        try:
            nodes = _own_nodes(record)
        except (OSError, DriverError) as error:
            return state.status(record, running=False, note=f"the Docker engine does not answer: {error}")
        up = [node for node in nodes if node["State"]["Running"]]
        version, note = (
            _version(state.cluster(record)) if up else (None, "its node containers are stopped: podlab up")
        )
        if not nodes:
            note = "its node containers are gone: podlab down, then podlab up"
        return state.status(
            record,
            running=version is not None,
            version=version,
            nodes=sorted(node["Name"].lstrip("/") for node in nodes),
            pids={node["Name"].lstrip("/"): int(node["State"]["Pid"]) for node in up},
            note=note,
        )

    def load_images(self, name: str, images: Sequence[str], *, progress: Progress = silent) -> None:
        """Copy images of the Docker engine, and archives (files), to every node of the cluster."""
        if self.find(name) is None:
            raise DriverError(
                f"no kind cluster {name!r} is running", hint=f"podlab up --driver kind --cluster {name}"
            )
        archives = [image for image in images if Path(image).is_file()]
        named = [image for image in images if image not in archives]
        missing = [image for image in named if not docker.has_image(image)]
        if missing:
            raise DriverError(
                f"the Docker engine has no image {', '.join(missing)}", hint=f"docker pull {missing[0]}"
            )
        for form, group in (("docker-image", named), ("image-archive", archives)):
            if group:
                _load(name, form, group, progress)

    def _make_new(self, profile: Profile, progress: Progress) -> Cluster:
        _need_engine()
        _refuse_foreign(profile.name)
        program = _program(progress)
        chosen = kind_config.choose(profile, progress)
        record = state.new_record(
            self.name,
            profile.name,
            context=f"kind-{PREFIX}{profile.name}",
            made_network=not docker.network_exists(),
            image=chosen.image,
        )
        home = state.folder(profile.name)
        try:
            state.save(record)
            (home / "owner").write_text(record["id"] + "\n")
            config = kind_config.write(home / "kind.yaml", chosen, record["id"], home / "owner")
            self._create(program, config, record, profile, progress)
            record["state"] = "ready"
            record.pop("maker", None)
            if profile.merge:
                kubeconfig.merge(record)
            state.save(record)
            return state.cluster(record)
        except BaseException as reason:
            with process.not_interrupted():
                word = "failed" if isinstance(reason, Exception) else "interrupted"
                progress(f"{word}: removing what was created so far")
                self._remove(record)
            raise

    def _create(
        self, program: Path, config: Path, record: state.Record, profile: Profile, progress: Progress
    ) -> None:
        from podlab.drivers import ready

        def remember(pid: int) -> None:
            record["maker"] = process.identity(pid)
            state.save(record)

        home = state.folder(profile.name)
        command = [
            str(program),
            "create",
            "cluster",
            "--name",
            PREFIX + profile.name,
            "--config",
            str(config),
        ]
        command += ["--kubeconfig", str(home / "kubeconfig"), "--wait", "0s"]
        began = time.monotonic()
        code, lines = process.stream(
            command,
            lambda line: _report(line, progress),
            deadline_s=profile.deadline_s,
            env=_environment(),
            started=remember,
        )
        if code:
            raise _failed(f"kind could not make cluster {profile.name!r}", code, lines)
        (home / "kubeconfig").chmod(0o600)
        left_s = max(10.0, profile.deadline_s - (time.monotonic() - began))
        questions = (ready.nodes_ready, ready.pods_may_be_made, ready.names_resolve)
        ready.wait(state.cluster(record).client(), *questions, deadline_s=min(left_s, 180), progress=progress)
        progress(f"ready after {time.monotonic() - began:.0f} s")

    def _revive(self, record: state.Record, profile: Profile, progress: Progress) -> Cluster | None:
        """Return the existing cluster, started again if it was stopped; None if its nodes are gone."""
        _need_engine()
        nodes = _own_nodes(record)
        if record["state"] != "ready" or not nodes:
            progress("cleaning up after an earlier, interrupted command")
            with process.not_interrupted():
                self._remove(record)
            return None
        from podlab.drivers import ready

        stopped = [node["Id"] for node in nodes if not node["State"]["Running"]]
        if stopped:
            progress(f"starting the {len(stopped)} stopped node containers again")
            code, _, err = process.run(["docker", "start", *stopped], timeout_s=60)
            if code:
                raise DriverError(
                    "the stopped node containers could not be started", cause=err.strip(), hint=_again(record)
                )
        cluster = state.cluster(record)
        try:
            questions = (ready.nodes_ready, ready.pods_may_be_made)
            ready.wait(cluster.client(), *questions, deadline_s=120 if stopped else 20, progress=progress)
        except PodlabError as error:
            raise DriverError(
                f"cluster {profile.name!r} exists but does not answer", cause=error.cause, hint=_again(record)
            ) from error
        return cluster

    def _remove(self, record: state.Record) -> None:
        """Remove a cluster of ours in whatever state it is, and then its folder."""
        state.need_driver(record, self.name)
        process.end(record.get("maker"), grace_s=5, group=True)  # a kind that outlived a killed podlab
        home = state.folder(record["name"])
        nodes = _own_nodes(record)
        kubeconfig.unmerge(record)  # before kind empties our kubeconfig, which says what was merged
        if nodes:
            self._delete(record, home / "kubeconfig")
        if record.get("made_network"):
            docker.remove_network()
        state.forget(record["name"])

    def _delete(self, record: state.Record, config: Path) -> None:
        """
        Let kind delete its containers.

        On a busy machine the engine gives up on a container that ends a moment later ("did not receive an exit
        event"), so that a second try deletes what the first one left.

        Raises:
            DriverError: If containers are left after the last try.
        """
        name = PREFIX + record["name"]
        command = [str(_program(silent)), "delete", "cluster", "--name", name]
        for pause_s in (*DELETE_AGAIN_AFTER_S, None):
            code, out, err = process.run(
                [*command, "--kubeconfig", str(config)], timeout_s=120, env=_environment()
            )
            left = _own_nodes(record)
            if not code and not left:
                return
            if pause_s is not None:
                time.sleep(pause_s)
        names = ", ".join(node["Name"].lstrip("/") for node in left) or "none"
        raise DriverError(
            f"kind cluster {name} could not be deleted; left: {names}",
            cause=(err or out).strip() or f"exit code {code}",
            hint=" ".join(command),
        )


def _load(name: str, form: str, images: Sequence[str], progress: Progress) -> None:
    began = time.monotonic()
    progress(f"loading {', '.join(images)} into {PREFIX}{name}")
    command = [str(_program(progress)), "load", form, *images, "--name", PREFIX + name]
    code, lines = process.stream(command, lambda _line: None, deadline_s=600, env=_environment())
    if code:
        raise _failed("images could not be loaded", code, lines)
    progress(f"loaded in {time.monotonic() - began:.1f} s")


def _program(progress: Progress) -> Path:
    return kind_binary.find_or_install(progress)


def _environment() -> dict[str, str]:
    """kind's environment: without KUBECONFIG, so that no file but ours can be written."""
    return {key: value for key, value in os.environ.items() if key not in {"KUBECONFIG", "KIND_CLUSTER_NAME"}}


def _need_engine() -> None:
    engine = docker.engine()
    if engine.version is None:
        raise DriverError(
            "kind needs a Docker engine, but none is running",
            cause=engine.detail,
            hint=docker.hint(engine.problem),
        )


def _own_nodes(record: state.Record) -> list[dict[str, Any]]:
    """
    Return the node containers of this record's cluster.

    Raises:
        DriverError: Containers of that cluster name exist that do not carry the record's id.
    """
    try:
        nodes = docker.nodes(PREFIX + record["name"])
    except OSError as error:
        raise DriverError(
            "the Docker engine does not answer", cause=str(error), hint="podlab doctor"
        ) from error
    foreign = [node for node in nodes if not kind_config.is_marked(node, record["id"])]
    if foreign:
        raise _foreign(record["name"], foreign)
    return nodes


def _refuse_foreign(name: str) -> None:
    with contextlib.suppress(OSError):  # no engine, no foreign cluster
        nodes = docker.nodes(PREFIX + name)
        if nodes:
            raise _foreign(name, nodes)


def _foreign(name: str, nodes: Sequence[dict[str, Any]]) -> DriverError:
    containers = ", ".join(node["Name"].lstrip("/") for node in nodes)
    return DriverError(
        f"a kind cluster {PREFIX}{name} exists, and podlab did not create it; it is left unchanged",
        cause=f"its containers ({containers}) do not carry the mark of this user's podlab",
        hint=f"choose another --cluster, or remove it yourself: kind delete cluster --name {PREFIX}{name}",
    )


def _version(cluster: Cluster) -> tuple[str | None, str]:
    try:
        return cluster.client().version(), ""
    except PodlabError as error:
        return None, error.summary


def _again(record: state.Record) -> str:
    return f"podlab down --cluster {record['name']}, then podlab up --driver kind --cluster {record['name']}"


def _report(line: str, progress: Progress) -> None:
    """Pass on kind's own steps, without its bullets and pictures."""
    step = re.match(r"\s*[•✓✗]\s*(.*?)[\s.]*$", line)
    if step and "✓" not in line[:4]:
        text = re.sub(r"[^\x20-\x7e]", "", step.group(1)).strip()
        progress(("FAILED: " if "✗" in line[:4] else "") + text)


def _failed(summary: str, code: int, lines: Sequence[str]) -> DriverError:
    errors = [line for line in lines if line.startswith("ERROR")] or list(lines[-1:])
    text = "\n".join(lines)
    hint = next(
        (advice for pattern, advice in _HINTS if re.search(pattern, text, re.IGNORECASE)), "podlab doctor"
    )
    return DriverError(summary, cause=errors[0] if errors else f"exit code {code}", hint=hint)
