"""
The policies of a Job for Pods that have ended: failure policy, success policy, indexes; pure functions.

Source: pkg/controller/job/{pod_failure_policy,success_policy,indexed_job_utils,backoff_utils}.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podlab.embedded.controllers.objects import condition, deleting, seconds
from podlab.pods import roles
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
BACK_OFF_S, BACK_OFF_MOST_S = 10.0, 600.0


def is_indexed(job: RawObject) -> bool:
    """Return whether the Pods of a Job have numbers."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def per_index(job: RawObject) -> bool:
    """Return whether each index has a backoffLimit of its own."""
    return job["spec"].get("backoffLimitPerIndex") is not None


def replaces_only_failed(job: RawObject) -> bool:
    """Return whether a Pod that is being deleted counts, and is replaced, only once it has ended."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def has_failed(job: RawObject, pod: RawObject) -> bool:
    """Return whether a Pod has failed; a Pod that is being deleted has, unless only failed Pods are replaced."""
    if (pod.get("status") or {}).get("phase") == "Failed":
        return True
    return not replaces_only_failed(job) and deleting(pod) and not has_ended(pod)


def index_of(pod: RawObject) -> int | None:
    """Return the Pod's number in an indexed Job."""
    text = str((pod["metadata"].get("annotations") or {}).get(INDEX, ""))
    return int(text) if text.isdigit() else None


def count_of(pod: RawObject, annotation: str) -> int:
    """Return a number in an annotation, 0 without one."""
    text = str((pod["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isdigit() else 0


# -- failure policy ------------------------------------------------------------------------------------------


def verdict(job: RawObject, pod: RawObject) -> tuple[str, str]:
    """Return the policy's action for a failed Pod (``Count`` if no rule matches) and, for FailJob, a message."""
    for place, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = str(rule["action"])
        what = _match(rule, pod)
        if what and (action != "FailIndex" or per_index(job)):
            return action, f"{what} matching {action} rule at index {place}" if action == "FailJob" else ""
    return "Count", ""


def _match(rule: RawObject, pod: RawObject) -> str:
    """Return what of the Pod a rule matches, in upstream's words; empty for none."""
    meta = pod["metadata"]
    name = f"{meta['namespace']}/{meta['name']}"
    if rule.get("onExitCodes") is not None:
        for container in roles.statuses(pod, roles.APP, roles.INIT):
            code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode")
            if code and _code_matches(rule["onExitCodes"], container["name"], code):
                return f"Container {container['name']} for pod {name} failed with exit code {code}"
        return ""
    for pattern in rule.get("onPodConditions") or ():
        found = condition(pod, pattern["type"])
        if found and found["status"] == pattern.get("status", "True"):
            return f"Pod {name} has condition {pattern['type']}"
    return ""


def _code_matches(wanted: RawObject, container: str, code: int) -> bool:
    if wanted.get("containerName") not in (None, container):
        return False
    return bool((code in (wanted.get("values") or ())) == (wanted.get("operator") == "In"))


def index_has_failed(job: RawObject, pod: RawObject) -> bool:
    """Return whether the end of this Pod is the end of its index."""
    if not has_failed(job, pod):
        return False
    action, _ = verdict(job, pod)
    over = count_of(pod, FAILURES) >= int(job["spec"]["backoffLimitPerIndex"])
    return action == "FailIndex" or (action != "Ignore" and over)


# -- indexes and success policy ------------------------------------------------------------------------------


def intervals(indexes: Iterable[int]) -> str:
    """Return numbers as the status has them: ``0,2-4``."""
    runs: list[list[int]] = []
    for number in sorted(set(indexes)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    return f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run))


def parsed(text: str, completions: int) -> set[int]:
    """Return the numbers below *completions* of a text such as ``0,2-4``."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found |= set(range(int(first), int(last if last.isdigit() else first) + 1))
    return {number for number in found if number < completions}


def success(job: RawObject, succeeded: set[int]) -> str:
    """Return the message of the first rule of the success policy that is met; empty for none."""
    if not succeeded:
        return ""
    for place, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        if _met(rule, succeeded, int(job["spec"]["completions"])):
            return f"Matched rules at index {place}"
    return ""


def _met(rule: dict[str, Any], succeeded: set[int], completions: int) -> bool:
    count = rule.get("succeededCount")
    if rule.get("succeededIndexes") is None:
        return count is not None and len(succeeded) >= count
    wanted = parsed(rule["succeededIndexes"], completions)
    done = len(wanted & succeeded)
    return bool(wanted) and (done == len(wanted) or (count is not None and done >= count))


# -- waiting -------------------------------------------------------------------------------------------------


def back_off_s(failures: int) -> float:
    """Return the pause after so many failures in a row."""
    return min(BACK_OFF_S * 2.0 ** min(failures - 1, 10), BACK_OFF_MOST_S) if failures else 0.0


def ended_at(pod: RawObject, now: float) -> float:
    """When a Pod ended: its last container (sidecars count), else when it became unready; *now* if nobody knows."""
    sidecars = {c["name"] for c in roles.sidecars(pod)}
    listed = roles.statuses(pod, roles.APP)
    listed += [s for s in roles.statuses(pod, roles.INIT) if s["name"] in sidecars]
    ends = [((s.get("state") or {}).get("terminated") or {}).get("finishedAt") for s in listed]
    if ends and all(ends):
        return max(seconds(end) for end in ends)
    ready = condition(pod, "Ready")
    return seconds(ready.get("lastTransitionTime")) if ready and ready["status"] == "False" else now
