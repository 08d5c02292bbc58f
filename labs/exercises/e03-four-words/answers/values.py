"""The fields and values that answer each recording's questions, for the right answers."""

from collections.abc import Mapping
from typing import Any

STATUS = {
    "looping-sidecar": {
        "phase": "Running", "state": "waiting", "reason": "CrashLoopBackOff", "ended": "lastState", "code": 9,
        "restarts": 2, "list": "initContainerStatuses",
    },
    "two-apps": {
        "phase": "Failed", "state": "terminated", "reason": "Error", "ended": "state", "code": 3, "restarts": 0,
        "list": "containerStatuses",
    },
}  # fmt: skip


def values(drawn: Mapping[str, Any], _key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the recording of this variant holds."""
    pod, _ = drawn["pod"]
    return STATUS[pod]
