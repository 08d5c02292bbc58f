"""
Traps of Pod manifests that the API server accepts, drops in silence, or names so that a learner looks
elsewhere.

Each rule is a small function over the Pod's spec; ``RULES`` is the list. What upstream refuses with a good
message is left to upstream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podlab.manifests.manifest import Manifest
from podlab.nearest import nearest
from podlab.pods import roles
from podlab.pods.status import minor_of

Spec = Mapping[str, Any]
_ENDLESS = re.compile(r"while (true|:|sleep)|sleep (infinity|inf)\b|tail -[fF]|for ?\(\(;;\)\)|--follow")
_SHELLS = {"sh", "bash", "ash", "/bin/sh", "/bin/bash", "dash"}


@dataclass(frozen=True, slots=True)
class LintFinding:
    """
    One trap.

    Args:
        rule: Its short name, such as ``small-letters``; stable, for tests and hints.
        field: Path of the field.
        text: What will happen, and why.
        hint: What to write instead.
        line: Line in the manifest, from 1; None where only an object was given.
        level: "error" where the Pod cannot do what it says, "warning" where it may be meant.
    """

    rule: str
    field: str
    text: str
    hint: str
    line: int | None = None
    level: str = "warning"

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.field}: {self.text} ({self.hint})"


def lint(what: Manifest | Mapping[str, Any], *, server: str = "v1.36.3") -> list[LintFinding]:
    """
    Return the traps in one object, in the order of its fields; *server* is the version that it will meet.

    Objects without a Pod in them have none. Never raises: fields of a wrong type are skipped, the server
    names them.
    """
    manifest = what if isinstance(what, Manifest) else Manifest(dict(what))
    prefix, spec = _pod_spec(manifest.object)
    found = [finding for rule in RULES for finding in rule(spec, server)] if spec else []
    placed = [
        LintFinding(
            one.rule,
            f"{prefix}.{one.field}",
            one.text,
            one.hint,
            manifest.line(f"{prefix}.{one.field}"),
            one.level,
        )
        for one in found
    ]
    return sorted(placed, key=lambda one: one.line or 0)


def _pod_spec(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    path = {"Pod": ["spec"], "CronJob": ["spec", "jobTemplate", "spec", "template", "spec"]}.get(
        str(body.get("kind")), ["spec", "template", "spec"]
    )
    spec: Any = body
    for key in path:
        spec = spec.get(key) if isinstance(spec, Mapping) else None
    return ".".join(path), dict(spec) if isinstance(spec, Mapping) else {}


def _each(spec: Spec, *lists: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in lists or (roles.INIT, roles.APP):
        rows = spec.get(name)
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, Mapping):
                yield f"{name}[{index}]", row


def _rows(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = body.get(key)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _own_policy_is_real(server: str) -> bool:
    """Return whether a container may have a restartPolicy of its own, from v1.35 on."""
    return minor_of(server) >= 35


def _refuses(server: str) -> bool:
    """
    Return whether an older server refuses a container's restartPolicy; v1.34 alone drops it.

    Source: validateInitContainerRestartPolicy and validateContainers in validation.go at v1.29.15 to v1.33.0, and
    dropContainerRestartRules in pkg/api/pod/util.go at v1.34.4.
    """
    return minor_of(server) < 34


def _small_letters(spec: Spec, _server: str) -> Iterator[LintFinding]:
    places = [("", spec), *_each(spec)]
    for path, body in places:
        word = body.get("restartPolicy")
        if isinstance(word, str):
            right = next(
                (one for one in ("Always", "OnFailure", "Never") if one.lower() == word.lower()), None
            )
            if right and right != word:
                field = f"{path}.restartPolicy".lstrip(".")
                text = f'"{word}" is not "{right}": values of the API are case-sensitive'
                yield LintFinding("small-letters", field, text, f'write "{right}"', level="error")


def _restart_policy_of_app(spec: Spec, server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec, "containers"):
        if "restartPolicy" in container:
            field = f"{path}.restartPolicy"
            if not _own_policy_is_real(server):
                verb = "refuses this field" if _refuses(server) else "drops this field without a word"
                text = f"a {server} server {verb} on an app container"
                yield LintFinding(
                    "app-restart-policy", field, text, "the Pod's own restartPolicy counts", level="error"
                )
            else:
                text = "on an app container this sets how it restarts; it does not make it a sidecar"
                hint = "a sidecar stands in initContainers, with restartPolicy: Always"
                yield LintFinding("app-restart-policy", field, text, hint)


def _init_policy(spec: Spec, server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec, "initContainers"):
        word = container.get("restartPolicy")
        if word in ("OnFailure", "Never") and _own_policy_is_real(server):
            text = f'with "{word}" this is a regular init container: the next one waits until it has ended'
            yield LintFinding("init-policy", f"{path}.restartPolicy", text, 'a sidecar has "Always"')
        if isinstance(word, str) and word != "Always" and not _own_policy_is_real(server):
            text = f'a {server} server refuses any value but "Always" here'
            if not _refuses(server):
                text = (
                    f'a {server} server drops any value but "Always", so this stays a regular init container'
                )
            yield LintFinding(
                "dropped-restart-policy", f"{path}.restartPolicy", text, 'write "Always"', level="error"
            )


def _own_list(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for key in spec:
        if "sidecar" in str(key).lower():
            text = f'a Pod has no field "{key}": refused, or dropped where unknown fields are'
            hint = "a sidecar stands in initContainers, with restartPolicy: Always"
            yield LintFinding("own-list", str(key), text, hint, level="error")


def _probe_on_init(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec, "initContainers"):
        for key in ("readinessProbe", "livenessProbe", "startupProbe", "lifecycle"):
            if key in container and not roles.is_sidecar(container):
                text = f"a regular init container may have no {key}: it is done when it exits with 0"
                hint = "remove it, or make the container a sidecar with restartPolicy: Always"
                yield LintFinding("probe-on-init", f"{path}.{key}", text, hint, level="error")


def _endless_init(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec, "initContainers"):
        if container.get("restartPolicy") is None and _ENDLESS.search(_command_line(container)):
            if re.search(r"\b(exit|break|until)\b", _command_line(container)):
                continue
            text = "this command never ends, and the next container starts only when it has"
            hint = "add restartPolicy: Always to make it a sidecar, or let it end"
            yield LintFinding("endless-init", f"{path}.command", text, hint)


def _command_line(container: Mapping[str, Any]) -> str:
    words = [container.get("command") or [], container.get("args") or []]
    return " ".join(str(word) for part in words for word in (part if isinstance(part, list) else [part]))


def _job_with_endless_app(spec: Spec, _server: str) -> Iterator[LintFinding]:
    if spec.get("restartPolicy", "Always") == "Always" or len(_rows(spec, "containers")) < 2:
        return
    for path, container in _each(spec, "containers"):
        if _ENDLESS.search(_command_line(container)):
            text = "a Pod that is to finish waits for every app container, and this one never ends"
            yield LintFinding(
                "endless-helper", path, text, "make it a sidecar: initContainers, restartPolicy: Always"
            )


def _unknown_volume(spec: Spec, _server: str) -> Iterator[LintFinding]:
    volumes = [str(volume.get("name")) for volume in _rows(spec, "volumes")]
    for path, container in _each(spec):
        for index, mount in enumerate(_rows(container, "volumeMounts")):
            name = str(mount.get("name"))
            if name not in volumes:
                near = nearest(name, volumes)
                hint = f'did you mean "{near}"?' if near else "add it to the Pod's volumes"
                field = f"{path}.volumeMounts[{index}].name"
                yield LintFinding(
                    "unknown-volume", field, f'the Pod has no volume "{name}"', hint, level="error"
                )


def _lonely_volume(spec: Spec, _server: str) -> Iterator[LintFinding]:
    if len(list(_each(spec))) < 2:
        return
    for index, volume in enumerate(_rows(spec, "volumes")):
        if "emptyDir" not in volume:
            continue
        users = [
            str(container.get("name"))
            for _, container in _each(spec)
            if any(mount.get("name") == volume.get("name") for mount in _rows(container, "volumeMounts"))
        ]
        if len(users) < 2:
            who = f'only "{users[0]}" mounts' if users else "nobody mounts"
            text = f'{who} the emptyDir "{volume.get("name")}", so nothing is shared through it'
            yield LintFinding(
                "lonely-volume", f"volumes[{index}].name", text, "mount it in every container that shares it"
            )


def _same_port(spec: Spec, _server: str) -> Iterator[LintFinding]:
    seen: dict[tuple[object, object], str] = {}
    for path, container in _each(spec):
        for index, port in enumerate(_rows(container, "ports")):
            key = (port.get("containerPort"), port.get("protocol", "TCP"))
            name = str(container.get("name"))
            if seen.setdefault(key, name) != name:
                text = f'port {key[0]} is also that of "{seen[key]}": a Pod has one address'
                yield LintFinding(
                    "same-port", f"{path}.ports[{index}].containerPort", text, "give one of them another port"
                )


def _host_port(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec):
        for index, port in enumerate(_rows(container, "ports")):
            if port.get("hostPort"):
                text = "hostPort takes the port of the node itself: one such Pod per node"
                yield LintFinding(
                    "host-port", f"{path}.ports[{index}].hostPort", text, "leave it out; use a Service"
                )


def _latest(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec):
        image, policy = container.get("image"), container.get("imagePullPolicy")
        if isinstance(image, str) and policy is None and _is_latest(image):
            text = f'"{image}" means :latest, which is pulled each time, even where the node has it'
            yield LintFinding(
                "latest", f"{path}.image", text, "name a version, or set imagePullPolicy: IfNotPresent"
            )


def _is_latest(image: str) -> bool:
    last = image.rsplit("/", 1)[-1]
    return "@" not in image and (":" not in last or last.endswith(":latest"))


def _variable_without_shell(spec: Spec, _server: str) -> Iterator[LintFinding]:
    for path, container in _each(spec):
        command = container.get("command")
        if not isinstance(command, list) or not command or str(command[0]) in _SHELLS:
            continue
        words = [str(word) for word in command]
        if any(re.search(r"\$[A-Za-z_{]", word) or word in {"|", "&&", ">", ">>"} for word in words):
            text = "no shell reads this command, so $NAME, pipes and redirections stay as they are"
            yield LintFinding(
                "no-shell", f"{path}.command", text, 'use ["sh", "-c", "…"], or $(NAME) for a variable'
            )


def _same_name(spec: Spec, _server: str) -> Iterator[LintFinding]:
    seen: dict[str, str] = {}
    for path, container in _each(spec):
        name = str(container.get("name"))
        if name in seen and "name" in container:
            text = f'the name "{name}" is taken by {seen[name]}: names are unique in the whole Pod'
            hint = "a container that was moved must be removed from its old list"
            yield LintFinding("same-name", f"{path}.name", text, hint, level="error")
        seen.setdefault(name, path)


RULES: tuple[Callable[[Spec, str], Iterator[LintFinding]], ...] = (
    _small_letters,
    _restart_policy_of_app,
    _own_list,
    _init_policy,
    _probe_on_init,
    _endless_init,
    _job_with_endless_app,
    _unknown_volume,
    _lonely_volume,
    _same_port,
    _host_port,
    _latest,
    _variable_without_shell,
    _same_name,
)
