"""Small Pods and runtime views for tables of cases."""

from __future__ import annotations

from typing import Any

from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, ContainerState, SandboxRecord

Json = dict[str, Any]
SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
IMAGE = "busybox:1.36"


def container(name: str, **fields: Any) -> Json:
    """A container of a spec."""
    return {"name": name, "image": IMAGE, **fields}


def sidecar(name: str, **fields: Any) -> Json:
    """A sidecar container of a spec."""
    return container(name, restartPolicy="Always", **fields)


def pod(policy: str, *, inits: tuple[Any, ...] = (), apps: tuple[Any, ...] = ("app",), **spec: Any) -> Json:
    """A Pod; containers may be given by name alone."""
    as_dict = [[c if isinstance(c, dict) else container(c) for c in group] for group in (inits, apps)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "ns", "uid": "u1", "generation": 1},
        "spec": {
            "restartPolicy": policy,
            "terminationGracePeriodSeconds": 30,
            "initContainers": as_dict[0],
            "containers": as_dict[1],
            **spec,
        },
        "status": {"phase": "Pending"},
    }


def record(name: str, state: str, *, code: int = 0, attempt: int = 0, **fields: Any) -> ContainerRecord:
    """One instance; ``state`` is created, running, exited or unknown."""
    ended = state == "exited"
    values: Json = {
        "id": f"{name}-{attempt}",
        "sandbox_id": "s0",
        "pod_uid": "u1",
        "name": name,
        "image": IMAGE,
        "image_id": "sha256:1",
        "attempt": attempt,
        "state": ContainerState(state),
        "created_at": T0 + attempt * SECOND,
        "started_at": T0 + attempt * SECOND if state in ("running", "exited") else None,
        "finished_at": T0 + (attempt + 1) * SECOND if ended else None,
        "exit_code": code if ended else None,
        "reason": ("Completed" if code == 0 else "Error") if ended else "",
    }
    return ContainerRecord(**{**values, **fields})


def view(*records: ContainerRecord, ready: bool = True) -> PodView:
    """Records, oldest first, in one sandbox."""
    sandbox = SandboxRecord("s0", "u1", 0, T0, ready=ready, ip="10.0.0.2")
    return PodView((sandbox,), tuple(reversed(records)))


def states(text: str) -> tuple[ContainerRecord, ...]:
    """``"a:0 b:1 c:running"``: records of containers that exited with a code, or are in a state."""
    result = []
    for word in text.split():
        name, _, state = word.partition(":")
        exited = state.lstrip("-").isdigit()
        result.append(record(name, "exited" if exited else state, code=int(state) if exited else 0))
    return tuple(result)
