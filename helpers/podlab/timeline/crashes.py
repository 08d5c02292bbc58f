"""
Why the last run of a container ended, in words, and what to try: who ended it matters more than its exit code.

A container that the kubelet killed for a probe or a hook ends with 137 or even with 0, and its log says nothing of it;
one that could not be started has no log at all. So Events are read first: a Killing Event counts if it lies between the
start and the end of that run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from podlab.pods import restarts, roles
from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s
from podlab.timeline.events import container_of, last_event, message_of

MEANINGS = {
    126: " (not executable)", 127: " (command not found)", 130: " (SIGINT)", 134: " (SIGABRT)", 135: " (SIGBUS)",
    137: " (SIGKILL)", 139: " (SIGSEGV: it touched memory that is not its own)", 143: " (SIGTERM)",
}  # fmt: skip


def why_it_ended(
    pod: RawObject, name: str, item: Mapping[str, Any], events: Sequence[RawObject]
) -> tuple[str, str]:
    """
    Return why the last run of a container ended, and what to try.

    Args:
        item: The container's status.
        events: Oldest first; those about other containers are ignored.
    """
    state = item.get("state") or {}
    last = state.get("terminated") or (item.get("lastState") or {}).get("terminated") or {}
    spec, log = spec_of(pod, name), f"podlab logs {_name(pod)} -c {name}{_previous(item)}"
    message = " ".join(str(last.get("message") or "").split())
    if last.get("reason") == "StartError":
        folder = str(spec.get("workingDir") or "")
        about = (
            f"workingDir of {name}: {folder}"
            if _of_folder(message, folder)
            else f"command and args of {name}"
        )
        return f"it could not be started: {_tail(message)}", f"check {about}"
    for killed in (_by_probe, _by_hook):
        found = killed(name, item, last, events)
        if found:
            return f"{found[0]}, so the kubelet ended it: {code_words(last)}", f"{found[1]}; {log}"
    if last.get("reason") == "OOMKilled":
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
        of = f" of {limit}" if limit else ""
        return (
            f"it used more memory than its limit{of}: {code_words(last)}, OOMKilled",
            f"raise resources.limits.memory of {name}, or let it use less",
        )
    why = f"it ended with {ended_words(last)}{': ' + message if message else ''}"
    if last.get("exitCode") == 0 and policy_of(pod, name) == "Always":
        hint = "for work that ends, restartPolicy OnFailure, or a Job"
        return f"{why}, and restartPolicy Always starts it again even so", f"{hint}; {log}"
    return why, log


def code_words(ended: Mapping[str, Any]) -> str:
    """Return the exit code in words; common codes are explained."""
    code = ended.get("exitCode")
    return f"exit code {code}{MEANINGS.get(int(code or 0), '')}"


def ended_words(ended: Mapping[str, Any]) -> str:
    """The same with the reason, where it says more than the code does."""
    reason = ended.get("reason") or "no reason"
    return code_words(ended) + ("" if reason in ("Error", "Completed") else f", {reason}")


def _by_probe(
    name: str, item: Mapping[str, Any], last: Mapping[str, Any], events: Sequence[RawObject]
) -> tuple[str, str] | None:
    killing = last_event(events, "Killing", container=name)
    said = re.search(r"failed (liveness|startup) probe", message_of(killing))
    if killing is None or said is None or not _within(killing, last):
        return None
    kind = said[1]
    detail = next(
        (
            text.partition("probe failed: ")[2]
            for event in reversed(events)
            if event.get("reason") == "Unhealthy"
            and container_of(event) == name
            and (text := message_of(event)).lower().startswith(f"{kind} probe")
        ),
        "",
    )
    return f"its {kind} probe failed{': ' + detail if detail else ''}", f"check {kind}Probe of {name}"


def _by_hook(
    name: str, item: Mapping[str, Any], last: Mapping[str, Any], events: Sequence[RawObject]
) -> tuple[str, str] | None:
    waiting = (item.get("state") or {}).get("waiting") or {}
    hint = f"check lifecycle.postStart of {name}"
    if waiting.get("reason") == "PostStartHookError":
        detail = " ".join(str(waiting.get("message") or "").rpartition(" - error: ")[2].split())
        return f"its postStart hook failed{': ' + detail if detail else ''}", hint
    failed = last_event(events, "FailedPostStartHook", container=name)
    if failed is None or not _within(failed, last):
        return None
    return "its postStart hook failed", hint


def _within(event: RawObject, run: Mapping[str, Any]) -> bool:
    """
    Return whether an Event can have been said while that run lived; all are whole seconds.

    A repeated Event shows its first and its last time only, and a status can be a run behind: on a real node the last
    time is often that of the run after the one that the status shows.
    """
    last = parse_s(event.get("lastTimestamp") or event.get("eventTime"))
    first = parse_s(event.get("firstTimestamp")) or last
    start, end = parse_s(run.get("startedAt")), parse_s(run.get("finishedAt"))
    if first is None or last is None or start is None or end is None:
        return False
    return start - 1 <= last and first <= end + 1


def _of_folder(message: str, folder: str) -> bool:
    """Return whether the runtime could not enter the working directory: runc makes it first where it is missing."""
    return bool(folder) and any(
        words in message for words in (f'chdir to cwd ("{folder}")', f"mkdir {folder}:")
    )


def _tail(message: str) -> str:
    """Return what the runtime says in the end; before it stand the names of all the layers that it went through."""
    found = re.search(r'(exec: "?|chdir to cwd|open /)', message)
    return (message[found.start() :] if found else message).removesuffix(": unknown") or "no message"


def _previous(item: Mapping[str, Any]) -> str:
    """Return the option that reads the run in question: while a run that ended is still the present one, none."""
    ended_now = (item.get("state") or {}).get("terminated")
    return " --previous" if item.get("restartCount") and not ended_now else ""


def spec_of(pod: RawObject, name: str) -> Mapping[str, Any]:
    """Return the spec of one container in the manifest; empty for an unknown name."""
    _, container = roles.find(pod, name) or ("", {})
    return container


def _name(pod: RawObject) -> str:
    return str((pod.get("metadata") or {}).get("name") or "POD")


def policy_of(pod: RawObject, name: str) -> str:
    """Return the restartPolicy that holds for one container: its own, else the Pod's."""
    return restarts.policy_of(pod, spec_of(pod, name))
