"""Small questions to raw objects; what kubectl prints of them is read from the server (``Lab.row``)."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

from podlab.client.types import ExecOutput
from podlab.errors import CommandError, NotFoundError
from podlab.pods import roles
from podlab.pods.raw import RawObject

_LONGEST = 160  # characters of a command, of a line of its output and of a reason in an error
_ENDS = {
    126: "the container's image has this file, and it is not a program: lab.exec(pod, 'ls -l FILE') shows it",
    127: "the container's image lacks this program: name another container, or use a program that is in the image",
    137: "a command that ends its own container may be killed with it: lab.exec(..., check=False) accepts that",
}  # by a shell's rules, and those of the signal 9


def _statuses(pod: RawObject) -> dict[str, RawObject]:
    return {each["name"]: each for each in roles.statuses(pod, roles.INIT, roles.APP)}


def owned_by(objects: Iterable[RawObject], owners: Collection[str]) -> list[RawObject]:
    """Return those objects that one of *owners* made, by its name."""
    return [
        each
        for each in objects
        if any(owner["name"] in owners for owner in each["metadata"].get("ownerReferences") or [])
    ]


def restarts(pod: RawObject) -> dict[str, int]:
    """Return the restart count of every container, by name; 0 also before the kubelet has shown a container."""
    shown = _statuses(pod)
    names = [each["name"] for each in roles.containers(pod, roles.INIT, roles.APP)]
    return {name: int(shown.get(name, {}).get("restartCount") or 0) for name in names}


def reached(body: RawObject, wanted: str) -> RawObject | None:
    """Return the condition *wanted* of an object if it is True, else None."""
    listed = (body.get("status") or {}).get("conditions") or []
    return next((one for one in listed if one["type"] == wanted and one["status"] == "True"), None)


def exit_code(pod: RawObject, container: str) -> int | None:
    """Return the exit code of a container that has ended; None while it runs or waits."""
    ended = _statuses(pod).get(container, {}).get("state", {}).get("terminated") or {}
    code = ended.get("exitCode")
    return None if code is None else int(code)


def half_a_node(nodes: Iterable[RawObject]) -> tuple[str, str]:
    """Return the name of the first node that takes any Pod, and 51 % of its allocatable CPU in millicores."""
    for node in nodes:
        taints = (node.get("spec") or {}).get("taints") or []
        if not any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints):
            text = str(node["status"]["allocatable"]["cpu"])
            milli = float(text[:-1]) if text.endswith("m") else 1000 * float(text)
            return str(node["metadata"]["name"]), f"{milli * 0.51:.0f}m"
    raise NotFoundError(
        "every node has a taint that keeps Pods away",
        cause="this round needs a node that takes any Pod",
        hint="kubectl describe nodes shows the taints",
        code=404,
    )


def chart(pod: RawObject, row: Mapping[str, str], events: Iterable[RawObject]) -> str:
    """
    Return what a ward round starts from: kubectl's row, each container's state and last end, and the Events.

    Args:
        pod: The Pod as the API returned it.
        row: Its row of ``kubectl get pods``, by column.
        events: The Events about it, oldest first.
    """
    status = pod.get("status", {})
    lines = [f"{row['NAME']}: STATUS {row['STATUS']}, READY {row['READY']}, phase {status.get('phase')}"]
    for name, each in _statuses(pod).items():
        ended = _ended(each.get("lastState", {}))
        lines.append(
            f"  {name}: {_state(each)}, restarts {each['restartCount']}{ended and f'; before: {ended}'}"
        )
    lines += [f"  Event {each['type']} {each['reason']}: {each.get('message', '')[:100]}" for each in events]
    return "\n".join(lines)


def _state(row: RawObject) -> str:
    state = row.get("state") or {"waiting": {}}
    kind = next(iter(state))
    return _ended(state) or f"{kind} {state[kind].get('reason', '')}".strip()


def _ended(state: RawObject) -> str:
    """Return reason and exit code of an end; empty for another state."""
    end = state.get("terminated")
    return f"ended {end.get('reason', '')} exit code {end['exitCode']}" if end else ""


def failed(pod: str, container: str | None, command: str | Sequence[str], output: ExecOutput) -> CommandError:
    """Return the error of a command that ended with another exit code than 0."""
    typed = command if isinstance(command, str) else shlex.join(command)
    where = f"Pod {pod}" + (f", container {container}" if container else "")
    printed = (output.stdout + output.stderr).strip()
    last = [cut(line) for line in printed.splitlines()[-3:]]
    return CommandError(
        f"{cut(typed)}: exit code {output.exit_code} in {where}",
        cause="it printed: " + " / ".join(last) if last else "it printed nothing",
        hint=_ENDS.get(
            output.exit_code, "lab.exec(..., check=False) returns the output of a command that may fail"
        ),
        ended_with=output.exit_code,
        output=printed,
    )


def cut(text: str) -> str:
    """Return *text* in one line, without its end where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
