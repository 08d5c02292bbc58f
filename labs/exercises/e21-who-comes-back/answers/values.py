"""Who is started again and the last phase of each Pod, by the rules of restartPolicy, for the right answers."""

from collections.abc import Mapping
from typing import Any

PODS = "abcdefgh"
INIT, SIDECAR, ALONE = "ab", "cde", "f"


def values(drawn: Mapping[str, Any], _key: Mapping[str, Any]) -> dict[str, Any]:
    """Return yes or no, and a phase, for each of the eight Pods."""
    found = [_life(*each) for each in zip(PODS, drawn["policy"], drawn["code"], strict=True)]
    return {"again": [again for again, _ in found], "phases": [phase for _, phase in found]}


def _life(pod: str, policy: str, code: int) -> tuple[str, str]:
    comes_back = policy == "Always" or (policy == "OnFailure" and code != 0)
    if pod in INIT:
        if code == 0:  # an init container that has ended well is over; shop follows it, and ends with 0
            return "no", "Running" if policy == "Always" else "Succeeded"
        return ("no", "Failed") if policy == "Never" else ("yes", "Pending")
    if pod in SIDECAR:  # it is always started again, and does not count; shop ends with 0
        return "yes", "Running" if policy == "Always" else "Succeeded"
    if comes_back:
        return "yes", "Running"
    return "no", "Failed" if code else "Succeeded"
